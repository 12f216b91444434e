"""
student = "xenia"
kind = "wrong"
what = "Fills a batch with whoever fits, past those who do not."
[loses]
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
        self.queue.append((caller, rows, now))
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
        chosen, rows = [], 0
        for one in self.queue:
            if rows + one[1] <= self.largest:
                chosen.append(one)
                rows += one[1]
        full = rows == self.largest or len(chosen) < len(self.queue)
        if not full and now < self.alarm():
            return []
        self.busy = True
        self.queue = deque(one for one in self.queue if one not in chosen)
        return [caller for caller, _, _ in chosen]
