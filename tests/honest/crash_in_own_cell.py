"""
what = "A crash in a cell of one's own, after answers that the later ones need."
"""
# %% [exercises] +after scale
import ctypes
ctypes.string_at(0)
# %% [exercises] count
def count(values):
    assert mean([1, 3]) == 2
    return {v: list(values).count(v) for v in values}
