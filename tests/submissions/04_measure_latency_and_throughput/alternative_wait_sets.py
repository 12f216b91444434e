"""
student = "elif"
kind = "alternative"
what = "Keeps a set of tasks and asyncio.wait; a generator of arrivals with a random stream for each stage; a histogram of Decimal exponents."
"""


# %% [exercises] arrivals
def gaps(kind, rate, seed):
    if kind == "even":
        yield 0.0
        while True:
            yield 60 / rate
    stream = np.random.Generator(np.random.Philox(seed))
    while True:
        yield -60 / rate * math.log(1 - stream.random())


def arrivals(stages, kind, seed):
    if kind != "even" and kind != "poisson":
        raise ValueError("even or poisson")
    due, begin = [], 0.0
    for number, (minutes, rate) in enumerate(stages):
        since = 0.0
        if rate > 0:
            for gap in gaps(kind, rate, 1000 * seed + number):
                since += gap
                if since > 60 * minutes - 1e-9:
                    break
                due.append(begin + since)
        begin += 60 * minutes
    return due


# %% [exercises] open_loop
async def open_loop(send, schedule, timeout):
    loop, under_way, log = asyncio.get_event_loop(), {}, {}
    zero, i = loop.time(), 0

    def settle(task):
        number, sent = under_way.pop(task)
        if task.cancelled() or loop.time() - zero > schedule[number] + timeout + 0.001:
            outcome = "timeout"
        elif task.exception():
            outcome = "error"
        else:
            outcome = "ok" if task.result() == 200 else "status " + str(task.result())
        log[number] = {"due": schedule[number], "sent": sent, "done": loop.time() - zero, "outcome": outcome}

    while i < len(schedule) or under_way:
        now = loop.time() - zero
        if i < len(schedule) and schedule[i] <= now:
            if schedule[i] + timeout <= now:
                log[i] = {"due": schedule[i], "sent": now, "done": now, "outcome": "timeout"}
            else:
                under_way[asyncio.create_task(send(i))] = i, now
                await asyncio.sleep(0)  # lets it start
            i += 1
            now = loop.time() - zero
        for task, (number, _) in list(under_way.items()):
            if not task.done() and schedule[number] + timeout <= now:
                task.cancel()
        for task in [task for task in under_way if task.done()]:
            settle(task)
        if not under_way and i == len(schedule):
            break
        next_due = schedule[i] if i < len(schedule) else math.inf
        next_end = min((schedule[number] + timeout for number, _ in under_way.values()), default=math.inf)
        pause = max(0.0, min(next_due, next_end) - (loop.time() - zero))
        if under_way:
            await asyncio.wait(under_way, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(pause)
    return [log[number] for number in range(len(schedule))]


# %% [exercises] waits
def waits(log, warm_up):
    answered, gone = [], 0
    for line in log:
        if line["due"] < warm_up:
            continue
        match line["outcome"]:
            case "ok":
                answered.append(line["done"] - line["due"])
            case "timeout":
                gone += 1
    return [*sorted(answered), *[math.inf] * gone]


# %% [exercises] Histogram
from collections import Counter


class Histogram:
    def __init__(self):
        self.finite, self.infinite = Counter(), 0

    def add(self, values):
        for value in values:
            if value == math.inf:
                self.infinite += 1
            else:
                self.finite[math.floor(119 * math.log10(value))] += 1  # 10 ** (1 / 119) is 1.0195

    def merge(self, other):
        self.finite = self.finite + other.finite
        self.infinite = self.infinite + other.infinite

    def percentile(self, q):
        from fractions import Fraction

        everything = sorted(self.finite.items()) + [(None, self.infinite)]
        n = sum(count for _, count in everything)
        rank = max(1, math.ceil(Fraction(str(q)) / 100 * n))
        if rank > n - 10:
            raise ValueError(f"There are {n} values, of which {max(0, n - rank)} lie beyond p{q}: too few.")
        for bucket, count in everything:
            rank -= count
            if rank <= 0:
                return math.inf if bucket is None else 10 ** ((bucket + 0.5) / 119)

    def buckets(self):
        found = [
            (10 ** (bucket / 119), 10 ** ((bucket + 1) / 119), self.finite[bucket]) for bucket in sorted(self.finite)
        ]
        return found + [(math.inf, math.inf, self.infinite)] if self.infinite else found


# %% [exercises] report
def report(log, seconds, warm_up, deadline):
    after = list(filter(lambda line: line["due"] >= warm_up, log))
    assert_any = len(after)
    if not assert_any:
        raise ValueError("The warm-up is all there is.")
    ok = np.array([line["outcome"] == "ok" for line in after])
    took = np.array([line["done"] - line["due"] for line in after])
    late = np.array([line["sent"] - line["due"] for line in after]) > 0.01
    failed = {}
    for line, well in zip(after, ok):
        if not well:
            failed.setdefault(line["outcome"], []).append(line)
    per_second = 1 / (seconds - warm_up)
    return {
        "offered": len(after) * per_second,
        "throughput": float(ok.sum()) * per_second,
        "goodput": float((ok & (took <= deadline)).sum()) * per_second,
        "failed": {why: len(lines) for why, lines in failed.items()},
        "void": f"{late.mean():.1%} of the requests left late." if late.mean() > 0.01 else None,
    }
