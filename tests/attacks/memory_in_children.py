"""
what = "Eight children that take more memory together than there is, while the test waits for them."
row = "memory bomb"
[verdicts]
test_mean = "out of memory"
test_mean_hidden = "out of memory"
"""
# %% [exercises] mean
import os, time

def mean(values):
    children = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            try:
                taken = bytearray(250_000_000)
                time.sleep(600)
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return 0
