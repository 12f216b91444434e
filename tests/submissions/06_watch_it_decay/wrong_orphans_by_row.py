"""
student = "wiktor"
kind = "wrong"
what = "Counts the rows of labels without a prediction, not their ids."
[loses]
test_errors_by_day_corrections = 1
"""
# %% [exercises] errors_by_day
def errors_by_day(served, labels, as_of):
    known = labels["arrived"] <= as_of
    order = np.argsort(labels["arrived"][known], kind="stable")
    value = dict(zip(labels["id"][known][order].tolist(), labels["value"][known][order].tolist(), strict=True))
    there = served["time"] <= as_of
    ids = served["id"][there].tolist()
    error = np.abs(served["prediction"][there] - np.array([value.get(one, math.nan) for one in ids], dtype=float))
    days, place = np.unique(np.floor(served["time"][there]).astype(np.int64), return_inverse=True)
    has = ~np.isnan(error)
    labelled = np.bincount(place[has], minlength=len(days))
    total = np.bincount(place[has], weights=error[has], minlength=len(days))
    return {
        "day": days,
        "served": np.bincount(place, minlength=len(days)),
        "labelled": labelled,
        "error": np.where(labelled > 0, total / np.maximum(labelled, 1), math.nan),
        "orphans": int((~np.isin(labels["id"][known], ids)).sum()),
    }
