"""
student = "fatou"
kind = "malformed"
what = "Right, with a solution pasted twice and all cells in another order."
damage = ["duplicate:Fleet", "reorder"]
"""
