"""
student = "kwame"
kind = "alternative"
what = "Writes plain loops over Python numbers, numpy only to hand over the result."
"""
# %% [exercises] features
import math


def features(flights):
    rows = []
    for time, origin, carrier, day in zip(
        flights["sched_dep_time"], flights["origin"], flights["carrier"], flights["day"]
    ):
        row = [int(time) // 100, int(time) % 100, int(day)]
        for airport in ["EWR", "JFK", "LGA"]:
            row.append(1 if origin == airport else 0)
        for code in ["UA", "B6", "EV", "DL", "AA"]:
            row.append(1 if carrier == code else 0)
        rows.append(row)
    names = ["hour", "minute", "day", "EWR", "JFK", "LGA", "UA", "B6", "EV", "DL", "AA"]
    return np.array(rows, dtype="float32"), names


# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if share <= 0 or share >= 1:
        raise ValueError("share has to be between 0 and 1")
    per_day = {}
    for m, d in zip(month.tolist(), day.tolist()):
        per_day[(m, d)] = per_day.get((m, d), 0) + 1
    training_days, so_far = set(), 0
    for date in sorted(per_day):
        if so_far >= share * len(month):
            break
        training_days.add(date)
        so_far += per_day[date]
    if len(training_days) == len(per_day):
        raise ValueError("no day is left for the test")
    train = np.array([date in training_days for date in zip(month.tolist(), day.tolist())])
    return train, ~train


# %% [exercises] evaluate
def evaluate(late, probability):
    late, probability = [bool(y) for y in late], [float(p) for p in probability]
    if len(late) != len(probability):
        raise ValueError("lengths differ")
    if sum(late) in (0, len(late)):
        raise ValueError("only one kind of flight")

    def loss(probabilities):
        total = 0.0
        for y, p in zip(late, probabilities):
            p = min(max(p, 1e-6), 1 - 1e-6)
            total -= math.log(p) if y else math.log(1 - p)
        return total / len(late)

    base = loss([sum(late) / len(late)] * len(late))
    won = pairs = 0
    for y, p in zip(late, probability):
        for z, q in zip(late, probability):
            if y and not z:
                pairs += 1
                won += 1 if p > q else 0.5 if p == q else 0
    return {
        "log_loss": loss(probability),
        "baseline_log_loss": base,
        "skill": 1 - loss(probability) / base,
        "auc": won / pairs,
    }


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1:
        raise ValueError("bins must be 1 or more")
    if len(late) != len(probability):
        raise ValueError("lengths differ")
    content = {}
    for y, p in zip(late, probability):
        number = bins - 1 if p == 1 else int(float(p) * bins)
        content.setdefault(number, []).append((float(y), float(p)))
    predicted, observed, count = [], [], []
    for number in sorted(content):
        flights_in_it = content[number]
        observed.append(sum(y for y, p in flights_in_it) / len(flights_in_it))
        predicted.append(sum(p for y, p in flights_in_it) / len(flights_in_it))
        count.append(len(flights_in_it))
    return {"predicted": np.array(predicted), "observed": np.array(observed), "count": np.array(count)}


# %% [exercises] predict
def predict(model, interpreter, inputs):
    problems = []
    if model is None:
        problems.append("model")
    if interpreter is None:
        problems.append("interpreter")
    if inputs is None or inputs.shape[0] == 0:
        problems.append("input data")
    if problems:
        raise ValueError("There is no " + " and no ".join(problems))
    if inputs.ndim == 1:
        inputs = inputs.reshape(1, -1)
    answers = []
    for i in range(len(inputs)):  # one request after the other
        answers.append(interpreter(model, inputs[i : i + 1])[0])
    return np.array(answers)


# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if keep <= 0 or keep > 1:
            raise ValueError("keep must be in (0, 1]")
        self.keep = keep
        self.top = 0
        self.bottom = 0

    def learn(self, late):
        for y in late:
            self.top = self.top * self.keep + int(y)
            self.bottom = self.bottom * self.keep + 1

    def rate(self):
        if self.bottom == 0:
            raise ValueError("nothing learnt yet")
        return self.top / self.bottom
