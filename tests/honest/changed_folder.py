"""
what = "Changes the folder, and does not change back."
"""
# %% [exercises] mean
import os
os.makedirs("data", exist_ok=True)
os.chdir("data")
with open("mine.txt", "w") as file:
    file.write("1")

def mean(values):
    assert open("mine.txt").read() == "1"
    return sum(values) / len(values)
# %% [exercises] +after test_mean_hidden
%cd ..
