"""
student = "agnieszka"
kind = "wrong"
what = "Leaves the last bin open at 1, so that the surest flights drop out of the table."
[loses]
test_calibration_table_hidden = 2
"""
# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins < 1 or len(late) != len(probability):
        raise ValueError("check bins and lengths")
    table = {"predicted": [], "observed": [], "count": []}
    for i in range(bins):
        inside = (probability >= i / bins) & (probability < (i + 1) / bins)
        if inside.any():
            table["predicted"].append(probability[inside].mean())
            table["observed"].append(late[inside].mean())
            table["count"].append(inside.sum())
    return {key: np.array(values) for key, values in table.items()}
