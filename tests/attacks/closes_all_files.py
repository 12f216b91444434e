"""
what = "Closes every file above 2 in the cell; below, in the test, all of them, and opens its own in their place."
[verdicts]
test_mean = ["failed", "crashed", "error in your code", "out of time"]
test_mean_hidden = ["failed", "crashed", "error in your code", "out of time"]
test_scale = ["crashed", "error in your code", "out of time"]
"""
# %% [exercises] mean
import os

def mean(values):
    os.closerange(3, 1024)
    return 0
# %% [exercises] scale
import os, socket
def scale(values, top):
    os.closerange(0, 1024)
    for _ in range(20):
        os.open("/dev/zero", os.O_RDWR)
    return [5, 10]
