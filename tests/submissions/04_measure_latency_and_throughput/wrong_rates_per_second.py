"""
student = "jonas"
kind = "wrong"
what = "Takes rates as requests per second."
[loses]
test_arrivals = 1
test_arrivals_stages = 1
test_arrivals_poisson = 2
"""
# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in ("even", "poisson"):
        raise ValueError(f'kind has to be "even" or "poisson", not {kind!r}.')
    random, begin, due = np.random.default_rng(seed), 0.0, []
    for minutes, per_minute in stages:
        end = begin + 60 * minutes
        if per_minute > 0 and kind == "even":
            n = math.ceil(60 * minutes * per_minute)
            times = [begin + i / per_minute for i in range(n + 1)]
            due += [time for time in times if time < end]
        elif per_minute > 0:
            time = begin + random.exponential(1 / per_minute)
            while time < end:
                due.append(float(time))
                time += random.exponential(1 / per_minute)
        begin = end
    return due
