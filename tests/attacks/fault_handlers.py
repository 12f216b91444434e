"""
what = "faulthandler, resource limits, sched, nice and oom settings of its own; recursion without a limit."
limits = "small"
[verdicts]
test_mean = ["crashed", "error in your code", "out of memory", "out of time"]
test_mean_hidden = ["crashed", "error in your code", "out of memory", "out of time"]
"""
# %% [exercises] mean
import faulthandler, os, resource, sys

for kind in range(16):
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if kind in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
            print("raised limit", kind)
    except (OSError, ValueError):
        pass
for act in (lambda: os.nice(-20), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
            lambda: os.setpriority(os.PRIO_PGRP, 0, -20)):
    try:
        act()
        print("reached".upper(), "priority")
    except OSError:
        pass
faulthandler.dump_traceback_later(0.5, repeat=True)
sys.setrecursionlimit(10**9)

def mean(values):
    return mean(values)
# %% [exercises] +after mean
import faulthandler
faulthandler.cancel_dump_traceback_later()
