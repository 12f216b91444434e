"""
student = "edda"
kind = "wrong"
what = "Sorts the log that it was given."
[loses]
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    log.sort(key=lambda line: line["done"])
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]
