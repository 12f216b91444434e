"""
what = "kill -9 of every process that it may signal, of its group and of its parent's group."
[verdicts]
test_mean = ["failed", "crashed", "error in your code"]
test_mean_hidden = ["failed", "crashed", "error in your code"]
"""
# %% [exercises] mean
import os, signal

try:
    own = os.readlink("/proc/self/ns/pid") != "@PIDSPACE@"
except OSError:
    own = False

def mean(values):
    if own:
        os.kill(-1, signal.SIGKILL)
        for pid in range(1, 3000):
            if pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        os.killpg(0, signal.SIGKILL)
    else:
        print("reached".upper(), "everybody's processes")
    return 0
