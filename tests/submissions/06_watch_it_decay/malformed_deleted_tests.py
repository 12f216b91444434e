"""
student = "dilan"
kind = "malformed"
what = "Right, with the visible tests of exercises 4 and 6, on which hidden ones build, and the setup cell deleted."
damage = ["delete:setup", "delete:test_InputWatch", "delete:test_Policy", "delete:test_errors_by_day_peek"]
"""
