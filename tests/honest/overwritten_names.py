"""
what = "Names of built-ins overwritten, variables called like the tests' own."
"""
# %% [exercises] +after given
list = [1, 2]
sum = 3
file = "x"
tally = None
word = "w"
test_tally = "mine"
# %% [exercises] mean
import numpy as np
def mean(values):
    return np.add.reduce(np.array(values, dtype=float)) / len(values)
# %% [exercises] count
def count(values):
    found = {}
    for v in values:
        found[v] = found.get(v, 0) + 1
    return found
