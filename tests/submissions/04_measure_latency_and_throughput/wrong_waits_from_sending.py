"""
student = "wanda"
kind = "wrong"
what = "Counts a wait from when the request was sent."
[loses]
test_waits = 1
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["sent"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]
