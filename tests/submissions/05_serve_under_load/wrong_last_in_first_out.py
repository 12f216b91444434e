"""
student = "wanjiru"
kind = "wrong"
what = "Takes the newest first."
[loses]
test_Scheduler = 1
test_Scheduler_batches = 2
test_Scheduler_waits = 2
"""
# %% [exercises] Scheduler
class Scheduler:

    def __init__(self, largest, longest):
        self.largest, self.longest = largest, longest
        self.queue, self.busy = deque(), False

    def arrive(self, now, caller, rows):
        if not 1 <= rows <= self.largest:
            raise ValueError(f"{caller} brings {rows} rows; a batch holds 1 to {self.largest}.")
        self.queue.appendleft((caller, rows, now))
        return self._start(now)

    def done(self, now):
        self.busy = False
        return self._start(now)

    def tick(self, now):
        return self._start(now)

    def alarm(self):
        return self.queue[0][2] + self.longest if self.queue else None

    def _start(self, now):
        if self.busy or not self.queue:
            return []
        fit = rows = 0
        for _, more, _ in self.queue:
            if rows + more > self.largest:
                break
            fit, rows = fit + 1, rows + more
        full = rows == self.largest or fit < len(self.queue)
        if not full and now < self.alarm():
            return []
        self.busy = True
        return [self.queue.popleft()[0] for _ in range(fit)]
