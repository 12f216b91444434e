"""
student = "hedwig"
kind = "alternative"
what = "Counts with Fraction and Decimal, groups with itertools, hands lists over where arrays are asked for."
"""
# %% [exercises] features
import zlib
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, groupby


def features(flights):
    def rows():
        for time, carrier, origin, dest, miles in zip(
            *(np.asarray(flights[name]).tolist() for name in ("sched_dep_time", "carrier", "origin", "dest", "distance"))
        ):
            since_midnight = Fraction(time // 100 * 60 + time % 100, 1440)
            yield [
                float(since_midnight),
                *(float(zlib.crc32(code.encode()) % 65521) for code in (carrier, origin, dest)),
                float(Decimal(miles) / 1000),
            ]

    names = ["part of the day", "carrier crc", "origin crc", "dest crc", "thousand miles"]
    return np.array(list(rows()), dtype=np.float32), names


# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share")
    dates = list(zip(map(int, month), map(int, day)))
    per_day = [(date, len(list(same))) for date, same in groupby(sorted(dates))]
    needed = Fraction(share) * len(dates)
    totals = accumulate(count for _, count in per_day)
    last = next(date for (date, _), total in zip(per_day, totals) if total >= needed)
    if last == per_day[-1][0]:
        raise ValueError("nothing left for the test")
    return [date <= last for date in dates], [date > last for date in dates]


# %% [exercises] evaluate
def evaluate(late, probability):
    outcomes, chances = [int(y) for y in late], [Fraction(float(p)) for p in probability]
    if len(outcomes) != len(chances):
        raise ValueError("lengths")
    if len(set(outcomes)) < 2:
        raise ValueError("one kind only")
    low, high = Decimal("1e-6"), 1 - Decimal("1e-6")

    def loss(p, y):
        p = min(max(Decimal(float(p)), low), high)
        return -(p if y else 1 - p).ln()

    n, base = len(outcomes), Fraction(sum(outcomes), len(outcomes))
    model = sum(map(loss, chances, outcomes)) / n
    nobody = sum(loss(base, y) for y in outcomes) / n
    won, pairs = Fraction(0), 0
    for p in (p for p, y in zip(chances, outcomes) if y):
        for q in (q for q, y in zip(chances, outcomes) if not y):
            won += Fraction((p > q) - (p < q) + 1, 2)
            pairs += 1
    return {
        "auc": float(won / pairs),
        "skill": float(1 - model / nobody),
        "log_loss": float(model),
        "baseline_log_loss": float(nobody),
    }


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1 or len(late) != len(probability):
        raise ValueError("bins or lengths")
    exact = [(Fraction(float(p)), int(y)) for p, y in zip(probability, late)]
    number = lambda pair: min(int(pair[0] * bins), bins - 1)
    groups = [list(same) for _, same in groupby(sorted(exact, key=number), key=number)]
    return {
        "predicted": [float(sum(p for p, _ in same) / len(same)) for same in groups],
        "observed": [float(Fraction(sum(y for _, y in same), len(same))) for same in groups],
        "count": [len(same) for same in groups],
    }


# %% [exercises] predict
def predict(model, interpreter, inputs):
    def missing():
        yield from (word for word, part in (("model", model), ("interpreter", interpreter)) if part is None)
        if inputs is None or np.shape(inputs)[0] == 0:
            yield "input data"

    if words := " and ".join(missing()):
        raise ValueError(f"There is no answer without {words}.")
    rows = inputs if np.ndim(inputs) == 2 else [inputs]
    return [float(p) for row in rows for p in interpreter(model, np.array([row]))]


# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise ValueError("keep")
        self.keep, self.late, self.seen = Decimal(float(keep)), Decimal(0), Decimal(0)

    def learn(self, late):
        for y in np.asarray(late).astype(int).tolist():
            self.late, self.seen = self.late * self.keep + y, self.seen * self.keep + 1

    def rate(self):
        if not self.seen:
            raise ValueError("none yet")
        return float(self.late / self.seen)
