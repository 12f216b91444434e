"""
student = "nomvula"
kind = "alternative"
what = "Sorts records: cuts by sorted order, ROC AUC by the trapezoid, bins by searchsorted; a running mean updated by its error."
"""
# %% [exercises] features
from sklearn.preprocessing import OneHotEncoder

encoder = OneHotEncoder(
    categories=[list(range(24)), ["EWR", "JFK", "LGA"], ["UA", "B6", "EV", "DL", "AA"]],
    handle_unknown="ignore",
    sparse_output=False,
    dtype=np.float32,
).fit([[5, "EWR", "UA"]])


def features(flights):
    table = np.empty((len(flights["month"]), 3), dtype=object)
    table[:, 0] = flights["sched_dep_time"] // 100
    table[:, 1], table[:, 2] = flights["origin"], flights["carrier"]
    return [encoder.transform(table), encoder.get_feature_names_out()]


# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if share <= 0 or share >= 1:
        raise ValueError("0 < share < 1")
    order = np.lexsort((day, month))
    m, d = month[order], day[order]
    cut = int(np.ceil(share * len(order)))  # flights needed at least
    while cut < len(order) and (m[cut], d[cut]) == (m[cut - 1], d[cut - 1]):
        cut += 1
    if cut == len(order):
        raise ValueError("the test would be empty")
    test = np.zeros(len(order), dtype=bool)
    test[order[cut:]] = True
    return np.logical_not(test), test


# %% [exercises] evaluate
from sklearn.metrics import auc as area
from sklearn.metrics import log_loss as sk_log_loss
from sklearn.metrics import roc_curve


def evaluate(late, probability):
    late = np.asarray(late) == 1
    if len(late) != len(probability):
        raise ValueError("lengths")
    if np.ptp(late.astype(int)) == 0:
        raise ValueError("all alike")
    limited = np.clip(probability, 1e-6, 1 - 1e-6)
    scores = {"log_loss": sk_log_loss(late, limited)}
    share = late.mean()
    scores["baseline_log_loss"] = -share * np.log(share) - (1 - share) * np.log1p(-share)
    scores["skill"] = 1 - scores["log_loss"] / scores["baseline_log_loss"]
    false, true, _ = roc_curve(late, probability)
    scores["auc"] = area(false, true)
    return scores


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1:
        raise ValueError("bins")
    if len(late) != len(probability):
        raise ValueError("lengths")
    edges = np.array([i / bins for i in range(1, bins)])
    which = np.searchsorted(edges, probability, side="right")
    numbers, inverse, count = np.unique(which, return_inverse=True, return_counts=True)
    total = np.zeros((2, len(numbers)))
    np.add.at(total, (0, inverse), probability)
    np.add.at(total, (1, inverse), late)
    return {"predicted": total[0] / count, "observed": total[1] / count, "count": count}


# %% [exercises] predict
def predict(model, interpreter, inputs):
    missing = []
    for part, word in zip((model, interpreter, inputs), ("model", "interpreter", "input data")):
        try:
            if part is None or (word == "input data" and not len(part)):
                missing.append(word)
        except TypeError:
            pass
    if missing:
        raise ValueError(missing)
    return interpreter(model, np.asarray(inputs).reshape(-1, np.shape(inputs)[-1])).copy()


# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if not (keep > 0 and keep <= 1):
            raise ValueError("keep")
        self.keep, self.weight, self.mean = keep, 0.0, None

    def learn(self, late):
        for y in np.asarray(late, dtype=float):
            self.weight = self.keep * self.weight + 1
            self.mean = (self.mean or 0.0) + (y - (self.mean or 0.0)) / self.weight

    def rate(self):
        if self.mean is None:
            raise ValueError("nothing yet")
        return self.mean
