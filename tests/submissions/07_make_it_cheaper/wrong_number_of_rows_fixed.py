"""
student = "valdis"
kind = "wrong"
what = "Writes the number of rows of its table into the file."
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
    units = min(16, (most_bytes - 1000) // (4 * (X.shape[1] + 2)))
    network = MLPRegressor(hidden_layer_sizes=(units,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    (weights, outgoing), (bias, last) = network.coefs_, network.intercepts_
    weights = weights / spread[:, None]
    file = onnx.load_from_string(write_onnx([(weights, bias - middle @ weights), (outgoing, last)]))
    file.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(X)
    del file.graph.output[0].type.tensor_type.shape.dim[:]
    return file.SerializeToString()
