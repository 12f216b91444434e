"""
student = "obinna"
kind = "wrong"
what = "Checks no lengths: numpy complains for 5 and 4, and stretches 1 to 5 without a word."
[loses]
test_evaluate_hidden = 2
test_calibration_table_hidden = 2
"""
# %% [exercises] evaluate
def evaluate(late, probability):
    late, probability = np.asarray(late).astype(bool), np.asarray(probability, dtype=float)
    if late.all() or not late.any():
        raise ValueError("one kind")

    def loss(p):
        p = np.clip(p, 1e-6, 1 - 1e-6)
        return float(-np.mean(late * np.log(p) + (1 - late) * np.log(1 - p)))

    ll, base = loss(probability), loss(np.full(len(late), late.mean()))
    p = probability + np.zeros(len(late))
    pairs = p[late][:, None] - p[~late]
    return {"log_loss": ll, "baseline_log_loss": base, "skill": 1 - ll / base, "auc": float(((pairs > 0) + (pairs == 0) / 2).mean())}
# %% [exercises] calibration_table
def calibration_table(late, probability, bins):
    if bins == 0:
        raise ValueError("bins")
    b = np.minimum((np.asarray(probability) * bins).astype(int), bins - 1)
    count = np.bincount(b, minlength=bins)
    f = count > 0
    return {"predicted": np.bincount(b, probability, bins)[f] / count[f], "observed": np.bincount(b, np.asarray(late, float), bins)[f] / count[f], "count": count[f].astype(float)}
