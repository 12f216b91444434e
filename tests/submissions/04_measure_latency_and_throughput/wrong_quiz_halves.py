"""
student = "zahra"
kind = "wrong"
what = "Finds one of the right options, and picks wrong ones elsewhere."
[loses]
q1 = 0.5
q2 = 1
q3 = 0.5
q4 = 1
q5 = 0.3333333333333333
"""
# %% [quiz] q1
"A"
# %% [quiz] q2
"A"
# %% [quiz] q3
"A"
# %% [quiz] q4
"C"
# %% [quiz] q5
"AB"
