"""
student = "xaver"
kind = "wrong"
what = "Leaves the requests that timed out out of the waits."
[loses]
test_waits = 1
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered)
