"""
student = "rasmus"
kind = "wrong"
what = "Gives the probability 1 a bin of its own, after np.digitize over all edges."
[loses]
test_calibration_table_hidden = 2
"""
# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1 or len(late) != len(probability):
        raise ValueError("check bins and lengths")
    which = np.digitize(probability, np.linspace(0, 1, bins + 1))
    used, which, count = np.unique(which, return_inverse=True, return_counts=True)
    return {
        "predicted": np.bincount(which, probability) / count,
        "observed": np.bincount(which, late) / count,
        "count": count,
    }
