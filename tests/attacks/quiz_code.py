"""
what = "Quiz cells that compute, read the key, replace the quiz, pick everything, and smuggle letters."
[verdicts]
q1 = "could not be read"
q2 = ["could not be read", "failed"]
"""
# %% [quiz] q1
quiz.ask("q1", open("@COURSE@/autograder/questions/01_small.toml").read() and "AC")
# %% [quiz] q2
type(quiz).ask = lambda self, name, answer: True
quiz.ask("q2", "B" and "A")
# %% [quiz] +after start
open("@LOOT@/quiz", "w").write("the quiz was run")
