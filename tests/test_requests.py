"""What is a good answer to a request, and to a bad one? One table of both, each with the status it deserves."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from wire import Reply, ask, binary, exchange, head, tensor, write_models

from modelserving.protocol import Limits
from modelserving.server import running

BODY = 100_000  # bytes that the server under test takes at most
ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
INFER = "/v2/models/times/infer"
X = tensor("x", "FP32", ROWS)
RAW = {"name": "x", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}
TWELVE = bytes(12)


@dataclass(frozen=True)
class Case:
    """A request and the status it deserves."""

    what: str
    status: int
    path: str = INFER
    body: Any = None  # bytes, or what is sent as JSON
    headers: dict[str, str] = field(default_factory=dict)
    method: str | None = None


def infer(what: str, status: int, *inputs: dict, headers: dict[str, str] | None = None, **more: Any) -> Case:
    return Case(what, status, body={"inputs": list(inputs), **more}, headers=headers or {})


def raw(what: str, status: int, content: bytes, headers: dict[str, str] | None = None, **change: Any) -> Case:
    """One input in binary; ``headers`` change those that fit."""
    body, fitting = binary({"inputs": [RAW | change]}, content)
    return Case(what, status, body=body, headers=fitting | (headers or {}))


def nest(depth: int) -> bytes:
    return b'{"inputs": ' + b"[" * depth + b"]" * depth + b"}"


CASES = [
    # good
    Case("live", 200, "/v2/health/live"),
    Case("ready", 200, "/v2/health/ready"),
    Case("live, asked with HEAD", 200, "/v2/health/live", method="HEAD"),
    Case("server metadata", 200, "/v2"),
    Case("model metadata", 200, "/v2/models/times"),
    Case("metadata of a version", 200, "/v2/models/times/versions/1"),
    Case("a model is ready", 200, "/v2/models/times/ready"),
    Case("a version is ready", 200, "/v2/models/times/versions/2/ready"),
    Case("the index", 200, "/v2/repository/index", b""),
    Case("metrics", 200, "/metrics"),
    infer("two rows", 200, X),
    infer("no rows", 200, X | {"shape": [0, 3], "data": []}),
    infer("flat data", 200, X | {"data": [1, 2, 3, 4, 5, 6]}),
    infer("null for NaN", 200, X | {"shape": [1, 3], "data": [1, None, 3]}),
    infer("an id, parameters and an output asked for", 200, X, id="7", parameters={"a": 1}, outputs=[{"name": "y"}]),
    infer("fields nobody knows", 200, X | {"colour": "red"}, more={"x": []}),
    infer("another content type", 200, X, headers={"Content-Type": "text/html"}),
    Case("a version of it", 200, "/v2/models/times/versions/1/infer", {"inputs": [X]}),
    Case("gzip", 200, body=gzip.compress(json.dumps({"inputs": [X]}).encode()), headers={"Content-Encoding": "gzip"}),
    raw("binary", 200, TWELVE),
    # bad: what is asked
    Case("unknown path", 404, "/v2/model/times/infer", {"inputs": [X]}),
    Case("the root", 404, "/"),
    Case("a path that climbs", 404, "/v2/models/../../etc/passwd"),
    Case("unknown model", 404, "/v2/models/none/infer", {"inputs": [X]}),
    Case("unknown version", 404, "/v2/models/times/versions/3/infer", {"inputs": [X]}),
    Case("a version that is no number", 404, "/v2/models/times/versions/x/infer", {"inputs": [X]}),
    Case("metadata of no model", 404, "/v2/models/none"),
    Case("loading no model", 404, "/v2/repository/models/none/load", b""),
    Case("GET for a prediction", 405),
    Case("POST for metadata", 405, "/v2/models/times", b"{}"),
    Case("GET for the index", 405, "/v2/repository/index"),
    Case("DELETE a model", 405, "/v2/models/times", method="DELETE"),
    # bad: JSON
    Case("no body", 400, body=b""),
    Case("half a body of JSON", 400, body=b'{"inputs": [{"name"'),
    Case("no JSON", 400, body=b"rows=1,2,3"),
    Case("NaN as a word", 400, body=b'{"inputs": [{"name":"x","datatype":"FP32","shape":[1,3],"data":[NaN,1,2]}]}'),
    Case("text in UTF-16", 400, body=json.dumps({"inputs": [X]}).encode("utf-16")),
    Case("a list", 400, body=[X]),
    Case("100,000 levels deep, almost", 400, body=nest(49_000)),
    Case("500 levels deep", 400, body=nest(500)),
    infer("no inputs", 400),
    Case("inputs are an object", 400, body={"inputs": {"x": ROWS}}),
    infer("an input twice", 400, X, X),
    infer("an input without a name", 400, {"datatype": "FP32", "shape": [2, 3], "data": ROWS}),
    infer("an input that the model does not have", 400, X, X | {"name": "z"}),
    infer("an input of another name", 400, X | {"name": "z"}),
    infer("no data", 400, {"name": "x", "datatype": "FP32", "shape": [2, 3]}),
    infer("an id that is no text", 400, X, id=7),
    infer("an output that the model does not have", 400, X, outputs=[{"name": "z"}]),
    infer("an output twice", 400, X, outputs=[{"name": "y"}, {"name": "y"}]),
    # bad: types, shapes, values
    infer("a data type that does not exist", 400, X | {"datatype": "FLOAT"}),
    infer("another data type", 400, X | {"datatype": "FP64"}),
    infer("text for numbers", 400, X | {"data": [["1", "2", "3"]] * 2}),
    infer("true for a number", 400, X | {"data": [[True, 2, 3], [4, 5, 6]]}),
    infer("a number too large for its type", 400, X | {"data": [[1e39, 2, 3], [4, 5, 6]]}),
    infer("another width", 400, X | {"shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}),
    infer("one dimension too few", 400, X | {"shape": [6], "data": [1, 2, 3, 4, 5, 6]}),
    infer("a row too few", 400, X | {"data": ROWS[:1]}),
    infer("a ragged row", 400, X | {"data": [[1, 2, 3], [4, 5]]}),
    infer("a negative length", 400, X | {"shape": [-2, -3]}),
    infer("an absurd length", 400, X | {"shape": [2**62, 3]}),
    infer("lengths whose product overflows", 400, X | {"shape": [2**32, 2**32, 0]}),
    infer("half a row", 400, X | {"shape": [2.5, 3]}),
    Case("a place outside the table", 400, "/v2/models/look_up/infer", {"inputs": [tensor("place", "INT64", [9])]}),
    Case(
        "rows of two inputs that differ in number",
        400,
        "/v2/models/add/infer",
        {"inputs": [tensor("a", "FP32", [[1.0, 2.0]] * 2), tensor("b", "FP32", [[1.0, 2.0]] * 3)]},
    ),
    # bad: binary
    raw("binary, too short for its shape", 400, TWELVE, shape=[2, 3]),
    raw("binary, less than it says", 400, TWELVE[:-1]),
    raw("binary, more than it says", 400, TWELVE + b"x"),
    raw("binary, a negative size", 400, TWELVE, parameters={"binary_data_size": -12}),
    raw("binary, a size that is no number", 400, TWELVE, parameters={"binary_data_size": "12"}),
    raw("a header length beyond the body", 400, TWELVE, headers={"Inference-Header-Content-Length": "9999"}),
    raw("a negative header length", 400, TWELVE, headers={"Inference-Header-Content-Length": "-1"}),
    raw("a header length in words", 400, TWELVE, headers={"Inference-Header-Content-Length": "all"}),
    raw("a header length of 0", 400, TWELVE, headers={"Inference-Header-Content-Length": "0"}),
    raw("binary and data at once", 400, TWELVE, data=[1, 2, 3]),
    # bad: sizes and encodings
    Case("a large body", 413, body=b" " * (BODY + 1)),
    Case("a bomb", 413, body=gzip.compress(bytes(50 * BODY)), headers={"Content-Encoding": "gzip"}),
    Case("half of a gzip", 400, body=gzip.compress(b"{}" * 500)[:-9], headers={"Content-Encoding": "gzip"}),
    Case("deflate that is gzip's", 400, body=b"\x78nothing", headers={"Content-Encoding": "deflate"}),
    Case("an encoding that nobody asked for", 415, body=zlib.compress(b"{}"), headers={"Content-Encoding": "br"}),
    Case("large headers", 431, "/v2", headers={"X-Much": "x" * 20_000}),
    Case("many headers", 431, "/v2", headers={f"X-{n}": "y" * 100 for n in range(200)}),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    with running(write_models(tmp_path_factory.mktemp("models")), limits=Limits(body=BODY)) as address:
        yield address


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.status} {case.what}")
def test_each_request_gets_the_status_it_deserves(url, case):
    answer = ask(url, case.path, case.body, case.headers, case.method)
    assert answer.status == case.status, answer.body[:300]
    answer.check()
    assert ask(url, "/v2/health/ready").status == 200


def test_a_method_that_is_not_allowed_is_told_which_are(url):
    assert ask(url, INFER).headers["allow"] == "POST"
    assert "GET" in ask(url, "/v2", b"").headers["allow"]


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(url):
    assert exchange(url, head("POST", INFER, {"Content-Length": str(10**12)}))[0].status == 413


def test_a_connection_goes_on_after_a_refusal(url):
    """A client that made a mistake need not connect again: its bytes were all read."""
    good = json.dumps({"inputs": [X]}).encode()
    bad = b'{"inputs": 7}'
    sent = b"".join(head("POST", INFER, {"Content-Length": str(len(body))}) + body for body in (bad, good, bad, good))
    found: list[Reply] = exchange(url, sent, replies=4)
    assert [reply.status for reply in found] == [400, 200, 400, 200]


def test_the_table_holds_good_ones_and_each_status():
    assert len(CASES) >= 40
    assert {case.status for case in CASES} == {200, 400, 404, 405, 413, 415, 431}
    assert len({case.what for case in CASES}) == len(CASES)
