"""
student = "marta"
kind = "wrong"
what = "Loads a model for each caller that does not find it loaded."
[loses]
test_Fleet = 1
test_Fleet_memory = 2
test_Fleet_once = 1
test_Fleet_failures = 1
"""
# %% [exercises] Fleet
class Fleet:
    def __init__(self, load, sizes, budget, pinned):
        self.load, self.sizes, self.free, self.pinned = load, sizes, budget, pinned
        self.models, self.users = OrderedDict(), Counter()

    async def ask(self, name, row):
        self.users[name] += 1
        try:
            if name not in self.models:
                self._make_room(self.sizes[name])
                self.free -= self.sizes[name]
                try:
                    self.models[name] = await self.load(name)
                except BaseException:
                    self.free += self.sizes[name]
                    raise
            self.models.move_to_end(name)
            return await self.models[name].run(row)
        finally:
            self.users[name] -= 1

    def _make_room(self, size):
        idle = [name for name in self.models if not self.users[name] and name not in self.pinned]
        if size > self.free + sum(self.sizes[name] for name in idle):
            raise RuntimeError(f"There is no room for {size} MB.")
        for name in idle:
            if size <= self.free:
                break
            self.models.pop(name).drop()
            self.free += self.sizes[name]
