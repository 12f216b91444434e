"""
student = "freya"
kind = "alternative"
what = "Distances from a sorted list of last requests, events for those who wait, finish times in a heap."
"""
# %% [exercises] by_capacity
from bisect import bisect_left, insort


def by_capacity(requests, seconds, most, pinned):
    last, moments, hits, saved, first, total = {}, [], Counter(), Counter(), 0, 0.0
    for moment, name in enumerate(requests):
        if name in pinned:
            continue
        total += seconds[name]
        if name in last:
            where = bisect_left(moments, last[name])
            hits[len(moments) - where] += 1
            saved[len(moments) - where] += seconds[name]
            del moments[where]
        else:
            first += 1
        last[name] = moment
        insort(moments, moment)
    asked = sum(name not in pinned for name in requests)
    misses, took = [None] * min(len(pinned), most + 1), [None] * min(len(pinned), most + 1)
    for places in range(most + 1 - len(misses)):
        asked -= hits[places]
        total -= saved[places]
        misses.append(asked)
        took.append(abs(total))
    return {"misses": misses, "seconds": took, "first": first}


# %% [exercises] Fleet
class Fleet:
    def __init__(self, load, sizes, budget, pinned):
        self.load, self.sizes, self.budget, self.pinned = load, sizes, budget, pinned
        self.taken, self.order = 0, []
        self.ready, self.events, self.errors, self.inside = {}, {}, {}, {}
        self.background = []

    async def _bring(self, name, event):
        try:
            self.ready[name] = await self.load(name)
        except OSError as error:
            self.taken -= self.sizes[name]
            self.errors[event] = error
        del self.events[name]
        event.set()

    def _candidates(self):
        return [n for n in self.order if n in self.ready and n not in self.pinned and not self.inside.get(n)]

    async def ask(self, name, row):
        if name not in self.ready and name not in self.events:
            need = self.taken + self.sizes[name] - self.budget
            goners = []
            for other in self._candidates():
                if need > 0:
                    goners.append(other)
                    need -= self.sizes[other]
            if need > 0:
                raise RuntimeError("full")
            for other in goners:
                self.ready.pop(other).drop()
                self.taken -= self.sizes[other]
                self.order.remove(other)
            self.taken += self.sizes[name]
            self.events[name] = asyncio.Event()
            self.background.append(asyncio.create_task(self._bring(name, self.events[name])))
        if name in self.order:
            self.order.remove(name)
        self.order.append(name)
        self.inside.setdefault(name, set()).add(token := object())
        try:
            if name not in self.ready:
                event = self.events[name]
                await event.wait()
                if event in self.errors:
                    raise self.errors[event]
            return await self.ready[name].run(row)
        finally:
            self.inside[name].discard(token)


# %% [exercises] FairQueue
import heapq
import itertools


class FairQueue:
    def __init__(self, weights):
        self.weights, self.heap, self.number = weights, [], itertools.count()
        self.clock, self.ends = 0.0, {}

    def put(self, tenant, request, cost):
        if self.weights.get(tenant) is None:
            raise ValueError(tenant)
        end = max(self.clock, self.ends.get(tenant, 0.0)) + cost / self.weights[tenant]
        self.ends[tenant] = end
        heapq.heappush(self.heap, (end, next(self.number), tenant, request))

    def take(self):
        if not self.heap:
            self.clock, self.ends = 0.0, {}
            return None
        self.clock, _, tenant, request = heapq.heappop(self.heap)
        return [tenant, request]


# %% [exercises] capacity
def capacity(runs, promise):
    rows = []
    for run in runs:
        waited = np.nan_to_num(run["latency"], nan=np.inf)
        kept = (waited <= promise["within"]).mean() >= promise["share"] and np.isinf(waited).mean() <= promise["failed"]
        rows.append((run["offered"], bool(kept), int(np.isfinite(waited).sum()), waited[np.isfinite(waited)].sum(), run["seconds"]))
    rows.sort()
    broken = [row[0] for row in rows if not row[1]]
    rows = [row for row in rows if not broken or row[0] < broken[0]]
    if not rows:
        return {"offered": 0.0, "answered": 0.0, "in_flight": 0.0, "found": bool(broken)}
    offered, _, answered, waited, seconds = rows[-1]
    return {"offered": offered, "answered": answered / seconds, "in_flight": waited / seconds, "found": bool(broken)}


# %% [exercises] bill
def bill(plan, rates):
    number = rates / plan["capacity"] / plan["target"]
    near = np.round(number)
    instances = np.where(np.abs(number - near) <= 1e-9 * np.maximum(near, 1e-3), near, np.ceil(number))
    instances = np.maximum(instances.astype(int), plan["least"])
    if not plan["by_hour"]:
        instances[:] = max(instances)
    cost = plan["per_hour"] * instances.sum()
    served = (rates * 3600).sum()
    return {
        "instances": instances.tolist(),
        "cost": float(cost),
        "per_month": float(730 * cost / instances.size),
        "used": float(served / 3600 / instances.sum() / plan["capacity"]) if instances.sum() > 0 else 0.0,
        "per_thousand": None if served == 0 else float(1000 * cost / served),
    }


# %% [exercises] cheapest
def cheapest(plans, rate, promise):
    def need(plan):
        if plan["capacity"] == 0:
            return math.inf
        return max(
            promise["least"],
            math.ceil(rate / promise["target"] / plan["capacity"]),
            math.ceil(rate * plan["latency"] / plan["places"]),
        )

    tests = {
        "unknown": lambda plan: plan["p99"] is None,
        "slow": lambda plan: plan["p99"] is not None and plan["p99"] > promise["p99"],
        "memory": lambda plan: plan["models"] > plan["memory"],
        "capacity": lambda plan: plan["capacity"] == 0,
        "quota": lambda plan: plan["capacity"] > 0 and plan["most"] is not None and need(plan) > plan["most"],
    }
    reasons = {plan["name"]: [word for word, test in tests.items() if test(plan)] for plan in plans}
    good = [plan for plan in plans if not reasons[plan["name"]]]
    good.sort(key=lambda plan: plan["name"])
    good.sort(key=need)
    good.sort(key=lambda plan: need(plan) * plan["per_hour"])
    refused = {name: why for name, why in reasons.items() if why}
    if not good:
        return dict(name=None, instances=None, per_month=None, refused=refused)
    count = need(good[0])
    return dict(name=good[0]["name"], instances=count, per_month=count * 730 * good[0]["per_hour"], refused=refused)
