"""
what = "A loop that never ends and swallows every interrupt, in the cell and in the test."
row = "endless loop, with interrupts ignored"
limits = "small"
[verdicts]
test_mean = "out of time"
test_mean_hidden = "out of time"
test_scale = "out of time"
"""
# %% [exercises] mean
import signal
for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(kind, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
# %% [exercises] scale
import signal
def scale(values, top):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
    while True:
        try:
            sum(range(10**9))
        except BaseException:
            pass
