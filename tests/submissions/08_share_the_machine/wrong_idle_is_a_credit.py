"""
student = "wei"
kind = "wrong"
what = "Takes from whoever has used least since the beginning."
[loses]
test_FairQueue_pauses = 1
"""
# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights = weights
        self.waiting = {tenant: deque() for tenant in weights}
        self.used = dict.fromkeys(weights, 0.0)

    def put(self, tenant, request, cost):
        if tenant not in self.weights:
            raise ValueError(f"There is no tenant {tenant!r}.")
        self.waiting[tenant].append((request, cost))

    def take(self):
        some = [tenant for tenant, waiting in self.waiting.items() if waiting]
        if not some:
            return None
        tenant = min(some, key=self.used.get)
        request, cost = self.waiting[tenant].popleft()
        self.used[tenant] += cost / self.weights[tenant]
        return tenant, request
