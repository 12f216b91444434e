"""
what = "Everything as it should be."
"""
