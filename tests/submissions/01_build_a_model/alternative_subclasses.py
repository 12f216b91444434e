"""
student = "tomasz"
kind = "alternative"
what = "Returns named tuples, an OrderedDict and a defaultdict; refuses with classes of its own and of the statistics module, which are ValueErrors."
"""
# %% [exercises] features
from typing import NamedTuple


class Table(NamedTuple):
    X: np.ndarray
    names: list


def features(flights):
    columns = {"hour": flights["sched_dep_time"] // 100}
    columns.update({c: np.char.equal(flights["carrier"].astype("U2"), c) for c in "UA B6 EV DL AA".split()})
    columns.update({o: np.char.equal(flights["origin"].astype("U3"), o) for o in "EWR JFK".split()})
    return Table(np.asfortranarray(np.column_stack(list(columns.values())).astype(np.float32)), columns.keys())


# %% [exercises] split_in_time
class CannotSplit(ValueError):
    """No such split."""


class Split(NamedTuple):
    train: np.ndarray
    test: np.ndarray


def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise CannotSplit("share")
    date = np.asarray(month, dtype=np.int64) * 31 + np.asarray(day, dtype=np.int64)
    in_order = np.sort(date)
    last = in_order[int(np.ceil(share * len(date))) - 1]
    if last == in_order[-1]:
        raise CannotSplit("no day for the test")
    return Split(date <= last, date > last)


# %% [exercises] evaluate
from collections import OrderedDict, defaultdict
from statistics import StatisticsError, fmean


def evaluate(late, probability):
    if len(late) != len(probability) or len(set(np.asarray(late).tolist())) == 1:
        raise StatisticsError("cannot be judged")
    y, p = np.asarray(late, bool), np.clip(probability, 1e-6, 1 - 1e-6)
    loss = fmean((-np.log(np.where(y, p, 1 - p))).tolist())
    base = fmean((-np.log(np.where(y, y.mean(), 1 - y.mean()))).tolist())
    raw = np.asarray(probability)
    auc = np.sign(np.subtract.outer(raw[y], raw[~y])).mean() / 2 + 0.5
    return OrderedDict(log_loss=loss, baseline_log_loss=base, skill=1 - loss / base, auc=auc)


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1 or len(late) != len(probability):
        raise CannotSplit("bins or lengths")
    table = defaultdict(list)
    which = np.clip(np.digitize(probability, [i / bins for i in range(bins + 1)]) - 1, 0, bins - 1)
    for i in np.unique(which):
        inside = which == i
        table["predicted"].append(np.mean(probability[inside]))
        table["observed"].append(np.mean(late[inside]))
        table["count"].append(np.count_nonzero(inside))
    return table


# %% [exercises] predict
def predict(model, interpreter, inputs):
    class Missing(ValueError):
        def __str__(self):
            return "without " + ", ".join(self.args)

    if inputs is not None and len(inputs) == 0:
        inputs = None
    if missing := [n for n, p in {"model": model, "interpreter": interpreter, "input data": inputs}.items() if p is None]:
        raise Missing(*missing)
    return np.ma.asarray(interpreter(model, inputs.reshape(1, -1) if inputs.ndim < 2 else inputs)).filled()


# %% [exercises] OnlineRate
from collections import deque


class Base:
    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise CannotSplit("keep")
        self._keep, self._seen = keep, deque()

    def learn(self, late):
        self._seen.extendleft(np.asarray(late, dtype=float).tolist())


class OnlineRate(Base):
    __slots__ = ()

    def rate(self):
        weights = [self._keep**j for j in range(len(self._seen))]
        if not weights:
            return fmean([])  # StatisticsError, which is a ValueError
        return float(np.average(list(self._seen), weights=weights))
