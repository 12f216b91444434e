"""
student = "gudrun"
kind = "wrong"
what = "Counts errors as infinite waits, like time-outs."
[loses]
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] in ("timeout", "error")]
