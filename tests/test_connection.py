"""modelserving.connection: HTTP/1.1 as clients really speak it; and the application on uvicorn's own connections."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import onnx_models
import orjson
import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from modelserving import connection as module
from modelserving import listen
from modelserving.connection import split
from modelserving.repository import Repository
from modelserving.server import Server, running

INFER = "/v2/models/times/infer"
BODY = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    onnx_models.put(folder, "times", 1, onnx_models.times())
    return folder


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    with running(folder) as url:
        yield url


class Client:
    """A socket, and the answers that come through it, one by one."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket, self.stream = opened, opened.makefile("rb")

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def answer(self, has_body: bool = True, interim: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer; before it may come those that say only that there will be one."""
        while (status := int(self.stream.readline().split()[1])) == 100 and not interim:
            assert self.stream.readline() == b"\r\n"
        headers = {}
        while (line := self.stream.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        return status, headers, self.stream.read(int(headers.get("content-length", 0))) if has_body else b""

    def closed(self) -> bool:
        """True once the server has closed; waits until it does."""
        return self.stream.read(1) == b""


@contextmanager
def client(url: str) -> Iterator[Client]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as opened:
        yield Client(opened)


def head(method: str, path: str, *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *headers, "", ""]).encode()


def infer(*headers: str, body: bytes = BODY, version: str = "1.1") -> bytes:
    return head("POST", INFER, f"Content-Length: {len(body)}", *headers, version=version) + body


def test_a_connection_stays_open_until_the_client_asks_to_close(url):
    with client(url) as it:
        for _ in range(3):
            it.send(infer())
            status, headers, _ = it.answer()
            assert status == 200
            assert "connection" not in headers
            assert "date" in headers
        it.send(infer("Connection: close"))
        status, headers, _ = it.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert it.closed()


def test_http_1_0_gets_its_answer_and_the_end(url):
    with client(url) as it:
        it.send(infer(version="1.0"))
        assert it.answer()[0] == 200
        assert it.closed()


def test_head_has_the_length_and_no_body(url):
    with client(url) as it:
        it.send(head("HEAD", "/v2"), head("GET", "/v2"))
        _, headers, _ = it.answer(has_body=False)
        assert headers["content-length"] == it.answer()[1]["content-length"]


def test_a_client_that_expects_it_is_told_to_continue(url):
    with client(url) as it:
        it.send(head("POST", INFER, f"content-length: {len(BODY)}", "Expect: 100-continue"))
        assert it.answer(interim=True)[0] == 100
        it.send(BODY)
        assert it.answer()[0] == 200
        it.send(infer("expect: 100-continue"))  # and one that does not wait is not
        assert it.answer()[0] == 200


def test_a_request_byte_by_byte(url):
    with client(url) as it:
        for byte in infer():
            it.send(bytes([byte]))
        assert it.answer()[0] == 200


def test_requests_may_come_all_at_once(url):
    with client(url) as it:
        it.send(*[infer() for _ in range(200)])
        assert [it.answer()[0] for _ in range(200)] == [200] * 200


def test_queries_and_escapes_in_a_path(url):
    for path in ("/v2?", "/v2?x=%20&y", "/v%32"):
        with client(url) as it:
            it.send(head("GET", path))
            assert it.answer()[0] == 200
    assert split(b"/a%20b/%C3%BC?q=%20") == ("/a b/ü", b"q=%20")
    assert split(b"http://host/v2") == ("/v2", b"")
    assert split(b"/%ff") == ("/\ufffd", b"")


def test_a_client_that_sends_no_more_still_gets_its_answer(url):
    with client(url) as it:
        it.send(infer(), infer())
        it.socket.shutdown(socket.SHUT_WR)
        assert [it.answer()[0] for _ in range(2)] == [200, 200]
        assert it.closed()


def test_a_client_that_leaves_in_the_middle_is_forgotten(url):
    for part in (infer()[:30], infer()[:-5], infer()):
        with client(url) as it:
            it.send(part)
    with client(url) as it:
        it.send(infer())
        assert it.answer()[0] == 200


def test_garbage_after_a_request_does_not_cost_it_its_answer(url):
    with client(url) as it:
        it.send(infer(), b"\0\0nonsense\r\n\r\n")
        assert it.answer()[0] == 200
        assert it.closed()


def test_another_protocol_that_is_proposed_is_declined(url):
    with client(url) as it:
        it.send(head("GET", "/v2", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"))
        status, headers, _ = it.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert it.closed()


def test_a_large_body_waits_for_the_application_and_arrives(url):
    values = np.arange(900_000, dtype=np.float32).reshape(-1, 3)
    described = {
        "name": "x",
        "datatype": "FP32",
        "shape": list(values.shape),
        "parameters": {"binary_data_size": values.nbytes},
    }
    asked = [{"name": "y", "parameters": {"binary_data": True}}]
    start = json.dumps({"inputs": [described], "outputs": asked}).encode()
    request = infer(f"Inference-Header-Content-Length: {len(start)}", body=start + values.tobytes())
    with client(url) as it:
        it.send(request)
        status, headers, body = it.answer()
        assert status == 200
        got = np.frombuffer(body[int(headers["inference-header-content-length"]) :], np.float32)
        assert np.array_equal(got, 2 * values.ravel())


def test_a_client_that_reads_late_gets_everything_and_keeps_nobody_waiting(url):
    rows = 12_000  # the queue takes these and the other's
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [rows, 3], "data": [1.5] * 3 * rows}]})
    with client(url) as it:
        sender = threading.Thread(target=it.send, args=[infer(body=body.encode()) for _ in range(8)])
        sender.start()
        with client(url) as other:
            other.send(infer())
            assert other.answer()[0] == 200
        for _ in range(8):
            status, _, got = it.answer()
            assert (status, len(orjson.loads(got)["outputs"][0]["data"])) == (200, 3 * rows)
        sender.join()


def test_a_refused_body_is_let_pass_and_the_next_request_answered(folder):
    from modelserving.protocol import Limits

    with running(folder, limits=Limits(body=1000)) as url, client(url) as it:
        for _ in range(3):
            it.send(infer(body=b" " * 3_000_000))
            assert it.answer()[0] == 413
        it.send(infer())
        assert it.answer()[0] == 200


@pytest.mark.parametrize("sent", [b"", b"GET /v2", infer()[:-3], infer()], ids=["nothing", "head", "body", "request"])
def test_a_silent_connection_is_closed(folder, monkeypatch, sent):
    monkeypatch.setattr(module, "IDLE", 0.1)
    with running(folder) as url, client(url) as it:
        it.send(sent)
        if sent == infer():
            assert it.answer()[0] == 200
        assert it.closed()


def test_an_application_that_fails_closes_the_connection_and_says_why(folder, monkeypatch, caplog):
    application = Server(Repository(folder))

    async def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(application, "answer", broken)
    with running(application) as url, client(url) as it:
        it.send(infer())
        assert it.closed()
    assert "A fault while answering /v2/models/times/infer" in caplog.text


@pytest.mark.parametrize("protocol", [HttpToolsProtocol, H11Protocol])
def test_the_application_runs_on_uvicorn_s_own_connections_as_well(folder, monkeypatch, protocol):
    """It is plain ASGI: nothing in it knows what it runs on."""
    monkeypatch.setattr(listen, "Connection", protocol)
    with running(folder) as url, client(url) as it:
        for body, status in ((BODY, 200), (b"{", 400), (BODY, 200)):
            it.send(infer(body=body))
            assert it.answer()[0] == status
