"""
student = "ivan"
kind = "wrong"
what = "Every caller runs what waits, at the same time as the others."
[loses]
test_Batcher = 1
test_Batcher_runs = 1
test_Batcher_failures = 1
"""
# %% [exercises] Batcher
class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest = run, largest

    async def ask(self, rows):
        answers = []
        for start in range(0, len(rows), self.largest):
            answers += await self.run(rows[start : start + self.largest])
        return answers
