"""
student = "yusuf"
kind = "alternative"
what = "Closures and a dataclass; the learner keeps its whole history and works the formula out anew each time."
"""
# %% [exercises] features
from bisect import bisect_left

weather = datasets.weather()
KNOWN = {column: sorted(set(flights[column].tolist())) for column in ("carrier", "origin", "dest")}


def place_in(known):
    def place(name):
        at = bisect_left(known, name)
        return at if at < len(known) and known[at] == name else -1

    return np.vectorize(place, otypes=[np.float32])


def features(flights):
    """Cyclic hour, code numbers learnt once from the year, weekday, and the weather of two hours before."""
    needed = {name: np.asarray(flights[name]) for name in ("month", "day", "sched_dep_time", "origin")}
    joined = datasets.join_weather(needed, weather)
    angle = 2 * np.pi * (needed["sched_dep_time"] // 100) / 24
    weekday = (datasets.scheduled_departure(needed).astype("datetime64[D]").astype(int) + 3) % 7
    parts = {"sin": np.sin(angle), "cos": np.cos(angle), "weekday": weekday, "miles": np.log(flights["distance"])}
    parts |= {column: place_in(known)(flights[column]) for column, known in KNOWN.items()}
    parts |= {name: np.nan_to_num(joined[name], nan=-1.0) for name in ("temp", "visib", "precip")}
    return np.array(list(parts.values())).T.astype("f4"), tuple(parts)


# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not (share > 0 and share < 1):
        raise ValueError(share)
    date = np.array([np.datetime64(f"2013-{m:02d}-{d:02d}") for m, d in zip(month.tolist(), day.tolist())])
    for last in np.unique(date)[:-1]:
        if np.count_nonzero(date <= last) >= share * date.size:
            return date <= last, date > last
    raise ValueError("no day is left for the test")


# %% [exercises] evaluate
from scipy.special import xlogy
from scipy.stats import rankdata


def evaluate(late, probability):
    y = np.array(late, dtype=float)
    if y.size != np.size(probability) or y.min() == y.max():
        raise ValueError("cannot be judged")
    cost = lambda p: -(xlogy(y, p) + xlogy(1 - y, 1 - p)).mean()
    model, base = cost(np.minimum(np.maximum(probability, 1e-6), 0.999999)), cost(y.mean())
    n1 = y.sum()
    u = rankdata(probability)[y == 1].sum() - n1 * (n1 + 1) / 2
    return dict(log_loss=model, baseline_log_loss=base, skill=(base - model) / base, auc=u / (n1 * (y.size - n1)))


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins <= 0 or len(late) != len(probability):
        raise ValueError("bins, or lengths")
    edges = np.arange(bins + 1) / bins
    count, _ = np.histogram(probability, edges)
    sums = [np.histogram(probability, edges, weights=np.asarray(w, dtype=float))[0] for w in (probability, late)]
    keep = np.flatnonzero(count)
    return {"count": count[keep], "predicted": (sums[0][keep] / count[keep]), "observed": sums[1][keep] / count[keep]}


# %% [exercises] predict
def predict(model, interpreter, inputs):
    rows = np.array([]) if inputs is None else np.array(inputs, ndmin=2)
    checks = [("a model", model is not None), ("an interpreter", interpreter is not None), ("input data", rows.size > 0)]
    wanting = [word for word, there in checks if not there]
    if wanting:
        raise ValueError("Missing: " + "; ".join(wanting))
    return interpreter(model, rows)


# %% [exercises] OnlineRate
from dataclasses import dataclass, field


@dataclass
class OnlineRate:
    keep: float = 1.0
    history: list = field(default_factory=list)

    def __post_init__(self):
        if self.keep <= 0 or self.keep > 1:
            raise ValueError(self.keep)

    def learn(self, late):
        self.history.extend(bool(y) for y in late)

    def rate(self):
        if len(self.history) == 0:
            raise ValueError("no flights")
        weights = [self.keep**age for age in range(len(self.history))]
        return sum(w for w, y in zip(weights, reversed(self.history)) if y) / sum(weights)
