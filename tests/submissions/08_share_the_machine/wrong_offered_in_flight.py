"""
student = "camila"
kind = "wrong"
what = "Multiplies the offered rate with the mean latency of the answered."
[loses]
test_capacity = 1
test_capacity_hidden = 2
"""
# %% [exercises] capacity
def capacity(runs, promise):
    best, found = None, False
    for run in sorted(runs, key=lambda run: run["offered"]):
        latency = run["latency"]
        in_time = np.mean(latency <= promise["within"])  # NaN is not
        if in_time < promise["share"] or np.mean(np.isnan(latency)) > promise["failed"]:
            found = True
            break
        best = run
    if best is None:
        return {"offered": 0.0, "answered": 0.0, "in_flight": 0.0, "found": found}
    latency = best["latency"][~np.isnan(best["latency"])]
    return {
        "offered": best["offered"],
        "answered": len(latency) / best["seconds"],
        "in_flight": float(latency.mean()) * best["offered"],
        "found": found,
    }
