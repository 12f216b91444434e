"""
student = "gao"
kind = "alternative"
what = "Sets of what was asked for in between, a context manager for who uses a model, stride scheduling."
"""
# %% [exercises] by_capacity
def by_capacity(requests, seconds, most, pinned):
    others = [name for name in requests if name not in pinned]
    before, distances = {}, []
    for now, name in enumerate(others):
        distances.append(len(set(others[before[name] : now])) if name in before else math.inf)
        before[name] = now
    misses, took = [], []
    for places in range(most + 1):
        left = places - len(pinned)
        missed = [name for name, distance in zip(others, distances) if distance > left]
        misses.append(len(missed) if left >= 0 else None)
        took.append(math.fsum(seconds[name] for name in missed) if left >= 0 else None)
    return {"misses": misses, "seconds": took, "first": len(before)}


# %% [exercises] Fleet
import contextlib


class Fleet:
    def __init__(self, load, sizes, budget, pinned):
        self.load, self.sizes, self.budget, self.pinned = load, sizes, budget, pinned
        self.there = {}  # name -> future of the model; a dict keeps the order in which its keys came
        self.busy = Counter()

    @contextlib.contextmanager
    def using(self, name):
        self.busy[name] += 1
        try:
            yield
        finally:
            self.busy[name] -= 1

    def taken(self, names):
        return sum(self.sizes[name] for name in names)

    def begin(self, name):
        stay = {n for n, future in self.there.items() if n in self.pinned or self.busy[n] > 0 or not future.done()}
        if self.taken(stay) + self.sizes[name] > self.budget:
            raise RuntimeError(f"{name} does not fit")
        go = [n for n in self.there if n not in stay]
        while self.taken(self.there) + self.sizes[name] > self.budget:
            self.there.pop(go.pop(0)).result().drop()
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.exception())
        self.there[name] = future

        def ended(task):
            if task.exception() is None:
                future.set_result(task.result())
            else:
                del self.there[name]
                future.set_exception(task.exception())

        asyncio.ensure_future(self.load(name)).add_done_callback(ended)

    async def ask(self, name, row):
        if name in self.there:
            self.there[name] = self.there.pop(name)  # now the last one
        else:
            self.begin(name)
        with self.using(name):
            future = self.there[name]
            while not future.done():
                await asyncio.wait([future])
            return await future.result().run(row)


# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights = weights
        self.queues = {name: deque() for name in weights}
        self.position = {name: 0.0 for name in weights}
        self.front = 0.0

    def put(self, tenant, request, cost):
        try:
            queue = self.queues[tenant]
        except KeyError:
            raise ValueError(f"{tenant} is no tenant of this device") from None
        if not queue:
            self.position[tenant] = max(self.position[tenant], self.front)
        queue.append((request, cost))

    def take(self):
        waiting = [name for name in self.queues if self.queues[name]]
        if waiting:
            name = min(waiting, key=self.position.get)
            self.front = self.position[name]
            request, cost = self.queues[name].popleft()
            self.position[name] += cost / self.weights[name]
            return name, request


# %% [exercises] capacity
def capacity(runs, promise):
    def broke(run):
        in_time = np.count_nonzero(run["latency"] <= promise["within"])
        failed = np.count_nonzero(np.isnan(run["latency"]))
        n = run["latency"].size
        return in_time < promise["share"] * n - 1e-9 or failed > promise["failed"] * n + 1e-9

    limit = min((run["offered"] for run in runs if broke(run)), default=math.inf)
    fine = [run for run in runs if run["offered"] < limit]
    best = max(fine, key=lambda run: run["offered"], default={"offered": 0.0, "seconds": 1.0, "latency": np.zeros(0)})
    answered = np.sum(~np.isnan(best["latency"])) / best["seconds"]
    mean = np.nanmean(best["latency"]) if answered else 0.0
    return {
        "offered": best["offered"],
        "answered": float(answered),
        "in_flight": float(answered * mean),
        "found": math.isfinite(limit),
    }


# %% [exercises] bill
from fractions import Fraction


def bill(plan, rates):
    one = Fraction(plan["capacity"]) * Fraction(plan["target"]) * (1 + Fraction(1, 10**9))
    counts = [max(math.ceil(Fraction(rate) / one), plan["least"]) for rate in rates]
    if not plan["by_hour"]:
        counts = len(counts) * [max(counts)]
    paid_hours, requests = sum(counts), 3600 * math.fsum(rates)
    cost = paid_hours * plan["per_hour"]
    try:
        used = requests / (3600 * paid_hours * plan["capacity"])
    except ZeroDivisionError:
        used = 0.0
    return {
        "instances": np.array(counts),
        "cost": cost,
        "per_month": cost / len(rates) * 730,
        "used": used,
        "per_thousand": cost / requests * 1000 if requests > 0 else None,
    }


# %% [exercises] cheapest
def cheapest(plans, rate, promise):
    refused, best = {}, (math.inf, math.inf, "")
    for plan in plans:
        known, carries = plan["p99"] is not None, plan["capacity"] > 0
        in_flight = rate * plan["latency"]
        number = promise["least"]
        if carries:
            number = max(number, -int(-rate // (plan["capacity"] * promise["target"])), -int(-in_flight // plan["places"]))
        why = [
            word
            for word, against in (
                ("unknown", not known),
                ("slow", known and plan["p99"] > promise["p99"]),
                ("memory", plan["models"] > plan["memory"]),
                ("capacity", not carries),
                ("quota", carries and number > (math.inf if plan["most"] is None else plan["most"])),
            )
            if against
        ]
        if why:
            refused[plan["name"]] = tuple(why)
        else:
            best = min(best, (number * plan["per_hour"], number, plan["name"]))
    cost, number, name = best
    if not name:
        return {"name": None, "instances": None, "per_month": None, "refused": refused}
    return {"name": name, "instances": number, "per_month": 730 * cost, "refused": refused}
