"""
student = "viktor"
kind = "malformed"
what = "Right, with all cells in another order, one of them twice, and Windows line ends."
damage = ["crlf", "duplicate:Runner", "reorder"]
"""
