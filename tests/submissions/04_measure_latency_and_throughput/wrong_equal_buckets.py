"""
student = "egon"
kind = "wrong"
what = "Makes all buckets a millisecond wide."
[loses]
test_Histogram_hidden = 2
test_Histogram_merge = 1
"""
# %% [exercises] Histogram
class Histogram:
    def __init__(self):
        self.counts = {}

    def add(self, values):
        for value in values:
            bucket = math.inf if value == math.inf else int(value * 1000)
            self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other):
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def percentile(self, q):
        total = sum(self.counts.values())
        rank = math.ceil(round(q * total / 100, 9))
        if total - rank < 10:
            raise ValueError(f"{total} values are too few")
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return (bucket + 0.5) / 1000

    def buckets(self):
        return [(bucket / 1000, (bucket + 1) / 1000, self.counts[bucket]) for bucket in sorted(self.counts)]
