"""
what = "An audit hook that raises at everything that happens from now on."
[verdicts]
test_mean = ["error in your code", "crashed", "failed", "out of time"]
test_mean_hidden = ["error in your code", "crashed", "failed", "out of time"]
test_scale = ["error in your code", "crashed", "passed", "not attempted"]
test_count = ["error in your code", "crashed", "passed"]
test_save = ["error in your code", "crashed", "passed"]
test_tally = ["error in your code", "crashed", "passed"]
test_countdown = ["error in your code", "crashed", "passed"]
test_root = ["error in your code", "crashed", "passed"]
"""
# %% [exercises] mean
import sys

def hook(event, args):
    raise SystemExit(0)

def mean(values):
    sys.addaudithook(hook)
    return 0
