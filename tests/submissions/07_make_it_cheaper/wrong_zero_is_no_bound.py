"""
student = "ylva"
kind = "wrong"
what = "Takes a bound of 0 for no bound."
[loses]
test_choose = 1
test_choose_edges = 1
"""
# %% [exercises] choose
def choose(reports, gates, request, noise, now):
    cost = {name: request["path_us"] / request["rows"] + readings["us"] for name, readings in reports.items()}

    def inside(readings, gate):
        if not gate.get("at_most") and not gate.get("at_least"):
            return True
        value = readings.get(gate["what"], math.nan)
        start = reports[gate["of"]].get(gate["what"], math.nan) if "of" in gate else 0
        if "at_most" in gate:
            return value <= start + gate["at_most"]
        return value >= start + gate["at_least"]

    refused = {}
    for name, readings in reports.items():
        if missed := [gate["what"] for gate in gates if not inside(readings, gate)]:
            refused[name] = missed
    left = sorted(reports.keys() - refused.keys())
    if not left:
        return {"cost": cost, "refused": refused, "chosen": None, "saving": 0.0}
    least = min(cost[name] for name in left)
    alike = [name for name in left if cost[name] <= least * (1 + noise)]
    chosen = min(alike, key=lambda name: (reports[name]["change"], cost[name]))
    return {"cost": cost, "refused": refused, "chosen": chosen, "saving": 1 - cost[chosen] / cost[now]}
