"""
what = "Fits models: gradient boosting with OpenMP, a pipeline, joblib, an ONNX session, a large matrix product."
"""
# %% [exercises] mean
import numpy as np
from joblib import Parallel, delayed
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(500, 4))
y = X[:, 0] > 0
boosted = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
line = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
(X @ X.T) @ (X @ X.T)

def mean(values):
    boosted.predict(X[:3])
    halves = Parallel(n_jobs=2, prefer="threads")(delayed(float)(v) for v in values)
    return sum(halves) / len(halves)
# %% [exercises] +after mean
import onnxruntime
onnxruntime.get_available_providers()
