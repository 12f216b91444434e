"""
student = "zsofia"
kind = "wrong"
what = "Takes the logarithm of probabilities that are 0."
[loses]
test_distil_quality = 2
"""
# %% [exercises] distil
def distil(X, probability, most_bytes):
    middle, spread = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    spread[spread == 0] = 1
    soft = probability
    units = min(16, (most_bytes - 1000) // (4 * (X.shape[1] + 2)))
    network = MLPRegressor(hidden_layer_sizes=(units,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    (weights, outgoing), (bias, last) = network.coefs_, network.intercepts_
    weights = weights / spread[:, None]
    return write_onnx([(weights, bias - middle @ weights), (outgoing, last)])
