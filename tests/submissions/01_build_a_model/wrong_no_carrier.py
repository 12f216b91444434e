"""
student = "pavel"
kind = "wrong"
what = "Leaves out the carrier, and the text of the docstring with it."
[loses]
test_features = 1
"""
# %% [exercises] features
def features(flights):
    columns = [flights["sched_dep_time"] // 100, flights["origin"] == "EWR", flights["origin"] == "JFK"]
    return np.stack(columns, axis=1).astype(np.float32), ["hour", "EWR", "JFK"]
