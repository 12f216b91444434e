"""
what = "Warnings as errors, NumPy raising, a low recursion limit, seeds, a locale, a print of one's own."
"""
# %% [exercises] mean
import builtins, locale, random, sys, warnings
import numpy as np
warnings.simplefilter("error")
np.seterr(all="raise")
np.set_printoptions(precision=2)
random.seed(5)
sys.setrecursionlimit(5000)
locale.setlocale(locale.LC_ALL, "")

def print(*args):
    builtins.print("->", *args)

def mean(values):
    print(values)
    return sum(values) / len(values)
