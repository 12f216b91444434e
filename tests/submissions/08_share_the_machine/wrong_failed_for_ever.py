"""
student = "rania"
kind = "wrong"
what = "Keeps a load that failed, and its exception, for ever."
[loses]
test_Fleet_failures = 1
"""
# %% [exercises] Fleet
class Fleet:

    def __init__(self, load, sizes, budget, pinned):
        self.load, self.sizes, self.free, self.pinned = load, sizes, budget, pinned
        self.loads, self.users = OrderedDict(), Counter()  # the task of each load; asked for longest ago comes first

    async def ask(self, name, row):
        if name not in self.loads:
            self._make_room(self.sizes[name])
            self.free -= self.sizes[name]  # reserved before anybody else has a turn
            self.loads[name] = asyncio.ensure_future(self._load(name))
        self.loads.move_to_end(name)
        self.users[name] += 1
        try:
            model = await asyncio.shield(self.loads[name])  # a caller that leaves does not end the load
            return await model.run(row)
        finally:
            self.users[name] -= 1

    def _make_room(self, size):
        idle = [n for n, load in self.loads.items() if load.done() and not self.users[n] and n not in self.pinned]
        if size > self.free + sum(self.sizes[name] for name in idle):
            raise RuntimeError(f"There is no room for {size} MB.")
        for name in idle:
            if size <= self.free:
                break
            self.loads.pop(name).result().drop()
            self.free += self.sizes[name]

    async def _load(self, name):
        try:
            return await self.load(name)
        except BaseException:
            raise
