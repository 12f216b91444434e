"""
what = "Asks not to be ended with the process that forked it, and shoots at groups of processes that reach outside."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import ctypes, os, signal

libc = ctypes.CDLL(None, use_errno=True)
own = False
try:
    own = os.readlink("/proc/self/ns/pid") != "@PIDSPACE@"
except OSError:
    pass
if own and os.getpid() == 1:
    for kind in (0, signal.SIGTERM, signal.SIGCHLD):
        if libc.prctl(1, kind, 0, 0, 0) == 0:
            print("reached".upper(), "a life after its parent's")
if os.getpgid(0) == 0 or os.getsid(0) == 0:
    print("reached".upper(), "a group of processes from outside")

def mean(values):
    if own:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(0, signal.SIGTERM)
    return 0
