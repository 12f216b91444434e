"""An HTTP server whose service time is known, to measure load generators with.

    python stub_server.py [SERVICE [FREEZE EVERY]]

It answers every request ``SERVICE`` s after it came, and stands still for ``FREEZE`` s every ``EVERY`` s, beginning
``EVERY`` s after its start. It prints its port, and ends when its standard input does. Some paths behave otherwise:

``/status/503``  that status;   ``/drop``     closes the connection instead of answering;   ``/hang``  never answers
``/close``       closes it after the answer;   ``/chunked``  an answer in pieces;
``/continue``    100 before the answer;   ``/seen``  what came so far
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
import time
from collections import Counter

import httptools

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
CLOSE = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
seen: Counter[str] = Counter()


class Stub(asyncio.Protocol):
    """A connection."""

    def __init__(self, service: float) -> None:
        self.service, self.parser = service, httptools.HttpRequestParser(self)
        self.path, self.body = "/", b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        seen["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path = url.decode()

    def on_message_complete(self) -> None:
        seen["requests"] += 1
        answer = OK if self.path == "/" else self.special()
        if self.service and self.path != "/seen":
            asyncio.get_running_loop().call_later(self.service, self.answer, answer)
        else:
            self.answer(answer)

    def special(self) -> bytes | None:
        seen[self.path] += 1
        if self.path == "/hang":
            return b""
        if self.path == "/seen":
            body = json.dumps(seen).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        if self.path.startswith("/status/"):
            body = b'{"error": "as you wished"}'
            return b"HTTP/1.1 %b Of course\r\nContent-Length: %d\r\n\r\n%b" % (self.path[8:].encode(), len(body), body)
        return {"/drop": None, "/close": CLOSE, "/chunked": CHUNKED, "/continue": CONTINUE}.get(self.path, OK)

    def answer(self, answer: bytes | None) -> None:
        if self.transport.is_closing():
            return
        if answer is None:
            self.transport.abort()
        elif answer:
            self.transport.write(answer)
            if answer is CLOSE:
                self.transport.close()


def end_with_input() -> None:
    """End when whoever started this is gone, or wants it to."""
    sys.stdin.read()
    os._exit(0)


async def serve(service: float, freeze: float, every: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Stub(service), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    while True:
        await asyncio.sleep(every or 3600)
        time.sleep(freeze)  # all of it stands still


def main() -> None:
    service, freeze, every = (*map(float, sys.argv[1:4]), 0.0, 0.0, 0.0)[:3]
    threading.Thread(target=end_with_input, daemon=True).start()
    gc.disable()
    if sys.platform == "win32":
        asyncio.run(serve(service, freeze, every))
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(service, freeze, every))


if __name__ == "__main__":
    main()
