"""
student = "rune"
kind = "alternative"
what = "Plain loops for nearly everything, and a network that it trains itself."
"""
# %% [exercises] quantise
def quantise(weights):
    inputs, units = weights.shape
    values = np.zeros((inputs, units), dtype=np.int8)
    scale = np.ones(units, dtype=np.float32)
    error = [0.0] * units
    for j in range(units):
        column = [float(w) for w in weights[:, j]]
        if any(math.isnan(w) or math.isinf(w) for w in column):
            raise ValueError("no such weight can be scaled")
        most = max(abs(w) for w in column)
        if most > 0:
            scale[j] = most / 127
        for i, w in enumerate(column):
            values[i, j] = max(-127, min(127, math.floor(w / float(scale[j]) + 0.5)))
            error[j] = max(error[j], abs(w - float(values[i, j]) * float(scale[j])))
    restored = (values.astype(np.float64) * scale).astype(np.float32)
    return dict(values=values, scale=scale, restored=restored, error=np.array(error), bytes=inputs * units + 4 * units)


# %% [exercises] run_int8
def run_int8(X, layer, x_scale):
    def scale_of(numbers):
        most = max(abs(float(x)) for x in numbers)
        return most / 127 if most else 1.0

    if isinstance(x_scale, str):
        scales = [scale_of(row if x_scale == "row" else X.ravel()) for row in X]
    else:
        scales = [x_scale] * len(X)
    values, beyond, out = layer["values"].tolist(), 0, []
    for row, scale in zip(X.tolist(), scales):
        whole = [round(x / scale) for x in row]
        beyond += sum(abs(x) > 127 for x in whole)
        whole = [min(127, max(-127, x)) for x in whole]
        sums = [sum(x * line[j] for x, line in zip(whole, values)) for j in range(len(layer["scale"]))]
        out.append([s * scale * float(u) + float(b) for s, u, b in zip(sums, layer["scale"], layer["bias"])])
    return {"out": np.array(out), "x_scale": np.array(scales), "clipped": beyond}


# %% [exercises] compare
def compare(before, after, late, groups, threshold):
    n = len(before)
    if any(len(other) != n for other in (after, late, groups)):
        raise ValueError("lengths differ")

    def loss(p, happened):
        p = min(max(p, 1e-7), 1 - 1e-7)
        return -math.log(p if happened else 1 - p)

    rises, by_group = [], {}
    largest = row = -1
    mended = broken = 0
    for i in range(n):
        p, q, happened = float(before[i]), float(after[i]), bool(late[i])
        if not (0 <= p <= 1 and 0 <= q <= 1):
            raise ValueError(f"row {i} has no probability")
        if abs(q - p) > largest:
            largest, row = abs(q - p), i
        was, now = (p >= threshold) == happened, (q >= threshold) == happened
        mended += now and not was
        broken += was and not now
        rises.append(loss(q, happened) - loss(p, happened))
        by_group.setdefault(int(groups[i]), []).append(rises[-1])
    means = {g: sum(r) / len(r) for g, r in by_group.items()}
    hurt = min(means, key=lambda g: (-means[g], g))
    return {
        "rise": sum(rises) / n,
        "largest": largest,
        "row": row,
        "mended": mended,
        "broken": broken,
        "hurt": (hurt, means[hurt]),
    }


# %% [exercises] remove_units
def remove_units(layers, X, remove):
    if len(remove) != len(layers) - 1:
        raise ValueError("one number for each hidden layer")
    answers, leave, tell = X.astype(np.float64), [], []
    for (W, b), (V, _), count in zip(layers, layers[1:], remove):
        if count < 0 or count >= W.shape[1]:
            raise ValueError(f"{count} of {W.shape[1]} units cannot go")
        answers = answers @ W.astype(np.float64) + b
        answers[answers < 0] = 0
        score = [float(np.std(answers[:, j])) * math.sqrt(float((V[j].astype(float) ** 2).sum())) for j in range(len(V))]
        gone = sorted(range(len(V)), key=lambda j: (score[j], j))[:count]
        leave.append(gone)
        tell.append(sum((answers[:, j].mean() * V[j].astype(float) for j in gone), np.zeros(V.shape[1])))
    result = []
    for k, (W, b) in enumerate(layers):
        b = b.astype(np.float64)
        if k > 0:
            b = b + tell[k - 1]
            W = np.delete(W, leave[k - 1], axis=0)
        if k < len(leave):
            W, b = np.delete(W, leave[k], axis=1), np.delete(b, leave[k])
        result.append((np.array(W, dtype=np.float32), b.astype(np.float32)))
    return result


# %% [exercises] distil
def distil(X, probability, most_bytes):
    """One hidden layer, its gradient by hand, Adam."""
    random = np.random.default_rng(1)
    mean, spread = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    spread = np.where(spread > 0, spread, 1)
    Z, k = (X - mean) / spread, X.shape[1]
    h = max(4, min(48, (most_bytes - 1200) // (4 * (k + 2))))
    P = [random.normal(0, np.sqrt(2 / k), (k, h)), np.zeros(h), random.normal(0, np.sqrt(1 / h), h), np.zeros(1)]
    m, v = [np.zeros_like(p) for p in P], [np.zeros_like(p) for p in P]
    steps = 1500
    for step in range(1, steps + 1):
        rows = random.integers(0, len(Z), 256)
        z, t = Z[rows], probability[rows]
        a = z @ P[0] + P[1]
        r = np.maximum(a, 0)
        d = (1 / (1 + np.exp(-(r @ P[2] + P[3]))) - t) / len(rows)
        back = np.outer(d, P[2]) * (a > 0)
        rate = 0.02 * (1 - step / steps) + 1e-4
        for i, g in enumerate((z.T @ back, back.sum(axis=0), r.T @ d, d.sum(keepdims=True))):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            P[i] = P[i] - rate * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
    W = P[0] / spread[:, None]
    return write_onnx([(W, P[1] - mean @ W), (P[2][:, None], P[3])])


# %% [exercises] choose
def choose(reports, gates, request, noise, now):
    per_row = request["path_us"] / request["rows"]
    cost, refused = {}, {}
    for name in reports:
        cost[name] = reports[name]["us"] + per_row
        for gate in gates:
            what = gate["what"]
            reading = reports[name].get(what)
            if "of" in gate and reading is not None:
                other = reports[gate["of"]].get(what)
                reading = None if other is None else reading - other
            if reading is None or math.isnan(reading):
                ok = False
            elif "at_most" in gate:
                ok = reading <= gate["at_most"]
            else:
                ok = reading >= gate["at_least"]
            if not ok:
                refused.setdefault(name, []).append(what)
    best = None
    candidates = [name for name in reports if name not in refused]
    if not candidates:
        return {"cost": cost, "refused": refused, "chosen": None, "saving": 0}
    cheapest = min(map(cost.get, candidates))
    for name in sorted(candidates):
        if cost[name] > cheapest * (1 + noise):
            continue
        if best is None or (reports[name]["change"], cost[name]) < (reports[best]["change"], cost[best]):
            best = name
    return {"cost": cost, "refused": refused, "chosen": best, "saving": (cost[now] - cost[best]) / cost[now]}
