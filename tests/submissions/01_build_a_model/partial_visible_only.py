"""
student = "tuan"
kind = "partial"
what = "Stops at the first green visible test of each exercise and never reads what the docstrings say about errors."
[loses]
test_split_in_time_hidden = 2
test_calibration_table_hidden = 2
test_predict_hidden = 2
test_OnlineRate_hidden = 2
test_OnlineRate_forgetting = 1
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    date = month * 100 + day  # wraps round in 8 bits, and no share is ever refused
    days, counts = np.unique(date, return_counts=True)
    last = days[np.searchsorted(np.cumsum(counts), share * len(date))]
    return date <= last, date > last


# %% [exercises] evaluate
from sklearn.metrics import log_loss, roc_auc_score


def evaluate(late, probability):
    ours = log_loss(late, np.clip(probability, 1e-6, 1 - 1e-6))
    base = log_loss(late, np.full(len(late), np.mean(late)))
    return {
        "log_loss": ours,
        "baseline_log_loss": base,
        "skill": 1 - ours / base,
        "auc": float(roc_auc_score(late, probability)),
    }


# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    which = np.ceil(probability * bins)  # an edge goes to the bin below
    used = np.unique(which)
    return {
        "predicted": np.array([probability[which == i].mean() for i in used]),
        "observed": np.array([late[which == i].mean() for i in used]),
        "count": np.array([(which == i).sum() for i in used]),
    }


# %% [exercises] predict
def predict(model, interpreter, inputs):
    if model is None:
        raise ValueError("no model")
    if interpreter is None:
        raise ValueError("no interpreter")
    if inputs is None:
        raise ValueError("no input data")
    return interpreter(model, inputs)


# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        self.late = self.all = 0

    def learn(self, late):
        self.late += np.sum(late)
        self.all += len(late)

    def rate(self):
        return self.late / self.all
