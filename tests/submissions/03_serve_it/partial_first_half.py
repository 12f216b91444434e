"""
student = "bjarne"
kind = "partial"
base = "blank"
what = "Solves exercises 2 and 4, starts exercise 5, and leaves the others as they came."
[loses]
test_to_array = 1
test_to_array_values = 1
test_to_array_refusals = 2
test_unpack = 1
test_unpack_hidden = 1
test_unpack_refusals = 2
test_respond_answers = 1
test_respond_statuses = 2
test_respond_readiness = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [exercises] to_tensor
def to_tensor(name, array):
    known = {str(dtype): datatype for datatype, dtype in DATATYPES.items()}
    if str(array.dtype) not in known:
        raise ValueError(f"{name} is of the dtype {array.dtype}, which has no name")
    data = []
    for value in array.flatten().tolist():
        if isinstance(value, float) and value != value:
            value = "NaN"
        elif isinstance(value, float) and value in (float("inf"), float("-inf")):
            value = "Infinity" if value > 0 else "-Infinity"
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
            value = str(value)
        data.append(value)
    return {"name": name, "datatype": known[str(array.dtype)], "shape": list(array.shape), "data": data}


# %% [exercises] Model
class Model:
    def __init__(self, name, path):
        self.name = name
        self.session = onnxruntime.InferenceSession(path)

    def describe(self, things):
        found = []
        for thing in things:
            shape = [n if type(n) is int else -1 for n in thing.shape]
            found.append({"name": thing.name, "datatype": ONNX_TYPES[thing.type], "shape": shape})
        return found

    def metadata(self):
        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": self.describe(self.session.get_inputs()),
            "outputs": self.describe(self.session.get_outputs()),
        }

    def predict(self, inputs, wanted=None):
        metadata = self.metadata()
        problems = []
        expected = {tensor["name"]: tensor for tensor in metadata["inputs"]}
        for name in inputs:
            if name not in expected:
                problems.append(name + " is not known")
        for name, tensor in expected.items():
            if name not in inputs:
                problems.append(name + " is missing")
            elif inputs[name].dtype != DATATYPES[tensor["datatype"]]:
                problems.append(name + " has the wrong dtype")
            elif inputs[name].ndim != len(tensor["shape"]):
                problems.append(name + " has the wrong number of dimensions")
            elif any(a != b for a, b in zip(inputs[name].shape, tensor["shape"]) if b != -1):
                problems.append(name + " has the wrong shape")
        if problems:
            raise ValueError(", ".join(problems))
        seen = {}
        for thing in self.session.get_inputs():
            for length, word in zip(inputs[thing.name].shape, thing.shape):
                seen.setdefault(word, []).append((thing.name, length))
        for word, pairs in seen.items():
            if type(word) is str and len({length for _, length in pairs}) > 1:
                raise ValueError("different lengths: " + ", ".join(name for name, _ in pairs))
        names = [tensor["name"] for tensor in metadata["outputs"]]
        for name in wanted or []:
            if name not in names:
                raise ValueError(name + " is no output")
        chosen = wanted or names
        return dict(zip(chosen, self.session.run(chosen, inputs)))


# %% [exercises] respond
def respond(method, path, headers, body, models):
    kind = {"content-type": "application/json"}
    if path.startswith("/v2/health"):
        return 200, {}, b""
    if path == "/v2":
        return 200, kind, b'{"name": "x", "version": "1", "extensions": ["binary_tensor_data"]}'
    name = path.split("/")[3]
    if name in models:
        return 200, kind, json.dumps(models[name].metadata()).encode()
    return 404, kind, b'{"error": "no such model"}'
