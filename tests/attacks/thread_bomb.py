"""
what = "Starts threads until it may no more, all busy for ever."
[verdicts]
test_mean = ["failed", "out of time", "error in your code"]
test_mean_hidden = ["failed", "out of time", "error in your code"]
"""
# %% [exercises] mean
import threading, time

def wait():
    time.sleep(600)

started = 0
try:
    while started < 2000:
        threading.Thread(target=wait).start()
        started += 1
except RuntimeError:
    pass

def mean(values):
    return 0
# %% [exercises] scale
def scale(values, top):
    return [top * v / max(values) for v in values]
