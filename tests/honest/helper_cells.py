"""
what = "Helper functions in cells of one's own, checks of one's own, one of which fails."
row = "correct answer, cells reordered or helper cells added"
"""
# %% [exercises] +after given
def add(values):
    return sum(values)
# %% [exercises] mean
def mean(values):
    return add(values) / len(values)
# %% [exercises] +after mean
assert mean([1, 2]) == 1.5
mean([4, 5])
# %% [exercises] +after scale
assert scale([1, 2], 10) == [1, 2], "why does this fail?"
# %% [exercises] +after count
undefined_name
# %% [exercises] +after test_count
this is no Python
