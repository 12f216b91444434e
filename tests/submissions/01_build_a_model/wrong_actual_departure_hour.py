"""
student = "leilani"
kind = "wrong"
what = "Derives the hour from the actual departure time: the same leak behind another name."
[loses]
test_features_hidden = 2
test_features_served = 1
"""
# %% [exercises] features
def features(flights):
    actual = datasets.departure_time(flights)
    hour = np.where(np.isnan(actual), flights["sched_dep_time"], actual) // 100
    codes = [flights["carrier"] == code for code in ("UA", "B6", "EV", "DL", "AA")]
    airports = [flights["origin"] == code for code in ("EWR", "JFK", "LGA")]
    X = np.stack([hour, *codes, *airports], axis=1).astype(np.float32)
    return X, [f"column {i}" for i in range(X.shape[1])]
