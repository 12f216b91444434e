"""
student = "pavel"
kind = "wrong"
what = "Averages p99 over the runs of a setting."
[loses]
test_choose_app = 1
"""
# %% [exercises] choose
def choose(table, goal):
    if goal["for"] == "night":
        done = [run for run in table if run["rows"] * goal["seconds"] >= goal["rows"]]
        best = max(done, key=lambda run: (run["rows_per_cpu"], run["rows"]), default=None)
        return best and best["setting"]

    def keeps(run):
        return run["p99"] is not None and run["p99"] <= goal["p99"] and run["failed"] <= goal["failed"]

    counted = []
    for setting in {run["setting"] for run in table}:
        runs = sorted((run for run in table if run["setting"] == setting), key=lambda run: run["offered"])
        below = [run for run in runs if run["offered"] < goal["offered"]]
        known = [run["p99"] for run in runs if run["p99"] is not None]
        fine = known and sum(known) / len(known) <= goal["p99"] and all(run["failed"] <= goal["failed"] for run in runs)
        if len(below) < len(runs) and fine and runs[len(below)]["p99"] is not None:
            counted.append(runs[len(below)])
    best = max(counted, key=lambda run: (run["rows_per_cpu"], -run["p99"]), default=None)
    return best and best["setting"]
