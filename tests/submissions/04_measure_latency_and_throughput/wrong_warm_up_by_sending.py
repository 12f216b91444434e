"""
student = "birgit"
kind = "wrong"
what = "Leaves out what was sent in the warm-up, and keeps what was due in it."
[loses]
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["sent"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]
