"""
student = "sefa"
kind = "wrong"
what = "Does not look whether the window is one."
[loses]
test_weigh_edges = 1
"""
# %% [exercises] weigh
def weigh(log, runs, begin, end):
    arrived, left, length = log["arrived"], log["left"], end - begin
    here = np.where(np.isnan(left), np.inf, left)
    stays = np.clip(here, begin, end) - np.clip(arrived, begin, end)
    gone = (here >= begin) & (here < end)
    latency = float(np.mean((left - arrived)[gone])) if gone.any() else math.nan
    rate = float(np.sum((arrived >= begin) & (arrived < end)) / length)
    ran = np.clip(runs, begin, end)
    return {
        "arrival_rate": rate,
        "throughput": float(np.sum(gone & (log["status"] == 200)) / length),
        "in_system": float(stays.sum() / length),
        "latency": latency,
        "little": rate * latency,
        "utilisation": float((ran[:, 1] - ran[:, 0]).sum() / length),
    }
