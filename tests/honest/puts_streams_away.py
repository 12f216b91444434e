"""
what = "Replaces the standard streams, by None, a closed file and an object that can do nothing, and never puts them back."
"""
# %% [exercises] mean
import sys

def mean(values):
    return sum(values) / len(values)

sys.stdout = None
# %% [exercises] +after mean
import sys
with open("log.txt", "w") as sys.stdout:
    print("kept")
# %% [exercises] scale
def scale(values, top):
    return [top * v / max(values) for v in values]

sys.stderr = sys.stdout = object()
