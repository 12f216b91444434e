"""
student = "priya"
kind = "malformed"
what = "Right, with a solution, a test and a quiz cell copied and pasted below themselves."
damage = ["duplicate:predict", "duplicate:test_evaluate_hidden", "duplicate:q2"]
"""
