"""
what = "Writes a module with %%writefile and imports it."
"""
# %% [exercises] +after given
%%writefile helpers.py
def average(values):
    return sum(values) / len(values)
# %% [exercises] mean
from helpers import average as mean
# %% [exercises] scale
import helpers, importlib
importlib.reload(helpers)

def scale(values, top):
    assert helpers.average([1, 3]) == 2
    return [top * v / max(values) for v in values]
