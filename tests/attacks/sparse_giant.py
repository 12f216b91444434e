"""
what = "Files of a terabyte that take no room on disk."
spoil = ["sparse_giant"]
[verdicts]
q1 = "could not be read"
q2 = "could not be read"
"""
