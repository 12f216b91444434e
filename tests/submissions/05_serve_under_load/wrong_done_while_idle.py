"""
student = "severin"
kind = "wrong"
what = "Lets `done` do nothing while the model is idle."
[loses]
test_Scheduler_waits = 2
"""
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
        if not self.running:
            return []
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
