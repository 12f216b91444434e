"""
student = "ulrike"
kind = "wrong"
what = "Books an error on the day on which its label came."
[loses]
test_errors_by_day = 1
test_errors_by_day_peek = 2
test_errors_by_day_corrections = 1
"""
# %% [exercises] errors_by_day
def errors_by_day(served, labels, as_of):
    found = {}
    for row in np.argsort(labels["arrived"], kind="stable").tolist():
        if labels["arrived"][row] <= as_of:
            found[int(labels["id"][row])] = (labels["value"][row], labels["arrived"][row])
    days = {}
    ids = []
    for one, time, prediction in zip(served["id"].tolist(), served["time"].tolist(), served["prediction"].tolist()):
        if time > as_of:
            continue
        ids.append(one)
        days.setdefault(int(time), [0, []])[0] += 1
        if one in found and found[one][0] == found[one][0]:
            value, arrived = found[one]
            days.setdefault(int(arrived), [0, []])[1].append(abs(prediction - value))
    order = sorted(days)
    return {
        "day": np.array(order, dtype=np.int64),
        "served": np.array([days[day][0] for day in order], dtype=np.int64),
        "labelled": np.array([len(days[day][1]) for day in order], dtype=np.int64),
        "error": np.array([np.mean(days[day][1]) if days[day][1] else math.nan for day in order]),
        "orphans": len(set(found) - set(ids)),
    }
