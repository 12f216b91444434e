"""
student = "emre"
kind = "alternative"
what = "Plain Python: loops, bisect, sums; a CUSUM for everything that is watched."
"""
# %% [exercises] stability
from bisect import bisect_right


def stability(reference, window, bins):
    there = sorted(x for x in reference.tolist() if x == x)
    now = window.tolist()
    if not now:
        raise ValueError("no rows")
    edges = []
    for k in range(1, bins):
        place = k * (len(there) - 1) / bins
        low = int(place)
        high = min(low + 1, len(there) - 1)
        edge = there[low] + (place - low) * (there[high] - there[low])
        if not edges or edge != edges[-1]:
            edges.append(edge)
    tables = []
    for column in (reference.tolist(), now):
        table = [0] * (len(edges) + 2)
        for x in column:
            table[bisect_right(edges, x) if x == x else -1] += 1
        tables.append(table)
    psi, worst, largest = 0.0, 0, 0.0
    for j, (a, b) in enumerate(zip(*tables)):
        if a or b:
            r, w = (a or 0.5) / len(reference), (b or 0.5) / len(now)
            part = (w - r) * math.log(w / r)
            psi += part
            if part > largest:
                worst, largest = j, part
    return {"edges": np.array(edges), "reference": tables[0], "window": tables[1], "psi": psi, "worst": worst}


# %% [exercises] errors_by_day
def errors_by_day(served, labels, as_of):
    latest = {}
    for one, value, arrived in zip(*(labels[name].tolist() for name in ("id", "value", "arrived"))):
        if arrived <= as_of and (one not in latest or arrived >= latest[one][0]):
            latest[one] = (arrived, value)
    days, seen = {}, set()
    for one, time, prediction in zip(*(served[name].tolist() for name in ("id", "time", "prediction"))):
        if time > as_of:
            continue
        seen.add(one)
        row = days.setdefault(math.floor(time), [0, 0, 0.0])
        row[0] += 1
        value = latest.get(one, (0, math.nan))[1]
        if not math.isnan(value):
            row[1] += 1
            row[2] += abs(prediction - value)
    table = [(day, *days[day]) for day in sorted(days)]
    return {
        "day": [day for day, *_ in table],
        "served": [count for _, count, _, _ in table],
        "labelled": [count for _, _, count, _ in table],
        "error": [total / count if count else math.nan for _, _, count, total in table],
        "orphans": sum(one not in seen for one in latest),
    }


# %% [exercises] honest_record
def honest_record(scores, control, changes, rate):
    scores = scores.tolist()
    first = [x for x in scores[: control // 2] if not math.isnan(x)]
    second = [x for x in scores[control // 2 : control] if not math.isnan(x)]
    for threshold in sorted(first):
        if sum(x > threshold for x in first) / len(first) <= rate + 1e-9:
            break
    k, n = sum(x > threshold for x in second), len(second)
    delays = []
    for number, change in enumerate(changes):
        last = changes[number + 1] if number + 1 < len(changes) else len(scores)
        delays.append(None)
        for day in range(change, last):
            if scores[day] > threshold:
                delays[-1] = day - change
                break
    at_most = 1.0 if k == n else scipy.stats.beta.ppf(0.975, k + 1, n - k)
    return {"threshold": threshold, "false": k, "at_most": float(at_most), "delays": delays}


# %% [exercises] InputWatch
class InputWatch:
    """A CUSUM in both directions for each column, on the daily means."""

    def __init__(self, reference):
        self.normal, self.sums, self.often = {}, {}, set()
        for day in reference:
            for name, values in day.items():
                self.normal.setdefault(name, []).append(sum(values) / len(values))
                if self.most_frequent(values) > len(values) / 2:
                    self.often.add(name)
        for name, means in self.normal.items():
            mean = sum(means) / len(means)
            self.normal[name] = mean, (sum((x - mean) ** 2 for x in means) / len(means)) ** 0.5
            self.sums[name] = [0.0, 0.0]

    @staticmethod
    def most_frequent(values):
        counts = {}
        for value in values.tolist():
            counts[value] = counts.get(value, 0) + 1
        return max(counts.values())

    def day(self, columns):
        words = {}
        for name, values in columns.items():
            if name not in self.often and self.most_frequent(values) > len(values) / 2:
                words[name] = "stuck"
                continue
            mean, spread = self.normal[name]
            z = max(-4, min(4, (sum(values) / len(values) - mean) / spread))
            up, down = self.sums[name]
            self.sums[name] = [max(0, up + z - 1.5), max(0, down - z - 1.5)]
            if max(self.sums[name]) > 5:
                words[name] = "moved"
        return words


# %% [exercises] ErrorWatch
class ErrorWatch:
    """A CUSUM of the logarithm of the daily mean; a storm counts no more than a bad day."""

    def __init__(self, reference):
        logs, self.longest, run = [], 0, 0
        for day in reference:
            if len(day):
                logs.append(math.log(sum(day) / len(day)))
                run = 0
            else:
                run += 1
                self.longest = max(self.longest, run)
        logs.sort()
        self.middle = logs[len(logs) // 2]
        self.spread = logs[len(logs) * 84 // 100] - self.middle
        self.sum = self.missing = 0

    def day(self, errors):
        if not len(errors):
            self.missing += 1
            if self.missing > self.longest:
                return "feed"
            return None
        self.missing = 0
        z = (math.log(sum(errors) / len(errors)) - self.middle) / self.spread
        self.sum = max(0, self.sum + min(2.5, z) - 0.9)
        if self.sum > 7:
            self.sum = 0
            return "error"


# %% [exercises] Policy
class Policy:
    """A CUSUM of the errors of the model that serves; after an alarm it learns from the last week."""

    def __init__(self, reference, price, delay):
        n = len(reference)
        self.mean = sum(reference) / n
        self.spread = (sum((x - self.mean) ** 2 for x in reference) / n) ** 0.5
        self.sum, self.serves_since, self.labelled = 0, 0, []

    def day(self, today, errors):
        for day, error in errors:
            self.labelled.append(day)
            if day >= self.serves_since:
                self.sum = max(0, self.sum + min(4, (error - self.mean) / self.spread) - 1)
        if self.sum > 8:
            self.sum, self.serves_since = 0, today
            return {"train": self.labelled[-8:-1], "check": self.labelled[-1:]}
