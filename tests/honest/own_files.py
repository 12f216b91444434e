"""
what = "A module and data handed in beside the notebook, read by relative paths."
"""
# %% [exercises] mean
import csv
from mytools.stats import mean

with open("data/numbers.csv") as file:
    rows = list(csv.reader(file))
assert rows[0] == ["1", "2"]
# %% [exercises] scale
from pathlib import Path

def scale(values, top):
    assert Path("data", "numbers.csv").exists()
    return [top * v / max(values) for v in values]
# %% [file] mytools/__init__.py
# %% [file] mytools/stats.py
def mean(values):
    return sum(values) / len(values)
# %% [file] data/numbers.csv
1,2
