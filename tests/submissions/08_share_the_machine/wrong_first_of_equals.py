"""
student = "liam"
kind = "wrong"
what = "Takes the first in the table of plans that cost the same."
[loses]
test_cheapest_choice = 2
"""
# %% [exercises] cheapest
def cheapest(plans, rate, promise):
    refused, fit = {}, []
    for plan in plans:
        reasons = []
        if plan["p99"] is None:
            reasons.append("unknown")
        elif plan["p99"] > promise["p99"]:
            reasons.append("slow")
        if plan["models"] > plan["memory"]:
            reasons.append("memory")
        if plan["capacity"] == 0:
            reasons.append("capacity")
        else:
            by_rate = rate / (plan["capacity"] * promise["target"])
            by_places = rate * plan["latency"] / plan["places"]
            instances = max(promise["least"], math.ceil(max(by_rate, by_places)))
            if plan["most"] is not None and instances > plan["most"]:
                reasons.append("quota")
        if reasons:
            refused[plan["name"]] = reasons
        else:
            fit.append((730 * instances * plan["per_hour"], instances, plan["name"]))
    month, instances, name = min(fit, key=lambda one: one[0], default=(None, None, None))
    return {"name": name, "instances": instances, "per_month": month, "refused": refused}
