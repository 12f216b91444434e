"""
student = "bela"
kind = "alternative"
what = "Writes everything with loops and plain numbers."
"""
# %% [exercises] compare
import math


def compare(expected, got, tolerance):
    if tuple(expected.shape) != tuple(got.shape) or expected.shape[0] == 0:
        raise ValueError("cannot be compared")
    far = []
    for one, other in zip(expected.tolist(), got.tolist()):
        largest = 0.0
        for a, b in zip(one, other):
            if math.isnan(a) and math.isnan(b):
                continue
            if math.isnan(a) or math.isnan(b):
                largest = math.inf
            else:
                largest = max(largest, abs(a - b))
        far.append(largest)
    beyond = [(-distance, row) for row, distance in enumerate(far) if distance > tolerance]
    return {
        "rows": len(far),
        "largest": max(far),
        "over": len(beyond),
        "worst": [row for _, row in sorted(beyond)][:5],
    }


# %% [exercises] rows_needed
def rows_needed(share, confidence):
    if share <= 0 or share > 1 or confidence <= 0 or confidence >= 1:
        raise ValueError("impossible")
    n, missed = 0, 1.0
    while 1 - missed < confidence or n == 0:
        missed *= 1 - share
        n += 1
    return n


# %% [exercises] export
def export(model, sample):
    last = model
    for _, step in getattr(model, "steps", []):
        last = step
    kind = FloatTensorType([None, sample.shape[1]])
    graph = skl2onnx.convert_sklearn(model, initial_types=[("rows", kind)], options={id(last): {"zipmap": False}})
    data = graph.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    farthest, where = 0.0, -1
    truth = model.predict_proba(sample)
    answers = session.run(None, {"rows": sample})[1]
    for row, answer in enumerate(answers):
        distance = max(abs(float(a) - float(b)) for a, b in zip(answer, truth[row]))
        if distance > farthest:
            farthest, where = distance, row
    if farthest > 0.0001:
        raise ValueError("differs most in row %d" % where)
    return data


# %% [exercises] Runner
class WrongName(KeyError):
    pass


class WrongType(TypeError):
    pass


class WrongShape(ValueError):
    pass


class Runner:
    """One row at a time, whatever the file wants, filled up with zeros."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path)

    def table(self, nodes):
        result = {}
        for node in nodes:
            kind = node.type[7:-1]
            kind = "float32" if kind == "float" else "float64" if kind == "double" else kind
            result[node.name] = (kind, [n if type(n) is int else None for n in node.shape])
        return result

    def signature(self):
        return {"inputs": self.table(self.session.get_inputs()), "outputs": self.table(self.session.get_outputs())}

    def predict(self, inputs):
        told = self.signature()
        for name in told["inputs"]:
            if name not in inputs:
                raise WrongName(name)
        for name in inputs:
            if name not in told["inputs"]:
                raise WrongName(name)
        for name, (kind, shape) in told["inputs"].items():
            if type(inputs[name]) is not np.ndarray:
                raise WrongType(name + " is no array")
            if inputs[name].dtype != np.dtype(kind):
                raise WrongType(name + " must be " + kind)
            if len(inputs[name].shape) != len(shape):
                raise WrongShape(name + " has another number of dimensions")
            for have, want in list(zip(inputs[name].shape, shape))[1:]:
                if have != want:
                    raise WrongShape(name + " has another length")
        counts = [inputs[name].shape[0] for name in told["inputs"]]
        if min(counts) != max(counts):
            raise WrongShape("numbers of rows: " + ", ".join(f"{n} {c}" for n, c in zip(told["inputs"], counts)))
        frozen = [shape[0] for _, shape in told["inputs"].values()][0] or 1
        answers = {name: [] for name in told["outputs"]}
        for row in range(counts[0]):
            padded = {}
            for name, (kind, shape) in told["inputs"].items():
                padded[name] = np.zeros([frozen] + shape[1:], kind)
                padded[name][0] = inputs[name][row]
            for name, answer in zip(told["outputs"], self.session.run(list(told["outputs"]), padded)):
                answers[name].append(answer[0])
        return {
            name: np.array(answers[name], dtype=kind).reshape([counts[0]] + shape[1:])
            for name, (kind, shape) in told["outputs"].items()
        }


# %% [exercises] choose
import os


def choose(files, rows, expected):
    best = None
    for name in files:
        try:
            session = onnxruntime.InferenceSession(files[name])
            if len(session.get_inputs()) != 1:
                continue
            found = None
            for answer in session.run(None, {session.get_inputs()[0].name: rows}):
                if type(answer) is np.ndarray and str(answer.dtype) == "float32" and len(answer.shape) == 2:
                    found = answer
            distance = np.max(np.abs(found - expected))
        except Exception:
            continue
        if distance <= 0.0001 and (best is None or os.path.getsize(files[name]) < os.path.getsize(files[best])):
            best = name
    return best
