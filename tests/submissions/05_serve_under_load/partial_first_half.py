"""
student = "gwen"
kind = "partial"
base = "blank"
what = "Solves exercises 1 and 6, starts 4 with its bounds alone, and leaves the others as they came."
[loses]
test_Scheduler = 1
test_Scheduler_batches = 2
test_Scheduler_waits = 2
test_Batcher = 1
test_Batcher_callers = 1
test_Batcher_runs = 1
test_Batcher_failures = 1
test_Door = 1
test_Door_deadlines = 2
test_Door_retry_after = 1
test_choose = 1
test_choose_app = 1
test_choose_night = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [exercises] weigh
def weigh(log, runs, begin, end):
    if end <= begin:
        raise ValueError(f"A window has to end after it begins, not from {begin} to {end}.")
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


# %% [exercises] Door
class Door:
    def __init__(self, queue_rows, client_rows, ms_per_row):
        self.most, self.most_of_one, self.queue = queue_rows, client_rows, []

    def arrive(self, now, request, client, rows, deadline):
        if rows > min(self.most, self.most_of_one):
            return 413, None
        if sum(r for _, c, r in self.queue if c == client) + rows > self.most_of_one:
            return 429, 1  # TODO: how long?
        if sum(r for _, _, r in self.queue) + rows > self.most:
            return 503, 1
        self.queue.append((request, client, rows))

    def take(self, now):
        if not self.queue:
            return None, []
        return self.queue.pop(0)[0], []


# %% [exercises] fan_out
def fan_out(slow, budget):
    share, made = float(np.mean(slow)), slow.shape[1]
    if share == 0:
        most = None
    elif share == 1:
        most = 0
    else:
        most = math.floor(math.log(1 - budget) / math.log(1 - share)) + 1
        while 1 - (1 - share) ** most > budget + 1e-9:
            most -= 1
    return {
        "calls": share,
        "pages": float(np.mean(slow.any(axis=1))),
        "independent": 1 - (1 - share) ** made,
        "most": most,
        "needed": 1 - (1 - budget) ** (1 / made),
    }
