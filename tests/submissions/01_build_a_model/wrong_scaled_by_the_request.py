"""
student = "ingrid"
kind = "wrong"
what = "Standardises with mean and spread of the flights in the request, so a flight alone looks average."
[loses]
test_features = 1
test_features_served = 1
"""
# %% [exercises] features
def features(flights):
    columns = [flights["sched_dep_time"] // 100, flights["distance"]]
    columns += [flights["origin"] == code for code in ("EWR", "JFK", "LGA")]
    columns += [flights["carrier"] == code for code in ("UA", "B6", "EV", "DL", "AA")]
    X = np.stack(columns, axis=1).astype(float)
    X = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    return X.astype(np.float32), [f"x{i}" for i in range(X.shape[1])]
