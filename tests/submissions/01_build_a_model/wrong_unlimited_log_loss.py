"""
student = "yuki"
kind = "wrong"
what = "Does not limit the probabilities: one 0 for a late flight makes the log loss infinite or NaN."
[loses]
test_evaluate_hidden = 2
"""
# %% [exercises] evaluate
from sklearn.metrics import roc_auc_score


def evaluate(late, probability):
    late, probability = np.asarray(late).astype(float), np.asarray(probability)
    if late.shape != probability.shape or late.min() == late.max():
        raise ValueError("cannot be judged")

    def loss(p):
        return float(-np.mean(late * np.log(p) + (1 - late) * np.log(1 - p)))

    ours, base = loss(probability), loss(np.full(len(late), late.mean()))
    return {
        "log_loss": ours,
        "baseline_log_loss": base,
        "skill": 1 - ours / base,
        "auc": float(roc_auc_score(late, probability)),
    }
