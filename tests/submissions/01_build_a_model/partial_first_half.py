"""
student = "bohdan"
kind = "partial"
base = "blank"
what = "Solves the first three exercises, leaves the others and answers half of the quiz."
[loses]
test_calibration_table = 1
test_calibration_table_hidden = 2
test_predict = 1
test_predict_hidden = 2
test_OnlineRate = 1
test_OnlineRate_hidden = 2
test_OnlineRate_forgetting = 1
q1 = 0.3333333333333333
q3 = 1
q4 = 1
"""
# %% [exercises] features
def features(flights):
    hour = flights["sched_dep_time"] // 100
    origins, carriers = ["EWR", "JFK", "LGA"], ["UA", "B6", "EV", "DL", "AA"]
    columns = [hour] + [flights["origin"] == o for o in origins] + [flights["carrier"] == c for c in carriers]
    return np.array(columns, dtype=np.float32).T, ["hour"] + origins + carriers


# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if share <= 0 or share >= 1:
        raise ValueError("impossible share")
    number = month.astype(int) * 40 + day
    days = np.unique(number)
    for i in range(len(days) - 1):
        if np.mean(number <= days[i]) >= share:
            return number <= days[i], number > days[i]
    raise ValueError("no day for the test")


# %% [exercises] evaluate
from sklearn.metrics import log_loss, roc_auc_score


def evaluate(late, probability):
    if len(late) != len(probability) or len(set(np.asarray(late).tolist())) < 2:
        raise ValueError("cannot be judged")
    ours = log_loss(late, np.clip(probability, 1e-6, 1 - 1e-6))
    base = log_loss(late, np.full(len(late), np.mean(late)))
    return {
        "log_loss": ours,
        "baseline_log_loss": base,
        "skill": 1 - ours / base,
        "auc": roc_auc_score(late, probability),
    }


# %% [quiz] q1
"AC"

# %% [quiz] q2
"B"
