"""
student = "qiang"
kind = "wrong"
what = "Finds one of two right options, and picks wrong ones elsewhere."
[loses]
q1 = 0.5
q2 = 0.5
q3 = 1
q4 = 0.5
q5 = 1
"""
# %% [quiz] q1
"A"
# %% [quiz] q2
"A"
# %% [quiz] q3
"C"
# %% [quiz] q4
"B"
# %% [quiz] q5
"D"
