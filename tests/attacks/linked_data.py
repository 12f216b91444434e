"""
what = "Links and a hard link lie beside the notebook, and its code opens them."
row = "symlink to the instructor's files"
spoil = ["linked_data"]
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import os
from pathlib import Path

for name in ("data.txt", "course/gradebook.db", "course/source/01_small/exercises.ipynb", "more/up/up/data.txt"):
    try:
        Path(name).read_bytes()
        print("reached".upper(), name)
    except OSError:
        pass
for name in ("loop", "other.txt"):
    try:
        os.path.lexists(name) or os.symlink("@COURSE@/gradebook.db", name)
    except OSError:
        pass

def mean(values):
    return 0
