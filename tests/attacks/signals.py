"""
what = "Every signal to its parent, the first process of its tree, its group and itself."
[verdicts]
test_mean = ["failed", "crashed", "error in your code"]
test_mean_hidden = ["failed", "crashed", "error in your code"]
"""
# %% [exercises] mean
import os, signal

own = False  # whether this is a tree of its own
try:
    own = os.readlink("/proc/self/ns/pid") != "@PIDSPACE@"
except OSError:
    pass

def shoot():
    for kind in (signal.SIGINT, signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP, signal.SIGTSTP,
                 signal.SIGALRM, signal.SIGCHLD, signal.SIGKILL, *range(34, 64)):
        for pid in (os.getppid(), 1 if own else os.getppid()):
            try:
                os.kill(pid, kind)
            except OSError:
                pass

shoot()

def mean(values):
    shoot()
    return 0
