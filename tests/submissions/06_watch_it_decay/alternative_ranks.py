"""
student = "hugo"
kind = "alternative"
what = "Mann and Whitney's ranks for errors, two of three days for inputs, and a policy that waits for ten new days."
"""
# %% [exercises] stability
def stability(reference, window, bins):
    if not window.size:
        raise ValueError("There is nothing in this window.")
    edges = np.array(sorted(set(np.nanquantile(reference, np.linspace(0, 1, bins + 1)[1:-1]).tolist())))
    tables = {}
    for name, column in (("reference", reference), ("window", window)):
        place = np.where(np.isnan(column), len(edges) + 1, np.digitize(column, edges))
        tables[name] = np.array([np.count_nonzero(place == j) for j in range(len(edges) + 2)])
    a, b = tables.values()
    used = (a + b) > 0
    r, w = np.where(a, a, 0.5) / a.sum(), np.where(b, b, 0.5) / b.sum()
    parts = used * (w - r) * (np.log(w) - np.log(r))
    return {"edges": edges, "psi": float(np.sum(parts)), "worst": int(np.argmax(parts)), **tables}


# %% [exercises] errors_by_day
def errors_by_day(served, labels, as_of):
    rows = sorted((arrived, row) for row, arrived in enumerate(labels["arrived"]) if arrived <= as_of)
    truth = {int(labels["id"][row]): labels["value"][row] for _, row in rows}
    known = [row for row in range(len(served["id"])) if served["time"][row] <= as_of]
    by_day = {}
    for row in known:
        off = abs(served["prediction"][row] - truth.get(int(served["id"][row]), np.nan))
        by_day.setdefault(int(served["time"][row] // 1), []).append(off)
    days = sorted(by_day)
    has = [[off for off in by_day[day] if not np.isnan(off)] for day in days]
    return {
        "day": np.array(days, dtype=np.int32),
        "served": np.array([len(by_day[day]) for day in days], dtype=np.int32),
        "labelled": np.array(list(map(len, has)), dtype=np.int32),
        "error": np.array([sum(offs) / len(offs) if offs else np.nan for offs in has], dtype=np.float64),
        "orphans": len(truth.keys() - {int(served["id"][row]) for row in known}),
    }


# %% [exercises] honest_record
def honest_record(scores, control, changes, rate):
    with np.errstate(invalid="ignore"):
        sets, judges = scores[: control // 2], scores[control // 2 : control]
        sets, judges = sets[np.isfinite(sets)], judges[np.isfinite(judges)]
        above = (sets[None, :] > sets[:, None]).mean(axis=1)
        threshold = sets[above <= rate + 1e-9].min()
        rings = np.flatnonzero(scores > threshold)
    after = np.searchsorted(rings, changes)
    ends = list(changes[1:]) + [len(scores)]
    delays = [
        int(rings[i]) - change if i < len(rings) and rings[i] < end else None
        for i, change, end in zip(after, changes, ends)
    ]
    false = int(np.count_nonzero(judges > threshold))
    interval = scipy.stats.binomtest(false, judges.size).proportion_ci(method="exact")
    return {"threshold": float(threshold), "false": false, "at_most": interval.high, "delays": delays}


# %% [exercises] InputWatch
class InputWatch:
    """Two of the last three daily means further out than three standard deviations, or one further than five."""

    def __init__(self, reference):
        table = {name: np.array([day[name].mean() for day in reference]) for name in reference[0]}
        self.of = {name: (means.mean(), means.std()) for name, means in table.items()}
        self.last = {name: [0, 0, 0] for name in table}
        self.spiky = {name for day in reference for name, values in day.items() if self.mode(values)}

    def mode(self, values):
        return bool(np.unique(values, return_counts=True)[1].max() > 0.5 * len(values))

    def day(self, columns):
        answer = {}
        for name, values in columns.items():
            mean, spread = self.of[name]
            if name not in self.spiky and self.mode(values):
                answer[name] = "stuck"
            else:
                self.last[name] = [*self.last[name][1:], (values.mean() - mean) / spread]
                z = np.array(self.last[name])
                if abs(z[-1]) > 5 or sum(z > 3) > 1 or sum(z < -3) > 1:
                    answer[name] = "moved"
        return answer


# %% [exercises] ErrorWatch
class ErrorWatch:
    """The last twelve daily means against those of the reference, by Mann and Whitney's test."""

    def __init__(self, reference):
        self.before = [day.mean() for day in reference if day.size]
        self.now = deque([], 12)
        self.gap = 0
        lengths = [0]
        for day in reference:
            lengths.append(0 if day.size else lengths[-1] + 1)
        self.allowed = max(lengths)

    def day(self, errors):
        if errors.size == 0:
            self.gap += 1
            return None if self.gap <= self.allowed else "feed"
        self.gap = 0
        self.now.append(errors.mean())
        if len(self.now) < 12:
            return None
        ranks = scipy.stats.mannwhitneyu(list(self.now), self.before, alternative="greater", method="asymptotic")
        return "error" if ranks.pvalue < 1e-4 else None


# %% [exercises] Policy
class Policy:
    """After an alarm it waits until ten days of the new kind have labels, and then learns from these alone."""

    def __init__(self, reference, price, delay):
        self.limit = np.mean(reference) + 3 * np.std(reference)
        self.errors, self.since, self.found = {}, 0, None

    def day(self, today, errors):
        self.errors = self.errors | dict(errors)
        mine = [day for day in sorted(self.errors) if day >= self.since]
        if self.found is None and len(mine) >= 4 and np.mean([self.errors[day] for day in mine[-4:]]) > self.limit:
            self.found = mine[-4]
        new = [] if self.found is None else [day for day in mine if day >= self.found]
        if len(new) < 10:
            return None
        self.since, self.found = today, None
        return {"train": np.array(new[::2] + new[1::4]), "check": np.array(new[3::4])}
