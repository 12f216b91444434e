"""
what = "os._exit(0) in a cell, abort in a test, a segmentation fault, and a plain exit."
row = "`os._exit`, segfault"
[verdicts]
test_mean = "crashed"
test_mean_hidden = "crashed"
test_scale = "crashed"
test_count = "crashed"
test_root = ["error in your code", "crashed"]
"""
# %% [exercises] mean
import os
os._exit(0)
# %% [exercises] scale
import ctypes
def scale(values, top):
    ctypes.string_at(0)
# %% [exercises] count
import os
def count(values):
    os.abort()
# %% [exercises] root
import sys
def root(x):
    sys.exit(0)
