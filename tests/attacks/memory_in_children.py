"""
what = "Eight children that take half of the memory each."
row = "memory bomb"
[verdicts]
test_mean = ["out of memory", "crashed", "failed"]
test_mean_hidden = ["out of memory", "crashed", "failed"]
"""
# %% [exercises] mean
import os, time

def mean(values):
    children = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            try:
                taken = bytearray(700_000_000)
                time.sleep(4)
            finally:
                os._exit(0)
        children.append(pid)
    time.sleep(1)
    return 0
