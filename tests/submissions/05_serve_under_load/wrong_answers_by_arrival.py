"""
student = "gael"
kind = "wrong"
what = "Gives each caller as many of the next answers as it has rows, starting anew with every run."
[loses]
test_Batcher_callers = 1
test_Batcher_runs = 1
test_Batcher_failures = 1
"""
# %% [exercises] Batcher
class Batcher:
    def __init__(self, run, largest):
        self.run, self.largest, self.waiting, self.working = run, largest, [], False

    async def ask(self, rows):
        if not rows:
            return []
        reply = asyncio.get_running_loop().create_future()
        self.waiting.append((rows, reply))
        if not self.working:
            self.working = True
            asyncio.ensure_future(self.work())
        return await reply

    async def work(self):
        while self.waiting:
            batch, self.waiting = self.waiting, []
            rows = [row for more, _ in batch for row in more][: self.largest]
            try:
                answers = await self.run(rows)
            except Exception as error:
                for _, reply in batch:
                    reply.set_exception(error)
                continue
            for more, reply in batch:
                mine, answers = answers[: len(more)], answers[len(more) :]
                if not reply.done():
                    reply.set_result(mine)
        self.working = False
