"""modelserving.protocol: bytes to arrays and back, and every way in which a body can be wrong."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelserving import protocol
from modelserving.interpreter import DATATYPES, NAMES, Signature, Tensor
from modelserving.protocol import ERRORS, InferRequest, Limits, ProtocolError, decode, decompress, encode


def body(*inputs: dict, **more) -> bytes:
    return json.dumps({"inputs": list(inputs), **more}).encode()


def entry(data, datatype="FP32", shape=(2,), name="x") -> dict:
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": data}


def raw_entry(size, datatype="FP32", shape=(2,), name="x") -> dict:
    return {"name": name, "datatype": datatype, "shape": list(shape), "parameters": {"binary_data_size": size}}


def one(data, datatype="FP32", shape=(2,)) -> np.ndarray:
    return decode(body(entry(data, datatype, shape))).inputs["x"]


# JSON to arrays


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("UINT16", [0, 65535]),
        ("UINT32", [0, 2**32 - 1]),
        ("UINT64", [0, 2**64 - 1]),
        ("INT8", [-128, 127]),
        ("INT16", [-(2**15), 2**15 - 1]),
        ("INT32", [-(2**31), 2**31 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("FP16", [0.5, -65504]),
        ("FP32", [1, 3.4e38]),
        ("FP64", [-1.5, 1.7e308]),
        ("BYTES", ["", "é\u0000"]),
    ],
)
def test_every_data_type_from_json_to_the_ends_of_its_range(datatype, data):
    array = one(data, datatype)
    assert array.dtype == DATATYPES[datatype]
    assert array.tolist() == np.array(data, DATATYPES[datatype]).tolist()


@pytest.mark.parametrize(
    "data", [[1, 2, 3, 4, 5, 6, 7, 8], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], ids=["flat", "nested"]
)
def test_data_may_be_flat_or_nested(data):
    assert np.array_equal(one(data, shape=(2, 2, 2)), np.arange(1, 9).reshape(2, 2, 2))


@pytest.mark.parametrize(
    ("shape", "data"),
    [((), [7]), ((0,), []), ((0, 3), []), ((2, 0), []), ((2, 0), [[], []]), ((1, 1), [[7]]), ((0, 10**6), [])],
)
def test_shapes_with_nothing_or_one_thing_in_them(shape, data):
    assert one(data, shape=shape).shape == shape


def test_null_is_nan():
    assert np.isnan(one([None, 1])).tolist() == [True, False]


def test_inputs_keep_their_order_and_the_rest_of_the_request():
    request = decode(body(entry([1, 2], name="b"), entry([3], shape=[1], name="a"), id="7", parameters={"more": 1}))
    assert list(request.inputs) == ["b", "a"]
    assert (request.id, request.parameters, request.outputs) == ("7", {"more": 1}, None)
    assert not request.as_binary("y")
    assert decode(body(entry([1, 2]), id=None, parameters=None, outputs=None)).id is None


def test_outputs_asked_for_and_how():
    asked = [{"name": "a", "parameters": {"binary_data": False}}, {"name": "b"}, {"name": "c", "parameters": None}]
    request = decode(body(entry([1, 2]), outputs=asked, parameters={"binary_data_output": True}))
    assert request.outputs == ["a", "b", "c"]
    assert [request.as_binary(name) for name in "abc"] == [False, True, True]
    request = decode(body(entry([1, 2]), outputs=[{"name": "a", "parameters": {"binary_data": True}}, {"name": "b"}]))
    assert [request.as_binary(name) for name in "ab"] == [True, False]
    assert decode(body(entry([1, 2]), outputs=[])).outputs is None


def kind_of(*arguments, **options) -> str:
    with pytest.raises(ProtocolError) as wrong:
        decode(*arguments, **options)
    assert wrong.value.status == ERRORS[wrong.value.kind].status
    assert wrong.value.message == str(wrong.value)
    assert wrong.value.message.endswith((".", ")."))
    return wrong.value.kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nothing",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"inputs": NaN}',
        b"{}",
        b'{"inputs": []}',
        b'{"inputs": {}}',
        b'{"inputs": [1]}',
        b'{"inputs": "x"}',
        b"[" * 100_000,
        b'{"inputs":' * 5000,
        body({"name": 1, "datatype": "FP32", "shape": [1], "data": [1]}),
        body({"datatype": "FP32", "shape": [1], "data": [1]}),
        body({"name": "x", "datatype": "FP32", "shape": [1]}),
        body(entry(1)),
        body(entry("12")),
        body(entry({"0": 1})),
        body(entry([1, 2]), id=7),
        body(entry([1, 2]), id=["7"]),
        body(entry([1, 2]), parameters=[]),
        body(entry([1, 2]), parameters={"binary_data_output": 1}),
        body(entry([1, 2]), outputs=[{}]),
        body(entry([1, 2]), outputs=["y"]),
        body(entry([1, 2]), outputs={"name": "y"}),
        body(entry([1, 2]), outputs=[{"name": "y", "parameters": {"binary_data": "yes"}}]),
        body(entry([1, 2]) | {"parameters": {"binary_data_size": 8}}),
        body(raw_entry(-1)),
        body(raw_entry(8.0)),
        body(raw_entry(True)),
        body(raw_entry("8")),
    ],
    ids=lambda content: content[:60].decode("latin-1"),
)
def test_malformed(content):
    assert kind_of(content) == "malformed"


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_json_has_no_nan_and_no_infinity(literal):
    content = body(entry([1, 2])).replace(b"[1, 2]", f"[1, {literal}]".encode())
    assert kind_of(content) == "malformed"


@pytest.mark.parametrize("datatype", ["", "fp32", "FLOAT", "BF16", None, 32, ["FP32"], {}])
def test_unknown_datatype(datatype):
    assert kind_of(body(entry([1, 2], datatype))) == "unknown_datatype"


@pytest.mark.parametrize(
    "shape", [[-1], [2.0], ["2"], [True], [None], [[2]], [1] * 33, [0, 10**18], [0] + [2**62] * 31]
)
def test_wrong_shape(shape):
    assert kind_of(body(entry([1, 2]) | {"shape": shape})) == "wrong_shape"


@pytest.mark.parametrize("shape", [None, 2, "2", {"0": 2}])
def test_a_shape_is_a_list(shape):
    assert kind_of(body(entry([1, 2]) | {"shape": shape})) == "wrong_shape"


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ([3], [1, 2]),
        ([1], [1, 2]),
        ([10**18], [1, 2]),
        ([2**62, 2**62], [1, 2]),
        ([2], []),
        ([0], [1]),
        ([], []),
        ([2, 2], [[1, 2], [3]]),
        ([2, 2], [[1, 2], 3]),
        ([2, 2], [[1, 2], [3, 4], [5, 6]]),
        ([2, 2], [[1, 2]]),
        ([2, 2], [[1], [2], [3], [4]]),
        ([2, 2, 1], [[[1], [2]], [[3], 4]]),
    ],
)
def test_wrong_size(shape, data):
    assert kind_of(body(entry(data, shape=shape))) == "wrong_size"


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("FP32", ["1.5", 1]),
        ("FP32", [True, 1]),
        ("FP32", [1, [2]]),
        ("FP32", [{}, 1]),
        ("FP32", [1e39, 1]),
        ("FP16", [65520.0, 1]),
        ("INT32", [1.0, 2]),
        ("INT32", [1.5, 2]),
        ("INT32", [None, 2]),
        ("INT32", [True, 2]),
        ("INT32", ["1", 2]),
        ("INT8", [128, 0]),
        ("UINT8", [-1, 0]),
        ("INT64", [2**63, 0]),
        ("UINT64", [2**64, 0]),
        ("BOOL", [1, 0]),
        ("BOOL", ["true", False]),
        ("BYTES", [1, "a"]),
        ("BYTES", [None, "a"]),
    ],
)
def test_wrong_value(datatype, data):
    assert kind_of(body(entry(data, datatype))) == "wrong_value"


def test_nested_data_deeper_than_the_shape():
    assert kind_of(body(entry([[1], [2]], shape=[2]))) == "wrong_value"
    assert kind_of(body(entry([[[1]], [[2]]], shape=[2, 1]))) == "wrong_value"


def test_duplicates():
    assert kind_of(body(entry([1, 2]), entry([1, 2]))) == "duplicate"
    assert kind_of(body(entry([1, 2]), outputs=[{"name": "y"}, {"name": "y"}])) == "duplicate"


@pytest.mark.parametrize("extension", [{"shared_memory_region": "r"}, {"classification": 3}])
def test_unsupported_extensions_are_refused_and_not_ignored(extension):
    assert kind_of(body({"name": "x", "datatype": "FP32", "shape": [1], "parameters": extension})) == "unsupported"
    assert kind_of(body(entry([1, 2]), outputs=[{"name": "y", "parameters": extension}])) == "unsupported"


def test_a_tensor_may_be_limited():
    limits = Limits(tensor=16)
    assert decode(body(entry([1, 2, 3, 4], shape=[4])), limits=limits).inputs["x"].nbytes == 16
    assert kind_of(body(entry([1] * 5, shape=[5])), limits=limits) == "too_large"
    head = body(raw_entry(20, shape=[5]))
    assert kind_of(head + bytes(20), len(head), limits=limits) == "too_large"
    with pytest.raises(ValueError, match="1 or more"):
        Limits(body=0)


# Raw tensors


def test_raw_tensors_follow_the_json_in_order_and_mix_with_it():
    a, b = np.array([1.5, -2.5], "<f4"), np.array([[1], [2]], "<i2")
    head = body(raw_entry(8, name="a"), entry([1, 2], "INT8", name="j"), raw_entry(4, "INT16", (2, 1), "b"))
    request = decode(head + a.tobytes() + b.tobytes(), str(len(head)))
    assert np.array_equal(request.inputs["a"], a)
    assert np.array_equal(request.inputs["b"], b)
    assert np.array_equal(request.inputs["j"], [1, 2])


def test_a_raw_tensor_at_an_odd_place_is_aligned():
    head = body(raw_entry(1, "UINT8", (1,), "a"), raw_entry(8, name="b"))
    values = np.array([1, 2], np.float32)
    for padding in range(4):
        padded = head + b" " * padding
        request = decode(padded + b"\x01" + values.tobytes(), len(padded))
        assert np.array_equal(request.inputs["b"], values)
        assert request.inputs["b"].flags.aligned


def test_bytes_have_their_length_ahead_of_them():
    raw = b"\x02\0\0\0ab\0\0\0\0\x01\0\0\0\xff"
    head = body(raw_entry(len(raw), "BYTES", (3, 1)))
    assert decode(head + raw, len(head)).inputs["x"].tolist() == [[b"ab"], [b""], [b"\xff"]]


@pytest.mark.parametrize("length", ["", "-1", "1.5", "x", "0x10", "²", "1e3", "9" * 30, 10**9])
def test_a_header_length_that_cannot_be(length):
    assert kind_of(body(entry([1, 2])), length) == "header_length"


def test_a_header_length_beyond_the_body_or_of_nothing():
    content = body(entry([1, 2]))
    assert kind_of(content, len(content) + 1) == "header_length"
    assert kind_of(content, len(content) - 1) == "malformed"
    assert kind_of(content, 0) == "malformed"
    assert decode(content, len(content)).inputs["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("first", "raw"),
    [
        (raw_entry(8), bytes(7)),
        (raw_entry(8), bytes(9)),
        (raw_entry(8), b""),
        (raw_entry(4), bytes(4)),
        (raw_entry(12), bytes(12)),
        (raw_entry(2**63), bytes(8)),
        (raw_entry(8, shape=[10**18]), bytes(8)),
        (raw_entry(0), b""),
        (entry([1, 2]), bytes(1)),
        (raw_entry(3, "BYTES", (1,)), b"\x01\0\0"),
        (raw_entry(4, "BYTES", (1,)), b"\x01\0\0\0"),
        (raw_entry(4, "BYTES", (1,)), b"\xff\xff\xff\xff"),
        (raw_entry(4, "BYTES", (2,)), bytes(4)),
        (raw_entry(8, "BYTES", (1,)), bytes(8)),
        (raw_entry(9, "BYTES", (2,)), b"\x01\0\0\0a\x01\0\0\0"),
        (raw_entry(4, "BYTES", (10**15,)), bytes(4)),
    ],
)
def test_lying_lengths(first, raw):
    head = body(first)
    assert kind_of(head + raw, len(head)) == "wrong_size"


def test_raw_data_without_the_header_is_explained():
    with pytest.raises(ProtocolError, match="is Inference-Header-Content-Length set"):
        decode(body(raw_entry(8)))


def test_a_raw_bool_is_0_or_1():
    head = body(raw_entry(2, "BOOL"))
    assert decode(head + b"\x01\x00", len(head)).inputs["x"].tolist() == [True, False]
    assert kind_of(head + b"\x01\x02", len(head)) == "wrong_value"


# Answers


def answer(outputs: dict[str, np.ndarray], request: InferRequest | None = None) -> tuple[dict, bytes]:
    content, length = encode("m", "3", request or InferRequest({}), outputs)
    split = len(content) if length is None else length
    return orjson.loads(content[:split]), content[split:]


def test_an_answer_in_json():
    found, raw = answer({"y": np.array([[0.1, 0.25]], np.float32), "z": np.array(["é"], object)})
    assert found == {
        "model_name": "m",
        "model_version": "3",
        "outputs": [
            {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [0.1, 0.25]},
            {"name": "z", "datatype": "BYTES", "shape": [1], "data": ["é"]},
        ],
    }
    assert raw == b""
    assert answer({}, InferRequest({}, id=""))[0]["id"] == ""


def test_an_answer_that_is_part_json_and_part_raw():
    outputs = {"a": np.array([1, 2], np.int16), "b": np.array([3], np.int8), "c": np.array(["é", b"\xff"], object)}
    found, raw = answer(outputs, InferRequest({}, binary={"b": False}, binary_default=True))
    assert [entry.get("parameters") for entry in found["outputs"]] == [
        {"binary_data_size": 4},
        None,
        {"binary_data_size": 11},
    ]
    assert found["outputs"][1]["data"] == [3]
    assert raw == b"\x01\0\x02\0" + b"\x02\0\0\0" + "é".encode() + b"\x01\0\0\0\xff"
    assert encode("m", "1", InferRequest({}, binary={"b": False}), outputs)[1] is None


def test_what_json_cannot_say_is_null():
    found, _ = answer({"y": np.array([np.nan, np.inf, -np.inf, 1], np.float32)})
    assert found["outputs"][0]["data"] == [None, None, None, 1.0]


def test_views_and_scalars_are_written_in_row_major_order():
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    for array in (table.T, table[:, ::2], np.float32(3).reshape(())):
        found, _ = answer({"y": array})
        assert found["outputs"][0]["data"] == array.ravel().tolist()
        assert found["outputs"][0]["shape"] == list(array.shape)
        _, raw = answer({"y": array}, InferRequest({}, binary_default=True))
        assert raw == array.tobytes()


def test_an_error_is_always_an_object_of_text():
    assert orjson.loads(protocol.error_body('é\n"\ud800')) == {"error": 'é\n"?'}


# There and back, whatever it is


def elements(datatype: str) -> st.SearchStrategy:
    dtype = DATATYPES[datatype]
    if dtype.kind == "O":
        return st.text(st.characters(codec="utf-8"), max_size=6)
    if dtype.kind == "f":
        return hnp.from_dtype(dtype, allow_infinity=False)
    return hnp.from_dtype(dtype)


@st.composite
def tensors(draw) -> np.ndarray:
    datatype = draw(st.sampled_from(list(DATATYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    return draw(hnp.arrays(DATATYPES[datatype], shape, elements=elements(datatype)))


def describe(arrays: dict[str, np.ndarray], binary: dict[str, bool], nested: bool) -> tuple[bytes, int]:
    """A request as a client writes it, with the json module and struct's layout."""
    inputs, raw = [], b""
    for name, array in arrays.items():
        described = {"name": name, "datatype": NAMES[array.dtype], "shape": list(array.shape)}
        if binary[name]:
            part = protocol.to_binary(array)
            described["parameters"] = {"binary_data_size": len(part)}
            raw += part
        else:
            values = array.tolist() if nested and array.ndim else array.ravel().tolist()
            described["data"] = json.loads(json.dumps(values).replace("NaN", "null"))
        inputs.append(described)
    head = json.dumps({"inputs": inputs}).encode()
    return head + raw, len(head)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind == "O":
        text = [[x.decode() if isinstance(x, bytes) else x for x in array.ravel()] for array in (a, b)]
        return a.shape == b.shape and text[0] == text[1]
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), tensors(), min_size=1, max_size=3),
    st.booleans(),
    st.data(),
)
def test_what_a_client_sends_arrives(arrays, nested, data):
    binary = {name: data.draw(st.booleans()) for name in arrays}
    content, length = describe(arrays, binary, nested)
    got = decode(content, length).inputs
    assert list(got) == list(arrays)
    assert all(same(got[name], arrays[name]) for name in arrays)


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), tensors(), min_size=1, max_size=3),
    st.booleans(),
    st.data(),
)
def test_what_is_answered_can_be_read_as_a_request(arrays, default, data):
    """Answers and requests describe tensors alike, so an answer's outputs are valid inputs."""
    binary = {name: data.draw(st.booleans()) for name in arrays if data.draw(st.booleans())}
    request = InferRequest({}, binary=binary, binary_default=default)
    content, length = encode("m", "1", request, arrays)
    split = len(content) if length is None else length
    head = orjson.loads(content[:split])
    again = orjson.dumps({"inputs": head["outputs"]})
    got = decode(again + content[split:], len(again)).inputs
    assert all(same(got[name], arrays[name]) for name in arrays)
    assert (length is None) == (not any(request.as_binary(name) for name in arrays))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(list(DATATYPES)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
LIKE_AN_INPUT = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("x") | JSON,
        "datatype": st.sampled_from(list(DATATYPES)) | JSON,
        "shape": st.lists(st.integers(-1, 3) | st.sampled_from([2**31, 2**63, 10**30]), max_size=4) | JSON,
        "data": st.lists(st.integers(-1, 3) | st.floats(), max_size=9) | JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40) | JSON}) | JSON,
    },
)
LIKE_A_REQUEST = st.fixed_dictionaries(
    {"inputs": st.lists(LIKE_AN_INPUT, max_size=3) | JSON},
    optional={"id": JSON, "parameters": JSON, "outputs": JSON},
)


@settings(max_examples=400)
@given(LIKE_A_REQUEST, st.binary(max_size=40), st.none() | st.integers(-2, 3))
def test_whatever_comes_is_read_or_refused(message, raw, off):
    head = json.dumps(message).encode()
    length = None if off is None else str(len(head) + off)
    try:
        got = decode(head + raw, length)
    except ProtocolError as error:
        got = error
    assert (
        400 <= got.status < 500
        if isinstance(got, ProtocolError)
        else all(a.dtype in NAMES for a in got.inputs.values())
    )


@given(st.binary(max_size=60), st.none() | st.integers(0, 60))
def test_bytes_that_are_nothing_are_refused(content, length):
    with pytest.raises(ProtocolError):
        decode(content, length)


# Compressed bodies

CONTENT = b'{"inputs": []}' * 50
COMPRESSED = {
    "gzip": gzip.compress(CONTENT),
    "x-gzip": gzip.compress(CONTENT),
    "deflate": zlib.compress(CONTENT),
    "identity": CONTENT,
    "": CONTENT,
}


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_bodies_may_be_compressed(encoding):
    assert decompress(COMPRESSED[encoding], encoding, 10_000) == CONTENT
    assert decompress(COMPRESSED[encoding], encoding, len(CONTENT)) == CONTENT


def test_deflate_without_zlib_s_head_is_read_as_well():
    stream = zlib.compressobj(wbits=-15)
    assert decompress(stream.compress(CONTENT) + stream.flush(), "deflate", 10_000) == CONTENT


def refusal(content: bytes, encoding: str, limit: int = 10_000) -> str:
    with pytest.raises(ProtocolError) as wrong:
        decompress(content, encoding, limit)
    return wrong.value.kind


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bodies_that_are_not_what_they_say(encoding):
    whole = COMPRESSED[encoding]
    assert refusal(b"", encoding) == "corrupt"
    assert refusal(b"nonsense", encoding) == "corrupt"
    assert refusal(whole[:-3], encoding) == "corrupt"
    assert refusal(whole + b"more", encoding) == "corrupt"
    assert refusal(whole, encoding, len(CONTENT) - 1) == "too_large"
    assert refusal(whole, "br") == "unknown_encoding"
    assert refusal(whole, "gzip, gzip") == "unknown_encoding"


def test_a_bomb_is_stopped_at_the_limit():
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    assert refusal(bomb, "gzip", 1000) == "too_large"


# Metadata and the table


def test_a_model_describes_itself():
    signature = Signature((Tensor("x", "FP32", (-1, 3)),), (Tensor("y", "BYTES", (-1,)),))
    assert protocol.model_metadata("m", ["1", "2"], signature) == {
        "name": "m",
        "versions": ["1", "2"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1]}],
    }
    assert set(protocol.server_metadata()) == {"name", "version", "extensions"}


def test_the_table_of_errors_has_the_statuses_that_fit():
    assert {error.status for error in ERRORS.values()} == {400, 404, 405, 413, 415, 431, 500, 503}
    assert [kind for kind, error in ERRORS.items() if error.status == 500] == ["internal"]
    assert all(error.meaning.endswith(".") for error in ERRORS.values())


def test_the_documentation_has_the_same_table():
    text = (Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")
    rows = [f"| {error.status} | `{kind}` | {error.meaning} |" for kind, error in ERRORS.items()]
    assert "\n".join(rows) in text


def test_every_refusal_of_the_interpreter_has_a_kind():
    from modelserving import interpreter

    refusals = interpreter.InvalidInput.__subclasses__()
    assert set(protocol.KINDS) == set(refusals)
    assert {protocol.refused(refusal("why")).status for refusal in refusals} == {400}
