"""
what = "Names that look like the ones asked for, names of built-ins that tests use, and __getattr__ for all others."
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_scale = "failed"
test_count = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_tally = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_countdown = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_root = ["passed", "failed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
def mеan(values):  # a Cyrillic letter
    return sum(values) / len(values)

def list(*args):
    return [3, 2, 1]

def open(*args):
    return None

__builtins__ = {"abs": lambda x: 2}
__name__ = "passed"
# %% [exercises] scale
def scale(values, top):
    return 0
