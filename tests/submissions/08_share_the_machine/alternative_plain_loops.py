"""
student = "emre"
kind = "alternative"
what = "Plain Python: plays the day once for each number of places, deficit round robin, instances counted up one by one."
"""
# %% [exercises] by_capacity
def by_capacity(requests, seconds, most, pinned):
    misses, took = [], []
    for places in range(most + 1):
        left = places - len(pinned)
        if left < 0:
            misses.append(None)
            took.append(None)
            continue
        loaded, count, total = [], 0, 0.0
        for name in requests:
            if name in pinned:
                continue
            if name in loaded:
                loaded.remove(name)
            else:
                count += 1
                total += seconds[name]
            loaded.append(name)
            if len(loaded) > left:
                loaded.pop(0)
        misses.append(count)
        took.append(total)
    return {"misses": misses, "seconds": took, "first": len({name for name in requests if name not in pinned})}


# %% [exercises] Fleet
class Place:
    def __init__(self):
        self.model, self.waiting, self.users, self.asked = None, [], 0, 0


class Fleet:
    def __init__(self, load, sizes, budget, pinned):
        self.load, self.sizes, self.budget, self.pinned = load, sizes, budget, pinned
        self.places, self.count, self.tasks = {}, 0, set()

    async def ask(self, name, row):
        if name not in self.places:
            self.make_room(name)
            self.places[name] = Place()
            task = asyncio.get_running_loop().create_task(self.bring(name, self.places[name]))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        place = self.places[name]
        self.count += 1
        place.asked = self.count
        place.users += 1
        try:
            if place.model is None:
                turn = asyncio.get_running_loop().create_future()
                place.waiting.append(turn)
                await turn
            return await place.model.run(row)
        finally:
            place.users -= 1

    async def bring(self, name, place):
        problem = None
        try:
            place.model = await self.load(name)
        except Exception as error:
            problem = error
            del self.places[name]
        for turn in place.waiting:
            if not turn.done():
                if problem is None:
                    turn.set_result(None)
                else:
                    turn.set_exception(problem)

    def make_room(self, name):
        def used(names):
            return sum(self.sizes[one] for one in names)

        keep = [n for n, p in self.places.items() if n in self.pinned or p.users or p.model is None]
        if used(keep) + self.sizes[name] > self.budget:
            raise RuntimeError("no room for " + name)
        others = sorted((p.asked, n) for n, p in self.places.items() if n not in keep)
        while used(self.places) + self.sizes[name] > self.budget:
            gone = others.pop(0)[1]
            self.places.pop(gone).model.drop()


# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights = dict(weights)
        self.lines = {tenant: [] for tenant in weights}
        self.round, self.left = [], dict.fromkeys(weights, 0.0)  # whose turn it is stands first
        self.largest, self.fresh = 0.0, True

    def put(self, tenant, request, cost):
        if tenant not in self.lines:
            raise ValueError(f"no tenant {tenant}")
        self.largest = max(self.largest, cost)
        if not self.lines[tenant]:
            self.round.append(tenant)
            self.left[tenant] = 0.0
            if len(self.round) == 1:
                self.fresh = True
        self.lines[tenant].append((request, cost))

    def take(self):
        if not self.round:
            return None
        while True:
            tenant = self.round[0]
            if self.fresh:
                self.left[tenant] += self.largest / min(self.weights.values()) * self.weights[tenant]
                self.fresh = False
            request, cost = self.lines[tenant][0]
            if cost <= self.left[tenant]:
                self.left[tenant] -= cost
                del self.lines[tenant][0]
                if not self.lines[tenant]:
                    self.round.pop(0)
                    self.fresh = True
                return tenant, request
            self.round.append(self.round.pop(0))
            self.fresh = True


# %% [exercises] capacity
def capacity(runs, promise):
    answer = {"offered": 0.0, "answered": 0.0, "in_flight": 0.0, "found": False}
    for offered in sorted(run["offered"] for run in runs):
        for run in runs:
            if run["offered"] == offered:
                break
        sent = good = failed = 0
        waited = 0.0
        for latency in run["latency"].tolist():
            sent += 1
            if latency != latency:
                failed += 1
                continue
            waited += latency
            if latency <= promise["within"]:
                good += 1
        if good / sent < promise["share"] or failed / sent > promise["failed"]:
            answer["found"] = True
            return answer
        rate = (sent - failed) / run["seconds"]
        mean = waited / (sent - failed)
        answer.update(offered=offered, answered=rate, in_flight=rate * mean)
    return answer


# %% [exercises] bill
def bill(plan, rates):
    def enough(rate):
        number = plan["least"]
        while rate * (1 - 1e-9) > number * plan["capacity"] * plan["target"]:
            number += 1
        return number

    rates = rates.tolist()
    instances = [enough(rate) for rate in rates]
    if not plan["by_hour"]:
        instances = [max(instances) for _ in rates]
    cost = sum(plan["per_hour"] * number for number in instances)
    thousands = sum(rate * 3600 for rate in rates) / 1000
    room = sum(plan["capacity"] * number for number in instances)
    return {
        "instances": instances,
        "cost": cost,
        "per_month": cost * (730 / len(rates)),
        "used": sum(rates) / room if room else 0.0,
        "per_thousand": cost / thousands if thousands else None,
    }


# %% [exercises] cheapest
def cheapest(plans, rate, promise):
    best, refused = None, {}
    for plan in sorted(plans, key=lambda plan: plan["name"]):
        against = []
        if plan["p99"] is None:
            against += ["unknown"]
        if plan["p99"] is not None and plan["p99"] > promise["p99"]:
            against += ["slow"]
        if plan["memory"] < plan["models"]:
            against += ["memory"]
        number = promise["least"]
        if plan["capacity"] <= 0:
            against += ["capacity"]
        else:
            while number * plan["capacity"] * promise["target"] < rate:
                number += 1
            while number * plan["places"] < rate * plan["latency"]:
                number += 1
            if plan["most"] is not None and number > plan["most"]:
                against += ["quota"]
        if against:
            refused[plan["name"]] = against
            continue
        cost = number * plan["per_hour"] * 730
        if best is None or cost < best["per_month"] or (cost == best["per_month"] and number < best["instances"]):
            best = {"name": plan["name"], "instances": number, "per_month": cost}
    return (best or {"name": None, "instances": None, "per_month": None}) | {"refused": refused}
