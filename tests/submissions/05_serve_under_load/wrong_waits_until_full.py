"""
student = "rania"
kind = "wrong"
what = "Runs full batches alone; the last few wait for ever."
[loses]
test_Batcher = 1
test_Batcher_callers = 1
test_Batcher_runs = 1
test_Batcher_failures = 1
"""
# %% [exercises] Batcher
class Batcher:

    def __init__(self, run, largest):
        self.run, self.largest = run, largest
        self.queue, self.worker = deque(), None

    async def ask(self, rows):
        replies = [asyncio.get_running_loop().create_future() for _ in rows]
        self.queue.extend(zip(rows, replies, strict=True))
        if self.queue and self.worker is None:
            self.worker = asyncio.ensure_future(self._work())
        return list(await asyncio.gather(*replies))

    async def _work(self):
        while len(self.queue) >= self.largest:
            batch = [self.queue.popleft() for _ in range(min(self.largest, len(self.queue)))]
            try:
                answers = await self.run([row for row, _ in batch])
            except Exception as problem:
                answers = [problem] * len(batch)
            for (_, reply), answer in zip(batch, answers, strict=True):
                if reply.done():  # its caller has gone
                    continue
                if isinstance(answer, Exception):
                    reply.set_exception(answer)
                else:
                    reply.set_result(answer)
        self.worker = None
