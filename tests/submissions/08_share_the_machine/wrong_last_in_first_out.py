"""
student = "yara"
kind = "wrong"
what = "Takes the newest request of a tenant first."
[loses]
test_FairQueue = 1
test_FairQueue_neighbour = 1
"""
# %% [exercises] FairQueue
class FairQueue:
    def __init__(self, weights):
        self.weights, self.front = weights, 0.0
        self.waiting = {tenant: [] for tenant in weights}
        self.position = dict.fromkeys(weights, 0.0)

    def put(self, tenant, request, cost):
        if tenant not in self.weights:
            raise ValueError(f"There is no tenant {tenant!r}.")
        if not self.waiting[tenant]:
            self.position[tenant] = max(self.position[tenant], self.front)
        self.waiting[tenant].append((request, cost))

    def take(self):
        some = [tenant for tenant, waiting in self.waiting.items() if waiting]
        if not some:
            return None
        tenant = min(some, key=self.position.get)
        self.front = self.position[tenant]
        request, cost = self.waiting[tenant].pop()
        self.position[tenant] += cost / self.weights[tenant]
        return tenant, request
