"""
student = "mei"
kind = "alternative"
what = "Leans on scikit-learn and on whole-array numpy, writes dates and bins another way, adds plots of her own."
"""
# %% [exercises] +after setup
import matplotlib.pyplot as plt
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import OneHotEncoder

plt.hist(flights["sched_dep_time"] // 100, bins=24)
plt.show()

# %% [exercises] features
encoder = OneHotEncoder(
    categories=[["EWR", "JFK", "LGA"], ["9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US", "VX", "WN"], list(range(24))],
    handle_unknown="ignore",
    sparse_output=False,
    dtype=np.float32,
)
encoder.fit(np.array([["EWR", "9E", 0]], dtype=object))


def features(flights):
    hours = (flights["sched_dep_time"] // 100).tolist()
    table = np.array(list(zip(flights["origin"].tolist(), flights["carrier"].tolist(), hours)), dtype=object)
    months = np.eye(13, dtype=np.float32)[flights["month"]]
    miles = np.log1p(flights["distance"]).astype(np.float32)[:, None]
    X = np.hstack([encoder.transform(table), months, miles])
    names = [*encoder.get_feature_names_out(["from", "with", "at"]), *(f"month {i}" for i in range(13)), "log miles"]
    return X.astype(np.float32), [str(name) for name in names]


# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0.0 < share < 1.0:
        raise ValueError(f"share is {share}")
    date = (np.datetime64("2013-01", "M") + (month.astype(int) - 1)).astype("datetime64[D]") + (day.astype(int) - 1)
    in_order = np.sort(date)
    last_training_day = in_order[int(np.ceil(share * len(date))) - 1]
    train = date <= last_training_day
    if train.all():
        raise ValueError("nothing left for the test")
    return train, np.logical_not(train)


# %% [exercises] evaluate
def evaluate(late, probability):
    y = np.asarray(late).astype(int)
    if y.size != np.size(probability):
        raise ValueError("one probability for each flight, please")
    if np.unique(y).size != 2:
        raise ValueError("late and punctual flights are needed")
    model = log_loss(y, np.clip(probability, 1e-6, 1 - 1e-6))
    nothing = log_loss(y, np.repeat(y.mean(), y.size))
    return dict(
        log_loss=float(model),
        baseline_log_loss=float(nothing),
        skill=float(1 - model / nothing),
        auc=float(roc_auc_score(y, probability)),
    )


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1 or len(late) != len(probability):
        raise ValueError("check bins and lengths")
    edges = np.linspace(0, 1, bins + 1)
    which = np.digitize(probability, edges[1:-1])
    kept, which = np.unique(which, return_inverse=True)
    count = np.bincount(which)
    return {
        "predicted": np.bincount(which, weights=probability) / count,
        "observed": np.bincount(which, weights=late) / count,
        "count": count,
    }


# %% [exercises] predict
def predict(model, interpreter, inputs):
    if inputs is not None and np.size(inputs) == 0:
        inputs = None
    given = {"Model": model, "Interpreter": interpreter, "Input data": inputs}
    if any(part is None for part in given.values()):
        raise ValueError("Missing: " + "; ".join(name for name, part in given.items() if part is None))
    return interpreter(model, np.reshape(inputs, (-1, np.shape(inputs)[-1])))


# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        assert_valid(keep)
        self.decay, self.n, self.mean = keep, 0.0, None

    def learn(self, late):
        for outcome in np.asarray(late, dtype=float):
            self.n = self.n * self.decay + 1
            old = 0.0 if self.mean is None else self.mean
            self.mean = old + (outcome - old) / self.n

    def rate(self):
        if self.mean is None:
            raise ValueError("no flights yet")
        return float(self.mean)


def assert_valid(keep):
    if not (0 < keep <= 1):
        raise ValueError("keep out of range")
