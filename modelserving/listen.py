"""The application on a socket, by uvicorn: from the command line, or in a thread of a notebook or test (lesson 03)."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from modelserving.connection import Connection
from modelserving.server import Server

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
