"""
student = "frida"
kind = "alternative"
what = "Page and Hinkley's test from river; PSI of a day against the worst PSI of a day in the reference."
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
    known = np.flatnonzero(labels["arrived"] <= as_of)
    known = known[np.lexsort((known, labels["arrived"][known], labels["id"][known]))]
    ids = labels["id"][known]
    last = np.append(ids[1:] != ids[:-1], True)[: len(ids)]
    ids, values = ids[last], labels["value"][known][last]
    there = served["time"] <= as_of
    asked, said = served["id"][there], served["prediction"][there]
    day = served["time"][there].astype(np.int64)
    place = np.searchsorted(ids, asked)
    value = np.full(len(asked), np.nan)
    for row, (one, at) in enumerate(zip(asked, place)):
        if at < len(ids) and ids[at] == one:
            value[row] = values[at]
    wrong = np.abs(said - value)
    days = np.unique(day)
    means = [wrong[(day == d) & ~np.isnan(wrong)] for d in days]
    return {
        "day": days,
        "served": np.array([np.sum(day == d) for d in days], dtype=int),
        "labelled": np.array([len(m) for m in means], dtype=int),
        "error": np.array([m.mean() if len(m) else np.nan for m in means], dtype=float),
        "orphans": int(np.setdiff1d(ids, asked).size),
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
    """PSI of each day, above what it was on the worst day of the reference."""

    def __init__(self, reference):
        self.names = list(reference[0])
        rows = {name: np.concatenate([day[name] for day in reference]) for name in self.names}
        self.edges = {name: np.unique(np.quantile(rows[name], np.linspace(0, 1, 11))) for name in self.names}
        self.shares = {name: self.share(name, rows[name]) for name in self.names}
        self.limits = {name: max(self.psi(name, day[name]) for day in reference) for name in self.names}
        self.loose = {name: max(self.alike(day[name]) for day in reference) > 0.5 for name in self.names}

    def share(self, name, values):
        counts = np.bincount(np.searchsorted(self.edges[name], values), minlength=len(self.edges[name]) + 1)
        return (counts + 0.5) / (len(values) + 0.5 * len(counts))

    def psi(self, name, values):
        w, r = self.share(name, values), self.shares[name]
        return np.sum((w - r) * np.log(w / r))

    @staticmethod
    def alike(values):
        ordered = np.sort(values)
        runs = np.diff(np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True]))))
        return runs.max() / len(values)

    def day(self, columns):
        stuck = [name for name in self.names if not self.loose[name] and self.alike(columns[name]) > 0.5]
        moved = [name for name in self.names if self.psi(name, columns[name]) > self.limits[name]]
        return {**dict.fromkeys(moved, "moved"), **dict.fromkeys(stuck, "stuck")}


# %% [exercises] ErrorWatch
class ErrorWatch:
    """Page and Hinkley's test from river, on daily means in standard deviations of the reference."""

    def __init__(self, reference):
        from river.drift import PageHinkley

        means = np.array([np.mean(day) for day in reference if len(day)])
        self.mean, self.spread = means.mean(), means.std()
        self.test = PageHinkley(min_instances=30, delta=0.5, threshold=8.0, mode="up")
        for mean in means:
            self.test.update((mean - self.mean) / self.spread)
        empty = np.array([not len(day) for day in reference], dtype=int)
        self.most = max((len(run) for run in "".join(map(str, empty)).split("0")), default=0)
        self.run = 0

    def day(self, errors):
        self.run = 0 if len(errors) else self.run + 1
        if self.run:
            return "feed" if self.run > self.most else None
        self.test.update((errors.mean() - self.mean) / self.spread)
        return "error" if self.test.drift_detected else None


# %% [exercises] Policy
class Policy:
    """Page and Hinkley's test on the errors of the model that serves, made anew with each model."""

    def __init__(self, reference, price, delay):
        self.reference = reference
        self.days, self.begin = [], 0
        self.anew()

    def anew(self):
        from river.drift import PageHinkley

        self.test = PageHinkley(min_instances=1, delta=0.5, threshold=10.0, mode="up")
        for error in self.reference:
            self.feed(error)

    def feed(self, error):
        self.test.update((error - self.reference.mean()) / self.reference.std())

    def day(self, today, errors):
        rings = False
        for day, error in errors:
            self.days.append(day)
            if day >= self.begin:
                self.feed(error)
                rings = rings or self.test.drift_detected
        if not rings:
            return None
        self.begin = today
        self.anew()
        last = self.days[-9:]
        return {"train": last[::2] + last[3::4], "check": last[1::4]}
