"""
what = "Forks in a cell and in a test and lets both go on: two kernels answer on one channel, and the first may be gone."
limits = "small"
[verdicts]
test_mean = ["failed", "error in your code", "crashed", "out of time"]
test_mean_hidden = ["failed", "error in your code", "crashed", "out of time"]
test_scale = ["passed", "error in your code", "crashed", "out of time"]
test_count = ["passed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "error in your code", "crashed", "out of time"]
test_tally = ["passed", "error in your code", "crashed", "out of time"]
test_countdown = ["passed", "error in your code", "crashed", "out of time"]
test_root = ["passed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
import os

def mean(values):
    os.fork()
    return 0
# %% [exercises] +after mean
import os
os.fork()
