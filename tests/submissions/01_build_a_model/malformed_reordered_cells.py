"""
student = "kofi"
kind = "malformed"
what = "Right, with all cells in another order."
damage = ["reorder"]
"""
