"""
student = "gino"
kind = "wrong"
what = "Merges by taking the mean of both percentiles."
[loses]
test_Histogram_merge = 1
"""
# %% [exercises] Histogram
class Histogram:
    WIDTH = math.log(1.0198)

    def __init__(self):
        self.counts, self.others = {}, []

    def add(self, values):
        for value in values:
            bucket = math.inf if value == math.inf else math.floor(math.log(value) / self.WIDTH)
            self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other):
        self.others.append(dict(other.counts))

    def percentile(self, q):
        each = [self.one(q, counts) for counts in [self.counts, *self.others]]
        return sum(each) / len(each)

    def one(self, q, counts):
        total = sum(counts.values())
        rank = max(1, math.ceil(round(q * total / 100, 9)))
        if total - rank < 10:
            raise ValueError(f"{total} values are too few for p{q}: fewer than 10 lie beyond it.")
        seen = 0
        for low, high, count in self.some(counts):
            seen += count
            if seen >= rank:
                return math.inf if low == math.inf else math.sqrt(low * high)

    def buckets(self):
        everything = {}
        for counts in [self.counts, *self.others]:
            for bucket, count in counts.items():
                everything[bucket] = everything.get(bucket, 0) + count
        return self.some(everything)

    def some(self, counts):
        def edge(bucket):
            return math.exp(bucket * self.WIDTH)

        finite = sorted(bucket for bucket in counts if bucket != math.inf)
        found = [(edge(bucket), edge(bucket + 1), counts[bucket]) for bucket in finite]
        return found + [(math.inf, math.inf, count) for bucket, count in counts.items() if bucket == math.inf]
