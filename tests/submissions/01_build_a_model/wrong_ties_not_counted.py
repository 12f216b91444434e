"""
student = "carlos"
kind = "wrong"
what = "Counts only pairs with a strictly higher probability in the AUC."
[loses]
test_evaluate_hidden = 2
"""
# %% [exercises] evaluate
def evaluate(late, probability):
    late = np.asarray(late).astype(bool)
    if late.shape != np.shape(probability) or late.all() or not late.any():
        raise ValueError("cannot be judged")

    def loss(p):
        p = np.clip(p, 1e-6, 1 - 1e-6)
        return float(-np.log(np.where(late, p, 1 - p)).mean())

    ours, base = loss(probability), loss(np.full(len(late), late.mean()))
    auc = np.mean(probability[late][:, None] > probability[~late])
    return {"log_loss": ours, "baseline_log_loss": base, "skill": 1 - ours / base, "auc": float(auc)}
