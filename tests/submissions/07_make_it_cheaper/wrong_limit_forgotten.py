"""
student = "umberto"
kind = "wrong"
what = "Takes 512 units, whatever the limit."
[loses]
test_distil = 1
test_distil_file = 1
test_distil_quality = 2
"""
# %% [exercises] distil
def distil(X, probability, most_bytes):
    middle, spread = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    spread[spread == 0] = 1
    soft = np.clip(probability, 0.005, 0.995)
    units = 512
    network = MLPRegressor(hidden_layer_sizes=(units,), solver="lbfgs", alpha=0.1, max_iter=30, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    (weights, outgoing), (bias, last) = network.coefs_, network.intercepts_
    weights = weights / spread[:, None]
    return write_onnx([(weights, bias - middle @ weights), (outgoing, last)])
