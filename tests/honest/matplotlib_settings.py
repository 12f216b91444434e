"""
what = "Solution cells that begin with %matplotlib, or choose a window that this machine does not have."
"""
# %% [exercises] mean
%matplotlib inline
import matplotlib.pyplot as plt

def mean(values):
    plt.plot(values)
    plt.show()
    return sum(values) / len(values)
# %% [exercises] scale
%matplotlib notebook
%matplotlib
%config InlineBackend.figure_format = "retina"

def scale(values, top):
    return [top * v / max(values) for v in values]
# %% [exercises] count
import matplotlib
matplotlib.use("TkAgg")
import matplotlib.pyplot as plt

def count(values):
    return {v: list(values).count(v) for v in values}
