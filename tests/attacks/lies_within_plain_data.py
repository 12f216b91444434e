"""
what = "Hides objects that are equal to everything inside plain lists and dicts, as items, values and keys."
[verdicts]
test_mean = ["error in your code", "failed"]
test_mean_hidden = ["error in your code", "failed"]
test_scale = "error in your code"
test_count = "error in your code"
test_tally = ["error in your code", "failed"]
test_countdown = "error in your code"
"""
# %% [exercises] mean
import collections
import numpy as np

class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return hash("a")

class Key(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash("a")

def mean(values):
    return np.array([Yes(5)], dtype=object)
# %% [exercises] scale
def scale(values, top):
    return [Yes(0), Yes(0)]
# %% [exercises] count
def count(values):
    return {Key("x"): Yes(0), "b": Yes(0)}
# %% [exercises] tally
class Tally:
    def add(self, word):
        pass

    def most(self):
        return Key("c")

    @property
    def counts(self):
        return collections.Counter({Key("a"): Yes(0)})
# %% [exercises] countdown
def countdown(n):
    return [Yes(0), Yes(0), Yes(0)]
