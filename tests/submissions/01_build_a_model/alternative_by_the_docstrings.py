"""
student = "farida"
kind = "alternative"
what = "Follows the docstrings word by word: numbers in place of indicator columns, dates as text, polynomials for the stream."
"""
# %% [exercises] features
AIRPORTS = ["EWR", "JFK", "LGA"]
AIRLINES = ["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9", "YV", "HA", "OO"]


def number_of(code, known):
    return known.index(code) if code in known else -1


def features(flights):
    names = ["minutes since midnight", "airport number", "airline number", "hundreds of miles"]
    X = np.zeros((len(flights["carrier"]), len(names)), dtype=np.float32)
    X[:, 0] = flights["sched_dep_time"] // 100 * 60 + flights["sched_dep_time"] % 100
    X[:, 1] = [number_of(str(code), AIRPORTS) for code in flights["origin"]]
    X[:, 2] = [number_of(str(code), AIRLINES) for code in flights["carrier"]]
    X[:, 3] = flights["distance"] / 100
    return X, names


# %% [exercises] split_in_time
from collections import Counter


def split_in_time(month, day, share):
    if share <= 0 or share >= 1:
        raise ValueError("share must be greater than 0 and smaller than 1")
    dates = [f"{int(m):02d}-{int(d):02d}" for m, d in zip(month, day)]
    flights_on = Counter(dates)
    chosen, n = [], 0
    for date in sorted(flights_on):
        chosen.append(date)
        n += flights_on[date]
        if n >= share * len(dates):
            break
    if len(chosen) == len(flights_on):
        raise ValueError("no day would be left for the test")
    train = np.array(dates) <= chosen[-1]
    return train, ~train


# %% [exercises] evaluate
def evaluate(late, probability):
    if len(late) != len(probability):
        raise ValueError("the lengths differ")
    y = np.array(late, dtype=float)
    if y.sum() == 0 or y.sum() == len(y):
        raise ValueError("all flights ended alike")
    limited = np.clip(probability, 1e-6, 1 - 1e-6)
    log_loss = -np.average(np.log(np.abs(1 - y - limited)))
    rate = y.mean()
    baseline_log_loss = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    punctual = np.sort(probability[y == 0])
    below = np.searchsorted(punctual, probability[y == 1], side="left")
    not_above = np.searchsorted(punctual, probability[y == 1], side="right")
    return {
        "log_loss": log_loss,
        "baseline_log_loss": baseline_log_loss,
        "skill": 1 - log_loss / baseline_log_loss,
        "auc": np.mean((below + not_above) / 2) / len(punctual),
    }


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1:
        raise ValueError("bins is smaller than 1")
    if len(late) != len(probability):
        raise ValueError("the lengths differ")
    rows = []
    for i in range(bins):
        inside = probability >= i / bins
        if i < bins - 1:
            inside &= probability < (i + 1) / bins
        if inside.sum() > 0:
            rows.append((np.mean(probability[inside]), np.mean(late[inside]), np.sum(inside)))
    predicted, observed, count = zip(*rows)
    return {"predicted": np.array(predicted), "observed": np.array(observed), "count": np.array(count)}


# %% [exercises] predict
def predict(model, interpreter, inputs):
    missing = ""
    if model is None:
        missing += " model"
    if interpreter is None:
        missing += " interpreter"
    if inputs is None or np.asarray(inputs).size == 0:
        missing += " input data"
    if missing:
        raise ValueError("cannot predict without:" + missing)
    inputs = np.asarray(inputs)
    return np.asarray(interpreter(model, inputs if inputs.ndim == 2 else inputs[np.newaxis]))


# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if not (keep > 0 and keep <= 1):
            raise ValueError("keep must be greater than 0 and at most 1")
        self.keep = keep
        self.numbers = (0.0, 0.0)

    def learn(self, late):
        above, below = self.numbers
        above = np.polyval([above, *np.asarray(late, dtype=float)], self.keep)
        below = np.polyval([below, *np.ones(len(late))], self.keep)
        self.numbers = (float(above), float(below))

    def rate(self):
        above, below = self.numbers
        if below == 0:
            raise ValueError("there has been no flight yet")
        return above / below
