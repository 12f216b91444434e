"""
student = "gesa"
kind = "wrong"
what = "Scatters exactly minutes times rate requests over each stage."
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
        if kind == "even":
            due += [begin + 60 * i / per_minute for i in range(n)]
        else:
            due += sorted(random.uniform(begin, begin + 60 * minutes, n).tolist())
        begin += 60 * minutes
    return due
