"""
student = "minh"
kind = "wrong"
what = "Computes an answer; answers are read and never run, so that one question is lost and only that one."
[loses]
q1 = 1
"""
# %% [quiz] q1
answer = "A" + "B" + "C"
quiz.ask("q1", answer)
# %% [quiz] q4
quiz.ask("q4", "c, a b")
