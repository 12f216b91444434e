"""
student = "signe"
kind = "wrong"
what = "Ticks one right option of two, or one right and one wrong, or a wrong one."
[loses]
q1 = 0.5
q3 = 0.5
q4 = 1
q5 = 1
"""
# %% [quiz] q1
"A"


# %% [quiz] q3
"C"


# %% [quiz] q4
"AB"


# %% [quiz] q5
"A"
