"""
student = "hanna"
kind = "wrong"
what = "Shifts each request of an even schedule by chance and calls it Poisson."
[loses]
test_arrivals_poisson = 2
"""
# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in ("even", "poisson"):
        raise ValueError(kind)
    random, begin, due = np.random.default_rng(seed), 0.0, []
    for minutes, per_minute in stages:
        n = math.ceil(minutes * per_minute)
        times = [begin + 60 * i / per_minute for i in range(n)]
        if kind == "poisson":
            times = [float(time + random.uniform(0, 60 / per_minute)) for time in times]
            times = sorted(min(time, begin + 60 * minutes - 1e-6) for time in times)
        due += times
        begin += 60 * minutes
    return due
