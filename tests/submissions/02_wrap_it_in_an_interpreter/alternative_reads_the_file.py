"""
student = "dimitri"
kind = "alternative"
what = "Reads signatures out of the file with onnx, and compares with masked arrays."
"""
# %% [exercises] compare
def compare(expected, got, tolerance):
    a, b = expected.astype("f8"), got.astype("f8")
    if a.shape != b.shape or a.shape[0] == 0:
        raise ValueError(f"{a.shape} and {b.shape} cannot be compared")
    both = (a == b) | (np.isnan(a) & np.isnan(b))
    gaps = np.where(both, 0, np.abs(a - b))
    gaps[np.isnan(gaps)] = np.inf
    gaps = np.amax(gaps, axis=1)
    rows = sorted(np.nonzero(gaps > tolerance)[0].tolist(), key=lambda row: (-gaps[row], row))
    return dict(rows=int(a.shape[0]), largest=float(np.amax(gaps)), over=len(rows), worst=rows[0:5])


# %% [exercises] rows_needed
def rows_needed(share, confidence):
    if not (share > 0 and share <= 1 and confidence > 0 and confidence < 1):
        raise ValueError((share, confidence))
    low, high = 0, 1
    reached = lambda n: 1 - (1 - share) ** n >= confidence
    while not reached(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


# %% [exercises] export
def export(model, sample):
    last = getattr(model, "steps", [(None, model)])[-1][1]
    graph = skl2onnx.to_onnx(
        model, initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))], options={id(last): {"zipmap": False}}
    )
    onnx.checker.check_model(graph)
    content = graph.SerializeToString()
    answer = dict(
        zip(("label", "probabilities"), onnxruntime.InferenceSession(content).run(["label", "probabilities"], {"rows": sample}))
    )
    off = np.abs(answer["probabilities"].astype(np.float64) - model.predict_proba(sample)).max(1)
    if (off > 1e-4).any():
        raise ValueError(f"row {off.argmax()} is off by {off.max()}")
    return content


# %% [exercises] Runner
class Runner:
    """Reads the signature out of the file itself."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        constants = {value.name for value in graph.initializer}
        self.takes = [self.read(value) for value in graph.input if value.name not in constants]
        self.gives = [self.read(value) for value in graph.output]
        self.session = onnxruntime.InferenceSession(path)

    @staticmethod
    def read(value):
        tensor = value.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        shape = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
        return value.name, str(dtype), shape

    def signature(self):
        return {side: {n: (d, s) for n, d, s in told} for side, told in (("inputs", self.takes), ("outputs", self.gives))}

    def predict(self, inputs):
        strange = set(inputs) ^ {name for name, _, _ in self.takes}
        if strange:
            raise KeyError(f"unknown or missing: {sorted(strange)}")
        for name, dtype, shape in self.takes:
            value = inputs[name]
            if not isinstance(value, np.ndarray) or not value.dtype.isnative or value.dtype.name != dtype:
                raise TypeError(f"{name}: {dtype} is needed")
            if value.shape[1:] != tuple(shape[1:]) or value.ndim != len(shape):
                raise ValueError(f"{name}: shape {shape} is needed")
        if len({len(value) for value in inputs.values()}) != 1:
            raise ValueError(f"numbers of rows differ: { {name: len(value) for name, value in inputs.items()} }")
        rows = len(inputs[self.takes[0][0]])
        step = self.takes[0][2][0] or 1000
        missing = -rows % step if self.takes[0][2][0] else 0
        full = {n: np.concatenate([v, np.zeros((missing, *v.shape[1:]), v.dtype)]) for n, v in inputs.items()}
        pieces = [
            self.session.run(None, {n: v[i : i + step] for n, v in full.items()}) for i in range(0, rows + missing, step)
        ]
        result = {}
        for place, (name, dtype, shape) in enumerate(self.gives):
            start = np.zeros((0, *shape[1:]), dtype)
            result[name] = np.concatenate([start] + [piece[place] for piece in pieces])[:rows]
        return result


# %% [exercises] choose
def choose(files, rows, expected):
    def off(path):
        try:
            session = onnxruntime.InferenceSession(path)
            (one,) = session.get_inputs()
            kinds = [(node.type, len(node.shape)) for node in session.get_outputs() if hasattr(node, "shape")]
            place = kinds.index(("tensor(float)", 2))
            return np.nan_to_num(np.abs(session.run(None, {one.name: rows})[place] - expected), nan=np.inf).max()
        except Exception:
            return np.inf

    good = {len(Path(path).read_bytes()): name for name, path in files.items() if off(path) <= 1e-4}
    return good[min(good)] if good else None
