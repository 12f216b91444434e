"""
student = "kofi"
kind = "wrong"
what = "Never cuts a request, and so leaves places empty while others wait."
[loses]
test_Batcher_runs = 1
test_Batcher_failures = 1
"""
# %% [exercises] Batcher
class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest, self.waiting, self.worker = run, largest, deque(), None

    async def ask(self, rows):
        parts = [rows[start : start + self.largest] for start in range(0, len(rows), self.largest)]
        replies = []
        for part in parts:
            replies.append(asyncio.get_running_loop().create_future())
            self.waiting.append((part, replies[-1]))
        if self.waiting and self.worker is None:
            self.worker = asyncio.ensure_future(self.work())
        return [answer for part in await asyncio.gather(*replies) for answer in part]

    async def work(self):
        while self.waiting:
            batch, size = [], 0
            while self.waiting and size + len(self.waiting[0][0]) <= self.largest:
                batch.append(self.waiting.popleft())
                size += len(batch[-1][0])
            try:
                answers = await self.run([row for part, _ in batch for row in part])
            except Exception as error:
                for _, reply in batch:
                    if not reply.done():
                        reply.set_exception(error)
                continue
            for part, reply in batch:
                mine, answers = answers[: len(part)], answers[len(part) :]
                if not reply.done():
                    reply.set_result(mine)
        self.worker = None
