"""
student = "rasmus"
kind = "wrong"
what = "Fits the network to miles and hours as they come."
[loses]
test_distil = 1
test_distil_quality = 2
"""
# %% [exercises] distil
def distil(X, probability, most_bytes):
    middle, spread = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    middle, spread = 0 * middle, np.ones_like(spread)
    soft = np.clip(probability, 0.005, 0.995)
    units = min(16, (most_bytes - 1000) // (4 * (X.shape[1] + 2)))
    network = MLPRegressor(hidden_layer_sizes=(units,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    (weights, outgoing), (bias, last) = network.coefs_, network.intercepts_
    weights = weights / spread[:, None]
    return write_onnx([(weights, bias - middle @ weights), (outgoing, last)])
