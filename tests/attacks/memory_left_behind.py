"""
what = "Children that go on taking memory when the test that started them is over: the damage comes in later tests."
row = "memory bomb"
[verdicts]
test_mean = ["out of memory", "failed"]
test_mean_hidden = ["out of memory", "failed"]
"""
# %% [exercises] mean
import os, time

def mean(values):
    for _ in range(8):
        if os.fork() == 0:
            try:
                taken = bytearray(250_000_000)
                time.sleep(600)
            finally:
                os._exit(0)
    time.sleep(0.05)
    return 0
