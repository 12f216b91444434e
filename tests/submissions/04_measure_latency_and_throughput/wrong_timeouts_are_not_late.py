"""
student = "dagmar"
kind = "wrong"
what = "Counts as late only what was not timed out."
[loses]
test_report_void = 1
"""
# %% [exercises] report
def report(log, seconds, warm_up, deadline):
    counted = [line for line in log if line["due"] >= warm_up]
    if not counted:
        raise ValueError("No request is left after the warm-up: there is nothing to report.")
    took = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    failed = {}
    for line in counted:
        if line["outcome"] != "ok":
            failed[line["outcome"]] = failed.get(line["outcome"], 0) + 1
    late = sum(line["sent"] - line["due"] > 0.01 and line["outcome"] != "timeout" for line in counted)
    span = seconds - warm_up
    void = f"{late} of {len(counted)} requests were sent late: the client was measured."
    return {
        "offered": len(counted) / span,
        "throughput": len(took) / span,
        "goodput": sum(time <= deadline for time in took) / span,
        "failed": failed,
        "void": void if late > 0.01 * len(counted) else None,
    }
