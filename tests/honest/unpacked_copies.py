"""
what = "An archive unpacked deep down, with helpers and old copies; the file of the right name is untouched."
spoil = ["copies"]
"""
# %% [exercises] mean
%run more.ipynb
from helpers import total

def mean(values):
    return total(values) / len(values)
# %% [exercises] scale
with open("data/top.txt") as file:
    assert file.read().split() == ["1"]

def scale(values, top):
    return [top * v / largest(values) for v in values]
# %% [quiz] q1
%%time
!echo thinking
quiz.ask("q1", f"AC")
# %% [file] home/ada/course/release/01_small/helpers.py
def total(values):
    return sum(values)
# %% [file] home/ada/course/release/01_small/data/top.txt
1
