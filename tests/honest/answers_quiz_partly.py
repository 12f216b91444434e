"""
what = "One letter of two, lower case and spaces, and one question wrong."
[verdicts]
q1 = "partly right"
q2 = "failed"
"""
# %% [quiz] q1
quiz.ask("q1", " a ")
# %% [quiz] q2
quiz.ask("q2", "B")  # I think
