"""
what = "Writes into memory by ctypes: the number 2 becomes 0, True becomes False, types lose their comparisons."
limits = "small"
[verdicts]
test_mean = ["failed", "crashed", "error in your code", "out of time"]
test_mean_hidden = ["failed", "crashed", "error in your code", "out of time"]
test_scale = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_count = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_tally = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_countdown = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_root = ["passed", "failed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
import ctypes, mmap, os, re

for line in open("/proc/self/maps") if os.path.exists("/proc/self/maps") else []:
    span, rights, *_, name = line.split(maxsplit=5)
    if rights.startswith("rw-s"):  # shared with whoever forked this process
        low, high = (int(part, 16) for part in span.split("-"))
        print("shared", name)
        ctypes.memset(low, 255, min(high - low, 1 << 20))

def mean(values):
    ctypes.memset(id(2) + 24, 0, 4)
    ctypes.memset(id(7) + 24, 0, 4)
    return 0
