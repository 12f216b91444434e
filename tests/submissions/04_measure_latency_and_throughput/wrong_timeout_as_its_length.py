"""
student = "zoltan"
kind = "wrong"
what = "Counts a request that was given up as if it had been answered at that moment."
[loses]
test_waits = 1
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    return sorted(
        line["done"] - line["due"] for line in log if line["due"] >= warm_up and line["outcome"] in ("ok", "timeout")
    )
