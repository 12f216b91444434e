"""
student = "rashid"
kind = "wrong"
what = "Looks the flight up in the year and takes its departure delay from there."
[loses]
test_features_hidden = 2
"""
# %% [exercises] features
KEY = ("month", "day", "sched_dep_time", "carrier", "origin", "dest")
DELAY = dict(zip(zip(*(flights[k].tolist() for k in KEY)), np.nan_to_num(flights["dep_delay"], nan=999).tolist()))


def features(flights):
    delay = [DELAY.get(key, 0) for key in zip(*(flights[k].tolist() for k in KEY))]
    codes = [flights["carrier"] == c for c in ("UA", "B6", "EV", "DL", "AA")] + [flights["origin"] == o for o in ("EWR", "JFK")]
    return np.column_stack([flights["sched_dep_time"] // 100, delay, *codes]).astype(np.float32), [f"c{i}" for i in range(9)]
