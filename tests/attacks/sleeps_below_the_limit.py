"""
what = "Sleeps a little less than the limit in every cell."
row = "sleeps just below the limit in every cell"
[verdicts]
test_mean = "failed"
test_mean_hidden = ["failed", "out of time"]
test_scale = "out of time"
test_count = "out of time"
test_save = "out of time"
test_tally = "out of time"
test_countdown = "out of time"
test_root = "out of time"
"""
# %% [exercises] mean
import time
time.sleep(4)
def mean(values):
    time.sleep(4)
    return 0
# %% [exercises] scale
import time
time.sleep(4)
def scale(values, top):
    time.sleep(4.5)
    return [top * v / max(values) for v in values]
# %% [exercises] +after scale
time.sleep(4)
