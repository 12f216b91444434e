"""
student = "soledad"
kind = "alternative"
what = "Thinks in classes: callable objects, a dataclass, helpers in cells of her own, the functions bound by assignment."
"""
# %% [exercises] +after setup
from dataclasses import dataclass, field


@dataclass
class Encoder:
    """One column for each known value; remembers its list, never the request's."""

    column: str
    known: tuple

    def names(self):
        return [f"{self.column} is {value}" for value in self.known]

    def columns(self, flights):
        return [(flights[self.column] == value).astype(np.float32) for value in self.known]


class Hour:
    def names(self):
        return ["sine of hour", "cosine of hour", "hour"]

    def columns(self, flights):
        hour = flights["sched_dep_time"] // 100
        angle = 2 * np.pi * hour / 24
        return [np.sin(angle), np.cos(angle), hour]


# %% [exercises] features
class Features:
    """Callable, as a function is."""

    def __init__(self, *parts):
        self.parts = parts

    def __call__(self, flights):
        columns = [column for part in self.parts for column in part.columns(flights)]
        names = [name for part in self.parts for name in part.names()]
        return np.column_stack(columns).astype(np.float32), names


features = Features(
    Hour(),
    Encoder("origin", ("EWR", "JFK", "LGA")),
    Encoder("carrier", ("UA", "B6", "EV", "DL", "AA", "MQ", "US")),
    Encoder("dest", ("ATL", "ORD", "LAX", "BOS")),
)

# %% [exercises] split_in_time
class TimeSplit:
    def __init__(self, month, day):
        self.day_of_year = month.astype(np.int64) * 31 + day.astype(np.int64)

    def cut(self, share):
        for candidate in np.unique(self.day_of_year):
            train = self.day_of_year <= candidate
            if train.sum() >= share * train.size:
                return train
        raise ValueError("cannot happen")


def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share must be between 0 and 1")
    train = TimeSplit(month, day).cut(share)
    if train.all():
        raise ValueError("no day left for the test")
    return [train, ~train]


# %% [exercises] evaluate
@dataclass
class Scores:
    late: np.ndarray
    probability: np.ndarray

    def __post_init__(self):
        self.late = np.array(self.late, dtype=float)
        self.probability = np.array(self.probability, dtype=float)
        if len(self.late) != len(self.probability):
            raise ValueError("lengths differ")
        if self.late.mean() in (0.0, 1.0):
            raise ValueError("one kind of flight only")

    def log_loss(self):
        p = np.minimum(np.maximum(self.probability, 1e-6), 1 - 1e-6)
        return float(-(self.late * np.log(p) + (1 - self.late) * np.log1p(-p)).mean())

    def baseline(self):
        return Scores(self.late, np.full(len(self.late), self.late.mean())).log_loss()

    def auc(self):
        """By ranks (Mann and Whitney); equal probabilities share the mean of their ranks."""
        values, group, size = np.unique(self.probability, return_inverse=True, return_counts=True)
        rank = (np.cumsum(size) - (size - 1) / 2)[group]
        n_late = self.late.sum()
        n_other = len(self.late) - n_late
        return float((rank[self.late == 1].sum() - n_late * (n_late + 1) / 2) / (n_late * n_other))


def evaluate(late, probability):
    scores = Scores(late, probability)
    log_loss, baseline = scores.log_loss(), scores.baseline()
    return {
        "auc": scores.auc(),
        "skill": (baseline - log_loss) / baseline,
        "log_loss": log_loss,
        "baseline_log_loss": baseline,
        "n": len(late),
    }


# %% [exercises] calibration_table
@dataclass
class Bin:
    outcomes: list = field(default_factory=list)
    probabilities: list = field(default_factory=list)


def calibration_table(late, probability, bins):
    if bins < 1:
        raise ValueError("no bins")
    late, probability = np.asarray(late), np.asarray(probability)
    if late.shape != probability.shape:
        raise ValueError("lengths differ")
    all_bins = [Bin() for _ in range(bins)]
    for outcome, p in zip(late, probability):
        chosen = all_bins[min(int(np.floor(p * bins)), bins - 1)]
        chosen.outcomes.append(bool(outcome))
        chosen.probabilities.append(p)
    used = [b for b in all_bins if b.outcomes]
    return {
        "predicted": np.array([np.mean(b.probabilities) for b in used]),
        "observed": np.array([np.mean(b.outcomes) for b in used]),
        "count": np.array([len(b.outcomes) for b in used]),
    }


# %% [exercises] predict
class Predictor:
    words = ("model", "interpreter", "input data")

    def __call__(self, model, interpreter, inputs):
        missing = [word for word, part in zip(self.words, (model, interpreter, inputs)) if part is None]
        if inputs is not None and len(inputs) == 0:
            missing.append("input data")
        if missing:
            raise ValueError(missing)
        rows = inputs[None, :] if inputs.ndim == 1 else inputs
        return interpreter(model, rows)


predict = Predictor()

# %% [exercises] OnlineRate
class Fading:
    """A sum in which what is older weighs less."""

    def __init__(self, keep):
        self.keep = keep
        self.value = 0.0

    def add(self, values):
        for value in values:
            self.value = self.keep * self.value + value


class OnlineRate:
    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise ValueError("keep must be greater than 0 and at most 1")
        self.late, self.all = Fading(keep), Fading(keep)

    def learn(self, late):
        self.late.add(float(y) for y in late)
        self.all.add(1.0 for _ in late)

    def rate(self):
        if not self.all.value:
            raise ValueError("no flight yet")
        return self.late.value / self.all.value
