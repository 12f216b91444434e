"""
student = "anton"
kind = "wrong"
what = "Leaves out what was answered in the warm-up, and keeps what was due in it."
[loses]
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["done"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]
