"""
what = "Sleeps a little less than the limit in every cell."
row = "sleeps just below the limit in every cell"
limits = "tight"
[verdicts]
test_mean = "failed"
test_mean_hidden = "out of time"
test_scale = "out of time"
test_count = "out of time"
test_save = "out of time"
test_tally = "out of time"
test_countdown = "out of time"
test_root = "out of time"
"""
# %% [exercises] mean
import time
time.sleep(3)
def mean(values):
    time.sleep(3)
    return 0
# %% [exercises] scale
import time
time.sleep(3)
def scale(values, top):
    time.sleep(3)
    return [top * v / max(values) for v in values]
# %% [exercises] +after scale
time.sleep(3)
