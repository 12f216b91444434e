"""
student = "emre"
kind = "alternative"
what = "Makes objects of everything: a subclass of ValueError, a class for each tensor, a router that is called."
"""
# %% [exercises] to_array
import math


class Refused(ValueError):
    def __init__(self, name, why):
        super().__init__(f"tensor '{name}' refused: {why}")


class JsonTensor:
    def __init__(self, tensor):
        self.tensor, self.name = tensor, tensor["name"]
        if tensor.get("datatype") not in tuple(DATATYPES):
            raise Refused(self.name, "datatype")
        self.dtype = DATATYPES[tensor["datatype"]]
        self.shape = tensor.get("shape")
        if not isinstance(self.shape, list):
            raise Refused(self.name, "no shape")
        for size in self.shape:
            if isinstance(size, bool) or not isinstance(size, int) or size < 0:
                raise Refused(self.name, "shape")

    def values(self):
        data = self.tensor.get("data")
        if not isinstance(data, list):
            raise Refused(self.name, "no data")
        if not any(isinstance(value, list) for value in data):
            if len(data) != math.prod(self.shape):
                raise Refused(self.name, "number of values")
            yield from data
            return
        yield from self.walk(data, 0)

    def walk(self, part, depth):
        if depth == len(self.shape):
            yield part
            return
        if not isinstance(part, list) or len(part) != self.shape[depth]:
            raise Refused(self.name, "nesting")
        for inner in part:
            yield from self.walk(inner, depth + 1)

    def number(self, value):
        kind = self.dtype.kind
        if kind == "b":
            if isinstance(value, bool):
                return value
        elif kind == "f":
            if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
                return float(value)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                top = float(np.finfo(self.dtype).max)
                if -top <= value <= top:
                    return float(value)
        else:
            limits = np.iinfo(self.dtype)
            if isinstance(value, str) and len(value) < 22:
                sign, digits = (-1, value[1:]) if value.startswith("-") else (1, value)
                if digits and all(digit in "0123456789" for digit in digits):
                    value = sign * int(digits)
            if isinstance(value, int) and not isinstance(value, bool) and limits.min <= value <= limits.max:
                return value
        raise Refused(self.name, f"value {str(value)[:30]}")

    def array(self):
        return np.array([self.number(value) for value in self.values()], self.dtype).reshape(self.shape)


def to_array(tensor):
    return JsonTensor(tensor).array()


# %% [exercises] unpack
class Tail:
    def __init__(self, raw):
        self.raw, self.place = raw, 0

    def take(self, tensor):
        shape, datatype = tensor.get("shape"), tensor.get("datatype")
        if datatype not in list(DATATYPES):
            raise ValueError("datatype of " + tensor["name"])
        if not isinstance(shape, list):
            raise ValueError("shape of " + tensor["name"])
        if [size for size in shape if not isinstance(size, int) or isinstance(size, bool) or size < 0]:
            raise ValueError("shape of " + tensor["name"])
        size = tensor["parameters"]["binary_data_size"]
        fits = isinstance(size, int) and not isinstance(size, bool)
        fits = fits and size == math.prod(shape) * DATATYPES[datatype].itemsize
        if not fits or self.place + size > len(self.raw) or "data" in tensor:
            raise ValueError("bytes of " + tensor["name"])
        array = np.frombuffer(self.raw, DATATYPES[datatype], math.prod(shape), self.place) if size else np.zeros(0)
        self.place += size
        return array.astype(DATATYPES[datatype]).reshape(shape)


def unpack(body, header_length):
    import math  # noqa

    if header_length < 0 or len(body) < header_length:
        raise ValueError("header_length")
    head = body[:header_length]
    deep = 0
    for byte in head:
        deep += (byte in b"[{") - (byte in b"]}")
        if deep > 500:
            raise ValueError("too deep")
    request = json.loads(head)
    json.dumps(request, allow_nan=False)  # ValueError for NaN and infinity
    if not isinstance(request, dict) or not isinstance(request.get("inputs"), list):
        raise ValueError("inputs")
    tail, arrays, names = Tail(body[header_length:]), {}, set()
    for tensor in request["inputs"]:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str) or tensor["name"] in names:
            raise ValueError("names of inputs")
        names.add(tensor["name"])
        if not isinstance(tensor.get("parameters", {}), dict):
            raise ValueError("parameters")
        if "binary_data_size" in tensor.get("parameters", {}):
            arrays[tensor["name"]] = tail.take(tensor)
    if tail.place < len(tail.raw):
        raise ValueError("left over")
    return request, arrays


# %% [exercises] +after unpack
import math

# %% [exercises] respond
LARGEST = 1_000_000


class Router:
    def __call__(self, method, path, headers, body, models):
        self_contained = {"live": self.live, "ready": self.ready}
        words = [word for word in path.split("/") if word]
        if "/" + "/".join(words) != path or words[:1] != ["v2"]:
            return self.fail(404, "path")
        if words == ["v2"]:
            return self.only("GET", method) or self.say({"name": "e", "version": "2", "extensions": ["binary_tensor_data"]})
        if words[1] == "health" and len(words) == 3 and words[2] in self_contained:
            return self.only("GET", method) or self_contained[words[2]](models)
        if words[1] != "models" or len(words) < 3:
            return self.fail(404, "path")
        name, rest, version = words[2], words[3:], None
        if rest and rest[0] == "versions":
            if len(rest) == 1:
                return self.fail(404, "path")
            version, rest = rest[1], rest[2:]
        if rest not in ([], ["ready"], ["infer"]):
            return self.fail(404, "path")
        if name not in models:
            return self.fail(404, "model")
        if refused := self.only("POST" if rest == ["infer"] else "GET", method):
            return refused
        if (model := models[name]) is None:
            return self.fail(503, "loading", {"Retry-After": "1"})
        if version not in (None, *model.metadata()["versions"]):
            return self.fail(404, "version")
        if rest == ["infer"]:
            return self.infer(model, headers, body)
        return self.say(model.metadata()) if not rest else (200, {}, b"")

    def say(self, value):
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def fail(self, status, what, extra=None):
        return status, {"Content-Type": "application/json"} | (extra or {}), json.dumps({"error": what}).encode()

    def only(self, allowed, method):
        return None if method == allowed else self.fail(405, "method", {"Allow": allowed})

    def live(self, models):
        return 200, {}, b""

    def ready(self, models):
        return self.fail(503, "loading") if None in models.values() else (200, {}, b"")

    def infer(self, model, headers, body):
        if len(body) > LARGEST:
            return self.fail(413, "large")
        try:
            length = headers.get("inference-header-content-length", str(len(body)))
            if not length or any(digit not in "0123456789" for digit in length):
                raise ValueError("header length")
            content, header_length = model.infer(body, int(length))
        except ValueError as problem:
            return self.fail(400, str(problem))
        except Exception:
            return self.fail(500, "sorry")
        if header_length is None:
            return 200, {"Content-Type": "application/json"}, content
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(header_length)}
        return 200, headers, content


respond = Router()
