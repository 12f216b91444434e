"""
student = "florin"
kind = "wrong"
what = "Begins each Poisson stage with the same seed."
[loses]
test_arrivals_poisson = 2
"""
# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in ("even", "poisson"):
        raise ValueError(f'kind has to be "even" or "poisson", not {kind!r}.')
    begin, due = 0.0, []
    for minutes, per_minute in stages:
        end = begin + 60 * minutes
        if per_minute > 0 and kind == "even":
            n = math.ceil(minutes * per_minute)
            times = [begin + 60 * i / per_minute for i in range(n + 1)]
            due += [time for time in times if time < end]
        elif per_minute > 0:
            random = np.random.default_rng(seed)
            time = begin + random.exponential(60 / per_minute)
            while time < end:
                due.append(float(time))
                time += random.exponential(60 / per_minute)
        begin = end
    return due
