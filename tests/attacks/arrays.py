"""
what = "Empty arrays, object arrays, structured arrays, masked arrays, matrices, views with strides of 0, and NaN."
[verdicts]
test_mean = ["failed", "error in your code"]
test_mean_hidden = ["failed", "error in your code"]
test_scale = ["failed", "error in your code"]
test_count = ["failed", "error in your code"]
test_tally = ["failed", "error in your code"]
test_countdown = ["failed", "error in your code"]
"""
# %% [exercises] mean
import numpy as np

def mean(values):
    return np.array([])
# %% [exercises] scale
import numpy as np

def scale(values, top):
    return np.ma.masked_all(2)
# %% [exercises] count
import numpy as np

def count(values):
    return np.zeros(3, dtype=[("a", "O"), ("b", "f4")])
# %% [exercises] tally
import numpy as np

class Tally:
    counts = np.array([{}], dtype=object)
    def add(self, word): pass
    def most(self): return np.array(["b"], dtype=object)[:0]
# %% [exercises] countdown
import numpy as np

def countdown(n):
    return np.lib.stride_tricks.as_strided(np.zeros(1), (10**9,), (0,))
