"""
what = "A list that holds itself, a billion laughs, a list a million deep, integers without end, an endless generator."
limits = "small"
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_scale = ["error in your code", "out of memory", "out of time"]
test_count = ["error in your code", "failed", "crashed"]
test_tally = ["error in your code", "failed", "out of memory", "out of time"]
test_countdown = ["error in your code", "out of time"]
test_root = ["error in your code", "failed"]
"""
# %% [exercises] mean
def mean(values):
    loop = []
    loop.append(loop)
    return loop
# %% [exercises] scale
def scale(values, top):
    laugh = "ha" * 100
    for _ in range(12):
        laugh = [laugh] * 10
    return laugh
# %% [exercises] count
def count(values):
    deep = []
    for _ in range(1_000_000):
        deep = [deep]
    return deep
# %% [exercises] tally
class Tally:
    counts = {}
    def add(self, word):
        pass
    def most(self):
        return 1 << 80_000_000
# %% [exercises] countdown
def countdown(n):
    while True:
        yield 3
# %% [exercises] root
def root(x):
    return 10 ** 100_000 + 1
