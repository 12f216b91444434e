"""
student = "dorothea"
kind = "wrong"
what = "Gives a missed change the days to the end as its delay."
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
        rings = np.flatnonzero(scores[change:end] > threshold)
        delays.append(int(rings[0]) if len(rings) else end - change)
    return {
        "threshold": float(threshold),
        "false": false,
        "at_most": float(scipy.stats.binomtest(false, len(second)).proportion_ci(0.95, "exact").high),
        "delays": delays,
    }
