"""
student = "sione"
kind = "wrong"
what = "Picks a wrong answer wherever one is to be picked, and half of the right ones elsewhere."
[loses]
q1 = 0.6666666666666667
q2 = 1
q3 = 1
q4 = 0.6666666666666667
"""
# %% [quiz] q1
"ACD"
# %% [quiz] q2
"C"
# %% [quiz] q3
"A"
# %% [quiz] q4
"C"
