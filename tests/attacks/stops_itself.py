"""
what = "Stops itself, by a signal and in a call that never lets go, so that it neither answers nor ends; later an alarm of its own goes off."
limits = "small"
[verdicts]
test_mean = ["out of time", "crashed"]
test_mean_hidden = ["out of time", "crashed"]
test_scale = ["passed", "crashed"]
"""
# %% [exercises] mean
import ctypes, os, signal

def mean(values):
    os.kill(os.getpid(), signal.SIGSTOP)
    ctypes.PyDLL(None).pause()  # with Python's lock held
    return 0
# %% [exercises] scale
import signal
def scale(values, top):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    return [top * v / max(values) for v in values]
