"""
what = "Right, but libraries warn on stderr, in the cell and in the tests."
row = "correct answer, but a library warned on stderr"
"""
# %% [exercises] mean
import logging, sys, warnings
import numpy as np
logging.basicConfig(level="DEBUG")
warnings.warn("this function is deprecated", FutureWarning)

def mean(values):
    warnings.warn("slow", RuntimeWarning)
    print("Error: Traceback (most recent call last)", file=sys.stderr)
    logging.error("failed? no")
    np.float64(1) / np.array([0.0])
    return sum(values) / len(values)
