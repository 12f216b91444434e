"""
student = "cleo"
kind = "wrong"
what = "Wraps the course's own library in place of writing it."
[loses]
test_arrivals_stages = 1
test_arrivals_poisson = 2
"""
# %% [exercises] arrivals
from modelserving import load


def arrivals(stages, kind, seed):
    if kind == "even":
        schedule = load.constant
    elif kind == "poisson":
        def schedule(rate, seconds):
            return load.poisson(rate, seconds, seed)
    else:
        raise ValueError(kind)
    due, begin = [], 0.0
    for minutes, per_minute in stages:
        due += (begin + schedule(per_minute / 60, 60 * minutes)).tolist()
        begin += 60 * minutes
    return due
