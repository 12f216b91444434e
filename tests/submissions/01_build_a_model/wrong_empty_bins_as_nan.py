"""
student = "thandiwe"
kind = "wrong"
what = "Keeps bins without flights, as NaN."
[loses]
test_calibration_table = 1
test_calibration_table_hidden = 2
"""
# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1 or len(late) != len(probability):
        raise ValueError("check bins and lengths")
    which = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    return {
        "predicted": np.bincount(which, probability, minlength=bins) / count,
        "observed": np.bincount(which, late, minlength=bins) / count,
        "count": count,
    }
