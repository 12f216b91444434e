"""
what = "Children that let nobody look at their memory, and take more of it together than there is."
[verdicts]
test_mean = "out of memory"
test_mean_hidden = "out of memory"
"""
# %% [exercises] mean
import ctypes, os, time

def mean(values):
    children = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            try:
                ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # not dumpable: /proc shows no more than the outside
                taken = bytearray(250_000_000)
                time.sleep(600)
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return 0
