"""
student = "petra"
kind = "wrong"
what = "Ticks every option of every question of the quiz."
[loses]
q1 = 0.3333333333333333
q2 = 1
q3 = 1
q4 = 0.3333333333333333
"""
# %% [quiz] q1
"ABCD"
# %% [quiz] q2
"ABC"
# %% [quiz] q3
"AB"
# %% [quiz] q4
"ABCD"
