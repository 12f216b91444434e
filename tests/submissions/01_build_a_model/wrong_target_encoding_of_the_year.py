"""
student = "marisol"
kind = "wrong"
what = "Encodes a carrier by its share of late flights in the whole year, test days included: a leak of outcomes."
[loses]
test_features_hidden = 2
"""
# %% [exercises] features
YEAR_LATE = datasets.late(flights)
SHARE = {c: YEAR_LATE[flights["carrier"] == c].mean() for c in np.unique(flights["carrier"])}


def features(flights):
    share = np.array([SHARE.get(c, 0.25) for c in flights["carrier"].tolist()])
    place = np.array([["EWR", "JFK", "LGA"].index(o) for o in flights["origin"].tolist()])
    return np.column_stack([flights["sched_dep_time"] // 100, place, share]).astype(np.float32), ["hour", "origin", "share"]
