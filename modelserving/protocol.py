"""The Open Inference Protocol, version 2: bytes to arrays and back, with nothing read or sent (lesson 03).

A request for a prediction is JSON, or JSON followed by raw tensors (the binary tensor extension); so is the answer.
What does not follow the protocol ends in a :class:`ProtocolError`, which has its status in :data:`ERRORS`.

Sources: https://github.com/kserve/open-inference-protocol (the protocol, "V2") and the extensions "binary tensor data"
and "model repository" in https://github.com/triton-inference-server/server/tree/main/docs/protocol.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import orjson

from modelserving import __version__, interpreter
from modelserving.interpreter import DATATYPES, NAMES, Signature, Tensor, listed


@dataclass(frozen=True)
class Error:
    """One thing that can be wrong with a request, and the HTTP status that says so."""

    status: int
    meaning: str


ERRORS: dict[str, Error] = {
    "malformed": Error(400, "The body is not JSON, is nested too deep, or a field in it has the wrong type."),
    "header_length": Error(400, "Inference-Header-Content-Length is no number, or larger than the body."),
    "corrupt": Error(400, "The body cannot be decompressed, or ends early."),
    "duplicate": Error(400, "Two inputs, or two requested outputs, have one name."),
    "unknown_datatype": Error(400, "A data type that the protocol does not have."),
    "wrong_size": Error(400, "A tensor has more or fewer elements, or bytes, than its shape says."),
    "wrong_value": Error(400, "An element is not of its tensor's data type, or out of its range."),
    "unknown_tensor": Error(400, "The model has no input, or no output, of that name."),
    "missing_input": Error(400, "The model needs an input that was not sent."),
    "wrong_datatype": Error(400, "The model's input has another data type."),
    "wrong_shape": Error(400, "The model's input has another shape, or the shape is none."),
    "execution": Error(400, "The model's operations fail on these values."),
    "unsupported": Error(400, "A part of the protocol, or of an extension, that this server does not have."),
    "load_failed": Error(400, "A model's files cannot be loaded."),
    "unknown_path": Error(404, "No such path."),
    "unknown_model": Error(404, "The repository has no model of that name."),
    "unknown_version": Error(404, "The model has no such version."),
    "wrong_method": Error(405, "The path exists and has another method; Allow says which."),
    "too_large": Error(413, "The body, or a tensor of it, is larger than the server takes."),
    "unknown_encoding": Error(415, "A Content-Encoding other than gzip, deflate and identity."),
    "headers_too_large": Error(431, "The headers are larger than the server takes."),
    "not_ready": Error(503, "The model, or the server, is not ready: loading, unloaded, or shutting down."),
    "no_room": Error(503, "The model is not loaded, and all that is loaded is in use, or pinned; see Retry-After."),
    "overloaded": Error(503, "The queue is full; Retry-After says when to come back."),
    "deadline": Error(503, "The answer would come after the deadline, so it was not computed; see Retry-After."),
    "not_kept": Error(503, "The server keeps a log, and could not write to it: what is not in it is not answered."),
    "internal": Error(500, "A fault of the server's own, written to its log. No request should ever bring it about."),
}
"""All that can be wrong with a request. No other status than these and 200 leaves the server."""


class ProtocolError(Exception):
    """A request that gets no answer but a sentence that says why; ``kind`` is a key of :data:`ERRORS`."""

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, ERRORS[kind].status
        self.retry_after = retry_after  # seconds, where it is worth trying again


KINDS = {
    interpreter.UnknownInput: "unknown_tensor",
    interpreter.MissingInput: "missing_input",
    interpreter.WrongDatatype: "wrong_datatype",
    interpreter.WrongShape: "wrong_shape",
    interpreter.ExecutionError: "execution",
}


def refused(error: interpreter.InvalidInput) -> ProtocolError:
    """What the interpreter refused, as an error of the protocol."""
    return ProtocolError(KINDS[type(error)], str(error))


@dataclass(frozen=True)
class Limits:
    """What a server takes at most. Bytes count after decompression."""

    body: int = 64 * 2**20  # bytes of a request
    tensor: int = 64 * 2**20  # bytes of one input as an array
    headers: int = 16 * 2**10  # bytes of all headers together

    def __post_init__(self) -> None:
        if min(self.body, self.tensor, self.headers) < 1:
            raise ValueError("a limit is a number of bytes, 1 or more")


MAX_DIMENSIONS = 32


@dataclass(slots=True)
class InferRequest:
    """A decoded request for a prediction."""

    inputs: dict[str, np.ndarray]
    outputs: list[str] | None = None  # the names asked for; None for all
    binary: dict[str, bool] = field(default_factory=dict)  # output by output: raw bytes, or JSON?
    binary_default: bool = False  # the same for outputs that do not say
    id: str | None = None
    timeout: float | None = None  # seconds from the request's arrival within which the answer is of use
    parameters: dict[str, Any] = field(default_factory=dict)

    def as_binary(self, output: str) -> bool:
        """True when the client wants this output as raw bytes."""
        return self.binary.get(output, self.binary_default)


# Requests: bytes to arrays


def decode(body: bytes, header_length: str | int | None = None, limits: Limits = Limits()) -> InferRequest:
    """Read the body of a request for a prediction.

    ``header_length`` is the value of ``Inference-Header-Content-Length``: the bytes of JSON ahead of the raw tensors.
    Without it all of the body is JSON. Numbers in JSON may stand flat, in row-major order, or nested as the shape
    says; ``null`` is NaN in a floating-point tensor, since JSON has no NaN of its own.
    Raises :class:`ProtocolError`.
    """
    if header_length is None:
        message, raw = load_json(body), memoryview(b"")
    else:
        end = read_header_length(header_length, len(body))
        message, raw = load_json(body[:end]), memoryview(body)[end:]
    entries = listing(message, "inputs")
    if not entries:
        raise ProtocolError("malformed", 'The request has no "inputs".')
    inputs, start = {}, 0
    for entry in entries:
        name = text(entry, "name", "an input")
        if name in inputs:
            raise ProtocolError("duplicate", f"The input {name!r} is given twice.")
        inputs[name], start = read_input(name, entry, raw, start, limits)
    if start != len(raw):
        raise ProtocolError(
            "wrong_size", f"{len(raw)} bytes follow the JSON, and the inputs' binary_data_size add up to {start}."
        )
    request = InferRequest(inputs)
    if message.get("id") is not None:
        request.id = text(message, "id", "the request")
    if "parameters" in message:
        request.parameters = parameters(message)
        request.binary_default = flag(request.parameters, "binary_data_output", "the request", False)
        request.timeout = read_timeout(request.parameters)
    if message.get("outputs"):
        read_outputs(listing(message, "outputs"), request)
    return request


@dataclass(slots=True)
class Labels:
    """What turned out to be true, as a client tells it: of each prediction its id, the label, and when that came."""

    ids: list[str]
    values: list[float | list[float | None]]  # one number, or one for each row, None where that is not known yet
    times: list[float | str | None]  # seconds since 1970, or ISO 8601; None: now


def decode_labels(body: bytes) -> Labels:
    """Read the body of a request that brings labels, this server's own extension of the protocol.

    ``{"labels": [{"id": "…", "value": 1.5, "time": …}, …]}``; the id is that of the request for the prediction.
    Whether numbers are numbers is for the store to say. Raises :class:`ProtocolError`.
    """
    entries = listing(load_json(body), "labels")
    if not entries:
        raise ProtocolError("malformed", 'The request has no "labels".')
    for entry in entries:
        if "value" not in entry:
            raise ProtocolError("malformed", 'A label has no "value".')
    ids = [text(entry, "id", "a label") for entry in entries]
    return Labels(ids, [entry["value"] for entry in entries], [entry.get("time") for entry in entries])


def load_json(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``. NaN and infinity are no JSON, nor are more than 1,024 levels."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("malformed", f"The body is not valid JSON: {error}.") from None
    if type(message) is not dict:
        raise ProtocolError("malformed", "The body must be a JSON object.")
    return message


def read_header_length(value: str | int, size: int) -> int:
    """``Inference-Header-Content-Length`` as a number of bytes, at most ``size``."""
    digits = str(value)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise ProtocolError("header_length", "Inference-Header-Content-Length must be a number of bytes.")
    if int(digits) > size:
        raise ProtocolError(
            "header_length", f"Inference-Header-Content-Length is {int(digits)}, and the body has {size} bytes."
        )
    return int(digits)


def listing(message: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of objects under ``key``, empty when there is none."""
    entries = message.get(key) or []
    if type(entries) is not list or not set(map(type, entries)) <= {dict}:
        raise ProtocolError("malformed", f'"{key}" must be a list of objects.')
    return entries


def text(entry: dict[str, Any], key: str, owner: str) -> str:
    """The text under ``key``, which has to be there."""
    value = entry.get(key)
    if type(value) is not str:
        raise ProtocolError("malformed", f'"{key}" of {owner} must be a text.')
    return value


def parameters(entry: dict[str, Any]) -> dict[str, Any]:
    """The object under ``"parameters"``, empty when there is none."""
    value = entry.get("parameters")
    if value is None:
        return {}
    if type(value) is not dict:
        raise ProtocolError("malformed", '"parameters" must be an object.')
    if "shared_memory_region" in value or "classification" in value:
        raise ProtocolError("unsupported", "This server has no shared memory and no classification extension.")
    return value


def flag(given: dict[str, Any], key: str, owner: str, default: bool) -> bool:
    """The parameter ``key``, true or false."""
    value = given.get(key, default)
    if type(value) is not bool:
        raise ProtocolError("malformed", f'The parameter "{key}" of {owner} must be true or false.')
    return value


def read_timeout(given: dict[str, Any]) -> float | None:
    """The parameter ``timeout``, as Triton has it: in whole microseconds, 0 for none; in seconds."""
    value = given.get("timeout")
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise ProtocolError("malformed", 'The parameter "timeout" of the request must be microseconds, 0 or more.')
    return value / 1e6 if value else None


def read_outputs(entries: list[dict[str, Any]], request: InferRequest) -> None:
    """Put into ``request`` which outputs are asked for, and which of them as raw bytes."""
    request.outputs = []
    for entry in entries:
        name = text(entry, "name", "a requested output")
        request.outputs.append(name)
        if "parameters" in entry:
            request.binary[name] = flag(
                parameters(entry), "binary_data", f"the output {name!r}", request.binary_default
            )
    if len(set(request.outputs)) < len(entries):
        raise ProtocolError("duplicate", "An output is asked for twice.")


def read_input(name: str, entry: dict[str, Any], raw: memoryview, start: int, limits: Limits) -> tuple[np.ndarray, int]:
    """One input as an array, and where in ``raw`` the next one starts."""
    datatype = entry.get("datatype")
    dtype = DATATYPES.get(datatype) if type(datatype) is str else None
    if dtype is None:
        raise ProtocolError(
            "unknown_datatype", f"The data type of the input {name!r} must be one of {', '.join(DATATYPES)}."
        )
    shape = read_shape(name, entry.get("shape"), dtype, limits)
    given = parameters(entry) if "parameters" in entry else {}
    size = given.get("binary_data_size")
    if size is None:
        if "data" not in entry:
            raise ProtocolError("malformed", f"The input {name!r} has neither data nor binary_data_size.")
        return within(limits, name, from_json(name, datatype, shape, entry["data"])), start
    if "data" in entry:
        raise ProtocolError("malformed", f"The input {name!r} has both data and binary_data_size.")
    if type(size) is not int or size < 0:
        raise ProtocolError("malformed", f"The binary_data_size of the input {name!r} must be a number of bytes.")
    if start + size > len(raw):
        raise ProtocolError(
            "wrong_size",
            f"The input {name!r} says {size} bytes of binary data, and {len(raw) - start} are left in the body"
            + (" (is Inference-Header-Content-Length set?)." if not len(raw) else "."),
        )
    return within(limits, name, from_binary(name, datatype, shape, raw[start : start + size])), start + size


def within(limits: Limits, name: str, array: np.ndarray) -> np.ndarray:
    """The array itself, if it is no larger than a tensor may be."""
    if array.nbytes > limits.tensor:
        raise ProtocolError("too_large", f"The input {name!r} has more than {limits.tensor:,} bytes.")
    return array


def read_shape(name: str, shape: Any, dtype: np.dtype, limits: Limits) -> tuple[int, ...]:
    """A shape whose lengths are whole numbers, 0 or more."""
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        raise ProtocolError(
            "wrong_shape", f"The shape of the input {name!r} must be a list of at most {MAX_DIMENSIONS} lengths."
        )
    for length in shape:
        if type(length) is not int or length < 0:
            raise ProtocolError("wrong_shape", f"The lengths of the input {name!r} must be whole numbers, 0 or more.")
    if 0 in shape and math.prod(filter(None, shape)) * dtype.itemsize > limits.tensor:
        # Nothing has to be sent for [0, 10**18], and a model may still reserve room for 10**18.
        raise ProtocolError("wrong_shape", f"The shape of the input {name!r} is larger than any tensor may be.")
    return tuple(shape)


def from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> np.ndarray:
    """An array of ``shape`` from the numbers, booleans or texts of a JSON list, flat or nested."""
    elements = math.prod(shape)
    flat = flatten(name, data, shape)
    if len(flat) != elements:
        raise ProtocolError(
            "wrong_size", f"The input {name!r} has {len(flat)} elements, and its shape {list(shape)} needs {elements}."
        )
    kinds, dtype = set(map(type, flat)), DATATYPES[datatype]
    if not kinds <= ELEMENTS[dtype.kind]:
        raise ProtocolError("wrong_value", f"The data of the input {name!r} must be {IN_WORDS[dtype.kind]}.")
    try:
        if dtype.kind == "f" and type(None) not in kinds:  # struct is quicker than numpy, and finds what is too large
            return np.frombuffer(struct.pack(f"<{elements}{dtype.char}", *flat), dtype).reshape(shape)
        with np.errstate(over="raise"):  # or what is too large for the type would become infinity
            return np.array(flat, dtype).reshape(shape)
    except (OverflowError, FloatingPointError):
        raise ProtocolError(
            "wrong_value", f"The data of the input {name!r} is out of the range of {datatype}."
        ) from None


ELEMENTS = {
    "f": {float, int, type(None)},
    "i": {int},
    "u": {int},
    "b": {bool},
    "O": {str},
}
"""What may stand in JSON, by the kind of numpy's type. numpy itself would take "1.5" for a number and 1.5 for 1."""

IN_WORDS = {
    "f": "numbers, or null for NaN",
    "i": "whole numbers",
    "u": "whole numbers",
    "b": "true or false",
    "O": "texts",
}


def flatten(name: str, data: Any, shape: tuple[int, ...]) -> list[Any]:
    """The elements of ``data`` in row-major order. A nested list must be nested as ``shape`` says."""
    if type(data) is not list:
        raise ProtocolError("malformed", f"The data of the input {name!r} must be a list.")
    if not data or type(data[0]) is not list:
        return data
    for axis, length in enumerate(shape[1:], start=1):
        if any(type(part) is not list or len(part) != length for part in data):
            raise ProtocolError(
                "wrong_size",
                f"The data of the input {name!r} is not nested as its shape {list(shape)} says: "
                f"level {axis + 1} must be lists of {length}.",
            )
        if axis == 1 and len(data) != shape[0]:
            raise ProtocolError(
                "wrong_size", f"The data of the input {name!r} has {len(data)} parts, its shape {list(shape)}."
            )
        data = list(chain.from_iterable(data))
    return data


LENGTH = struct.Struct("<I")  # ahead of each element of BYTES: its length, four bytes, little-endian


def from_binary(name: str, datatype: str, shape: tuple[int, ...], raw: memoryview) -> np.ndarray:
    """An array of ``shape`` from raw bytes, little-endian, row-major. It may share the request's memory."""
    elements, dtype = math.prod(shape), DATATYPES[datatype]
    if datatype == "BYTES":
        return split_bytes(name, raw, elements).reshape(shape)
    if len(raw) != elements * dtype.itemsize:
        raise ProtocolError(
            "wrong_size",
            f"The input {name!r} has {len(raw)} bytes, and {datatype} {list(shape)} needs {elements * dtype.itemsize}.",
        )
    if datatype == "BOOL" and raw.nbytes and np.frombuffer(raw, np.uint8).max() > 1:
        raise ProtocolError("wrong_value", f"The bytes of the input {name!r}, which is BOOL, must be 0 or 1.")
    array = np.frombuffer(raw, dtype).reshape(shape)
    return array if array.flags.aligned else array.copy()


def split_bytes(name: str, raw: memoryview, elements: int) -> np.ndarray:
    """``elements`` byte strings as an array of objects, each with its length ahead of it in ``raw``."""
    if elements * LENGTH.size > len(raw):
        raise ProtocolError("wrong_size", f"The input {name!r} has {len(raw)} bytes, too few for {elements} elements.")
    array, start = np.empty(elements, dtype=object), 0
    for place in range(elements):
        if start + LENGTH.size > len(raw):
            raise ProtocolError("wrong_size", f"The input {name!r} ends after {place} of its {elements} elements.")
        (length,) = LENGTH.unpack_from(raw, start)
        start += LENGTH.size
        if start + length > len(raw):
            raise ProtocolError("wrong_size", f"Element {place} of the input {name!r} is longer than its data.")
        array[place] = bytes(raw[start : start + length])
        start += length
    if start != len(raw):
        raise ProtocolError("wrong_size", f"The input {name!r} has {len(raw) - start} bytes more than its elements.")
    return array


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The content of a body with this Content-Encoding. Stops, with 413, as soon as ``limit`` bytes are exceeded."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ProtocolError("unknown_encoding", f"Content-Encoding {encoding[:50]!r} is none of gzip and deflate.")
    wrapped = encoding != "deflate" or body[:1] == b"\x78"  # deflate comes with zlib's head, and from some without
    stream = zlib.decompressobj(47 if wrapped else -15)
    try:
        content = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise ProtocolError("corrupt", f"The body cannot be decompressed as {encoding}: {error}.") from None
    if len(content) > limit:
        raise ProtocolError("too_large", f"The body is larger than {limit:,} bytes once decompressed.")
    if not stream.eof or stream.unused_data:
        raise ProtocolError("corrupt", f"The body is {'longer' if stream.eof else 'shorter'} than its {encoding} data.")
    return content


# Answers: arrays to bytes


def encode(
    model: str, version: str, request: InferRequest, outputs: Mapping[str, np.ndarray]
) -> tuple[bytes, int | None]:
    """The body of an answer, and the bytes of JSON ahead of raw tensors: None when no output is raw.

    ``outputs`` holds arrays by name, of dtypes in :data:`modelserving.interpreter.DATATYPES`. In JSON their elements
    stand flat, in row-major order, and NaN and infinity, which JSON does not have, become ``null``.
    """
    described, raw = [], []
    for name, array in outputs.items():
        entry = {"name": name, "datatype": NAMES[array.dtype], "shape": array.shape}
        if (request.binary or request.binary_default) and request.as_binary(name):
            raw.append(to_binary(array))
            entry["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            entry["data"] = to_json(array)
        described.append(entry)
    message = {"model_name": model, "model_version": version, "outputs": described}
    if request.id is not None:
        message["id"] = request.id
    head = dump_json(message)
    return (b"".join([head, *raw]), len(head)) if raw else (head, None)


def dump_json(message: Any) -> bytes:
    """JSON, arrays of numbers included."""
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)


def to_json(array: np.ndarray) -> np.ndarray | list[str]:
    """The elements of an array in the form that :func:`dump_json` writes."""
    if array.dtype.kind == "O":
        return [item if isinstance(item, str) else bytes(item).decode(errors="replace") for item in array.ravel()]
    return array.ravel()


def to_binary(array: np.ndarray) -> bytes:
    """The elements of an array as raw bytes, little-endian, row-major."""
    if array.dtype.kind != "O":
        return array.tobytes()
    items = [item.encode() if isinstance(item, str) else bytes(item) for item in array.ravel()]
    return b"".join(chain.from_iterable((LENGTH.pack(len(item)), item) for item in items))


def error_body(message: str) -> bytes:
    """The protocol's error object."""
    return orjson.dumps({"error": message.encode(errors="replace").decode()})


# What the server and its models say about themselves


EXTENSIONS = ["binary_tensor_data", "model_repository"]


def server_metadata(more: Sequence[str] = ()) -> dict[str, Any]:
    """The answer to ``GET v2``; ``more`` are extensions that not every server has."""
    return {"name": "modelserving", "version": __version__, "extensions": [*EXTENSIONS, *more]}


def model_metadata(name: str, versions: Iterable[str], signature: Signature) -> dict[str, Any]:
    """The answer to ``GET v2/models/NAME``."""
    return {
        "name": name,
        "versions": list(versions),
        "platform": "onnxruntime_onnx",
        "inputs": describe(signature.inputs),
        "outputs": describe(signature.outputs),
    }


def describe(tensors: Sequence[Tensor]) -> list[dict[str, Any]]:
    """Tensors in the words of the protocol."""
    return [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in tensors]


def unknown_model(name: str, known: Sequence[str]) -> ProtocolError:
    """The error for a name that no model has."""
    return ProtocolError("unknown_model", f"There is no model {name[:100]!r}. Known: {listed(known)}.")


def unknown_version(name: str, version: str, known: Sequence[str]) -> ProtocolError:
    """The error for a version that the model does not have."""
    return ProtocolError("unknown_version", f"{name!r} has no version {version[:100]!r}. It has {listed(known)}.")
