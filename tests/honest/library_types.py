"""
what = "Answers in the types that libraries give: Counter, NumPy scalars and arrays, a named tuple of floats."
"""
# %% [exercises] mean
import numpy as np
def mean(values):
    return np.mean(values)
# %% [exercises] scale
def scale(values, top):
    values = np.asarray(values, dtype=np.float32)
    return [v for v in top * values / values.max()]
# %% [exercises] count
from collections import Counter
def count(values):
    return Counter(values)
# %% [exercises] tally
from collections import defaultdict
class Tally:
    def __init__(self):
        self.counts = defaultdict(int)

    def add(self, word):
        self.counts[word] += 1

    @property
    def largest(self):
        return np.array(list(self.counts))[np.argmax(list(self.counts.values()))]

    def most(self):
        return self.largest
# %% [exercises] countdown
def countdown(n):
    return np.arange(n, 0, -1)
# %% [exercises] root
import math
root = math.sqrt
