"""
student = "yara"
kind = "wrong"
what = "Counts every failure as an answer, as quick as it was."
[loses]
test_waits = 1
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] != "timeout"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]
