"""
student = "ines"
kind = "alternative"
what = "Thinks in events: a sweep over arrivals and departures, a worker that sleeps on an asyncio.Queue, a generator for the queue."
"""
# %% [exercises] weigh
def weigh(log, runs, begin, end):
    if end <= begin:
        raise ValueError(f"{begin} to {end} is no window")

    def area(starts, stops):
        """The integral over the window of how many of the intervals hold each moment."""
        steps = sorted([(min(max(t, begin), end), 1) for t in starts] + [(min(max(t, begin), end), -1) for t in stops])
        total, level, last = 0.0, 0, begin
        for moment, step in steps:
            total += level * (moment - last)
            level, last = level + step, moment
        return total + level * (end - last)

    arrived, left = log["arrived"], log["left"]
    inside = np.logical_and(left >= begin, left < end)
    came = np.count_nonzero((begin <= arrived) & (arrived < end)) / (end - begin)
    latency = np.nan if not inside.any() else (left[inside] - arrived[inside]).sum() / inside.sum()
    return {
        "arrival_rate": float(came),
        "throughput": float(np.count_nonzero(inside & (log["status"] == 200)) / (end - begin)),
        "in_system": float(area(arrived, np.nan_to_num(left, nan=end)) / (end - begin)),
        "latency": float(latency),
        "little": float(came * latency),
        "utilisation": float(area(runs[:, 0], runs[:, 1]) / (end - begin)),
    }


# %% [exercises] Scheduler
from itertools import accumulate, takewhile


class Scheduler:
    IDLE, BUSY = "idle", "busy"

    def __init__(self, largest, longest):
        self.largest, self.longest = largest, longest
        self.state, self.names, self.sizes, self.since = self.IDLE, [], [], []

    def arrive(self, now, caller, rows):
        if rows not in range(1, self.largest + 1):
            raise ValueError(f"{rows} rows")
        for column, value in ((self.names, caller), (self.sizes, rows), (self.since, now)):
            column.append(value)
        return self.tick(now)

    def done(self, now):
        self.state = self.IDLE
        return self.tick(now)

    def tick(self, now):
        if self.state == self.BUSY or not self.names:
            return []
        fits = list(takewhile(lambda total: total <= self.largest, accumulate(self.sizes)))
        partly = len(fits) == len(self.names) and fits[-1] < self.largest
        if partly and now < self.alarm():
            return []
        self.state = self.BUSY
        batch = self.names[: len(fits)]
        for column in (self.names, self.sizes, self.since):
            del column[: len(fits)]
        return batch

    def alarm(self):
        return self.since[0] + self.longest if self.since else None


# %% [exercises] Batcher
class Request:
    def __init__(self, rows):
        self.rows, self.answers, self.error = rows, [], None
        self.ready = asyncio.Event()


class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest = run, largest
        self.rows = asyncio.Queue()
        self.worker = asyncio.get_running_loop().create_task(self.work())

    async def ask(self, rows):
        request = Request(rows)
        for row in rows:
            self.rows.put_nowait((row, request))
        if rows:
            await request.ready.wait()
        if request.error:
            raise request.error
        return request.answers

    async def work(self):
        while True:
            batch = [await self.rows.get()]
            while len(batch) < self.largest and not self.rows.empty():
                batch.append(self.rows.get_nowait())
            try:
                answers = await self.run([row for row, _ in batch])
            except Exception as error:
                for _, request in batch:
                    request.error = error
                    request.ready.set()
                continue
            for (_, request), answer in zip(batch, answers):
                request.answers.append(answer)
                if len(request.answers) == len(request.rows):
                    request.ready.set()


# %% [exercises] Door
from dataclasses import dataclass
from typing import NamedTuple


class Waiting(NamedTuple):
    request: str
    client: str
    rows: int
    deadline: float


@dataclass
class Door:
    queue_rows: int
    client_rows: int
    ms_per_row: int

    def __post_init__(self):
        self.waiting: list[Waiting] = []
        self.free = float("-inf")

    def ahead(self, now):
        return max(0, self.free - now) + self.ms_per_row * sum(one.rows for one in self.waiting)

    def arrive(self, now, request, client, rows, deadline):
        new = Waiting(request, client, rows, math.inf if deadline is None else deadline)
        all_of_them = self.waiting + [new]
        checks = {
            413: rows > min(self.queue_rows, self.client_rows),
            429: sum(one.rows for one in all_of_them if one.client == client) > self.client_rows,
            503: sum(one.rows for one in all_of_them) > self.queue_rows
            or now + self.ahead(now) + rows * self.ms_per_row > new.deadline,
        }
        for status, holds in checks.items():
            if holds:
                wait = self.ahead(now)
                whole = int(wait // 1000) + (wait % 1000 > 0)
                return status, None if status == 413 else whole or 1
        self.waiting = all_of_them
        return None

    def take(self, now):
        in_time = [one for one in self.waiting if now + one.rows * self.ms_per_row <= one.deadline]
        if not in_time:
            late, self.waiting, self.free = self.waiting, [], float("-inf")
            return None, [one.request for one in late]
        at = self.waiting.index(in_time[0])
        late, self.waiting = self.waiting[:at], self.waiting[at + 1 :]
        self.free = now + in_time[0].rows * self.ms_per_row
        return in_time[0].request, [one.request for one in late]


# %% [exercises] choose
from itertools import groupby


def choose(table, goal):
    by_setting = sorted(table, key=lambda run: (run["setting"], run["offered"]))
    offers = []
    for name, runs in groupby(by_setting, key=lambda run: run["setting"]):
        runs = list(runs)
        if goal["for"] == "night":
            offers += [(-r["rows_per_cpu"], -r["rows"], name) for r in runs if r["rows"] >= goal["rows"] / goal["seconds"]]
            continue
        for run in runs:
            p99 = math.inf if run["p99"] is None else run["p99"]
            if p99 > goal["p99"] or run["failed"] > goal["failed"]:
                break
            if run["offered"] >= goal["offered"]:
                offers.append((-run["rows_per_cpu"], p99, name))
                break
    return min(offers)[2] if offers else None


# %% [exercises] fan_out
def fan_out(slow, budget):
    share = slow.mean()
    of_pages = lambda calls: 1 - (1 - share) ** calls  # noqa: E731
    if share > 0:
        low, high = 0, 1  # bisection: low is allowed, high is not
        while of_pages(high) <= budget + 1e-9:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if of_pages(middle) <= budget + 1e-9 else (low, middle)
    return {
        "calls": share,
        "pages": (slow.sum(axis=1) > 0).mean(),
        "independent": of_pages(slow.shape[1]),
        "most": low if share > 0 else None,
        "needed": -math.expm1(math.log1p(-budget) / slow.shape[1]),
    }
