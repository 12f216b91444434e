"""
student = "dusan"
kind = "wrong"
what = "Ticks every option of every question."
[loses]
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [quiz] q1
"ABCD"


# %% [quiz] q2
"ABCD"


# %% [quiz] q3
"ABCD"


# %% [quiz] q4
"ABCD"


# %% [quiz] q5
"ABCD"
