"""
student = "cosmo"
kind = "wrong"
what = "Takes q per cent of the number as an index from 0: the value after the right one."
[loses]
test_Histogram = 1
test_Histogram_hidden = 2
test_Histogram_refuses = 1
"""
# %% [exercises] Histogram
class Histogram:
    WIDTH = math.log(1.0198)

    def __init__(self):
        self.counts = {}

    def add(self, values):
        for value in values:
            bucket = math.inf if value == math.inf else math.floor(math.log(value) / self.WIDTH)
            self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other):
        for bucket, count in list(other.counts.items()):
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def percentile(self, q):
        total = sum(self.counts.values())
        rank = int(q / 100 * total) + 1
        if total - rank < 10:
            raise ValueError(f"{total} values are too few for p{q}: fewer than 10 lie beyond it.")
        seen = 0
        for low, high, count in self.buckets():
            seen += count
            if seen >= rank:
                return math.inf if low == math.inf else math.sqrt(low * high)

    def buckets(self):
        def edge(bucket):
            return math.exp(bucket * self.WIDTH)

        finite = sorted(bucket for bucket in self.counts if bucket != math.inf)
        found = [(edge(bucket), edge(bucket + 1), self.counts[bucket]) for bucket in finite]
        return found + [(math.inf, math.inf, count) for bucket, count in self.counts.items() if bucket == math.inf]
