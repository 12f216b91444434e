"""
student = "horatio"
kind = "wrong"
what = "Answers what one would think who measured nothing."
[loses]
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [quiz] q1
"AC"


# %% [quiz] q2
"A"


# %% [quiz] q3
"C"


# %% [quiz] q4
"B"


# %% [quiz] q5
"BC"
