"""
what = "The same in other ways: lambda, partial, a cached function, a callable object, a dataclass, range, an iterator."
"""
# %% [exercises] mean
mean = lambda values: sum(values) / len(values)
# %% [exercises] scale
class Scale:
    def __call__(self, values, top):
        return [top * v / max(values) for v in values]

scale = Scale()
# %% [exercises] count
from functools import lru_cache, partial

@lru_cache
def _count(values):
    return {v: values.count(v) for v in values}

count = partial(_count)
# %% [exercises] tally
from dataclasses import dataclass, field

@dataclass
class Tally:
    counts: dict = field(default_factory=dict)

    def add(self, word):
        self.counts.setdefault(word, 0)
        self.counts[word] += 1

    def most(self):
        return sorted(self.counts, key=lambda w: -self.counts[w])[0]
# %% [exercises] countdown
def countdown(n):
    return range(n, 0, -1)
# %% [exercises] root
class Negative(ValueError):
    pass

def root(x):
    try:
        if x < 0:
            raise ZeroDivisionError
    except ZeroDivisionError as problem:
        raise Negative("no") from problem
    return x**0.5
