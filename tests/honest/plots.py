"""
what = "Draws, with and without plt.show(), many figures, and a blocking show."
"""
# %% [exercises] mean
import matplotlib.pyplot as plt
import numpy as np

fig, ax = plt.subplots()
ax.plot([1, 2, 3])
plt.show(block=True)

def mean(values):
    plt.figure()
    plt.hist(values)
    plt.show()
    return float(np.mean(values))
# %% [exercises] +after mean
%matplotlib inline
plt.imshow(np.eye(3))
# %% [exercises] scale
def scale(values, top):
    fig, ax = plt.subplots()
    ax.scatter(values, values)
    ax.set_title("αβγ é 漢字")
    return [top * v / max(values) for v in values]
