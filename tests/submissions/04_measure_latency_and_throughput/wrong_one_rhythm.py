"""
student = "leila"
kind = "wrong"
what = "Lets the last gap of an even stage reach into the next stage."
[loses]
test_arrivals_stages = 1
"""
# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in ("even", "poisson"):
        raise ValueError(kind)
    random, begin, due, time = np.random.default_rng(seed), 0.0, [], 0.0
    for minutes, per_minute in stages:
        end = begin + 60 * minutes
        time = begin if kind == "poisson" else max(time, begin)
        while per_minute and time < end:
            if kind == "poisson":
                time += random.exponential(60 / per_minute)
            if time < end:
                due.append(float(time))
            if kind == "even":
                time += 60 / per_minute
        begin = end
    return due
