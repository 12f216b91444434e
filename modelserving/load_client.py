"""The client that puts load on an HTTP server: a pool of connections, in a process of its own (lesson 04).

``run`` starts the process (``python -m modelserving.load_client``), writes it the job, and reads what it measured.
A message is a line with the lengths of its parts, and the parts: a JSON object and, after it, raw bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import gc
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httptools
import numpy as np

from modelserving import load

PROGRESS = 0.1  # s between two words on how far it is
PATIENCE = 5.0  # s that a server has to accept the first connection
WORDS = 400  # characters of an error that are kept


@dataclass
class Job:
    """What the process is to do: requests as bytes, sent in turn, by a schedule or by clients."""

    url: str
    requests: list[bytes]
    seconds: float
    timeout: float
    connections: int
    think_time: float = 0.0
    clients: int = 0
    schedule: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass
class Found:
    """What it measured: as in :class:`modelserving.load.Result`."""

    intended: np.ndarray
    started: np.ndarray
    sent: np.ndarray
    done: np.ndarray
    outcome: np.ndarray
    when: str
    cpu: float
    first_failure: str


# --- the caller's side


def address(url: str) -> tuple[str, int, str]:
    """Host, port and path of a URL. Raises ValueError with a sentence for one that is none."""
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme == "https":
        raise ValueError("The load generator speaks plain HTTP: measure behind the proxy that does the encryption.")
    if parts.scheme != "http" or not parts.hostname or not port or any(sign <= " " for sign in url):
        raise ValueError(f"A URL looks like http://127.0.0.1:8000/v2/models/NAME/infer, not {url!r}.")
    return parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def requests(url: str, bodies: Sequence[bytes | None], headers: Mapping[str, str] | None = None) -> list[bytes]:
    """The requests as they go over the wire. Raises ValueError for headers that cannot."""
    _, _, path = address(url)
    if not bodies:
        raise ValueError("Give at least one body, or None to ask by GET.")
    found = []
    for body in bodies:
        named = {"host": ("Host", urlsplit(url).netloc.rpartition("@")[2])}
        if body is not None:
            named["content-type"] = ("Content-Type", "application/json")
        named |= {name.lower(): (name, value) for name, value in (headers or {}).items()}
        if body is not None:
            named["content-length"] = ("Content-Length", str(len(body)))
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in named.values()]
        try:
            head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError("URL and headers hold characters that HTTP cannot carry: encode them first.") from None
        if any("\n" in line or "\r" in line for line in lines):
            raise ValueError("A header has a line break in it.")
        found.append(head + (body or b""))
    return found


def reachable(url: str) -> None:
    """Raises ConnectionError, in a sentence, unless a server accepts connections there."""
    host, port, _ = address(url)
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except OSError as error:
        why = "it does not answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
        raise ConnectionError(f"No server accepts connections at http://{host}:{port}: {why}. Is it running?") from None


def run(job: Job, on_progress: Callable[[float], None] | None = None) -> Found:
    """Do ``job`` in a process of its own.

    Raises ConnectionError when no server is there, ChildProcessError when the process ends before its time.
    """
    reachable(job.url)
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "modelserving.load_client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # Ctrl+C is for the caller, who ends it
    )
    try:
        _write(process.stdin, *_packed(job))
        while True:
            head, raw = _read(process.stdout)
            if "elapsed" not in head:
                break
            if on_progress is not None:
                on_progress(head["elapsed"])
        return _unpacked_result(head, raw)
    except (EOFError, BrokenPipeError):
        raise ChildProcessError(f"The load generator's process ended with status {process.wait()}.") from None
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


# --- messages


def _write(stream: BinaryIO, head: Mapping[str, Any], raw: bytes = b"") -> None:
    text = json.dumps(head).encode()
    stream.write(struct.pack("<QQ", len(text), len(raw)) + text + raw)
    stream.flush()


def _read(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Raises EOFError when the other side is gone."""
    sizes = stream.read(16)
    if len(sizes) < 16:
        raise EOFError
    text, raw = struct.unpack("<QQ", sizes)
    head, rest = stream.read(text), stream.read(raw)
    if len(rest) < raw:
        raise EOFError
    return json.loads(head), rest


def _packed(job: Job) -> tuple[dict[str, Any], bytes]:
    head = {one.name: getattr(job, one.name) for one in dataclasses.fields(job)}
    schedule = np.ascontiguousarray(job.schedule, "<f8").tobytes()
    head |= {"requests": [len(request) for request in job.requests], "schedule": len(schedule)}
    return head, schedule + b"".join(job.requests)


def _unpacked(head: dict[str, Any], raw: bytes) -> Job:
    ends = np.cumsum([head["schedule"], *head["requests"]]).tolist()
    parts = [raw[start:end] for start, end in itertools.pairwise(ends)]
    return Job(**head | {"requests": parts, "schedule": np.frombuffer(raw[: ends[0]], "<f8")})


def _packed_result(log: load.Log, cpu: float, first_failure: str) -> tuple[dict[str, Any], bytes]:
    words, indices = np.unique(np.array(log.outcome, str), return_inverse=True)
    times = b"".join(np.array(times, "<f8").tobytes() for times in (log.intended, log.started, log.sent, log.done))
    head = {"words": words.tolist(), "when": log.when, "cpu": cpu, "first_failure": first_failure}
    return head | {"count": len(log.outcome)}, times + indices.astype("<u2").tobytes()


def _unpacked_result(head: dict[str, Any], raw: bytes) -> Found:
    count, words = head.pop("count"), np.array(head.pop("words"), str)
    times = np.frombuffer(raw, "<f8", 4 * count).reshape(4, count)
    return Found(*times, words[np.frombuffer(raw, "<u2", count, times.nbytes)], **head)


# --- the process's side


class Pool:
    """Connections to one server, each with one request at a time, at most ``most`` of them.

    A request that finds none free waits in line; a connection that is opened for it serves whoever is first there.
    """

    def __init__(self, log: load.Log, url: str, requests: Sequence[bytes], most: int) -> None:
        self.log, self.requests, self.most = log, requests, most
        self.host, self.port, _ = address(url)
        self.open = 0  # connections that are there or on their way
        self.free: list[Connection] = []
        self.line: deque[int] = deque()
        self.busy: dict[int, Connection] = {}
        self.first_failure = ""
        self._opening: set[asyncio.Task[None]] = set()

    def start(self, i: int) -> None:
        """Send request ``i`` as soon as a connection is free."""
        if self.free:
            self.free.pop().send(i)
            return
        self.line.append(i)
        self._open_for_line()

    def cancel(self, i: int) -> None:
        """Request ``i`` has run out of time: its answer, if one comes, would only be in the way."""
        self.log.finish(i, load.TIMEOUT)
        connection = self.busy.pop(i, None)
        if connection is not None:
            connection.drop()

    def ready(self, connection: Connection) -> None:
        """A connection has nothing to do."""
        i = self._next()
        if i is None:
            self.free.append(connection)
        else:
            connection.send(i)

    def lost(self, connection: Connection) -> None:
        """A connection is gone; whoever waits gets another one."""
        if connection in self.free:
            self.free.remove(connection)
        self.open -= 1
        self._open_for_line()

    def close(self) -> None:
        """End all connections."""
        self.line.clear()
        self.most = 0
        for connection in [*self.free, *self.busy.values()]:
            connection.drop()

    def _next(self) -> int | None:
        """The first in line that has not run out of time there."""
        while self.line:
            if not self.log.outcome[i := self.line.popleft()]:
                return i
        return None

    def _open_for_line(self) -> None:
        if self.line and self.open < self.most:
            self.open += 1
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Connection(self), self.host, self.port)
        except OSError as error:
            self.first_failure = self.first_failure or _why(error)
            self.open -= 1
            if (i := self._next()) is not None:
                self.log.finish(i, load.CONNECTION)
            self._open_for_line()


class Connection(asyncio.Protocol):
    """One connection: sends a request, reads the answer, and is free again."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.log = pool, pool.log
        self.current = -1  # the request that is under way
        self.said = b""  # what came of the answer to it, if that is an error

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        with contextlib.suppress(OSError, AttributeError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pool.ready(self)

    def send(self, i: int) -> None:
        """Send request ``i``."""
        self.current = i
        self.pool.busy[i] = self
        self.log.sent[i] = self.log.now()
        self.transport.write(self.pool.requests[i % len(self.pool.requests)])

    def data_received(self, data: bytes) -> None:
        if not self.pool.first_failure:
            self.said = (self.said + data)[: 4 * WORDS]
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.pool.first_failure = self.pool.first_failure or f"no HTTP: {error}"
            self.drop()

    def on_message_complete(self) -> None:
        """The answer is here (called by the parser)."""
        status, i = self.parser.get_status_code(), self.current
        if status < 200:  # 100 Continue and the like: the answer is still to come
            return
        self.current = -1
        self.pool.busy.pop(i, None)
        outcome = load.word(status)
        if outcome != load.OK and not self.pool.first_failure:
            body = self.said.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
            self.pool.first_failure = " ".join(body.split())[:WORDS] or f"nothing but status {status}"
        self.said = b""
        if i < 0 or not self.parser.should_keep_alive():  # an answer that nobody asked for, or the last one
            self.drop()
        else:
            self.pool.ready(self)
        if i >= 0:
            self.log.finish(i, outcome)

    def connection_lost(self, error: Exception | None) -> None:
        if self.current >= 0:
            self.pool.busy.pop(self.current, None)
            self.log.finish(self.current, load.CONNECTION)
        self.pool.lost(self)

    def drop(self) -> None:
        """Close it at once, whatever is under way."""
        self.transport.abort()


def _why(error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "this system lets a process open no more connections"
    return (os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)).lower()


async def work(job: Job, log: load.Log, tell: Callable[[float], None]) -> tuple[float, str]:
    """Do ``job``; the processor time that it took, in s, and what the first error said."""
    pool = Pool(log, job.url, job.requests, job.connections)
    telling = asyncio.create_task(_tell(log, tell))
    before = time.process_time()
    try:
        await (_clients(job, log, pool) if job.clients else load.keep_to(log, pool, job.timeout))
    finally:
        telling.cancel()
    return max(0.0, time.process_time() - before - log.polled), pool.first_failure


async def _clients(job: Job, log: load.Log, pool: Pool) -> None:
    """A closed loop: each end of a request is the beginning of the same client's next."""

    def begin(_: int = -1) -> None:
        if (now := log.now()) < job.seconds:
            pool.start(log.add(now))

    def after_thinking(_: int) -> None:
        asyncio.get_running_loop().call_later(job.think_time, begin)

    log.on_finish = after_thinking if job.think_time else begin
    expiry = asyncio.create_task(load.expire(log, pool, job.timeout))
    try:
        for _ in range(job.clients):
            begin()
        await log.until(job.seconds)
        await log.all_done()
    finally:
        expiry.cancel()
        pool.close()


async def _tell(log: load.Log, tell: Callable[[float], None]) -> None:
    while True:
        await asyncio.sleep(PROGRESS)
        tell(log.now())


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def _more_connections() -> None:
    """As many open files as this system lets a process have without asking."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most if most != resource.RLIM_INFINITY else 65536, most))


def _end_with(stream: BinaryIO) -> None:
    """End this process when the caller is gone."""
    stream.read()
    os._exit(1)


def main() -> None:
    """Read a job from stdin, do it, write what it measured to stdout."""
    # Not sys.stdout.buffer: with PYTHONUNBUFFERED it has no buffer, and writes a part of what it is given.
    come, out = os.fdopen(0, "rb", closefd=False), os.fdopen(1, "wb", closefd=False)
    job = _unpacked(*_read(come))
    threading.Thread(target=_end_with, args=[come], daemon=True).start()
    _more_connections()

    async def everything() -> tuple[dict[str, Any], bytes]:
        gc.freeze()
        gc.disable()  # its pauses would count as latency
        log = load.Log(job.schedule)
        return _packed_result(log, *await work(job, log, lambda elapsed: _write(out, {"elapsed": elapsed})))

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        found = runner.run(everything())
    _write(out, *found)
    os._exit(0)  # the thread that reads stdin would keep it from ending


if __name__ == "__main__":
    main()
