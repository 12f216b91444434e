"""
student = "catarina"
kind = "alternative"
what = "Writes the patterns down: regular expressions for digits and for paths, a table of routes, exceptions with a status."
"""
# %% [exercises] to_array
import re


def flatten(data, shape, where):
    """All values of nested lists, one level at a time."""
    level = [data]
    for size in shape:
        deeper = []
        for part in level:
            if type(part) is not list or len(part) != size:
                raise ValueError(f"{where} is nested otherwise than {shape}")
            deeper.extend(part)
        level = deeper
    return level


def as_whole(value):
    if type(value) is int:
        return value
    if type(value) is str and re.fullmatch("-?[0-9]{1,40}", value):
        return int(value)
    raise ValueError("not whole")


def as_real(value):
    words = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
    if type(value) is str and value in words:
        return words[value], True
    if type(value) in (int, float):
        return float(value), False
    raise ValueError("not a number")


def to_array(tensor):
    where = f"tensor {tensor['name']}"
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    try:
        dtype = DATATYPES[datatype]
    except (KeyError, TypeError):
        raise ValueError(f"{where}: what is {datatype}?")
    if type(shape) is not list:
        raise ValueError(f"{where} has no shape")
    for size in shape:
        if type(size) is not int or size < 0:
            raise ValueError(f"{where}: bad shape {shape}")
    data = tensor.get("data")
    if type(data) is not list:
        raise ValueError(f"{where} has no data")
    if list in map(type, data):
        values = flatten(data, shape, where)
    else:
        values, places = data, 1
        for size in shape:
            places = places * size
        if len(values) != places:
            raise ValueError(f"{where}: {len(values)} values, {places} places")
    result = np.zeros(len(values), dtype=dtype)
    for i, value in enumerate(values):
        try:
            if dtype == bool:
                if value is not True and value is not False:
                    raise ValueError("not a truth value")
                result[i] = value
            elif dtype.kind in "iu":
                whole = as_whole(value)
                info = np.iinfo(dtype)
                if whole > info.max or whole < info.min:
                    raise ValueError("out of range")
                result[i] = whole
            else:
                number, in_words = as_real(value)
                with np.errstate(all="ignore"):
                    result[i] = number
                if not in_words and np.isinf(result[i]):
                    raise ValueError("too large")
        except (ValueError, OverflowError) as problem:
            raise ValueError(f"{where}, value {i}: {problem}")
    return result.reshape(shape)


# %% [exercises] to_tensor
def to_tensor(name, array):
    for datatype in DATATYPES:
        if DATATYPES[datatype] == array.dtype:
            break
    else:
        raise ValueError("no datatype for " + str(array.dtype))
    data = []
    for value in array.flat:
        if datatype == "BOOL":
            data.append(bool(value))
        elif datatype[:2] == "FP":
            text = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(float(value)))
            data.append(text or float(value))
        else:
            whole = int(value)
            data.append(whole if -(2**53) <= whole <= 2**53 else f"{whole}")
    return dict(name=name, datatype=datatype, shape=[*array.shape], data=data)


# %% [exercises] unpack
def unpack(body, header_length):
    if header_length < 0 or header_length > len(body):
        raise ValueError("header length out of range")

    def forbidden(word):
        raise ValueError(word)

    try:
        request = json.loads(body[:header_length].decode("utf-8"), parse_constant=forbidden)
    except RecursionError:
        raise ValueError("nested too deep")
    if type(request) is not dict or type(request.get("inputs")) is not list:
        raise ValueError("no inputs")
    tail, arrays, names = memoryview(body)[header_length:], {}, []
    for tensor in request["inputs"]:
        if type(tensor) is not dict or type(tensor.get("name")) is not str:
            raise ValueError("an input without a name")
        name = tensor["name"]
        if name in names:
            raise ValueError("twice: " + name)
        names.append(name)
        parameters = tensor.get("parameters", {})
        if type(parameters) is not dict:
            raise ValueError("parameters are no object")
        if "binary_data_size" in parameters:
            try:
                size, dtype = parameters["binary_data_size"], DATATYPES[tensor["datatype"]]
                count = 1
                for length in tensor["shape"]:
                    assert type(length) is int and length >= 0
                    count *= length
                assert type(size) is int and size == count * dtype.itemsize
                assert "data" not in tensor
                assert len(tail) >= size
                assert type(tensor["shape"]) is list
            except (AssertionError, KeyError, TypeError):
                raise ValueError(f"input {name} contradicts itself or the body")
            arrays[name] = np.frombuffer(bytes(tail[:size]), dtype=dtype).reshape(tensor["shape"]).copy()
            tail = tail[size:]
    if len(tail) > 0:
        raise ValueError("bytes left over")
    return request, arrays


# %% [exercises] respond
LARGEST = 1_000_000
ONE = r"/v2/models/(?P<name>[^/]+)(/versions/(?P<version>[^/]+))?"
ROUTES = [
    (r"/v2/health/live", "GET", "live"),
    (r"/v2/health/ready", "GET", "ready"),
    (r"/v2", "GET", "server"),
    (ONE, "GET", "metadata"),
    (ONE + "/ready", "GET", "model_ready"),
    (ONE + "/infer", "POST", "infer"),
]


class Answer(Exception):
    def __init__(self, status, text, **headers):
        self.status, self.text, self.headers = status, text, headers


def respond(method, path, headers, body, models):
    try:
        return route(method, path, headers, body, models)
    except Answer as answer:
        extra = {name.replace("_", "-"): value for name, value in answer.headers.items()}
        extra["Content-Type"] = "application/json; charset=utf-8"
        return answer.status, extra, json.dumps({"error": answer.text}).encode("utf-8")


def route(method, path, headers, body, models):
    for pattern, allowed, what in ROUTES:
        if found := re.fullmatch(pattern, path):
            break
    else:
        raise Answer(404, "nothing here")
    groups = found.groupdict()
    if "name" in groups and groups["name"] not in models:
        raise Answer(404, "no model of this name")
    if method != allowed:
        raise Answer(405, "another method, please", Allow=allowed)
    as_json = {"Content-Type": "application/json"}
    if what == "live":
        return 200, as_json, b'{"live": true}'
    if what == "ready":
        if None in models.values():
            raise Answer(503, "something is being loaded")
        return 200, as_json, b'{"ready": true}'
    if what == "server":
        about = {"name": "catarina", "version": "0.1", "extensions": ["binary_tensor_data"]}
        return 200, as_json, json.dumps(about).encode()
    model = models[groups["name"]]
    if model is None:
        raise Answer(503, "this model is being loaded", Retry_After="2")
    metadata = model.metadata()
    if groups["version"] is not None and groups["version"] not in metadata["versions"]:
        raise Answer(404, "no such version")
    if what == "metadata":
        return 200, as_json, json.dumps(metadata).encode()
    if what == "model_ready":
        return 200, as_json, b'{"ready": true}'
    if len(body) > LARGEST:
        raise Answer(413, "too large")
    length = headers.get("inference-header-content-length")
    if length is None:
        length = f"{len(body)}"
    if not re.fullmatch("[0-9]+", length):
        raise Answer(400, "the header length is no number")
    try:
        content, header_length = model.infer(body, int(length))
    except ValueError as problem:
        raise Answer(400, str(problem))
    except BaseException:
        raise Answer(500, "internal error")
    if header_length is None:
        return 200, as_json, content
    return (
        200,
        {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": f"{header_length}"},
        content,
    )
