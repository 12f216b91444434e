"""
student = "joaquin"
kind = "alternative"
what = "Functions that pass states on: state in tuples, the worker as a chain of callbacks, comprehensions all over."
"""
# %% [exercises] weigh
def within(first, last, begin, end):
    return np.maximum(np.minimum(last, end) - np.maximum(first, begin), 0).sum() / (end - begin)


def weigh(log, runs, begin, end):
    if begin >= end:
        raise ValueError("a window ends after it begins")
    frame = {name: np.asarray(column) for name, column in log.items()}
    per_second = lambda mask: mask.sum() / (end - begin)  # noqa: E731
    left = frame["left"]
    out = (left >= begin) * (left < end)
    stay = left[out] - frame["arrived"][out]
    result = {
        "arrival_rate": per_second((frame["arrived"] >= begin) * (frame["arrived"] < end)),
        "throughput": per_second(out * (frame["status"] == 200)),
        "in_system": within(frame["arrived"], np.where(left == left, left, end), begin, end),
        "latency": stay.mean() if len(stay) else math.nan,
        "utilisation": within(*np.asarray(runs).reshape(-1, 2).T, begin, end),
    }
    result["little"] = result["arrival_rate"] * result["latency"]
    return {key: float(value) for key, value in result.items()}


# %% [exercises] Scheduler
class Scheduler:
    def __init__(self, largest, longest):
        self.largest, self.longest = largest, longest
        self.waiting, self.busy, self.now = (), False, 0

    def split(self):
        count = max(k for k in range(len(self.waiting) + 1) if sum(r for _, r, _ in self.waiting[:k]) <= self.largest)
        return self.waiting[:count], self.waiting[count:]

    def due(self):
        head, rest = self.split()
        full = bool(rest) or sum(r for _, r, _ in head) == self.largest
        return bool(head) and not self.busy and (full or self.now - head[0][2] >= self.longest)

    def step(self, now):
        self.now = now
        if not self.due():
            return []
        head, self.waiting = self.split()
        self.busy = True
        return [caller for caller, _, _ in head]

    def arrive(self, now, caller, rows):
        if rows <= 0:
            raise ValueError("no rows")
        if rows > self.largest:
            raise ValueError("too many rows")
        self.waiting += ((caller, rows, now),)
        return self.step(now)

    def done(self, now):
        self.busy = False
        return self.step(now)

    tick = step

    def alarm(self):
        return next((since + self.longest for _, _, since in self.waiting), None)


# %% [exercises] Batcher
class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest, self.pending, self.busy = run, largest, [], False

    def ask(self, rows):  # no coroutine, and awaited all the same
        loop = asyncio.get_running_loop()
        places = [loop.create_future() for _ in rows]
        self.pending += zip(rows, places)
        loop.call_soon(self.start)
        return asyncio.gather(*places)

    def start(self):
        if self.busy or not self.pending:
            return
        self.busy = True
        batch, self.pending = self.pending[: self.largest], self.pending[self.largest :]
        job = asyncio.ensure_future(self.run([row for row, _ in batch]))
        job.add_done_callback(lambda done: self.finish(batch, done))

    def finish(self, batch, job):
        self.busy = False
        self.start()
        for position, (_, place) in enumerate(batch):
            if place.cancelled() or place.done():
                continue
            if job.exception() is not None:
                place.set_exception(job.exception())
            else:
                place.set_result(job.result()[position])


# %% [exercises] Door
class Door:

    def __init__(self, queue_rows, client_rows, ms_per_row):
        self.limits, self.ms_per_row = (queue_rows, client_rows), ms_per_row
        self.queue, self.free_at = [], 0

    def arrive(self, now, request, client, rows, deadline):
        waiting = sum(other[2] for other in self.queue)
        ahead = max(self.free_at - now, 0) + waiting * self.ms_per_row
        seconds = max(-(-ahead // 1000), 1)
        if rows > min(self.limits):
            return 413, None
        if rows + sum(other[2] for other in self.queue if other[1] == client) > self.limits[1]:
            return 429, seconds
        if rows + waiting > self.limits[0]:
            return 503, seconds
        if deadline is not None and now + ahead + rows * self.ms_per_row > deadline:
            return 503, seconds
        self.queue.append((request, client, rows, deadline))
        return None

    def take(self, now):
        late = [d is not None and now + r * self.ms_per_row > d for _, _, r, d in self.queue]
        first = late.index(False) if False in late else len(late)
        expired = [name for name, _, _, _ in self.queue[:first]]
        chosen, self.queue = self.queue[first : first + 1], self.queue[first + 1 :]
        self.free_at = now + sum(r for _, _, r, _ in chosen) * self.ms_per_row
        return (chosen[0][0] if chosen else None), expired
