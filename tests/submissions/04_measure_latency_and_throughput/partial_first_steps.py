"""
student = "bruna"
kind = "partial"
what = "Solves exercises 3 and 5, makes even schedules only, and leaves the others as they came."
base = "blank"
[loses]
test_arrivals_poisson = 2
test_open_loop = 1
test_open_loop_freeze = 2
test_open_loop_failures = 2
test_open_loop_late = 1
test_Histogram = 1
test_Histogram_hidden = 2
test_Histogram_merge = 1
test_Histogram_refuses = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in ("even", "poisson"):
        raise ValueError("even or poisson")
    due, begin = [], 0.0
    for minutes, per_minute in stages:
        for i in range(math.ceil(minutes * per_minute)):
            due.append(begin + 60 * i / per_minute)
        begin += 60 * minutes
    return due


# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]


# %% [exercises] report
def report(log, seconds, warm_up, deadline):
    counted = [line for line in log if line["due"] >= warm_up]
    if not counted:
        raise ValueError("No request is left after the warm-up: there is nothing to report.")
    took = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    failed = {}
    for line in counted:
        if line["outcome"] != "ok":
            failed[line["outcome"]] = failed.get(line["outcome"], 0) + 1
    late = sum(line["sent"] - line["due"] > 0.01 for line in counted)
    span = seconds - warm_up
    void = f"{late} of {len(counted)} requests were sent late: the client was measured."
    return {
        "offered": len(counted) / span,
        "throughput": len(took) / span,
        "goodput": sum(time <= deadline for time in took) / span,
        "failed": failed,
        "void": void if late > 0.01 * len(counted) else None,
    }
