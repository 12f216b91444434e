"""
student = "giulia"
kind = "wrong"
what = "Uses the departure delay, which is known only afterwards."
[loses]
test_features_hidden = 2
test_features_served = 1
"""
# %% [exercises] features
def features(flights):
    names = ["hour", "distance", "delay"]
    columns = [flights["sched_dep_time"] // 100, flights["distance"], np.nan_to_num(flights["dep_delay"])]
    for column in ["origin", "carrier"]:
        for code in ["EWR", "JFK", "LGA", "UA", "B6", "EV", "DL", "AA"]:
            columns.append(flights[column] == code)
            names.append(f"{column} {code}")
    return np.stack(columns, axis=1).astype("float32"), names
