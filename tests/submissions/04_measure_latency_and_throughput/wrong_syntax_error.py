"""
student = "uta"
kind = "wrong"
what = "Leaves a bracket open in waits: the other exercises still count."
[loses]
test_waits = 1
test_waits_hidden = 2
"""
# %% [exercises] waits
def waits(log, warm_up):
    counted = [line for line in log if line["due"] >= warm_up
    return sorted(line["done"] - line["due"] for line in counted)
