"""
student = "bogdan"
kind = "wrong"
what = "Multiplies the throughput with the median latency."
[loses]
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
        "in_flight": float(np.median(latency)) * len(latency) / best["seconds"],
        "found": found,
    }
