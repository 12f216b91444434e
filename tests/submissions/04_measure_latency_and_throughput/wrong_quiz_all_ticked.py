"""
student = "yusuf"
kind = "wrong"
what = "Ticks every option of every question of the quiz."
[loses]
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 0.3333333333333333
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
