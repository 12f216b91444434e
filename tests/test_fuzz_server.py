"""Whatever comes over a socket, the server answers with a status of its table or closes, and goes on.

The decoders are fuzzed by themselves in ``test_protocol.py``; here whole requests are, as bytes on a connection. The
property is always the same: never a 500, never a fault in a log, the error object from 400 on, ready afterwards.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_requests import CASES, nest
from wire import (
    OWN_STATUSES,
    Reply,
    ask,
    binary,
    chunks,
    connect,
    exchange,
    head,
    read_reply,
    tensor,
    throw,
    write_models,
)

from modelserving.interpreter import DATATYPES
from modelserving.protocol import Limits
from modelserving.server import running

BODY = 200_000
ROWS = [[1.0, 2.0, 3.0]]
INFER = "/v2/models/times/infer"
GOOD = {"inputs": [tensor("x", "FP32", ROWS)]}
RAW = {"name": "x", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}
often = settings(deadline=None, max_examples=250)
seldom = settings(deadline=None, max_examples=60)


class Faults(logging.Handler):
    """Keeps what the server, uvicorn and asyncio log as errors: an answer may look right and a callback have failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@pytest.fixture(scope="module")
def faults() -> Iterator[list[str]]:
    handler = Faults()
    loggers = [logging.getLogger(name) for name in ("", "uvicorn.error", "modelserving", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler.found
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture(scope="module")
def url(tmp_path_factory, faults) -> Iterator[str]:
    limits = Limits(body=BODY, tensor=BODY)
    with running(write_models(tmp_path_factory.mktemp("models")), limits=limits) as address:
        yield address


@pytest.fixture(scope="module")
def unharmed(url, faults) -> Callable[[list[Reply]], None]:
    """Checks the property after something was sent."""

    def check(replies: list[Reply]) -> None:
        logged = faults.copy()
        faults.clear()  # one fault is one test's
        for reply in replies:
            reply.check()
        assert ask(url, "/v2/health/ready").status == 200
        answer = ask(url, INFER, GOOD)
        assert answer.status == 200
        assert answer.json["outputs"][0]["data"] == [3, 6, 9]
        logged += faults
        assert not logged, logged[0]

    return check


# Requests that are whole as HTTP, and anything as a question


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 2**31, 2**63, 2**64, 10**40, -(2**63) - 1])
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
names = st.sampled_from(["x", "y", "a", "b", "place", "total", "", "\0", "é", "x" * 300])
shapes = st.lists(st.integers(-3, 5) | st.sampled_from([2**31, 2**40, 2**63 - 1, 2**64, -(2**70)]), max_size=4)


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    """Mostly what fits, sometimes anything."""
    return st.one_of(strategy, strategy, strategy, anything)


tensor_parameters = st.fixed_dictionaries(
    {},
    optional={
        "binary_data_size": maybe(st.integers(-5, 60) | st.just(2**62)),
        "shared_memory_region": anything,
        "content_type": anything,
    },
)
inputs = st.fixed_dictionaries(
    {},
    optional={
        "name": maybe(names),
        "datatype": maybe(st.sampled_from([*DATATYPES, "FP8", "fp32"])),
        "shape": maybe(shapes),
        "data": maybe(st.lists(scalars, max_size=6) | st.lists(st.lists(scalars, max_size=3), max_size=3)),
        "parameters": maybe(tensor_parameters),
    },
)
asked = st.fixed_dictionaries(
    {},
    optional={
        "name": maybe(names),
        "parameters": maybe(st.fixed_dictionaries({}, optional={"binary_data": anything, "classification": anything})),
    },
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "inputs": maybe(st.lists(maybe(inputs), max_size=3)),
        "outputs": maybe(st.lists(maybe(asked), max_size=3)),
        "id": maybe(st.text(max_size=8)),
        "parameters": maybe(st.fixed_dictionaries({}, optional={"binary_data_output": maybe(st.booleans())})),
    },
)
models = st.sampled_from(["times", "add", "look_up", *(f"echo_{name}" for name in DATATYPES)])


@often
@given(messages, models, st.binary(max_size=60), st.integers(-3, 3), st.booleans())
def test_any_message_over_any_raw_data(url, unharmed, message, model, raw, off, header):
    content = json.dumps(message).encode()
    headers = {"Inference-Header-Content-Length": str(len(content) + off)} if header else {}
    unharmed([ask(url, f"/v2/models/{model}/infer", content + raw, headers)])


@often
@given(st.sampled_from(list(DATATYPES)), st.data())
def test_tensors_that_nearly_fit(url, unharmed, datatype, data):
    """The right name, type and form with one thing off reaches deeper than arbitrary messages do."""
    rows, width = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    dtype = DATATYPES[datatype]
    count = rows * width
    entry: dict[str, Any] = {"name": "x", "datatype": datatype, "shape": [rows, width]}
    entry["shape"] = data.draw(st.just([rows, width]) | shapes)
    size = 4 * count if datatype == "BYTES" else count * dtype.itemsize
    raw = data.draw(st.binary(min_size=size, max_size=size) | st.binary(max_size=40))
    if data.draw(st.booleans()):
        entry["parameters"] = {"binary_data_size": data.draw(st.just(len(raw)) | st.integers(-1, 50))}
        body, headers = binary({"inputs": [entry], "parameters": {"binary_data_output": True}}, raw)
    else:
        entry["data"] = data.draw(st.lists(scalars, min_size=count, max_size=count) | anything)
        body, headers = json.dumps({"inputs": [entry]}).encode(), {}
    unharmed([ask(url, f"/v2/models/echo_{datatype}/infer", body, headers)])


@seldom
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE", "M-SEARCH"]),
    st.lists(
        st.sampled_from(["v2", "v1", "models", "times", "versions", "1", "infer", "ready", "repository", "index"])
        | st.sampled_from(
            ["load", "health", "", ".", "..", "%2e%2e", "%00", "%ff", "é", "a" * 3000, "x%2Fy", "?a=b", "#"]
        ),
        max_size=7,
    ),
    st.binary(max_size=20),
)
def test_any_method_and_path(url, unharmed, method, parts, body):
    path = "/" + "/".join(parts)
    sent = head(method, path, {"Content-Length": str(len(body)), "Connection": "close"}) + body
    (reply,) = exchange(url, sent, method=method)
    assert reply.status in OWN_STATUSES
    unharmed([] if method == "HEAD" else [reply])  # whose answer has no body


@seldom
@given(st.integers(1, 90_000), st.sampled_from([b"[", b'{"inputs":', b'{"inputs":[{"data":[', b"[[1],"]), st.booleans())
def test_any_depth(url, unharmed, depth, opening, closed):
    body = opening * (min(depth, BODY // len(opening) // 2))
    if closed:
        body = nest(min(depth, BODY // 2 - 20))
    reply = ask(url, INFER, body)
    assert reply.status == 400
    unharmed([reply])


@seldom
@given(
    st.sampled_from(["gzip", "deflate", "x-gzip", "br", "zstd", "identity", "gzip, gzip", "", "\0", "é", "g" * 200]),
    st.binary(max_size=60) | messages.map(lambda message: json.dumps(message).encode()),
    st.sampled_from([gzip.compress, zlib.compress, lambda body: gzip.compress(gzip.compress(body)), bytes]),
    st.integers(-8, 8),
)
def test_any_encoding(url, unharmed, encoding, body, compress, cut):
    packed = compress(body)
    packed = packed[:cut] if cut < 0 else packed + bytes(cut)
    unharmed([ask(url, INFER, packed, {"Content-Encoding": encoding.encode("utf-8").decode("latin-1")})])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("factor", [2, 50, 1000])
def test_bombs(url, unharmed, encoding, factor):
    packer = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(packer.compress(bytes(BODY)) for _ in range(factor)) + packer.flush()
    if len(bomb) > BODY:
        pytest.fail("the bomb is larger than a body may be: this tests nothing")
    reply = ask(url, INFER, bomb, {"Content-Encoding": encoding})
    assert reply.status == 413
    unharmed([reply])


# Requests that are broken as HTTP


def whole(path: str = INFER, message: Any = GOOD, **headers: str) -> bytes:
    """A good request as bytes."""
    body = json.dumps(message).encode()
    pairs = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    return head("POST", path, pairs) + body


def whole_binary() -> bytes:
    body, headers = binary({"inputs": [RAW]}, np.array(ROWS, np.float32).tobytes())
    return head("POST", INFER, headers | {"Content-Length": str(len(body))}) + body


def whole_chunked() -> bytes:
    return head("POST", INFER, {"Transfer-Encoding": "chunked"}) + b"".join(chunks(json.dumps(GOOD).encode(), 9))


SEEDS = [whole(), whole_binary(), whole_chunked(), head("GET", "/v2"), head("GET", "/v2/models/times") * 3]
mutations = st.tuples(
    st.sampled_from(["cut", "drop", "flip", "insert", "double", "swap"]),
    st.integers(0, 600),
    st.integers(1, 40),
    st.binary(min_size=1, max_size=20)
    | st.sampled_from(
        [b"\r\n", b"\r\n\r\n", b"\0", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"]
    ),
)


def mutate(sent: bytes, mutation: tuple[str, int, int, bytes]) -> bytes:
    how, place, length, extra = mutation
    place %= len(sent) + 1
    before, part, after = sent[:place], sent[place : place + length], sent[place + length :]
    return {
        "cut": before,
        "drop": before + after,
        "flip": before + bytes(255 - byte for byte in part) + after,
        "insert": before + extra + part + after,
        "double": before + part + part + after,
        "swap": after + part + before,
    }[how]


@often
@given(st.sampled_from(SEEDS), st.lists(mutations, min_size=1, max_size=4))
def test_any_bytes_that_were_a_request(url, unharmed, sent, changes):
    for change in changes:
        sent = mutate(sent, change)
    unharmed(throw(url, sent))


@seldom
@given(st.binary(max_size=200))
def test_any_bytes_at_all(url, unharmed, sent):
    unharmed(throw(url, sent))


@seldom
@given(
    st.sampled_from(
        ["-1", "0", "1", "5", "999999", str(2**63), str(10**30), "x", "", " 7", "0x10", "1e3", "+5", "5, 5"]
    ),
    st.sampled_from([None, "chunked", "gzip, chunked", "identity", "x"]),
)
def test_lengths_that_lie(url, unharmed, length, transfer):
    """More than there is, less, or none at all; what a shorter one leaves over is the next request's beginning."""
    pairs = {"Content-Length": length} | ({"Transfer-Encoding": transfer} if transfer else {})
    unharmed(throw(url, head("POST", INFER, pairs) + json.dumps(GOOD).encode()))


@seldom
@given(
    st.lists(
        st.sampled_from(
            [
                b"5\r\nhello\r\n",
                b"0\r\n\r\n",
                b"-1\r\n",
                b"ffffffffffffffffff\r\n",
                b"zz\r\nx\r\n",
                b"3;a=b\r\nabc\r\n",
                b"2\r\nlonger\r\n",
                b"1\r\nx",
                b"\r\n",
                b"0\r\nX: y\r\n\r\n",
            ]
        ),
        max_size=6,
    )
)
def test_any_chunks(url, unharmed, parts):
    unharmed(throw(url, head("POST", INFER, {"Transfer-Encoding": "chunked"}) + b"".join(parts)))


def test_chunks_that_never_end_are_refused_when_they_are_too_many(url, unharmed):
    many = b"".join(chunks(bytes(BODY + 70_000), 60_000))
    replies = throw(url, head("POST", INFER, {"Transfer-Encoding": "chunked"}) + many[:-5])
    assert [reply.status for reply in replies] in ([413], [])  # a reset may overtake the answer
    unharmed(replies)


@seldom
@given(
    st.lists(
        st.tuples(st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30), st.text(max_size=60)),
        max_size=20,
    )
)
def test_any_headers(url, unharmed, pairs):
    unharmed(throw(url, head("GET", "/v2", pairs)))


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /v2 HTTP/1.1\r\n", b"X: y\r\n"),
        (b"GET /v2 HTTP/1.1\r\nX: ", b"y"),
        (b"GET /", b"x"),
        (whole_chunked()[:-5] + b"0\r\n", b"X: y\r\n"),
    ],
    ids=["headers", "one header", "a path", "trailers"],
)
def test_a_head_that_never_ends_is_ended(url, unharmed, start, more):
    """While the connection stays open: what has no end must not be kept until there is no memory left."""
    with connect(url) as connection, connection.makefile("rb") as stream:
        replies = []
        try:
            connection.sendall(start)
            for _ in range(200):
                connection.sendall(more * (50_000 // len(more)))
            replies.append(read_reply(stream))
        except TimeoutError:
            pytest.fail("the server took ten megabytes and waits for more")
        except OSError:  # it closed, and what was on its way to it met nobody
            pass
    unharmed([reply for reply in replies if reply is not None])


@pytest.mark.parametrize(
    "sent",
    [
        head("GET", "/v2", {"X": "y" * 1_000_000}),
        head("GET", "/v2", [(f"X-{n}", "y") for n in range(50_000)]),
        head("GET", "/" + "x" * 1_000_000),
        b"GET /v2 HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
        b"G" * 1_000_000,
        b"\r\n" * 100_000,
        b"POST " + INFER.encode() + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 500_000,
        b"POST " + INFER.encode() + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100_000,
    ],
    ids=[
        "one huge header",
        "many headers",
        "a huge path",
        "a head that never ends",
        "a method that never ends",
        "empty lines",
        "an extension of a chunk that never ends",
        "trailers that never end",
    ],
)
def test_heads_are_bounded(url, unharmed, sent):
    replies = throw(url, sent)
    assert all(reply.status >= 400 for reply in replies)
    unharmed(replies)


@seldom
@given(
    st.lists(
        st.sampled_from(
            [
                *SEEDS[:4],
                whole(message={"inputs": 7}),
                whole("/v2/models/none/infer"),
                head("GET", "/nowhere"),
                head("DELETE", "/v2"),
            ]
        ),
        min_size=1,
        max_size=12,
    )
)
def test_requests_in_one_go_each_get_their_answer(url, unharmed, several):
    replies = exchange(url, b"".join(several), replies=len(several))
    alone = {sent: exchange(url, sent)[0].status for sent in set(several)}
    assert [reply.status for reply in replies] == [alone[sent] for sent in several]
    unharmed(replies)


def test_clients_that_leave_in_the_middle(url, unharmed):
    """After every byte of a request, and before its answer."""
    for sent in (whole(), whole_binary(), whole_chunked()):
        for end in range(0, len(sent) + 1, 5):
            with connect(url) as connection:
                connection.sendall(sent[:end])
    unharmed([])


def test_clients_that_leave_in_the_middle_of_a_large_answer(url, unharmed):
    rows = np.zeros((4000, 3)).tolist()
    sent = whole(message={"inputs": [tensor("x", "FP32", rows)]})
    for _ in range(20):
        with connect(url) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            connection.sendall(sent)
            connection.recv(1)
    unharmed([])


def test_many_connections_that_say_nothing_or_half_of_something(url, unharmed):
    with ExitStack() as stack:
        for n in range(300):
            connection = stack.enter_context(connect(url))
            connection.sendall(whole()[: n % 100])
        unharmed([])
    unharmed([])


# Ten thousand of them


class Served:
    """``modelserving serve`` in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "modelserving.cli", "serve", folder, "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        found = re.search(r"http://\S+(?=/v2)", line)
        assert found, line
        self.url = found[0]

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6


def refused() -> list[bytes]:
    """Requests that each get one answer of 400 or above and leave the connection open."""
    found = [whole(message=message) for message in ({"inputs": 7}, {"inputs": [RAW]}, [], {"inputs": [{"name": 5}]})]
    for case in CASES:
        if case.status in (400, 404, 405) and case.method is None:
            body = case.body if isinstance(case.body, bytes | None) else json.dumps(case.body).encode()
            length = {} if body is None else {"Content-Length": str(len(body))}
            found.append(head("GET" if body is None else "POST", case.path, length | case.headers) + (body or b""))
    bomb = gzip.compress(bytes(3 * 2**20))
    found.append(head("POST", INFER, {"Content-Length": str(len(bomb)), "Content-Encoding": "gzip"}) + bomb)
    # texts that differ each time must not pile up anywhere: as names of models, labels of metrics, paths
    found += [whole(f"/v2/models/none-{n}/versions/{n}/infer") for n in range(500)]
    return found


@pytest.mark.slow
def test_ten_thousand_of_them_leave_no_memory_behind(tmp_path):
    """Resident memory is looked at after every 2,000; the slope over them, after a warm-up, counts."""
    requests, sizes = cycle(refused()), []
    broken = cycle([whole()[:50], b"\0\1\2\r\n\r\n", head("GET", "/" + "x" * 100_000), whole_chunked()[:-4]])
    with Served(write_models(tmp_path), "--max-body", "1") as served:
        for _ in range(8):
            for _ in range(50):
                part = list(islice(requests, 38))
                replies = exchange(served.url, b"".join(part), replies=len(part))
                for reply in replies:
                    reply.check()
                    assert reply.status >= 400
                for sent in islice(broken, 2):
                    for reply in throw(served.url, sent):
                        reply.check()
            assert ask(served.url, INFER, GOOD).status == 200
            sizes.append(served.megabytes)
        assert served.process.poll() is None
    each = np.polyfit(2000 * np.arange(5), sizes[3:], 1)[0]  # MB a request; the first 6,000 warm up
    assert 10_000 * each < 8, f"{10_000 * each:.1f} MB over 10,000 requests: {[round(size, 1) for size in sizes]}"


@pytest.mark.slow
def test_what_is_refused_does_not_hold_up_what_is_good(tmp_path):
    """A connection that sends nonsense all the time beside one that asks for predictions: each gets its answers."""
    with Served(write_models(tmp_path)) as served, connect(served.url) as bad, connect(served.url) as good:
        nonsense = whole(message={"inputs": 7}) * 50
        with bad.makefile("rb") as bad_stream, good.makefile("rb") as good_stream:
            for _ in range(40):
                bad.sendall(nonsense)
                good.sendall(whole())
                assert read_reply(good_stream).status == 200
                assert [read_reply(bad_stream).status for _ in range(50)] == [400] * 50
