"""
student = "zeno"
kind = "wrong"
what = "Gives None while a tenant saves up for a long request."
[loses]
test_FairQueue_shares = 2
test_FairQueue_neighbour = 1
"""
# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights = weights
        self.waiting = {tenant: deque() for tenant in weights}
        self.saved = dict.fromkeys(weights, 0.0)
        self.turns = deque(weights)

    def put(self, tenant, request, cost):
        if tenant not in self.weights:
            raise ValueError(f"There is no tenant {tenant!r}.")
        self.waiting[tenant].append((request, cost))

    def take(self):
        for _ in self.weights:
            tenant = self.turns[0]
            if not self.waiting[tenant]:
                self.saved[tenant] = 0.0
            elif self.waiting[tenant][0][1] <= self.saved[tenant]:
                request, cost = self.waiting[tenant].popleft()
                self.saved[tenant] -= cost
                return tenant, request
            self.turns.rotate(-1)
            self.saved[self.turns[0]] += 10 * self.weights[self.turns[0]]
        return None
