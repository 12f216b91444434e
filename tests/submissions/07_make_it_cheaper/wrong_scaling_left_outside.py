"""
student = "sanna"
kind = "wrong"
what = "Scales the rows in the notebook, and leaves the scaling out of the file."
[loses]
test_distil = 1
test_distil_quality = 2
"""
# %% [exercises] distil
def distil(X, probability, most_bytes):
    middle, spread = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    spread[spread == 0] = 1
    soft = np.clip(probability, 0.005, 0.995)
    units = min(16, (most_bytes - 1000) // (4 * (X.shape[1] + 2)))
    network = MLPRegressor(hidden_layer_sizes=(units,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    (weights, outgoing), (bias, last) = network.coefs_, network.intercepts_
    weights = weights / spread[:, None]
    return write_onnx([(network.coefs_[0], bias), (outgoing, last)])
