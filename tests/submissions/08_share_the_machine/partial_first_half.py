"""
student = "gustavo"
kind = "partial"
base = "blank"
what = "Solves exercises 1, 4 and 5, begins 3, and leaves the others and the quiz as they came."
[loses]
test_Fleet = 1
test_Fleet_memory = 2
test_Fleet_once = 1
test_Fleet_drops = 1
test_Fleet_failures = 1
test_FairQueue = 1
test_FairQueue_shares = 2
test_FairQueue_pauses = 1
test_FairQueue_neighbour = 1
test_cheapest = 1
test_cheapest_choice = 2
test_cheapest_reasons = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [exercises] by_capacity
def by_capacity(requests, seconds, most, pinned):
    stack, times, loading = [], np.zeros(most + 2, dtype=np.int64), np.zeros(most + 2)
    others = [name for name in requests if name not in pinned]
    for name in others:  # by stack distance; the last entry is for those that miss with any number of places
        distance = most + 1
        if name in stack:
            distance = min(distance, len(stack) - stack.index(name))
            stack.remove(name)
        stack.append(name)
        times[distance] += 1
        loading[distance] += seconds[name]

    def beyond(counts):
        above = (counts.sum() - counts.cumsum()).tolist()
        return [above[p - len(pinned)] if p >= len(pinned) else None for p in range(most + 1)]

    return {"misses": beyond(times), "seconds": beyond(loading), "first": len(set(others))}


# %% [exercises] capacity
def capacity(runs, promise):
    best, found = None, False
    for run in sorted(runs, key=lambda run: run["offered"]):
        latency = run["latency"]
        in_time = np.mean(latency <= promise["within"])  # NaN is not
        if in_time < promise["share"] or np.mean(np.isnan(latency)) > promise["failed"]:
            found = True
            break
        best = run
    if best is None:
        return {"offered": 0.0, "answered": 0.0, "in_flight": 0.0, "found": found}
    latency = best["latency"][~np.isnan(best["latency"])]
    return {
        "offered": best["offered"],
        "answered": len(latency) / best["seconds"],
        "in_flight": float(latency.sum()) / best["seconds"],  # (n / T) x (sum / n)
        "found": found,
    }


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
        "per_thousand": cost / (total * 3600 / 1000) if total else None,
    }


# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights = weights
        self.waiting = {tenant: deque() for tenant in weights}

    def put(self, tenant, request, cost):
        self.waiting[tenant].append(request)

    def take(self):
        raise NotImplementedError()
