"""
student = "oluwaseun"
kind = "wrong"
what = "Makes one column for each carrier in the request, so a request of one flight has fewer columns."
[loses]
test_features = 1
test_features_served = 1
"""
# %% [exercises] features
def features(flights):
    columns, names = [flights["sched_dep_time"] // 100], ["hour"]
    for column in ("origin", "carrier"):
        for code in np.unique(flights[column]):
            columns.append(flights[column] == code)
            names.append(str(code))
    return np.stack(columns, axis=1).astype(np.float32), names
