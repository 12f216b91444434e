"""
student = "dmitri"
kind = "wrong"
what = "Returns the share of right answers under the name of log loss."
[loses]
test_evaluate = 1
test_evaluate_hidden = 2
"""
# %% [exercises] evaluate
from sklearn.metrics import roc_auc_score


def evaluate(late, probability):
    late = np.asarray(late).astype(bool)
    if late.shape != np.shape(probability) or late.all() or not late.any():
        raise ValueError("cannot be judged")
    accuracy = np.mean((probability >= 0.5) == late)
    baseline = max(late.mean(), 1 - late.mean())
    return {
        "log_loss": float(accuracy),
        "baseline_log_loss": float(baseline),
        "skill": float(accuracy / baseline - 1),
        "auc": float(roc_auc_score(late, probability)),
    }
