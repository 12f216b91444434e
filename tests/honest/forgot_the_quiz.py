"""
what = "Only one of two notebooks."
spoil = ["no_quiz"]
[verdicts]
q1 = "not attempted"
q2 = "not attempted"
"""
