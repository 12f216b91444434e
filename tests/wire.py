"""A model repository and a plain HTTP client for the tests that speak to a running server."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import numpy as np
import onnx_models
from onnx_models import put

from modelserving.interpreter import DATATYPES
from modelserving.protocol import ERRORS

OWN_STATUSES = {200} | {error.status for error in ERRORS.values()} - {500}
MEDIA = {"json": "application/json", "binary": "application/octet-stream"}


def write_models(folder: Path) -> Path:
    """A repository: ``times`` in two versions, ``add``, ``look_up``, and ``echo_NAME`` for each of the data types."""
    for version, factor in (("1", 2.0), ("2", 3.0)):
        put(folder, "times", version, onnx_models.times(factor))
    put(folder, "add", 1, onnx_models.add())
    put(folder, "look_up", 1, onnx_models.look_up())
    for datatype in DATATYPES:
        put(folder, f"echo_{datatype}", 1, onnx_models.echo(datatype, ["n", "m"]))
    return folder


@dataclass(frozen=True)
class Reply:
    """What came back for one request; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of the error object, which is all that the body may hold."""
        assert self.headers["content-type"] == "application/json"
        assert list(self.json) == ["error"], self.body[:200]
        assert isinstance(self.json["error"], str)
        assert self.json["error"].strip()
        return self.json["error"]

    def check(self) -> None:
        """Whatever was asked: a status of the server's own table, never 500, and the error object from 400 on."""
        assert self.status in OWN_STATUSES, (self.status, self.body[:300])
        if self.status >= 400:
            assert "Traceback" not in self.error
            assert "/site-packages/" not in self.error


def head(method: str, path: str, headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> bytes:
    """The head of a request."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def connect(url: str, timeout: float = 20) -> socket.socket:
    """A connection to the server at ``url``."""
    return socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=timeout)


def read_reply(stream: BinaryIO, method: str = "POST") -> Reply | None:
    """The next reply that is final, None when the server has closed the connection."""
    while (line := stream.readline()).startswith(b"HTTP/1.1 100 "):  # it asks whether we are still there
        assert stream.readline() == b"\r\n"
    if not line:
        return None
    assert line.startswith(b"HTTP/1.1 "), line
    headers: dict[str, str] = {}
    while (field := stream.readline()) not in (b"\r\n", b""):
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = 0 if method == "HEAD" else int(headers["content-length"])
    body = stream.read(length)
    assert len(body) == length, "the server closed the connection in the middle of a reply"
    return Reply(int(line.split()[1]), headers, body)


def exchange(url: str, sent: bytes, replies: int = 1, method: str = "POST") -> list[Reply]:
    """Send raw bytes that ask for so many replies, and read them."""
    with connect(url) as connection, connection.makefile("rb") as stream:
        connection.sendall(sent)
        found = [read_reply(stream, method) for _ in range(replies)]
    assert None not in found, f"the server answered {found}"
    return found


def throw(url: str, sent: bytes) -> list[Reply]:
    """Send raw bytes, say that no more will come, and read what the server has to say until it closes."""
    found = []
    with connect(url) as connection, connection.makefile("rb") as stream:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while (reply := read_reply(stream)) is not None:
                found.append(reply)
        except TimeoutError:
            raise
        except OSError:  # it closed while bytes that it does not want still came
            pass
    return found


def ask(
    url: str,
    path: str,
    body: bytes | Any = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> Reply:
    """One request on a connection of its own; ``body`` is bytes, or anything else to be sent as JSON."""
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    method = method or ("GET" if content is None else "POST")
    length = {} if content is None else {"Content-Length": str(len(content))}
    return exchange(url, head(method, path, length | dict(headers or {})) + (content or b""), method=method)[0]


def tensor(name: str, datatype: str, array: Any, **more: Any) -> dict[str, Any]:
    """An input in JSON, its data as they stand in ``array``."""
    return {"name": name, "datatype": datatype, "shape": list(np.shape(array)), "data": array, **more}


def binary(message: dict[str, Any], *raw: bytes) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request whose inputs end in raw bytes."""
    content = json.dumps(message).encode()
    headers = {"Content-Type": MEDIA["binary"], "Inference-Header-Content-Length": str(len(content))}
    return content + b"".join(raw), headers


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    """A body in chunked encoding."""
    for start in range(0, len(body), size):
        part = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"
