"""modelserving.server and .listen: the protocol over HTTP, first at the application, then through sockets."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import socket
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import onnx_models
import orjson
import pytest

from modelserving import listen, protocol, server
from modelserving import repository as repository_module
from modelserving.interpreter import Interpreter
from modelserving.protocol import Limits
from modelserving.repository import Repository
from modelserving.server import Server, running


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    onnx_models.put(folder, "times", 1, onnx_models.times(1))
    onnx_models.put(folder, "times", 2, onnx_models.times(2))
    onnx_models.put(folder, "look up, ü", 7, onnx_models.look_up())
    onnx_models.put(folder, "text", 1, onnx_models.echo("BYTES", ["n"]))
    onnx_models.put(folder, "add", 1, onnx_models.add())
    return folder


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return orjson.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of an error, which has the protocol's form and nothing else."""
        assert self.headers["content-type"] == "application/json"
        assert list(self.json) == ["error"]
        assert isinstance(self.json["error"], str)
        return self.json["error"]


Call = Callable[..., Awaitable[Got]]


def caller(application: Server) -> Call:
    """Requests to the application itself, as an ASGI server would hand them over; ``body`` may come in pieces."""

    async def call(method: str, path: str, body: bytes | list[bytes] = b"", **headers: str) -> Got:
        pieces = list(body) if isinstance(body, list) else [body]
        sent: list[dict] = []

        async def receive() -> dict:
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict) -> None:
            sent.append(message)

        pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        await application({"type": "http", "method": method, "path": path, "headers": pairs}, receive, send)
        start, last = sent
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        assert names["content-length"] == str(len(last["body"]))
        return Got(start["status"], names, last["body"])

    return call


def asgi(models: Path | Repository | Server, work: Callable[[Call], Awaitable], **options) -> object:
    """Load the models, let ``work`` send requests, close."""
    if isinstance(models, Path):
        models = Repository(models)
    application = models if isinstance(models, Server) else Server(models, **options)

    async def main() -> object:
        await application.load()
        try:
            return await asyncio.wait_for(work(caller(application)), 20)
        finally:
            await application.close()

    return asyncio.run(main())


def request(*arguments, models: Path, **keywords) -> Got:
    return asgi(models, lambda call: call(*arguments, **keywords))


def row(*values: float, **more) -> bytes:
    data = {"name": "x", "datatype": "FP32", "shape": [len(values), 3], "data": [[v] * 3 for v in values]}
    return json.dumps({"inputs": [data], **more}).encode()


INFER = "/v2/models/times/infer"


# What the server says about itself and its models


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2", protocol.server_metadata()),
        ("/v2/", protocol.server_metadata()),
        ("/v2/models/times/ready", {"name": "times", "ready": True}),
        ("/v2/models/times/versions/1/ready", {"name": "times", "ready": True}),
    ],
)
def test_health_and_metadata(folder, path, want):
    got = request("GET", path, models=folder)
    assert (got.status, got.json, got.headers["content-type"]) == (200, want, "application/json")
    assert request("HEAD", path, models=folder).status == 200


@pytest.mark.parametrize("path", ["/v2/models/times", "/v2/models/times/versions/1"])
def test_model_metadata_with_and_without_version(folder, path):
    got = request("GET", path, models=folder).json
    assert (got["name"], got["versions"], got["platform"]) == ("times", ["1", "2"], "onnxruntime_onnx")
    assert got["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert [output["name"] for output in got["outputs"]] == ["y", "total"]


# Predictions


def test_a_prediction_in_json(folder):
    got = request("POST", INFER, row(1, 2.5, id="abc"), models=folder)
    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    assert "inference-header-content-length" not in got.headers
    assert got.json == {
        "model_name": "times",
        "model_version": "2",
        "id": "abc",
        "outputs": [
            {"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [2, 2, 2, 5, 5, 5]},
            {"name": "total", "datatype": "FP32", "shape": [2], "data": [6, 15]},
        ],
    }


def test_a_version_may_be_named(folder):
    got = request("POST", "/v2/models/times/versions/1/infer", row(1), models=folder).json
    assert (got["model_version"], got["outputs"][0]["data"]) == ("1", [1, 1, 1])


def test_outputs_may_be_chosen(folder):
    got = request("POST", INFER, row(1, outputs=[{"name": "total"}]), models=folder).json
    assert [output["name"] for output in got["outputs"]] == ["total"]


def binary_row(more: dict | None = None) -> tuple[bytes, str]:
    values = np.array([[1, 2, 3]], np.float32)
    described = {"name": "x", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}
    head = json.dumps({"inputs": [described], **(more or {})}).encode()
    return head + values.tobytes(), str(len(head))


@pytest.mark.parametrize(
    ("more", "raw"),
    [
        ({}, []),
        ({"parameters": {"binary_data_output": True}}, ["y", "total"]),
        ({"outputs": [{"name": "y", "parameters": {"binary_data": True}}, {"name": "total"}]}, ["y"]),
        (
            {
                "outputs": [{"name": "y"}, {"name": "total", "parameters": {"binary_data": False}}],
                "parameters": {"binary_data_output": True},
            },
            ["y"],
        ),
    ],
)
def test_raw_tensors_in_and_out(folder, more, raw):
    body, length = binary_row(more)
    got = request("POST", INFER, body, inference_header_content_length=length, models=folder)
    assert got.status == 200
    want = {"y": np.array([[2, 4, 6]], np.float32), "total": np.array([12], np.float32)}
    split = int(got.headers.get("inference-header-content-length", len(got.body)))
    assert ("inference-header-content-length" in got.headers) == bool(raw)
    assert got.headers["content-type"] == ("application/octet-stream" if raw else "application/json")
    start = split
    for output in orjson.loads(got.body[:split])["outputs"]:
        name, size = output["name"], output.get("parameters", {}).get("binary_data_size", 0)
        assert (size > 0) == (name in raw)
        assert ("data" in output) != (name in raw)
        values = np.frombuffer(got.body[start : start + size], np.float32) if size else output["data"]
        assert np.array_equal(values, want[name].ravel())
        start += size
    assert start == len(got.body)


def test_text_both_ways(folder):
    raw = b"\x02\0\0\0\xc3\xa9\0\0\0\0"
    described = {"name": "x", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    path = "/v2/models/text/infer"
    got = request("POST", path, head + raw, inference_header_content_length=str(len(head)), models=folder)
    assert got.body[int(got.headers["inference-header-content-length"]) :] == raw
    in_json = json.dumps({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [2], "data": ["é", ""]}]}).encode()
    assert request("POST", path, in_json, models=folder).json["outputs"][0]["data"] == ["é", ""]


def test_bytes_that_are_no_text_are_refused_and_their_neighbours_answered(folder):
    def sent(raw: bytes) -> dict:
        described = {"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
        head = json.dumps({"inputs": [described]}).encode()
        return {"body": head + raw, "inference_header_content_length": str(len(head))}

    async def work(call):
        bodies = [b"\x01\0\0\0a", b"\x01\0\0\0\xff", b"\x01\0\0\0b"]
        await call("POST", "/v2/models/text/infer", **sent(bodies[0]))
        return await asyncio.gather(*(call("POST", "/v2/models/text/infer", **sent(body)) for body in bodies))

    first, wrong, last = asgi(folder, work)
    assert (wrong.status, wrong.error) == (
        400,
        "The input 'x' holds bytes that are not UTF-8, and the model takes text.",
    )
    assert [got.json["outputs"][0]["data"] for got in (first, last)] == [["a"], ["b"]]


def test_no_rows_get_no_rows(folder):
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [0, 3], "data": []}]}).encode()
    got = request("POST", INFER, body, models=folder)
    assert got.status == 200
    assert [output["shape"] for output in got.json["outputs"]] == [[0, 3], [0]]


def raw_deflate(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(content) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)],
)
def test_a_body_may_be_compressed_raw_tensors_included(folder, encoding, compress):
    assert request("POST", INFER, compress(row(1)), content_encoding=encoding, models=folder).status == 200
    body, length = binary_row()
    headers = {"content_encoding": encoding, "inference_header_content_length": length}
    assert request("POST", INFER, compress(body), models=folder, **headers).json["outputs"][1]["data"] == [12]


def test_a_body_may_come_in_pieces(folder):
    body = row(1)
    assert request("POST", INFER, [body[i : i + 7] for i in range(0, len(body), 7)], models=folder).status == 200
    assert request("POST", INFER, [b"", body, b""], models=folder).status == 200


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", "nonsense"])
def test_the_content_type_does_not_matter(folder, content_type):
    assert request("POST", INFER, row(1), content_type=content_type, models=folder).status == 200


def test_many_at_once_get_their_own_in_few_runs(folder):
    application = Server(Repository(folder))

    async def work(call):
        await call("POST", INFER, row(0))
        got = await asyncio.gather(*(call("POST", INFER, row(i, id=str(i))) for i in range(50)))
        for i, each in enumerate(got):
            assert (each.json["id"], each.json["outputs"][0]["data"]) == (str(i), [2 * i] * 3)
        runs = application.metrics["times", "2"].batch_rows
        assert sum(runs.counts) < 10
        assert runs.sum == 51

    asgi(application, work)


# What is wrong, and the status it gets

BAD = [
    # body, headers, kind, a part of the sentence
    (b"", {}, "malformed", "not valid JSON"),
    (b"{", {}, "malformed", "not valid JSON"),
    (b"[" * 10_000, {}, "malformed", "depth"),
    (row(1).replace(b"[1, 1, 1]", b"[1, NaN, 1]"), {}, "malformed", "not valid JSON"),
    (row(1), {"inference_header_content_length": "9999"}, "header_length", "is 9999, and the body has"),
    (row(1), {"inference_header_content_length": "ten"}, "header_length", "must be a number"),
    (b"nonsense", {"content_encoding": "gzip"}, "corrupt", "cannot be decompressed"),
    (row(1), {"content_encoding": "br"}, "unknown_encoding", "none of gzip and deflate"),
    (row(1).replace(b"FP32", b"FP33"), {}, "unknown_datatype", "must be one of BOOL"),
    (row(1).replace(b"FP32", b"FP64"), {}, "wrong_datatype", "is FP32, and FP64 came"),
    (row(1).replace(b'"x"', b'"z"'), {}, "unknown_tensor", "no input 'z'"),
    (row(1, outputs=[{"name": "z"}]), {}, "unknown_tensor", "no output 'z'"),
    (row(1).replace(b"[1, 3]", b"[3]").replace(b"[[1, 1, 1]]", b"[1, 1, 1]"), {}, "wrong_shape", "[3] came"),
    (row(1).replace(b"[1, 3]", b"[-1, 3]"), {}, "wrong_shape", "0 or more"),
    (row(1).replace(b"[1, 3]", b"[1000000000000000000, 3]"), {}, "wrong_size", "1 parts"),
    (row(1).replace(b"[1, 3]", b"[2, 3]"), {}, "wrong_size", "1 parts"),
    (row(1).replace(b"[1, 1, 1]", b'[1, 1, "1"]'), {}, "wrong_value", "must be numbers"),
    (row(1).replace(b"[1, 1, 1]", b"[1, 1, 1e39]"), {}, "wrong_value", "out of the range"),
    (json.dumps({"inputs": [json.loads(row(1))["inputs"][0]] * 2}).encode(), {}, "duplicate", "twice"),
]


@pytest.mark.parametrize(("body", "headers", "kind", "says"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_request_gets_its_status_and_a_sentence(folder, body, headers, kind, says):
    got = request("POST", INFER, body, models=folder, **headers)
    assert got.status == protocol.ERRORS[kind].status
    assert says in got.error


def test_a_missing_input(folder):
    one = json.dumps({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}).encode()
    got = request("POST", "/v2/models/add/infer", one, models=folder)
    assert (got.status, got.error) == (400, "The model also needs the input 'b'.")


def test_what_fails_inside_the_model_is_a_bad_request(folder):
    body = json.dumps({"inputs": [{"name": "place", "datatype": "INT64", "shape": [1], "data": [99]}]}).encode()
    got = request("POST", "/v2/models/look up, ü/infer", body, models=folder)
    assert got.status == 400
    assert "could not run on this input" in got.error


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/", 404, "no path '/'"),
        ("GET", "/v3", 404, "no path"),
        ("GET", "/v2/models", 404, "no path"),
        ("GET", "/v2/models/", 404, "no model ''"),
        ("GET", "/v2/models/none", 404, "no model 'none'. Known: 'add'"),
        ("GET", "/v2/models/none/ready", 404, "no model 'none'"),
        ("POST", "/v2/models/none/infer", 404, "no model 'none'"),
        ("POST", "/v2/models/none/versions/1/infer", 404, "no model 'none'"),
        ("POST", "/v2/models/times/versions/3/infer", 404, "has no version '3'. It has '1', '2'"),
        ("GET", "/v2/models/times/versions/3/ready", 404, "has no version '3'"),
        ("GET", "/v2/models/times/versions/3", 404, "has no version '3'"),
        ("GET", "/v2/models/times/versions", 404, "no path"),
        ("GET", "/v2/models/times/stats", 404, "no path"),
        ("GET", "/v2/models/../models/times", 404, "no path"),
        ("OPTIONS", "*", 404, "no path '*'"),
        ("POST", "/v2/repository/models/none/load", 404, "no model 'none'"),
        ("POST", "/v2/repository/models/../load", 404, "no model '..'"),
        ("POST", "/v2/repository/models/none/unload", 404, "no model 'none'"),
        ("POST", "/v2/repository/models/none/erase", 404, "no path"),
    ],
)
def test_what_does_not_exist(folder, method, path, status, says):
    got = request(method, path, models=folder)
    assert got.status == status
    assert says in got.error


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2", "GET, HEAD"),
        ("DELETE", "/v2/health/live", "GET, HEAD"),
        ("POST", "/v2/models/times", "GET, HEAD"),
        ("POST", "/v2/models/times/ready", "GET, HEAD"),
        ("GET", INFER, "POST"),
        ("PUT", INFER, "POST"),
        ("GET", "/v2/repository/index", "POST"),
        ("GET", "/v2/repository/models/times/load", "POST"),
        ("POST", "/metrics", "GET, HEAD"),
        ("BREW", "/v2", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_which_is_allowed(folder, method, path, allowed):
    got = request(method, path, models=folder)
    assert (got.status, got.headers["allow"]) == (405, allowed)
    assert got.error == f"The method {method} is not allowed here; use {allowed}."


SMALL = Limits(body=300, tensor=36, headers=500)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (row(1), {}, 200),
        (row(1, 1, 1), {}, 200),
        (row(1, 1, 1, 1), {}, 413),
        (row(1) + b" " * 300, {}, 413),
        ([row(1)] + [b" " * 50] * 10, {}, 413),
        (row(1), {"content_length": "301"}, 413),
        (row(1), {"content_length": "9" * 400}, 413),
        (gzip.compress(row(1) + b" " * 300, mtime=0), {"content_encoding": "gzip"}, 413),
        (gzip.compress(row(1), mtime=0), {"content_encoding": "gzip"}, 200),
        (row(1), {"more": "x" * 500}, 431),
    ],
)
def test_limits(folder, body, headers, status):
    got = asgi(folder, lambda call: call("POST", INFER, body, **headers), limits=SMALL)
    assert got.status == status
    if status != 200:
        assert "larger than" in got.error or "more than" in got.error


def test_a_body_that_is_too_large_is_not_read_to_its_end(folder):
    endless = [b" " * 200] * 1000

    async def work(call):
        return await call("POST", INFER, endless)

    pieces = []
    application = Server(Repository(folder), limits=SMALL)
    whole = application.body

    async def counting(headers, receive):
        async def counted():
            pieces.append(await receive())
            return pieces[-1]

        return await whole(headers, counted)

    application.body = counting
    assert asgi(application, work).status == 413
    assert len(pieces) <= 3


def test_a_full_queue_says_when_to_come_back(folder, monkeypatch):
    gate, inside = threading.Event(), threading.Event()

    class Busy(Interpreter):
        def run(self, inputs, outputs=None):
            inside.set()
            assert gate.wait(10)
            return super().run(inputs, outputs)

        def warm_up(self, rows=1):
            return

    monkeypatch.setattr(repository_module, "Interpreter", Busy)

    async def work(call):
        accepted = [asyncio.ensure_future(call("POST", INFER, row(1)))]
        await asyncio.to_thread(inside.wait, 10)
        accepted += [asyncio.ensure_future(call("POST", INFER, row(1, 1))) for _ in range(2)]
        for _ in range(10):  # turns of the loop: far more than it takes to queue two requests
            await asyncio.sleep(0)
        refused = await call("POST", INFER, row(1))
        alive = await call("GET", "/v2/health/live")
        gate.set()
        return refused, alive, await asyncio.gather(*accepted)

    refused, alive, accepted = asgi(folder, work, queue_rows=4)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert "4 rows wait" in refused.error
    assert alive.status == 200
    assert [got.status for got in accepted] == [200] * 3


def test_a_fault_of_the_server_s_own_is_logged_and_told_from_the_request_s(folder, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(server.protocol, "encode", broken)
    got = request("POST", INFER, row(1), models=folder)
    assert (got.status, got.error) == (500, "The server has a fault. Its log says more.")
    assert "ZeroDivisionError" in caplog.text


def test_a_client_that_goes_away_gets_no_answer_and_leaves_no_trace(folder, caplog):
    application = Server(Repository(folder))

    async def work(_):
        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            raise AssertionError("nobody is there")

        await application({"type": "http", "method": "POST", "path": INFER, "headers": []}, receive, send)

    asgi(application, work)
    assert caplog.text == ""
    assert not application.others


# The repository


def test_index_with_and_without_a_body(folder):
    for body in (b"", b"{}", b"  ", b'{"ready": false}'):
        rows = request("POST", "/v2/repository/index", body, models=folder).json
        assert [(row["name"], row["version"], row["state"]) for row in rows if row["name"] == "times"] == [
            ("times", "1", "READY"),
            ("times", "2", "READY"),
        ]
    for body in (b"{", b"[]", b'{"ready": 1}'):
        assert request("POST", "/v2/repository/index", body, models=folder).status == 400


def test_load_and_unload_change_what_is_ready(tmp_path):
    path = onnx_models.put(tmp_path, "times", 1, onnx_models.times(1))

    async def work(call):
        assert (await call("POST", "/v2/repository/models/times/unload", b"")).json == {}
        for method, at in (("POST", "infer"), ("GET", "ready")):
            got = await call(method, f"/v2/models/times/{at}", row(1))
            assert (got.status, got.error) == (503, "The model 'times' is not ready: unloaded")
        assert (await call("GET", "/v2/health/ready")).status == 200
        assert (await call("POST", "/v2/repository/index", b'{"ready": true}')).json == []
        assert (await call("POST", "/v2/repository/models/times/load", b'{"parameters": {}}')).json == {}
        assert (await call("GET", "/v2/models/times/ready")).status == 200
        onnx_models.put(tmp_path, "times", 2, onnx_models.times(2))
        assert (await call("GET", "/v2/models/times/versions/2/ready")).status == 404
        assert (await call("POST", "/v2/repository/models/times/load")).status == 200
        assert (await call("POST", INFER, row(1))).json["model_version"] == "2"
        path.write_bytes(b"no model")
        failed = await call("POST", "/v2/repository/models/times/load")
        assert failed.status == 400
        assert str(tmp_path) not in failed.error
        assert (await call("POST", INFER, row(1))).status == 200
        assert (await call("POST", "/v2/repository/models/times/load", b"nonsense")).status == 400

    asgi(tmp_path, work)


def test_requests_in_flight_survive_a_reload(folder):
    repository = Repository(folder)

    async def work(call):
        got = []
        for i in range(10):
            jobs = [asyncio.ensure_future(call("POST", INFER, row(i))) for i in range(5)]
            await asyncio.sleep(0)
            act = "unload" if i == 9 else "load"
            assert (await call("POST", f"/v2/repository/models/times/{act}")).status == 200
            got += await asyncio.gather(*jobs)
        return got

    assert [got.status for got in asgi(repository, work)] == [200] * 50


def test_ready_before_while_and_after_the_models_load(folder, monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    class Slow(Interpreter):
        def warm_up(self, rows=1):
            started.set()
            assert go_on.wait(10)

    monkeypatch.setattr(repository_module, "Interpreter", Slow)
    application = Server(Repository(folder))
    call = caller(application)

    async def main():
        assert (await call("GET", "/v2/health/live")).status == 200
        assert (await call("GET", "/v2/health/ready")).error == "The server is still loading models."
        loading = asyncio.ensure_future(application.load())
        await asyncio.to_thread(started.wait, 10)
        assert (await call("GET", "/v2/health/live")).status == 200
        assert (await call("GET", "/v2/health/ready")).status == 503
        assert "loading" in (await call("GET", "/v2/models/add/ready")).error
        assert (await call("POST", INFER, row(1))).status == 503
        go_on.set()
        await loading
        assert (await call("GET", "/v2/health/ready")).status == 200
        assert (await call("GET", "/v2/models/add/ready")).status == 200
        await application.close()
        assert (await call("GET", "/v2/health/ready")).error == "The server is shutting down."

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_model_that_cannot_be_loaded_does_not_keep_the_others(tmp_path):
    onnx_models.put(tmp_path, "broken", 1, b"no model")
    onnx_models.put(tmp_path, "times", 1, onnx_models.times())
    application = Server(Repository(tmp_path))

    async def work(call):
        assert (await call("GET", "/v2/health/ready")).status == 200
        assert (await call("POST", INFER, row(1))).status == 200
        assert (await call("GET", "/v2/models/broken/ready")).status == 503

    asgi(application, work)
    assert list(application.failed) == ["broken"]


def test_what_is_changed_in_the_repository_itself_is_noticed(folder):
    repository = Repository(folder)

    async def work(call):
        repository.unload("times")
        assert (await call("POST", INFER, row(1))).status == 503
        repository.load("times")
        assert (await call("POST", INFER, row(1))).status == 200

    asgi(repository, work)


def test_metrics_count_what_was_answered(folder):
    async def work(call):
        for body in (row(1), row(1, 1), b"{"):
            await call("POST", INFER, body)
        await call("GET", INFER)
        await call("GET", "/nowhere")
        return await call("GET", "/metrics")

    got = asgi(folder, work)
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = got.body.decode().splitlines()
    assert 'modelserving_infer_requests_total{model="times",version="2",status="200"} 2' in lines
    assert 'modelserving_infer_requests_total{model="times",version="2",status="400"} 1' in lines
    assert 'modelserving_batch_rows_sum{model="times",version="2"} 3.0' in lines
    assert 'modelserving_request_seconds_count{model="times",version="2"} 2' in lines
    assert 'modelserving_other_requests_total{status="404"} 1' in lines
    assert 'modelserving_other_requests_total{status="405"} 1' in lines
    assert "nowhere" not in got.body.decode()  # what anybody may type is no label


# Through sockets


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    with running(folder, limits=Limits(body=200_000)) as url:
        yield url


def over_http(url: str, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> Got:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        yield connection


def exchange(url: str, sent: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    with connected(url) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", *headers, "", ""]).encode("latin-1")


def test_running_answers_over_http(url):
    assert over_http(url, "GET", "/v2/health/ready").json == {"ready": True}
    got = over_http(url, "POST", INFER, row(1))
    assert (got.status, got.json["outputs"][1]["data"]) == (200, [6])
    assert over_http(url, "HEAD", "/v2/health/live").body == b""
    assert over_http(url, "GET", "/metrics").status == 200


def test_names_are_percent_decoded(url):
    body = json.dumps({"inputs": [{"name": "place", "datatype": "INT64", "shape": [1], "data": [3]}]}).encode()
    got = over_http(url, "POST", f"/v2/models/{quote('look up, ü')}/infer", body)
    assert (got.status, got.json["model_name"]) == (200, "look up, ü")


def test_a_request_without_content_type_and_in_chunks(url):
    body = row(1)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(body[i : i + 9]), body[i : i + 9]) for i in range(0, len(body), 9))
    got = exchange(url, head("POST", INFER, "transfer-encoding: chunked", "connection: close") + chunks + b"0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")


def test_one_connection_serves_many_requests_one_after_the_other(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    for body, status in ((row(1), 200), (b"{", 400), (row(2), 200), (b" " * 300_000, 413), (row(3), 200)):
        connection.request("POST", INFER, body)
        response = connection.getresponse()
        assert (response.status, len(response.read()) > 0) == (status, True)
    connection.close()


def test_requests_that_come_before_the_answers_are_answered_in_order(url):
    bodies = [row(i, id=str(i)) for i in range(5)]
    sent = b"".join(head("POST", INFER, f"content-length: {len(body)}") + body for body in bodies)
    last = head("GET", "/v2", "connection: close")
    got = exchange(url, sent + last)
    places = [got.index(b'"id":"%d"' % i) for i in range(5)]
    assert places == sorted(places)
    assert b"binary_tensor_data" in got


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /v2 HTTP/1.1\r\nhost\r\n\r\n",
        b"GET /v2 HTTP/9.9\r\n\r\n",
        head("POST", INFER, "content-length: -1"),
        head("POST", INFER, "content-length: 5x"),
        head("POST", INFER, "transfer-encoding: chunked") + b"zz\r\n",
        head("GET", "/\xff"),
    ],
)
def test_what_is_no_http_gets_an_error_in_the_protocol_s_form(url, sent):
    top, body = exchange(url, sent).split(b"\r\n\r\n", 1)
    assert top.startswith(b"HTTP/1.1 400 ")
    assert list(orjson.loads(body)) == ["error"]
    assert over_http(url, "GET", "/v2/health/live").status == 200


@pytest.mark.parametrize("part", [b"more: " + b"x" * 50 + b"\r\n", b"x" * 56])
def test_a_head_without_end_is_cut_off(url, part):
    with connected(url) as connection:
        connection.sendall(b"GET /v2 HTTP/1.1\r\n")
        try:
            for _ in range(20):
                connection.sendall(part * 1000)
            got = b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:  # the answer can be lost when the server closes while we still send
            got = b"HTTP/1.1 431 "
    assert got.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert over_http(url, "GET", "/v2/health/live").status == 200


def test_a_long_head_within_the_parser_s_bound_is_told_so(url):
    assert over_http(url, "GET", "/v2", headers={"more": "x" * 20_000}).status == 431
    path = "/v2/models/" + "x" * 20_000
    got = over_http(url, "GET", path)
    assert got.status == 404
    assert len(got.body) < 1000


def test_an_announced_body_that_is_too_large_is_refused_before_it_is_sent(url):
    with connected(url) as connection:
        connection.sendall(head("POST", INFER, "content-length: 999999999", "expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_never_comes_keeps_nobody_else_waiting(url):
    with connected(url) as connection:
        connection.sendall(head("POST", INFER, "content-length: 500") + b'{"inputs"')
        assert over_http(url, "POST", INFER, row(1)).status == 200
    assert over_http(url, "POST", INFER, row(1)).status == 200


def test_running_takes_a_folder_a_repository_or_a_server(folder):
    for models in (folder, str(folder), Repository(folder), Server(Repository(folder), inline=True)):
        with running(models) as url:
            assert over_http(url, "POST", INFER, row(1)).status == 200
    with pytest.raises(ConnectionRefusedError):
        over_http(url, "GET", "/v2")


def test_a_server_may_be_run_again(folder):
    application = Server(Repository(folder))
    for _ in range(2):
        with running(application) as url:
            assert over_http(url, "GET", "/v2/health/ready").status == 200
            assert over_http(url, "POST", INFER, row(1)).status == 200
            assert over_http(url, "POST", "/v2/repository/models/times/load").status == 200


def test_running_says_that_a_port_is_taken(folder, url):
    with pytest.raises(OSError, match="in use"), running(folder, port=urlsplit(url).port):
        pass


def once_closed(url: str, act: Callable[[], None]) -> None:
    """Act when the server takes no new connections any more."""
    while True:
        try:
            with connected(url):
                pass
        except OSError:
            act()
            return


def test_what_was_accepted_is_finished_at_the_end(folder, monkeypatch):
    gate, inside = threading.Event(), threading.Event()

    class Slow(Interpreter):
        def run(self, inputs, outputs=None):
            if "x" in inputs and 77 in inputs["x"]:
                inside.set()
                assert gate.wait(10)
            return super().run(inputs, outputs)

    monkeypatch.setattr(repository_module, "Interpreter", Slow)
    got = []
    with running(folder) as url:
        client = threading.Thread(target=lambda: got.append(over_http(url, "POST", INFER, row(77))))
        client.start()
        assert inside.wait(10)
        threading.Thread(target=once_closed, args=(url, gate.set)).start()
    client.join(10)
    assert [(each.status, each.json["outputs"][0]["data"]) for each in got] == [(200, [154] * 3)]


def test_ipv6_addresses_are_written_in_brackets():
    try:
        bound = listen.bind("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with bound:
        assert listen.url(bound).startswith("http://[::1]:")
