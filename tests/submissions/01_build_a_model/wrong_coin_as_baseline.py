"""
student = "fatoumata"
kind = "wrong"
what = "Compares with a coin (ln 2) where the share of late flights is asked for; the visible test has half and half."
[loses]
test_evaluate_hidden = 2
"""
# %% [exercises] evaluate
from sklearn.metrics import roc_auc_score


def evaluate(late, probability):
    late = np.asarray(late).astype(bool)
    if late.shape != np.shape(probability) or late.all() or not late.any():
        raise ValueError("cannot be judged")
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    ours = float(-np.log(np.where(late, p, 1 - p)).mean())
    return {
        "log_loss": ours,
        "baseline_log_loss": float(np.log(2)),
        "skill": float(1 - ours / np.log(2)),
        "auc": float(roc_auc_score(late, probability)),
    }
