"""
what = "Deleted the test cells."
spoil = ["no_tests"]
"""
