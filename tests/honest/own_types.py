"""
what = "Right values in types that compare equal to what is asked for: Fraction, Decimal, subclasses, a masked array."
"""
# %% [exercises] mean
from fractions import Fraction

def mean(values):
    return Fraction(sum(map(Fraction, values)), len(values))
# %% [exercises] scale
class Scaled(list):
    """A list that remembers nothing."""

def scale(values, top):
    return Scaled(top * v / max(values) for v in values)
# %% [exercises] count
class Count(dict):
    def __missing__(self, key):
        return 0

def count(values):
    found = Count()
    for value in values:
        found[value] += 1
    return found
# %% [exercises] save
import os

def save(values):
    with open("numbers.txt", "w") as file:
        file.write("\n".join(map(str, values)))
    os.utime("numbers.txt", (0, 0))
# %% [exercises] tally
from enum import StrEnum

class Tally:
    def __init__(self):
        self.counts = Count()

    def add(self, word):
        self.counts[word] += 1

    def most(self):
        return StrEnum("Word", {word: word for word in self.counts})(max(self.counts, key=self.counts.get))
# %% [exercises] countdown
import numpy as np

def countdown(n):
    return np.ma.masked_less(np.arange(n, 0, -1, dtype=np.longdouble), 0)
# %% [exercises] root
from decimal import Decimal

def root(x):
    if x < 0:
        raise ValueError(x)
    return Decimal(x).sqrt()
