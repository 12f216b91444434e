"""
student = "gunnar"
kind = "malformed"
what = "Right, saved by an old program in notebook format 3."
damage = ["nbformat3"]
"""
