"""
student = "abel"
kind = "wrong"
what = "Takes a request that is ready exactly at its deadline for late."
[loses]
test_Door_deadlines = 2
"""
# %% [exercises] Door
class Door:

    def __init__(self, queue_rows, client_rows, ms_per_row):
        self.queue_rows, self.client_rows, self.ms_per_row = queue_rows, client_rows, ms_per_row
        self.queue, self.free_at = deque(), 0

    def arrive(self, now, request, client, rows, deadline):
        waiting = sum(other[2] for other in self.queue)
        ahead = max(self.free_at - now, 0) + waiting * self.ms_per_row
        seconds = max(-(-ahead // 1000), 1)
        if rows > min(self.queue_rows, self.client_rows):
            return 413, None
        if rows + sum(other[2] for other in self.queue if other[1] == client) > self.client_rows:
            return 429, seconds
        if rows + waiting > self.queue_rows:
            return 503, seconds
        if deadline is not None and now + ahead + rows * self.ms_per_row >= deadline:
            return 503, seconds
        self.queue.append((request, client, rows, deadline))
        return None

    def take(self, now):
        expired, self.free_at = [], now
        while self.queue:
            request, _, rows, deadline = self.queue.popleft()
            ready = now + rows * self.ms_per_row
            if deadline is None or ready < deadline:
                self.free_at = ready
                return request, expired
            expired.append(request)
        return None, expired
