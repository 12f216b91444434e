"""
student = "ilse"
kind = "wrong"
what = "Lets a gap that was drawn with one rate reach into the stage of the next."
[loses]
test_arrivals_poisson = 2
"""
# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in ("even", "poisson"):
        raise ValueError(kind)
    random, begin, due, time = np.random.default_rng(seed), 0.0, [], 0.0
    for minutes, per_minute in stages:
        end = begin + 60 * minutes
        if per_minute and kind == "even":
            due += [begin + 60 * i / per_minute for i in range(math.ceil(minutes * per_minute))]
        elif per_minute:
            time = max(time, begin)
            while True:
                time += random.exponential(60 / per_minute)
                if time >= end:
                    break
                due.append(float(time))
        begin = end
    return due
