"""
student = "xavier"
kind = "wrong"
what = "Deficit round robin that goes on giving quanta to tenants with nothing to do."
[loses]
test_FairQueue_pauses = 1
"""
# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights, self.largest = weights, 1e-9
        self.waiting = {tenant: deque() for tenant in weights}
        self.saved = dict.fromkeys(weights, 0.0)
        self.turns = deque(weights)

    def put(self, tenant, request, cost):
        if tenant not in self.weights:
            raise ValueError(f"There is no tenant {tenant!r}.")
        self.largest = max(self.largest, cost)
        self.waiting[tenant].append((request, cost))

    def take(self):
        if not any(self.waiting.values()):
            return None
        while True:
            tenant = self.turns[0]
            if self.waiting[tenant] and self.waiting[tenant][0][1] <= self.saved[tenant]:
                request, cost = self.waiting[tenant].popleft()
                self.saved[tenant] -= cost
                return tenant, request
            self.turns.rotate(-1)
            tenant = self.turns[0]
            self.saved[tenant] += self.largest * self.weights[tenant] / min(self.weights.values())
