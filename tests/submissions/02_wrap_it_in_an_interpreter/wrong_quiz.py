"""
student = "tuan"
kind = "wrong"
what = "Ticks everything where several apply, and picks wrongly elsewhere."
[loses]
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
q6 = 1
"""
# %% [quiz] q1
"ABCDE"
# %% [quiz] q2
"B"
# %% [quiz] q3
"A"
# %% [quiz] q4
"ABCD"
# %% [quiz] q5
"BD"
# %% [quiz] q6
quiz.ask("q6", ["B"])
