"""
student = "valentin"
kind = "wrong"
what = "Takes one request from each tenant in turn, however long."
[loses]
test_FairQueue = 1
test_FairQueue_shares = 2
test_FairQueue_pauses = 1
"""
# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.waiting = {tenant: deque() for tenant in weights}
        self.turns = deque(weights)

    def put(self, tenant, request, cost):
        if tenant not in self.waiting:
            raise ValueError(f"There is no tenant {tenant!r}.")
        self.waiting[tenant].append(request)

    def take(self):
        for _ in range(len(self.turns)):
            tenant = self.turns[0]
            self.turns.rotate(-1)
            if self.waiting[tenant]:
                return tenant, self.waiting[tenant].popleft()
        return None
