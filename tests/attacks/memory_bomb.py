"""
what = "Takes memory until there is none, in the test; later exercises are right."
row = "memory bomb"
[verdicts]
test_mean = ["out of memory", "crashed"]
test_mean_hidden = ["out of memory", "crashed"]
test_scale = ["out of memory", "crashed"]
"""
# %% [exercises] mean
def mean(values):
    taken = []
    while len(taken) < 600:
        taken.append(bytearray(10_000_000))
    return 0
# %% [exercises] scale
import numpy as np

def scale(values, top):
    return list(np.ones((1 << 30) * 3 // 4)[:2])
