"""
student = "hamza"
kind = "alternative"
what = "Plain Python throughout: loops and sums in place of arrays, lists in place of deques, a lock for the model."
"""
# %% [exercises] weigh
def weigh(log, runs, begin, end):
    if not begin < end:
        raise ValueError("empty window")
    span = end - begin
    came = answered = 0
    stays, presence = [], 0.0
    for arrived, left, status in zip(log["arrived"].tolist(), log["left"].tolist(), log["status"].tolist()):
        there_until = end if left != left else left
        presence += max(0.0, min(there_until, end) - max(arrived, begin))
        if begin <= arrived < end:
            came += 1
        if begin <= left < end:  # never true of NaN
            stays.append(left - arrived)
            answered += status == 200
    busy = sum(max(0.0, min(stop, end) - max(start, begin)) for start, stop in runs.tolist())
    mean = sum(stays) / len(stays) if stays else float("nan")
    return dict(
        arrival_rate=came / span,
        throughput=answered / span,
        in_system=presence / span,
        latency=mean,
        little=came / span * mean,
        utilisation=busy / span,
    )


# %% [exercises] Scheduler
class Scheduler:
    def __init__(self, largest, longest):
        self.largest, self.longest, self.queue, self.running = largest, longest, [], False

    def arrive(self, now, caller, rows):
        if rows < 1 or rows > self.largest:
            raise ValueError("rows")
        self.queue.append((now, caller, rows))
        return self.tick(now)

    def done(self, now):
        self.running = False
        return self.tick(now)

    def tick(self, now):
        batch, room = [], self.largest
        for _, caller, rows in self.queue:
            if rows > room:
                room = 0
                break
            room -= rows
            batch.append(caller)
        if self.running or not batch or (room and now - self.queue[0][0] < self.longest):
            return []
        self.running, self.queue = True, self.queue[len(batch) :]
        return batch

    def alarm(self):
        return None if not self.queue else self.queue[0][0] + self.longest


# %% [exercises] Batcher
class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest = run, largest
        self.waiting, self.model = [], asyncio.Lock()

    async def ask(self, rows):
        mine = [{"row": row} for row in rows]
        self.waiting += mine
        while any("answer" not in slot and "error" not in slot for slot in mine):
            async with self.model:  # whoever gets in runs for all that wait, its own rows or not
                if all("answer" in slot or "error" in slot for slot in mine):
                    break
                batch, self.waiting = self.waiting[: self.largest], self.waiting[self.largest :]
                job = asyncio.ensure_future(self.run([slot["row"] for slot in batch]))
                left = None
                while not job.done():
                    try:
                        await asyncio.wait([job])
                    except asyncio.CancelledError as error:  # our caller leaves; the others' run goes on
                        left = error
                if job.exception():
                    for slot in batch:
                        slot["error"] = job.exception()
                else:
                    for slot, answer in zip(batch, job.result()):
                        slot["answer"] = answer
                if left:
                    raise left
        for slot in mine:
            if "error" in slot:
                raise slot["error"]
        return [slot["answer"] for slot in mine]


# %% [exercises] Door
class Door:
    def __init__(self, queue_rows, client_rows, ms_per_row):
        self.most, self.share, self.pace = queue_rows, client_rows, ms_per_row
        self.line, self.of_client, self.rows, self.busy_until = [], {}, 0, None

    def arrive(self, now, request, client, rows, deadline):
        rest = 0 if self.busy_until is None else max(0, self.busy_until - now)
        work = rest + self.rows * self.pace
        back = max(1, math.ceil(work / 1000))
        if rows > self.most or rows > self.share:
            return (413, None)
        if self.of_client.get(client, 0) + rows > self.share:
            return (429, back)
        late = deadline is not None and deadline < now + work + rows * self.pace
        if late or self.rows + rows > self.most:
            return (503, back)
        self.line.append(dict(request=request, client=client, rows=rows, deadline=deadline))
        self.rows += rows
        self.of_client[client] = self.of_client.get(client, 0) + rows

    def take(self, now):
        late = []
        self.busy_until = None
        while self.line:
            first = self.line.pop(0)
            self.rows -= first["rows"]
            self.of_client[first["client"]] -= first["rows"]
            need = first["rows"] * self.pace
            if first["deadline"] is not None and now + need > first["deadline"]:
                late.append(first["request"])
                continue
            self.busy_until = now + need
            return first["request"], late
        return None, late


# %% [exercises] choose
def choose(table, goal):
    best = None
    if goal["for"] == "night":
        need = goal["rows"] / goal["seconds"]
        for run in table:
            if run["rows"] >= need:
                merit = (run["rows_per_cpu"], run["rows"])
                if best is None or merit > best[0]:
                    best = (merit, run["setting"])
    else:
        names = []
        for run in table:
            if run["setting"] not in names:
                names.append(run["setting"])
        for name in names:
            mine = {run["offered"]: run for run in table if run["setting"] == name}
            enough = [rate for rate in mine if rate >= goal["offered"]]
            if not enough:
                continue
            at = min(enough)
            good = True
            for rate, run in mine.items():
                if rate <= at and (run["p99"] is None or run["p99"] > goal["p99"] or run["failed"] > goal["failed"]):
                    good = False
            merit = (mine[at]["rows_per_cpu"], -(mine[at]["p99"] or 0))
            if good and (best is None or merit > best[0]):
                best = (merit, name)
    return best[1] if best else None


# %% [exercises] fan_out
def fan_out(slow, budget):
    pages, calls = slow.shape
    share = int(slow.sum()) / (pages * calls)
    most, quick = (None, 1.0) if share == 0 else (0, 1.0 - share)
    while most is not None and 1 - quick <= budget + 1e-9:
        most += 1
        quick *= 1 - share
    return {
        "calls": share,
        "pages": sum(any(page) for page in slow.tolist()) / pages,
        "independent": 1 - (1 - share) ** calls,
        "most": most,
        "needed": 1 - math.exp(math.log(1 - budget) / calls),
    }
