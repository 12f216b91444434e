"""
what = "Slow, but within the limit."
"""
# %% [exercises] mean
import time
time.sleep(2)
def mean(values):
    time.sleep(0.7)
    return sum(values) / len(values)
