"""
student = "hedda"
kind = "wrong"
what = "One at a time, each request in runs of its own."
[loses]
test_Batcher = 1
test_Batcher_runs = 1
test_Batcher_failures = 1
"""
# %% [exercises] Batcher
class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest, self.model = run, largest, asyncio.Lock()

    async def ask(self, rows):
        answers = []
        async with self.model:
            for start in range(0, len(rows), self.largest):
                answers += await self.run(rows[start : start + self.largest])
        return answers
