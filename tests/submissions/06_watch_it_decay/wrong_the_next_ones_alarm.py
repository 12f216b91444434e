"""
student = "caspar"
kind = "wrong"
what = "Lets an alarm after the next change find this one, too."
[loses]
test_honest_record_delays = 1
"""
# %% [exercises] honest_record
def honest_record(scores, control, changes, rate):
    first, second = scores[: control // 2], scores[control // 2 : control]
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    threshold = np.sort(first)[::-1][math.floor(rate * len(first) + 1e-9)]
    false = int((second > threshold).sum())
    delays = []
    for change, end in pairwise([*changes, len(scores)]):
        rings = np.flatnonzero(scores[change:] > threshold)
        delays.append(int(rings[0]) if len(rings) else None)
    return {
        "threshold": float(threshold),
        "false": false,
        "at_most": float(scipy.stats.binomtest(false, len(second)).proportion_ci(0.95, "exact").high),
        "delays": delays,
    }
