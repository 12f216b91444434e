"""
student = "dov"
kind = "alternative"
what = "Starts all tasks at once, each of which sleeps until its turn; thins a quick Poisson process; buckets by the parts of a float, as HDR histograms do."
"""

# %% [exercises] arrivals
import random as chances


def arrivals(stages, kind, seed):
    def even():
        begin = 0.0
        for minutes, rate in stages:
            i = 0
            while rate and i / rate < minutes - 1e-12:
                yield begin + i / rate * 60
                i += 1
            begin += minutes * 60

    def poisson():
        chance = chances.Random(seed)
        quickest = max((rate for _, rate in stages), default=0)
        time, begin = 0.0, 0.0
        if not quickest:
            return
        time = chance.expovariate(quickest / 60)
        for minutes, rate in stages:
            begin += minutes * 60
            while time < begin:
                if chance.random() * quickest < rate:
                    yield time
                time += chance.expovariate(quickest / 60)

    if kind == "even":
        return list(even())
    if kind == "poisson":
        return list(poisson())
    raise ValueError(kind)


# %% [exercises] open_loop
async def open_loop(send, schedule, timeout):
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def attempt(i):
        try:
            answer = await send(i)
        except Exception:
            return "error"
        return {200: "ok"}.get(answer, f"status {answer}")

    async def user(i, due):
        await asyncio.sleep(start + due - loop.time() - 0.0005)
        while loop.time() < start + due:  # the last half millisecond awake, since alarms are late
            await asyncio.sleep(0)
        sent = loop.time()
        try:
            patience = start + due + timeout - sent
            outcome = await asyncio.wait_for(attempt(i), patience)
        except asyncio.TimeoutError:  # not one of `send`, which `attempt` would have caught
            outcome = "timeout"
        return {"due": due, "sent": sent - start, "done": loop.time() - start, "outcome": outcome}

    async with asyncio.TaskGroup() as group:
        users = [group.create_task(user(i, due)) for i, due in enumerate(schedule)]
    return [each.result() for each in users]


# %% [exercises] waits
def waits(log, warm_up):
    if not log:
        return []
    due, done = (np.array([line[name] for line in log]) for name in ("due", "done"))
    outcome = np.array([line["outcome"] for line in log])
    took = np.where(outcome == "timeout", np.inf, done - due)
    return np.sort(took[(due >= warm_up) & np.isin(outcome, ["ok", "timeout"])]).tolist()


# %% [exercises] Histogram
class Histogram:
    STEPS = 64  # in each doubling: 1/64 of the lower edge is 1.6 %

    def __init__(self):
        self.counts = {}

    def place(self, value):
        mantissa, exponent = math.frexp(value)  # value = mantissa * 2 ** exponent, mantissa from 1/2 to 1
        return exponent, int((2 * mantissa - 1) * self.STEPS)

    def edge(self, exponent, step):
        return math.ldexp(0.5 + step / (2 * self.STEPS), exponent)

    def add(self, values):
        for value in values:
            key = (10**6, 0) if math.isinf(value) else self.place(value)
            self.counts[key] = self.counts.get(key, 0) + 1

    def merge(self, other):
        both = {**self.counts}
        for key in other.counts:
            both[key] = both.get(key, 0) + other.counts[key]
        self.counts = both

    def percentile(self, q):
        n = sum(self.counts.values())
        beyond = math.floor(n * (100 - q) / 100 + 1e-9)
        if beyond < 10:
            raise ValueError(f"only {n} values")
        seen = 0
        for low, high, count in reversed(self.buckets()):
            seen += count
            if seen > beyond:
                return low if math.isinf(low) else (low + high) / 2

    def buckets(self):
        found = []
        for key in sorted(self.counts):
            infinite = key[0] == 10**6
            low = math.inf if infinite else self.edge(*key)
            high = math.inf if infinite else self.edge(key[0], key[1] + 1)
            found.append((low, high, self.counts[key]))
        return found


# %% [exercises] report
from bisect import bisect_left


def report(log, seconds, warm_up, deadline):
    log = sorted(log, key=lambda line: line["due"])
    log = log[bisect_left(log, warm_up, key=lambda line: line["due"]) :]
    if len(log) == 0:
        raise ValueError("no request after the warm-up")

    def rate(lines):
        return len(list(lines)) / (seconds - warm_up)

    good = [line for line in log if line["outcome"] == "ok"]
    bad = [line["outcome"] for line in log if line["outcome"] != "ok"]
    late = [line for line in log if line["sent"] - line["due"] > 0.01]
    return dict(
        offered=rate(log),
        throughput=rate(good),
        goodput=rate(line for line in good if line["done"] - line["due"] <= deadline),
        failed={why: bad.count(why) for why in sorted(set(bad))},
        void=f"{len(late)} were late" if 100 * len(late) > len(log) else None,
    )
