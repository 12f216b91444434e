"""
student = "sigrid"
kind = "alternative"
what = "Lets scikit-learn and skl2onnx make the small model, with soft targets as weights, and mends the file's outputs."
"""
# %% [exercises] quantise
def quantise(weights):
    wide = weights.astype(np.float64)
    top = np.linalg.norm(wide, np.inf, axis=0)
    if not np.isfinite(top).all():
        raise ValueError("not finite")
    step = np.divide(top, 127, out=np.ones_like(top), where=top > 0)
    values = np.clip(np.round(wide / step), -127, 127).astype("int8")
    scale = step.astype("float32")
    restored = np.multiply(values, scale, dtype="float32")
    return {
        "values": values,
        "scale": scale,
        "restored": restored,
        "error": np.linalg.norm(wide - restored, np.inf, axis=0),
        "bytes": len(values.tobytes()) + len(scale.tobytes()),
    }


# %% [exercises] run_int8
def run_int8(X, layer, x_scale):
    size = np.abs(X.astype(np.float64))
    if x_scale == "batch":
        scales = np.broadcast_to(size.max() / 127, len(X)).copy()
    elif x_scale == "row":
        scales = size.max(1) / 127
    else:
        scales = np.repeat(float(x_scale), len(X))
    scales = np.where(scales == 0, 1, scales)
    steps = np.round(X / scales.reshape(-1, 1))
    kept = steps.clip(-127, 127)
    sums = np.einsum("ri,iu->ru", kept, layer["values"].astype(np.float64))  # exact: far below 2 to the 53
    out = np.outer(scales, layer["scale"]) * sums + layer["bias"]
    return {"out": out.astype(np.float32), "x_scale": scales, "clipped": int(np.count_nonzero(kept != steps))}


# %% [exercises] compare
from sklearn.metrics import log_loss


def compare(before, after, late, groups, threshold):
    tables = [np.asarray(p, dtype=np.float64) for p in (before, after)]
    if not (tables[0].shape == tables[1].shape == late.shape == groups.shape):
        raise ValueError("Four arrays of one length, please.")
    for p in tables:
        if np.isnan(p).any() or p.min() < 0 or p.max() > 1:
            raise ValueError("Probabilities, please.")

    def loss(p, rows):
        return log_loss(late[rows], np.clip(p[rows], 1e-7, 1 - 1e-7), labels=[False, True])

    everything = np.ones(len(late), dtype=bool)
    rises = {int(g): loss(tables[1], groups == g) - loss(tables[0], groups == g) for g in sorted(set(groups.tolist()))}
    hurt = max(rises.items(), key=lambda pair: (round(pair[1], 12), -pair[0]))
    moved = abs(tables[0] - tables[1])
    wrong = [(p >= threshold) ^ late for p in tables]
    return {
        "rise": loss(tables[1], everything) - loss(tables[0], everything),
        "largest": moved.max().item(),
        "row": int(np.flatnonzero(moved == moved.max())[0]),
        "mended": int(np.sum(wrong[0] > wrong[1])),
        "broken": int(np.sum(wrong[0] < wrong[1])),
        "hurt": hurt,
    }


# %% [exercises] remove_units
def remove_units(layers, X, remove):
    sizes = [len(bias) for _, bias in layers[:-1]]
    if len(sizes) != len(remove) or min(remove) < 0 or any(c >= s for c, s in zip(remove, sizes)):
        raise ValueError("This cannot be removed.")
    keep, said = [], [X.astype(np.float64)]
    for place, count in enumerate(remove):
        said.append(np.clip(said[-1] @ layers[place][0] + layers[place][1], 0, None))
        spread = np.sqrt(np.mean((said[-1] - said[-1].mean(axis=0)) ** 2, axis=0))
        score = spread * np.sqrt((layers[place + 1][0].astype(np.float64) ** 2).sum(axis=1))
        rank = np.lexsort((np.arange(len(score)), score))
        mask = np.ones(len(score), dtype=bool)
        mask[rank[:count]] = False
        keep.append(mask)
    masks = [np.ones(X.shape[1], dtype=bool), *keep, np.ones(len(layers[-1][1]), dtype=bool)]
    result = []
    for place, (W, b) in enumerate(layers):
        quiet = np.where(masks[place], 0, said[place].mean(axis=0))
        b = b + quiet @ W
        result.append((W[np.ix_(masks[place], masks[place + 1])].astype("f4"), b[masks[place + 1]].astype("f4")))
    return result


# %% [exercises] distil
def distil(X, probability, most_bytes):
    """Each row twice, as late and as not, with the weights that the large model gives; the whole pipeline is exported."""
    import warnings

    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier(hidden_layer_sizes=(24,), solver="lbfgs", alpha=0.003, max_iter=250, random_state=0)
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    weight = np.r_[probability, 1 - probability] + 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fit(np.r_[Z, Z], np.repeat([1, 0], len(X)), sample_weight=weight)
    model = to_onnx(make_pipeline(scaler, network), X[:1], options={"zipmap": False}, target_opset=18)
    graph = model.graph
    graph.node.extend(
        [
            onnx.helper.make_node("Gather", ["probabilities", "one"], ["late"], axis=1),
            onnx.helper.make_node("Identity", ["late"], ["probability"]),
            onnx.helper.make_node("Identity", ["rows"], [graph.input[0].name]),
        ]
    )
    first = graph.node.pop()
    nodes = [first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(1), "one"))
    del graph.input[:], graph.output[:]
    graph.input.append(onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [None, X.shape[1]]))
    graph.output.append(onnx.helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, [None]))
    return model.SerializeToString()


# %% [exercises] choose
def choose(reports, gates, request, noise, now):
    cost = {name: (request["path_us"] + request["rows"] * r["us"]) / request["rows"] for name, r in reports.items()}

    def passes(name, gate):
        reading = float(reports[name].get(gate["what"], "nan"))
        base = float(reports[gate["of"]].get(gate["what"], "nan")) if gate.get("of") else 0.0
        low, high = gate.get("at_least", -math.inf), gate.get("at_most", math.inf)
        return base + low <= reading <= base + high

    refused = {name: [gate["what"] for gate in gates if not passes(name, gate)] for name in reports}
    refused = {name: reasons for name, reasons in refused.items() if reasons}
    field = [(cost[name], name) for name in reports if name not in refused]
    if not field:
        return dict(cost=cost, refused=refused, chosen=None, saving=0.0)
    limit = min(field)[0] * (1 + noise)
    chosen = sorted((reports[name]["change"], price, name) for price, name in field if price <= limit)[0][2]
    return dict(cost=cost, refused=refused, chosen=chosen, saving=1 - cost[chosen] / cost[now])
