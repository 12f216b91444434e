"""
student = "fadi"
kind = "wrong"
what = "Quotes the price of a thousand as if all that was paid for had been used."
[loses]
test_bill = 1
test_bill_hidden = 2
test_bill_edges = 1
"""
# %% [exercises] bill
def bill(plan, rates):
    wanted = np.asarray(rates) / (plan["capacity"] * plan["target"])
    instances = np.maximum(np.ceil(wanted * (1 - 1e-9)), plan["least"]).astype(np.int64)
    if not plan["by_hour"]:
        instances = np.full_like(instances, instances.max())
    cost, total = float(instances.sum() * plan["per_hour"]), float(np.sum(rates))
    return {
        "instances": instances,
        "cost": cost,
        "per_month": cost / len(instances) * 730,
        "used": total / (instances.sum() * plan["capacity"]) if instances.any() else 0.0,
        "per_thousand": plan["per_hour"] / (plan["capacity"] * 3600 / 1000),
    }
