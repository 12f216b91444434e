"""
student = "thandi"
kind = "alternative"
what = "Classes and helpers, 32-bit sums, and a small model with two hidden layers and its scaling as operations of its own."
"""
# %% [exercises] quantise
from dataclasses import asdict, dataclass


@dataclass
class Whole:
    values: np.ndarray
    scale: np.ndarray
    restored: np.ndarray
    error: np.ndarray
    bytes: int


def quantise(weights):
    if np.isnan(weights).any() or np.isinf(weights).any():
        raise ValueError("Such weights have no scale.")
    largest = np.maximum(weights.max(axis=0), -weights.min(axis=0))
    scale = largest / np.float32(127)
    scale[largest == 0] = 1
    columns = []
    for column, step in zip(weights.T, scale):
        columns.append([int(np.floor(abs(w) / step + np.float32(0.5))) * (1 if w >= 0 else -1) for w in column])
    values = np.clip(np.array(columns).T, -127, 127).astype(np.int8)
    restored = (values * scale[np.newaxis]).astype(np.float32)
    whole = Whole(values, scale, restored, np.abs(weights - restored).max(axis=0), values.size + 4 * scale.size)
    return asdict(whole)


# %% [exercises] run_int8
class Layer:
    def __init__(self, values, scale, bias):
        self.values, self.scale, self.bias = values.astype(np.int32), scale.astype(np.float64), bias

    def __call__(self, X, scales):
        whole = np.rint(X.astype(np.float64) / scales[:, None])
        beyond = np.abs(whole) > 127
        inputs = np.where(beyond, np.sign(whole) * 127, whole).astype(np.int32)
        return inputs.dot(self.values) * scales[:, None] * self.scale + self.bias, int(beyond.sum())


def run_int8(X, layer, x_scale):
    largest = {"batch": lambda: np.repeat(np.abs(X).max(), len(X)), "row": lambda: np.abs(X).max(axis=-1)}
    if x_scale in largest:
        top = largest[x_scale]().astype(np.float64)
        scales = np.where(top > 0, top, 127) / 127
    else:
        scales = np.ones(len(X)) * x_scale
    out, clipped = Layer(**layer)(X, scales)
    return {"out": out, "x_scale": scales, "clipped": clipped}


# %% [exercises] compare
def compare(before, after, late, groups, threshold):
    if any(len(column) != len(late) for column in (before, after, groups)):
        raise ValueError("The lengths differ.")
    table = np.stack([before, after]).astype(np.float64)
    if not np.all((0 <= table) & (table <= 1)):
        raise ValueError("These are no probabilities.")
    odds = np.where(late, table, 1 - table).clip(1e-7, 1 - 1e-7)
    rise = np.log(odds[0]) - np.log(odds[1])
    move = np.abs(np.diff(table, axis=0))[0]
    right = np.equal(table >= threshold, late)
    named = [(int(group), float(np.mean(rise[groups == group]))) for group in np.unique(groups)]
    worst = max(size for _, size in named)
    return {
        "rise": float(np.mean(rise)),
        "largest": float(np.max(move)),
        "row": int(np.argmax(move)),
        "mended": int(np.count_nonzero(~right[0] & right[1])),
        "broken": int(np.count_nonzero(right[0] & ~right[1])),
        "hurt": next((group, size) for group, size in named if size >= worst - 1e-12),
    }


# %% [exercises] remove_units
def _answers(layers, X):
    for weights, bias in layers[:-1]:
        X = np.maximum(X.astype(np.float64) @ weights.astype(np.float64) + bias.astype(np.float64), 0.0)
        yield X


def remove_units(layers, X, remove):
    hidden = list(_answers(layers, X))
    if len(hidden) != len(remove):
        raise ValueError("There are as many numbers as hidden layers.")
    new = [[w.astype(np.float64), b.astype(np.float64)] for w, b in layers]
    for place in reversed(range(len(hidden))):  # from the output to the input; what is read is as it was given
        count, answers = remove[place], hidden[place]
        outgoing = layers[place + 1][0].astype(np.float64)
        if not 0 <= count < answers.shape[1]:
            raise ValueError("A hidden layer keeps at least one unit, and gets no more.")
        score = answers.std(0) * (outgoing**2).sum(1) ** 0.5
        go = set(np.argsort(score, kind="mergesort")[:count].tolist())
        stay = [unit for unit in range(len(score)) if unit not in go]
        for unit in go:
            new[place + 1][1] = new[place + 1][1] + answers[:, unit].mean() * new[place + 1][0][unit]
        new[place + 1][0] = new[place + 1][0][stay]
        new[place] = [new[place][0][:, stay], new[place][1][stay]]
    return [tuple(part.astype(np.float32) for part in pair) for pair in new]


# %% [exercises] distil
def distil(X, probability, most_bytes):
    soft = np.clip(probability, 1e-3, 1 - 1e-3)
    low, high = X.min(axis=0), X.max(axis=0)
    middle, half = (low + high) / 2, np.where(high > low, (high - low) / 4, 1).astype(np.float32)
    sizes = (16, 8)
    network = MLPRegressor(hidden_layer_sizes=sizes, learning_rate_init=0.01, batch_size=100, max_iter=40, alpha=1e-3, random_state=3)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fit((X - middle) / half, np.clip(np.log(soft) - np.log1p(-soft), -6, 6))
    name, nodes, values = "scaled", [], [("middle", middle), ("half", half), ("axis", np.array([1]))]
    nodes.append(onnx.helper.make_node("Sub", ["rows", "middle"], ["moved"]))
    nodes.append(onnx.helper.make_node("Div", ["moved", "half"], ["scaled"]))
    for place, (W, b) in enumerate(zip(network.coefs_, network.intercepts_)):
        values += [(f"W{place}", W.astype(np.float32)), (f"b{place}", b.astype(np.float32))]
        nodes.append(onnx.helper.make_node("MatMul", [name, f"W{place}"], [f"m{place}"]))
        nodes.append(onnx.helper.make_node("Add", [f"m{place}", f"b{place}"], [f"a{place}"]))
        name = f"r{place}"
        nodes.append(onnx.helper.make_node("Relu" if place < 2 else "Sigmoid", [f"a{place}"], [name]))
    nodes.append(onnx.helper.make_node("Squeeze", [name, "axis"], ["probability"]))
    graph = onnx.helper.make_graph(
        nodes,
        "pupil",
        [onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, ["many", X.shape[1]])],
        [onnx.helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, ["many"])],
        [onnx.numpy_helper.from_array(np.asarray(value), key) for key, value in values],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


# %% [exercises] choose
def choose(reports, gates, request, noise, now):
    result = {"cost": {}, "refused": {}, "chosen": None, "saving": 0.0}
    for name, readings in reports.items():
        result["cost"][name] = readings["us"] + request["path_us"] / request["rows"]
        reasons = []
        for gate in gates:
            try:
                bound = reports[gate["of"]][gate["what"]] if "of" in gate else 0.0
                value = readings[gate["what"]]
            except KeyError:
                reasons.append(gate["what"])
                continue
            fits = value - bound <= gate["at_most"] if "at_most" in gate else value - bound >= gate["at_least"]
            if not fits:
                reasons.append(gate["what"])
        if reasons:
            result["refused"][name] = reasons
    left = {name: cost for name, cost in result["cost"].items() if name not in result["refused"]}
    if left:
        alike = {name: cost for name, cost in left.items() if cost / min(left.values()) - 1 <= noise}
        least = min(reports[name]["change"] for name in alike)
        quiet = {name: cost for name, cost in alike.items() if reports[name]["change"] == least}
        result["chosen"] = min(sorted(quiet), key=quiet.get)
        result["saving"] = 1 - left[result["chosen"]] / result["cost"][now]
    return result
