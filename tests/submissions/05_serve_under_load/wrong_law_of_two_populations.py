"""
student = "naledi"
kind = "wrong"
what = "Multiplies the rate of all with the latency of the successes."
[loses]
test_weigh = 1
test_weigh_hidden = 2
"""
# %% [exercises] weigh
def weigh(log, runs, begin, end):
    if end <= begin:
        raise ValueError(f"A window has to end after it begins, not from {begin} to {end}.")
    arrived, left, length = log["arrived"], log["left"], end - begin
    here = np.where(np.isnan(left), np.inf, left)
    stays = np.clip(here, begin, end) - np.clip(arrived, begin, end)
    gone = (here >= begin) & (here < end)
    latency = float(np.mean((left - arrived)[gone & (log["status"] == 200)])) if gone.any() else math.nan
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
