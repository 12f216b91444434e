"""
student = "carla"
kind = "alternative"
what = "Sets alarms with loop.call_at and collects futures; draws a Poisson process as a number and sorted uniforms; keeps exact counts in a table of edges."
"""


# %% [exercises] arrivals
def arrivals(stages, kind, seed):
    if kind not in {"even", "poisson"}:
        raise ValueError(f"no such kind: {kind}")
    chance = np.random.default_rng([seed, 17])
    edges = np.concatenate([[0.0], np.cumsum([60.0 * minutes for minutes, _ in stages])])
    parts = []
    for (minutes, rate), begin, end in zip(stages, edges, edges[1:]):
        if kind == "poisson":  # given how many there are, they lie anywhere
            parts.append(np.sort(chance.uniform(begin, end, chance.poisson(rate * minutes))))
        elif rate:
            parts.append(begin + np.arange(int(np.ceil(rate * minutes - 1e-9))) * (60.0 / rate))
    return np.concatenate(parts).tolist() if parts else []


# %% [exercises] open_loop
def open_loop(send, schedule, timeout):
    return Generator(send, schedule, timeout).run()


class Generator:
    def __init__(self, send, schedule, timeout):
        self.send, self.schedule, self.timeout = send, schedule, timeout
        self.loop = asyncio.get_running_loop()
        self.start = self.loop.time()
        self.lines = [None] * len(schedule)
        self.left = len(schedule)
        self.end = self.loop.create_future()
        self.tasks = set()

    async def run(self):
        for i, due in enumerate(self.schedule):
            self.loop.call_at(self.start + due, self.begin, i)
        if self.left:
            await self.end
        return self.lines

    def begin(self, i):
        sent = self.loop.time() - self.start
        if sent >= self.schedule[i] + self.timeout:
            self.finish(i, sent, "timeout")
            return
        task = self.loop.create_task(self.send(i))
        self.tasks.add(task)
        alarm = self.loop.call_at(self.start + self.schedule[i] + self.timeout, task.cancel)
        task.add_done_callback(lambda task: self.over(i, sent, task, alarm))

    def over(self, i, sent, task, alarm):
        alarm.cancel()
        self.tasks.discard(task)
        if task.cancelled():
            self.finish(i, sent, "timeout")
        elif task.exception() is not None:
            self.finish(i, sent, "error")
        else:
            self.finish(i, sent, "ok" if task.result() == 200 else "status %d" % task.result())

    def finish(self, i, sent, outcome):
        done = self.loop.time() - self.start
        self.lines[i] = dict(due=self.schedule[i], sent=sent, done=done, outcome=outcome)
        self.left -= 1
        if not self.left:
            self.end.set_result(None)


# %% [exercises] waits
def waits(log, warm_up):
    lasting = {"ok": lambda line: line["done"] - line["due"], "timeout": lambda line: float("inf")}
    found = []
    for line in log:
        how_long = lasting.get(line["outcome"])
        if how_long and not line["due"] < warm_up:
            found.append(how_long(line))
    found.sort()
    return found


# %% [exercises] Histogram
class Histogram:
    EDGES = 1e-6 * 1.019 ** np.arange(1300)

    def __init__(self):
        self.table = np.zeros(len(self.EDGES), dtype=int)
        self.endless = 0

    def add(self, values):
        values = np.asarray(values, dtype=float)
        self.endless += int(np.isinf(values).sum())
        places = np.searchsorted(self.EDGES, values[np.isfinite(values)], side="right") - 1
        np.add.at(self.table, np.maximum(places, 0), 1)

    def merge(self, other):
        self.table = self.table + other.table
        self.endless += other.endless

    def percentile(self, q):
        n = int(self.table.sum()) + self.endless
        k = next((k for k in range(max(1, int(n * q / 100) - 1), n + 1) if 100 * k >= q * n - 1e-7), 0)
        if n - k < 10:
            raise ValueError(f"p{q} needs more than {n} values")
        below = np.cumsum(self.table)
        place = int(np.searchsorted(below, k))
        return float("inf") if place == len(below) else float(self.EDGES[place] * 1.0094)

    def buckets(self):
        found = [
            (float(self.EDGES[i]), float(self.EDGES[i] * 1.019), int(self.table[i])) for i in np.flatnonzero(self.table)
        ]
        if self.endless:
            found.append((float("inf"), float("inf"), self.endless))
        return found


# %% [exercises] report
from collections import Counter


def report(log, seconds, warm_up, deadline):
    outcomes, in_time, late = Counter(), 0, 0
    for line in log:
        if line["due"] < warm_up:
            continue
        outcomes[line["outcome"]] += 1
        late += line["sent"] > line["due"] + 0.01
        in_time += line["outcome"] == "ok" and line["done"] - line["due"] <= deadline
    n = outcomes.total()
    if n == 0:
        raise ValueError("nothing was measured")
    ok = outcomes.pop("ok", 0)
    return {
        "void": "the client was late" if late / n > 0.01 else None,
        "failed": dict(outcomes),
        "goodput": in_time / (seconds - warm_up),
        "throughput": ok / (seconds - warm_up),
        "offered": n / (seconds - warm_up),
    }
