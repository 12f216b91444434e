"""
student = "gustavo"
kind = "partial"
base = "blank"
what = "Solves exercises 1 to 3, starts 4 with stuck sensors alone, and leaves the others as they came."
[loses]
test_InputWatch = 1
test_InputWatch_quiet = 2
test_InputWatch_moved = 1
test_ErrorWatch = 1
test_ErrorWatch_quiet = 1
test_ErrorWatch_rise = 2
test_ErrorWatch_feed = 1
test_Policy = 1
test_Policy_quiet = 1
test_Policy_sudden = 2
test_Policy_slow = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [exercises] stability
def stability(reference, window, bins):
    if len(window) == 0:
        raise ValueError("A window without rows cannot be compared with anything.")
    edges = np.unique(np.quantile(reference[~np.isnan(reference)], np.arange(1, bins) / bins))

    def count(values):
        there = values[~np.isnan(values)]
        rows = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
        return np.append(rows, len(values) - len(there))

    before, now = count(reference), count(window)
    r, w = np.maximum(before, 0.5) / len(reference), np.maximum(now, 0.5) / len(window)
    parts = np.where((before == 0) & (now == 0), 0.0, (w - r) * np.log(w / r))
    return {
        "edges": edges,
        "reference": before,
        "window": now,
        "psi": float(parts.sum()),
        "worst": int(parts.argmax()),
    }


# %% [exercises] errors_by_day
def errors_by_day(served, labels, as_of):
    known = labels["arrived"] <= as_of
    order = np.argsort(labels["arrived"][known], kind="stable")
    value = dict(zip(labels["id"][known][order].tolist(), labels["value"][known][order].tolist(), strict=True))
    there = served["time"] <= as_of
    ids = served["id"][there].tolist()
    error = np.abs(served["prediction"][there] - np.array([value.get(one, math.nan) for one in ids], dtype=float))
    days, place = np.unique(np.floor(served["time"][there]).astype(np.int64), return_inverse=True)
    has = ~np.isnan(error)
    labelled = np.bincount(place[has], minlength=len(days))
    total = np.bincount(place[has], weights=error[has], minlength=len(days))
    return {
        "day": days,
        "served": np.bincount(place, minlength=len(days)),
        "labelled": labelled,
        "error": np.where(labelled > 0, total / np.maximum(labelled, 1), math.nan),
        "orphans": len(set(value) - set(ids)),
    }


# %% [exercises] honest_record
def honest_record(scores, control, changes, rate):
    first, second = scores[: control // 2], scores[control // 2 : control]
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    threshold = np.sort(first)[::-1][math.floor(rate * len(first) + 1e-9)]
    false = int((second > threshold).sum())
    delays = []
    for change, end in pairwise([*changes, len(scores)]):
        rings = np.flatnonzero(scores[change:end] > threshold)
        delays.append(int(rings[0]) if len(rings) else None)
    return {
        "threshold": float(threshold),
        "false": false,
        "at_most": float(scipy.stats.binomtest(false, len(second)).proportion_ci(0.95, "exact").high),
        "delays": delays,
    }


# %% [exercises] InputWatch
class InputWatch:

    def __init__(self, reference):
        self.center, self.scale, self.limit, self.recent, self.repeats = {}, {}, {}, {}, {}
        for name in reference[0]:
            means = np.array([day[name].mean() for day in reference])
            self.center[name], self.scale[name] = means.mean(), max(means.std(), 1e-12)
            scores = np.convolve((means - means.mean()) / self.scale[name], np.ones(5) / 5, "valid")
            self.limit[name] = 1.3 * np.abs(scores).max()
            self.recent[name] = deque(maxlen=5)
            self.repeats[name] = any(self._repeats(day[name]) for day in reference)

    def day(self, columns):
        said = {}
        for name, values in columns.items():
            if self._repeats(values) and not self.repeats[name]:
                said[name] = "stuck"
                continue
        return said

    def _repeats(self, values):
        return 2 * np.unique(values, return_counts=True)[1].max() > len(values)
