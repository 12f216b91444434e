"""
student = "malika"
kind = "malformed"
what = "Right, with a visible test, a hidden test and a given cell deleted."
damage = ["delete:test_features_hidden", "delete:test_evaluate", "delete:given_interpreters"]
"""
