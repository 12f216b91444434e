"""
what = "A dict and a set whose keys all have one hash, so that whoever builds them anew is busy for minutes."
limits = "small"
[verdicts]
test_count = ["failed", "error in your code", "out of time"]
test_tally = ["failed", "error in your code", "out of time"]
"""
# %% [exercises] count
def count(values):
    import numpy as np
    return {(2**61 - 1) * k: 0 for k in range(1, 6000)} | {"a": 2, "b": 1, "c": 7}
# %% [exercises] tally
class Tally:
    counts = {}
    def add(self, word):
        pass
    def most(self):
        return [{(2**61 - 1) * k for k in range(1, 6000)} for _ in range(1, 30)]
