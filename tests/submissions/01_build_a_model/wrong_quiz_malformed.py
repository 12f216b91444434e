"""
student = "ewa"
kind = "wrong"
what = "Writes a letter that is no option, two letters for one choice, a list, and a name without quotes."
[loses]
q1 = 1
q2 = 1
q3 = 1
q4 = 1
"""
# %% [quiz] q1
"AX"
# %% [quiz] q2
"AB"
# %% [quiz] q3
quiz.ask("q3", ["B"])
# %% [quiz] q4
quiz.ask("q4", ABC)
