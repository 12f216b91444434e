"""The application on a socket, by uvicorn: from the command line, or in a thread of a notebook or test (lesson 03)."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import uvicorn

from modelserving.connection import Connection
from modelserving.server import Server
from modelserving.stubs import StubModel

GRACE = 30  # seconds that a request in progress has at the end
BACKLOG = 2048  # connections that may wait to be accepted, as many as uvicorn allows
START = 60  # seconds that the models may take to load in a notebook or test


def configuration(server: Server) -> uvicorn.Config:
    """uvicorn with the course's connection, and what a request does not need switched off."""
    return uvicorn.Config(
        server,
        http=Connection,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        ws="none",
        lifespan="on",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at this address. Raises OSError when that is not possible.

    Who connects before uvicorn has begun waits: the application may be ready a moment earlier than uvicorn is.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def claim(host: str, port: int) -> socket.socket:
    """The same for an operator: raises OSError with a sentence that says what to do."""
    try:
        return bind(host, port)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror
        raise OSError(f"cannot listen on {host}:{port}: {reason}. Try another --port.") from error


def url(bound: socket.socket) -> str:
    """Where a bound socket is reached: ``http://127.0.0.1:8000``."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(server: Server, bound: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted."""
    uvicorn.Server(configuration(server)).run(sockets=[bound])


@contextmanager
def in_thread(server: Server, port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1 in a thread of this process; give the URL once the models are loaded.

    Raises OSError when the port is taken, and RuntimeError when the server is not ready in time.
    """
    bound, ready, stopped = bind("127.0.0.1", port), threading.Event(), threading.Event()
    address, server.on_started = url(bound), ready.set
    runner = uvicorn.Server(configuration(server))

    def run() -> None:
        try:
            runner.run(sockets=[bound])
        finally:
            stopped.set()
            ready.set()

    thread = threading.Thread(target=run, name="modelserving", daemon=True)
    thread.start()
    try:
        if not ready.wait(START) or stopped.is_set():
            raise RuntimeError(f"The server ended, or was not ready after {START} s.")
        yield address
    finally:
        runner.should_exit = True
        thread.join()
        bound.close()


@contextmanager
def in_process(
    models: str | os.PathLike | StubModel | Iterable[StubModel], port: int = 0, **options: Any
) -> Iterator[str]:
    """Serve on 127.0.0.1 by ``modelserving serve`` in a process of its own; give the URL once the models are loaded.

    ``options`` are those of the command, ``batch_rows=64`` for ``--batch-rows 64``; True for one that takes no value,
    a list for one that is given repeatedly.
    What the process says on its standard error goes to ours. It ends when this process does, however that comes about.
    Raises RuntimeError, with what it said, when it ends before it is ready.
    """
    command = [sys.executable, "-m", "modelserving.cli", "serve", *what(models), "--port", str(port), "--leashed"]
    for name, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None and one is not False:
                command += ["--" + name.replace("_", "-"), *([] if one is True else [str(one)])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield first_url(process.stderr)
    finally:
        process.stdin.close()  # the leash: it ends, as by Ctrl+C
        try:
            process.wait(GRACE + 5)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def what(models: str | os.PathLike | StubModel | Iterable[StubModel]) -> list[str]:
    """The command's words for what is to be served."""
    if isinstance(models, str | os.PathLike):
        return [os.fspath(models)]
    stubs = [models] if isinstance(models, StubModel) else list(models)
    return [word for stub in stubs for word in ("--stub", stub.to_json())]


def first_url(said: TextIO) -> str:
    """The URL of a server that has just been started, read from what it says; the rest is passed on."""
    lines = []
    for line in said:
        if found := re.search(r"http://\S+(?=/v2)", line):
            threading.Thread(target=pass_on, args=(said,), daemon=True).start()
            return found[0]
        lines.append(line)
    raise RuntimeError(f"The server ended before it was ready: {''.join(lines).strip()}")


def pass_on(said: TextIO) -> None:
    """Say again what a server says."""
    for line in said:
        print(line, end="", file=sys.stderr)
