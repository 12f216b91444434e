"""
student = "dimitra"
kind = "alternative"
what = "Writes an ASGI callable of her own, which respond runs to its end; iterators and struct in place of NumPy's tools."
"""
# %% [exercises] to_array
import struct
from itertools import chain

RANGES = {f"INT{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (8, 16, 32, 64)}
RANGES |= {f"UINT{bits}": range(2**bits) for bits in (8, 16, 32, 64)}
PACKED = {"FP16": "<e", "FP32": "<f", "FP64": "<d"}


def to_array(tensor):
    name = tensor["name"]

    def check(holds, why):
        if not holds:
            raise ValueError(f"{name}: {why}")

    datatype, shape, data = tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    check(type(datatype) is str and datatype in DATATYPES, "unknown datatype")
    check(type(shape) is list and all(type(n) is int and n >= 0 for n in shape), "bad shape")
    check(type(data) is list, "no data")
    if any(type(part) is list for part in data):
        for depth, size in enumerate(shape):
            if depth == 0:
                check(len(data) == size, "nested wrongly")
                continue
            check(all(type(part) is list and len(part) == size for part in data), "nested wrongly")
            data = list(chain.from_iterable(data))
    places = 1
    for n in shape:
        places *= n
    check(len(data) == places, "too many or too few values")

    def one(value):
        if datatype == "BOOL":
            check(type(value) is bool, "neither true nor false")
        elif datatype in RANGES:
            if type(value) is str:
                digits = value[1:] if value[:1] == "-" else value
                check(digits and set(digits) <= set("0123456789") and len(digits) < 25, "no digits")
                value = int(value)
            check(type(value) is int and value in RANGES[datatype], "no whole number, or out of range")
        else:
            if type(value) is str:
                check(value in {"NaN", "Infinity", "-Infinity"}, "no number")
                return float(value)
            check(type(value) in (int, float), "no number")
            try:
                struct.pack(PACKED[datatype], value)
            except (OverflowError, struct.error):
                check(False, "too large")
        return value

    return np.array(list(map(one, data)), dtype=DATATYPES[datatype]).reshape(tuple(shape))


# %% [exercises] to_tensor
def to_tensor(name, array):
    found = [datatype for datatype, dtype in DATATYPES.items() if dtype == array.dtype]
    if not found:
        raise ValueError("This array cannot be sent.")

    def write(value):
        if found[0].startswith("FP") and not np.isfinite(value):
            return json.dumps(value)  # "NaN", "Infinity" or "-Infinity"
        if "INT" in found[0] and not -(2**53) <= value <= 2**53:
            return json.dumps(value)
        return value

    values = np.ascontiguousarray(array).reshape(-1).tolist()
    return {"name": name, "datatype": found[0], "shape": list(map(int, array.shape)), "data": list(map(write, values))}


# %% [exercises] unpack
import io


def unpack(body, header_length):
    reader = io.BytesIO(body)
    if not 0 <= header_length <= len(body):
        raise ValueError("The length of the JSON cannot be right.")

    def strict(word):
        raise ValueError(f"{word} is no JSON.")

    try:
        request = json.JSONDecoder(parse_constant=strict).decode(str(reader.read(header_length), "utf-8"))
    except RecursionError as problem:
        raise ValueError("Too deep.") from problem
    match request:
        case {"inputs": list(inputs)}:
            pass
        case _:
            raise ValueError("No list of inputs.")
    arrays = {}
    seen = set()
    for tensor in inputs:
        match tensor:
            case {"name": str(name), "parameters": dict(parameters)}:
                pass
            case {"name": str(name)} if "parameters" not in tensor:
                parameters = {}
            case _:
                raise ValueError("An input is not what it should be.")
        if name in seen:
            raise ValueError(f"Twice: {name}.")
        seen.add(name)
        if "binary_data_size" not in parameters:
            continue
        match tensor:
            case {"data": _}:
                raise ValueError(f"Input {name} has data in two places.")
            case {"datatype": str(datatype), "shape": list(shape)} if datatype in DATATYPES:
                places = 1
                for n in shape:
                    if type(n) is not int or n < 0:
                        raise ValueError(f"Input {name} has a shape with {n}.")
                    places *= n
            case _:
                raise ValueError(f"Input {name} lacks a datatype or a shape.")
        size = parameters["binary_data_size"]
        if type(size) is not int or size != places * DATATYPES[datatype].itemsize:
            raise ValueError(f"Input {name} has the wrong binary_data_size.")
        raw = reader.read(size)
        if len(raw) < size:
            raise ValueError(f"Input {name} ends early.")
        arrays[name] = np.ndarray(tuple(shape), dtype=DATATYPES[datatype], buffer=raw)
    if reader.read(1):
        raise ValueError("More bytes came than were announced.")
    return request, arrays


# %% [exercises] Model
class Model:
    def __init__(self, name, path):
        session = onnxruntime.InferenceSession(path)
        sides = []
        for side in (session.get_inputs(), session.get_outputs()):
            sides.append([])
            for node in side:
                shape = [-1 if length is None or isinstance(length, str) else length for length in node.shape]
                sides[-1].append({"name": node.name, "datatype": ONNX_TYPES[node.type], "shape": shape})
        self.about = {"name": name, "versions": ["1"], "platform": "onnxruntime_onnx"}
        self.about |= {"inputs": sides[0], "outputs": sides[1]}
        self.run = session.run
        self.named = [
            (str(length), node.name, axis)
            for node in session.get_inputs()
            for axis, length in enumerate(node.shape)
            if type(length) is str
        ]

    def metadata(self):
        return self.about

    def predict(self, inputs, wanted=None):
        needed = {tensor["name"]: tensor for tensor in self.about["inputs"]}
        wrong = set(inputs) ^ set(needed)
        for name in set(inputs) & set(needed):
            array, shape = inputs[name], needed[name]["shape"]
            free = [came if length == -1 else length for came, length in zip(array.shape, shape)]
            if str(array.dtype) != str(DATATYPES[needed[name]["datatype"]]):
                wrong.add(name)
            if len(shape) != len(array.shape) or free != list(array.shape):
                wrong.add(name)
        if not wrong:
            for word in {word for word, _, _ in self.named}:
                sharing = [(name, inputs[name].shape[axis]) for other, name, axis in self.named if other == word]
                if any(length != sharing[0][1] for _, length in sharing):
                    wrong |= {name for name, _ in sharing}
        if wrong:
            raise ValueError("Look at these inputs again: " + " ".join(sorted(wrong)))
        outputs = [tensor["name"] for tensor in self.about["outputs"]]
        if wanted is None:
            wanted = outputs
        if unknown := [name for name in wanted if name not in outputs]:
            raise ValueError(f"There are no such outputs: {unknown}")
        return {name: self.run([name], inputs)[0] for name in wanted}


# %% [exercises] respond
LARGEST = 1_000_000


async def app(scope, receive, send):
    """An ASGI callable of its own; `models` and the whole body come with the scope."""
    models, path, method = scope["models"], scope["path"], scope["method"]

    async def reply(status, content, **headers):
        lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": content})

    async def tell(status, value, **headers):
        await reply(status, json.dumps(value).encode(), content_type="application/json", **headers)

    parts = path.split("/")
    fixed = {"/v2": 1, "/v2/health/live": 2, "/v2/health/ready": 3}
    name = version = last = None
    if path not in fixed:
        if len(parts) < 4 or parts[:3] != ["", "v2", "models"]:
            return await tell(404, {"error": "unknown path"})
        name, tail = parts[3], parts[4:]
        if tail[:1] == ["versions"] and len(tail) > 1:
            version, tail = tail[1], tail[2:]
        last = "/".join(tail)
        if last not in ("", "ready", "infer"):
            return await tell(404, {"error": "unknown path"})
        if name not in models:
            return await tell(404, {"error": f"unknown model {name}"})
    allowed = "POST" if last == "infer" else "GET"
    if method != allowed:
        return await tell(405, {"error": "wrong method"}, allow=allowed)
    if fixed.get(path) == 1:
        return await tell(200, {"name": "d", "version": "1", "extensions": ["binary_tensor_data"]})
    if fixed.get(path) == 2:
        return await reply(200, b"")
    if fixed.get(path) == 3:
        if all(model is not None for model in models.values()):
            return await reply(200, b"")
        return await tell(503, {"error": "not ready"}, retry_after="1")
    model = models[name]
    if model is None:
        return await tell(503, {"error": "not ready"}, retry_after="1")
    if version is not None and version not in model.metadata()["versions"]:
        return await tell(404, {"error": "unknown version"})
    if last == "":
        return await tell(200, model.metadata())
    if last == "ready":
        return await reply(200, b"")
    body = (await receive())["body"]
    if len(body) > LARGEST:
        return await tell(413, {"error": "too much"})
    headers = dict(scope["headers"])
    try:
        length = headers.get(b"inference-header-content-length", b"%d" % len(body))
        if length.strip(b"0123456789") or not length:
            raise ValueError("The length of the JSON is no number.")
        content, header_length = await asyncio.to_thread(model.infer, body, int(length))
    except ValueError as problem:
        return await tell(400, {"error": str(problem)})
    except Exception:
        return await tell(500, {"error": "we failed"})
    if header_length is None:
        return await reply(200, content, content_type="application/json")
    kind = {"content_type": "application/octet-stream", "inference_header_content_length": str(header_length)}
    await reply(200, content, **kind)


def respond(method, path, headers, body, models):
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "models": models}
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start, end = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"]
