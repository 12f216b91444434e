"""
student = "quirin"
kind = "wrong"
what = "Leaves out runs for the night of which half failed, though the rows count successes alone."
[loses]
test_choose_night = 1
"""
# %% [exercises] choose
def choose(table, goal):
    if goal["for"] == "night":
        done = [run for run in table if run["rows"] * goal["seconds"] >= goal["rows"] and run["failed"] < 0.5]
        best = max(done, key=lambda run: (run["rows_per_cpu"], run["rows"]), default=None)
        return best and best["setting"]

    def keeps(run):
        return run["p99"] is not None and run["p99"] <= goal["p99"] and run["failed"] <= goal["failed"]

    counted = []
    for setting in {run["setting"] for run in table}:
        runs = sorted((run for run in table if run["setting"] == setting), key=lambda run: run["offered"])
        below = [run for run in runs if run["offered"] < goal["offered"]]
        if len(below) < len(runs) and all(map(keeps, runs[: len(below) + 1])):
            counted.append(runs[len(below)])
    best = max(counted, key=lambda run: (run["rows_per_cpu"], -run["p99"]), default=None)
    return best and best["setting"]
