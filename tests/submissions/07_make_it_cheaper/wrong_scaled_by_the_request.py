"""
student = "tamar"
kind = "wrong"
what = "Scales by the mean and deviation of the rows in the request."
[loses]
test_distil_file = 1
"""
# %% [exercises] distil
def distil(X, probability, most_bytes):
    middle, spread = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    spread[spread == 0] = 1
    soft = np.clip(probability, 0.005, 0.995)
    network = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    file = onnx.load_from_string(write_onnx(list(zip(network.coefs_, network.intercepts_))))
    node = onnx.helper.make_node
    first = [
        node("ReduceMean", ["rows", "axis"], ["mean"]),
        node("Sub", ["rows", "mean"], ["moved"]),
        node("Mul", ["moved", "moved"], ["squares"]),
        node("ReduceMean", ["squares", "axis"], ["variance"]),
        node("Add", ["variance", "little"], ["more"]),
        node("Sqrt", ["more"], ["deviation"]),
        node("Div", ["moved", "deviation"], ["scaled"]),
    ]
    nodes = list(file.graph.node)
    nodes[0].input[0] = "scaled"
    del file.graph.node[:]
    file.graph.node.extend(first + nodes)
    file.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "axis"))
    file.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1e-6], dtype=np.float32), "little"))
    return file.SerializeToString()
