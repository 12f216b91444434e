"""
student = "uma"
kind = "wrong"
what = "Takes requests in the order in which they came."
[loses]
test_FairQueue = 1
test_FairQueue_shares = 2
test_FairQueue_pauses = 1
test_FairQueue_neighbour = 1
"""
# %% [exercises] FairQueue
class FairQueue:

    def __init__(self, weights):
        self.weights = weights
        self.waiting = {tenant: deque() for tenant in weights}
        self.now, self.last = 0.0, dict.fromkeys(weights, 0.0)  # virtual times: of the device, and where each one ends

    def put(self, tenant, request, cost):
        if tenant not in self.weights:
            raise ValueError(f"There is no tenant {tenant!r}.")
        start = self.now = self.now + 1
        self.last[tenant] = start + cost / self.weights[tenant]
        self.waiting[tenant].append((start, request))

    def take(self):
        some = [tenant for tenant, waiting in self.waiting.items() if waiting]
        if not some:
            return None
        tenant = min(some, key=lambda tenant: self.waiting[tenant][0][0])
        _, request = self.waiting[tenant].popleft()
        return tenant, request
