"""A lean HTTP/1.1 connection for the application: less processor time than uvicorn's own takes (lesson 03).

uvicorn still owns the sockets, the signals and the start and end; it makes one :class:`Connection` for each client.
httptools (Node's parser) reads HTTP, and the application is called as ASGI says. What is left out is what this
application does not use: middleware, websockets, answers in pieces, checks of headers that it writes itself.
HTTP: RFC 9112. ASGI: https://asgi.readthedocs.io.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools

from modelserving.protocol import ERRORS, error_body

HEAD_LIMIT = 64 * 2**10  # bytes of a request's head; the application's own limit is lower and tells more
FRAMING = 9  # bytes on the wire for each of the body: one byte in a chunk of its own takes 6
BUFFERED = 256 * 2**10  # bytes of a body that wait for the application before the client has to wait
PROBE = 0.02  # seconds until a client that sends no more is asked again whether it is still there
IDLE = 75.0  # seconds that a connection may stay silent, between requests or in the middle of one

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ASGI = {"version": "3.0", "spec_version": "2.3"}

log = logging.getLogger("modelserving")


class Connection(asyncio.Protocol):
    """One client's connection: requests one after the other, answers in the order of the requests.

    The arguments are those with which uvicorn makes a connection. Bytes come in through :meth:`data_received`; the
    parser calls the methods ``on_…``; each request becomes an :class:`Exchange`.
    """

    def __init__(self, config: Any, server_state: Any, app_state: dict, _loop: asyncio.AbstractEventLoop | None = None):
        self.app = config.loaded_app
        self.state = server_state
        self.loop = _loop or asyncio.get_running_loop()
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport | None = None
        self.url, self.headers = b"", []  # of the request whose head is being read
        self.in_head = True
        self.excess = 0  # bytes of this request that are no body: the head, and how chunks are framed
        self.reading: Exchange | None = None  # the request whose body is being read
        self.answering: Exchange | None = None  # the request that the application has
        self.queue: deque[Exchange] = deque()  # requests that came before the answer to the one ahead of them
        self.closing = False  # no further request after the one that is being answered
        self.paused = False  # nothing is read from the client for now
        self.drained: asyncio.Future | None = None  # while the client reads more slowly than we write
        self.heard = 0.0  # when something last came or went

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has connected."""
        self.transport = transport
        self.state.connections.add(self)
        self.server, self.client = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self.heard = self.loop.time()
        self.timer = self.loop.call_later(IDLE, self.watch)

    def data_received(self, data: bytes) -> None:
        """Some bytes have come: the parser tells by its callbacks what they are."""
        if self.transport.is_closing():
            return
        self.heard = self.loop.time()
        self.excess += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.closing = True  # another protocol was proposed: answer in this one, and part
        except httptools.HttpParserError:
            self.refuse("malformed", "This is no HTTP/1.1 request.")
            return
        if self.excess > HEAD_LIMIT:
            self.refuse("headers_too_large", f"The head or trailer of the request is larger than {HEAD_LIMIT:,} bytes.")

    def eof_received(self) -> bool:
        """The client will send no more; it may still wait for an answer, or have gone."""
        self.closing = True
        waits = self.answering is not None and self.reading is None
        if waits and self.answering.scope["http_version"] == "1.1":
            self.probe(PROBE)
        return waits

    def probe(self, seconds: float) -> None:
        """Find out whether the client has gone: TCP tells only who writes to it, and HTTP lets it pass over this."""
        if self.answering and not self.transport.is_closing():
            self.transport.write(CONTINUE)
            self.loop.call_later(seconds, self.probe, 2 * seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: let nobody wait for it."""
        self.state.connections.discard(self)
        self.timer.cancel()
        self.queue.clear()
        if self.answering:
            self.answering.gone = True
            self.answering.wake()
            if self.answering.whole:
                self.answering.task.cancel()  # it waits for something else than the client: a prediction, say
        self.resume_writing()

    def pause_writing(self) -> None:
        """The client reads too slowly: the next answer has to wait."""
        self.drained = self.loop.create_future()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self.drained and not self.drained.done():
            self.drained.set_result(None)
        self.drained = None

    def pause(self) -> None:
        """Let the client wait: what it sent has to be dealt with first."""
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def watch(self) -> None:
        """Close a connection on which nothing has happened for long, unless it is ours to act."""
        due = self.heard + IDLE
        if self.answering and not self.reading:
            due = self.loop.time() + IDLE
        if due <= self.loop.time():
            self.transport.close()
        else:
            self.timer = self.loop.call_at(due, self.watch)

    def shutdown(self) -> None:
        """uvicorn is about to end: finish what was accepted, then close."""
        self.closing = True
        if not self.answering:
            self.transport.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        """A request begins."""
        self.url, self.headers, self.in_head, self.excess = b"", [], True, 0

    def on_url(self, url: bytes) -> None:
        """Some bytes of the URL."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. Those that come after a body, trailers, are of no use here."""
        if self.in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: the application can begin, or the request queues behind the one ahead of it."""
        self.in_head = False
        version = self.parser.get_http_version()
        path, query = split(self.url)
        scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": version,
            "method": self.parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": path,
            "raw_path": self.url,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "server": self.server,
            "client": self.client,
        }
        keep = version == "1.1" and self.parser.should_keep_alive()
        self.reading = Exchange(self, scope, keep)
        if self.answering:
            self.queue.append(self.reading)
            self.pause()
        else:
            self.begin(self.reading)

    def on_body(self, body: bytes) -> None:
        """Some bytes of the body."""
        exchange = self.reading
        self.excess -= FRAMING * len(body)
        if exchange.answered:
            return  # it was refused already: what is still on its way is let pass
        exchange.parts.append(body)
        exchange.size += len(body)
        if exchange.size > BUFFERED:
            self.pause()
        exchange.wake()

    def on_message_complete(self) -> None:
        """The request is whole."""
        exchange, self.reading = self.reading, None
        self.excess = 0
        exchange.whole = True
        exchange.wake()

    # What becomes of a request

    def begin(self, exchange: Exchange) -> None:
        """Hand a request to the application."""
        self.answering = exchange
        exchange.task = self.loop.create_task(exchange.run())

    def is_last(self, exchange: Exchange) -> bool:
        """Does the connection end with the answer to this request?"""
        return not exchange.keep or (self.closing and not self.queue)

    def answered(self, exchange: Exchange) -> None:
        """An answer is written: go on with the next request, or close."""
        self.heard = self.loop.time()
        self.answering = None
        if self.is_last(exchange):
            self.transport.close()
        elif self.queue:
            self.begin(self.queue.popleft())
        if not self.queue:
            self.resume()

    def refuse(self, kind: str, message: str) -> None:
        """Answer what is no request with an error, and close; after requests that are being answered, close alone."""
        if self.answering and self.answering.whole:
            if self.queue and not self.queue[-1].whole:
                self.queue.pop()
            self.closing = True
            self.pause()
            return
        body = error_body(message)
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINES[ERRORS[kind].status] + head + body)
        self.transport.close()


class Exchange:
    """One request and its answer; :meth:`receive` and :meth:`send` are those of ASGI."""

    __slots__ = (
        "answered",
        "connection",
        "expects",
        "gone",
        "head",
        "keep",
        "parts",
        "scope",
        "size",
        "task",
        "waiter",
        "whole",
    )

    def __init__(self, connection: Connection, scope: dict[str, Any], keep: bool) -> None:
        self.connection, self.scope, self.keep = connection, scope, keep
        self.expects = (b"expect", b"100-continue") in scope["headers"]  # the client waits to be told to send its body
        self.parts: list[bytes] = []  # of the body, that the application has not seen yet
        self.size = 0  # of these parts together
        self.whole = False  # the body has come to its end
        self.gone = False  # the client has left
        self.answered = False
        self.head = b""  # of the answer, kept back to go out together with the body
        self.waiter: asyncio.Future | None = None  # while the application waits for more of the body

    async def run(self) -> None:
        """Let the application answer; an answer that is not given closes the connection."""
        try:
            await self.connection.app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("A fault while answering %s", self.scope["path"])
        finally:
            if not self.answered:
                self.connection.answering = None
                self.connection.transport.close()

    def wake(self) -> None:
        """Tell the application, if it waits, that something has come."""
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    async def receive(self) -> dict[str, Any]:
        """What has come of the body since the last call, at least something; or that there is no more to come."""
        connection = self.connection
        if not self.parts and not self.whole and not self.gone:
            if self.expects:
                self.expects = False
                connection.transport.write(CONTINUE)
            self.waiter = connection.loop.create_future()
            await self.waiter
            self.waiter = None
        if self.gone or self.answered:
            return {"type": "http.disconnect"}
        body = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        self.parts, self.size = [], 0
        if not self.whole:
            connection.resume()
        return {"type": "http.request", "body": body, "more_body": not self.whole}

    async def send(self, message: dict[str, Any]) -> None:
        """The start of the answer is kept; with the body, which comes in one piece, all is written at once."""
        connection = self.connection
        if message["type"] == "http.response.start":
            lines = [STATUS_LINES[message["status"]]]
            for name, value in (*connection.state.default_headers, *message["headers"]):
                lines += (name, b": ", value, b"\r\n")
            if connection.is_last(self):
                lines.append(b"connection: close\r\n")
            lines.append(b"\r\n")
            self.head = b"".join(lines)
            return
        if connection.drained:
            await connection.drained
        self.answered = True
        if not self.gone:
            connection.transport.write(self.head if self.scope["method"] == "HEAD" else self.head + message["body"])
            connection.answered(self)


def split(url: bytes) -> tuple[str, bytes]:
    """Path, percent-decoded, and query of a request's target. Raises ValueError where there is none."""
    if url[:1] == b"/" and b"%" not in url and b"?" not in url:
        return url.decode("ascii"), b""
    if url == b"*":
        return "*", b""
    parsed = httptools.parse_url(url)
    return unquote(parsed.path.decode("ascii")), parsed.query or b""
