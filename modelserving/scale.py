"""Scaling out: the same server in several processes, behind Ray Serve (lesson 08).

A *replica* is a process with a :class:`~modelserving.server.Server` and all models of the folder; Ray places it on a
machine that has room for it. A *proxy* takes requests in at one address and hands each to a replica.
:func:`deployment` is what runs on any cluster; :func:`running` makes a small one of this machine, and ends it.

Ray Serve's architecture: https://docs.ray.io/en/latest/serve/architecture.html.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from modelserving import listen
from modelserving.interpreter import Options
from modelserving.protocol import ProtocolError
from modelserving.repository import Repository
from modelserving.server import Receive, Scope, Send, Server, cores, failure

if TYPE_CHECKING:
    from ray.serve import Application

REPLICA = "x-replica"  # the header that says which replica answered
NAME = "modelserving"  # of the application, and of what it deploys
ONGOING = 4096  # requests that a replica may have at once
STORE = 100_000_000  # bytes of memory for objects that Ray's processes share; requests do not use it
START = 120  # seconds that Ray, the replicas and their models may take
END = 45  # seconds that they have to finish what they accepted
LONGEST = 40  # characters of the folder's name: Ray puts sockets below it, whose names may not be long
NOT_A_CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # what Ray calls the variable

ONE_PROCESS = re.compile(r"/metrics|/v2/repository/models/[^/]*/(un)?load")
"""Paths that mean the process that answers, and no other: behind a proxy nobody knows which one that is."""


class NoRay(ImportError):
    """Ray Serve is not installed; the message says how to get it."""


def available() -> bool:
    """Whether Ray Serve is installed."""
    return all(importlib.util.find_spec(name) for name in ("ray", "fastapi"))  # the second comes with ray[serve]


def require() -> None:
    """Raise :class:`NoRay` when Ray Serve is not installed."""
    if not available():
        python = os.path.relpath(sys.executable) if sys.prefix != sys.base_prefix else "python"
        raise NoRay(f"Ray Serve is not installed. It takes 300 MB: {python} -m uv pip install 'ray[serve]>=2.60'")


# --- what runs on a cluster, of one machine or of many


class Replica:
    """The ASGI application of one replica: a server, whose answers say who gave them (header ``x-replica``).

    The models are loaded here, and not when the server starts up as they otherwise are: Ray sends requests as soon as
    that is over. What is meant for one process is refused: a model that was unloaded in one replica would still be
    served by the others, and the counters of one are not those of all.
    """

    def __init__(self, models: str | os.PathLike, options: Options | None = None, **server: Any) -> None:
        repository = Repository(models, options)
        failed = repository.load_all()
        self.server, self.name = Server(repository, **server), secrets.token_hex(4)
        self.server.failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the replica's start and end."""

        async def signed(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (REPLICA.encode(), self.name.encode())]
            await send(message)

        if scope["type"] == "http" and ONE_PROCESS.fullmatch(scope["path"]):
            path = scope["path"][:200]
            answer = failure(ProtocolError("unsupported", f"{path} is about one process, and there are several here."))
            headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
            await signed({"type": "http.response.start", "status": answer.status, "headers": headers})
            await signed({"type": "http.response.body", "body": answer.body})
        else:
            await self.server(scope, receive, signed)


def deployment(
    models: str | os.PathLike, replicas: int = 2, options: Options | None = None, **server: Any
) -> Application:
    """The models of a folder as an application of Ray Serve, for ``serve.run(deployment("/models", replicas=8))``.

    ``models`` is opened by every replica, under this name on its own machine. ``options`` are those of
    :class:`~modelserving.repository.Repository`, ``server`` those of :class:`~modelserving.server.Server`. Each replica
    reserves one processor, which is a number that Ray counts with and no limit. Raises :class:`NoRay`.

    A replica may have far more requests than the 5 that Ray allows otherwise: its batcher can only put together what it
    has, and its queue, unlike Ray's, knows of deadlines.
    """
    require()
    from ray import serve

    folder = os.path.abspath(models)

    def build() -> Replica:  # called in each replica
        if os.environ.get(NOT_A_CLUSTER) == "0":
            stay_here()
        return Replica(folder, options, **server)

    return serve.deployment(
        serve.ingress(build)(),
        name=NAME,
        num_replicas=replicas,
        max_ongoing_requests=ONGOING,
        ray_actor_options={"num_cpus": 1},
        graceful_shutdown_wait_loop_s=0.2,  # how often to look whether all is answered
        graceful_shutdown_timeout_s=listen.GRACE,
    ).bind()


def stay_here() -> None:
    """Have this replica of Ray Serve listen to this machine alone. Raises NotImplementedError when it cannot be told.

    Beside the port that belongs to Ray, which follows our :func:`settings`, it opens one for other replicas at all
    addresses; who reaches it can run code. There is no setting for that, so Ray's function is wrapped before its use.
    """
    from ray.serve._private import replica

    real = getattr(replica, "add_port_to_grpc_server", None)
    if real is None:
        raise NotImplementedError("This version of Ray Serve would listen to other machines: take ray[serve]==2.60.0.")
    replica.add_port_to_grpc_server = lambda server, address: real(server, address.replace("[::]", "127.0.0.1"))


# --- a cluster of this machine


@contextmanager
def running(models: str | os.PathLike, replicas: int = 2, port: int = 0, **options: Any) -> Iterator[str]:
    """Serve a folder on 127.0.0.1 by ``modelserving scale`` in a process of its own; give the URL once it can be asked.

    It takes some 20 s and 1 GB. ``options`` are those of the command, ``batch_rows=64`` for ``--batch-rows 64``. At the
    exit, and when this process ends in whatever way, Ray and all its processes end and its files are removed.
    Raises :class:`NoRay` where Ray is not installed, and RuntimeError, with what it said, when it cannot start.
    """
    require()
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
    command = [sys.executable, "-m", "modelserving.cli", "scale", os.fspath(models), *words]
    command += [f"--replicas={replicas}", f"--port={port}"]
    with workplace() as folder:
        process = subprocess.Popen(
            [*command, "--leashed", str(folder)],
            env=os.environ | settings(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt is for us, who then end it in order
        )
        try:
            yield listen.first_url(process.stderr)
        finally:
            known = family(folder)
            process.terminate()
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END)
            process.kill()
            process.wait()
            end_all(folder, known)  # whoever still holds the other end of the pipe, too
            process.stderr.close()


@contextmanager
def here(
    models: str | os.PathLike,
    replicas: int = 2,
    port: int = 0,
    options: Options | None = None,
    folder: Path | None = None,
    **server: Any,
) -> Iterator[str]:
    """The same with Ray driven by this process, which must not have imported it: it reads its settings then.

    ``options`` and ``server`` are those of :func:`deployment`; ``folder`` is for Ray's files, if whoever started this
    process has made its :func:`settings`. Raises OSError when the port is taken or there is no such folder of models,
    ValueError when there is none in it, and RuntimeError when the replicas do not start.
    """
    require()
    if not Repository(models).names():
        raise ValueError(f"There is no model in {os.fspath(models)!r}: they lie as NAME/VERSION/model.onnx.")
    address = free_address(port)
    with workplace(folder) as place:
        if folder is None:
            os.environ.update(settings(place))
        start_ray(max(replicas, cores()), place)
        try:
            serve_here(address, deployment(models, replicas, options, **server))
            yield address
        finally:
            known = family(place)
            end_ray()
            end_all(place, known)


def serve_here(address: str, application: Application) -> None:
    """Serve at ``address``; return when it can be asked. Raises RuntimeError when that does not come about."""
    from ray import serve

    quiet = {"enable_access_log": False, "log_level": "ERROR"}
    logging.getLogger("ray.serve").addFilter(lambda record: record.levelno >= logging.ERROR)  # it sets levels itself
    serve.start(http_options={"host": "127.0.0.1", "port": urlsplit(address).port}, logging_config=quiet)
    serve.run(application, name=NAME, logging_config=quiet)
    wait_for(f"{address}/v2/health/ready")


def end_ray() -> None:
    """Let replicas finish what they accepted, and end all of Ray."""
    import ray
    from ray import serve

    with contextlib.redirect_stdout(io.StringIO()):  # it tells that its parts were ended
        with contextlib.suppress(Exception):  # it may not have come so far
            serve.delete(NAME)  # lets replicas finish; what follows would cut the connections
        serve.shutdown()
        ray.shutdown()


def start_ray(processors: int, folder: Path) -> None:
    """Start Ray with so many processors to reserve, a number that it counts with.

    Raises RuntimeError when it does not start. Its parts give each other 15 s, which on a busy machine may pass while
    they are read from the disk for the first time: then they are started once more.
    """
    import ray

    for attempt in (1, 2):
        try:
            ray.init(
                "local",  # a cluster of its own, whatever RAY_ADDRESS says
                num_cpus=processors,
                object_store_memory=STORE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                _temp_dir=str(folder),
            )
            return
        except Exception as error:  # Ray has no class of its own for it
            ray.shutdown()
            if attempt == 2:
                reason = " ".join(str(error).split())[:300]
                raise RuntimeError(f"Ray did not start. Is the machine busy, or short of memory? {reason}") from error


def free_address(port: int) -> str:
    """The URL of a port of 127.0.0.1 that nobody listens on, of any when it is 0. Raises OSError when it is taken.

    That is told now: Ray would take long to.
    """
    with listen.claim("127.0.0.1", port) as bound:
        return listen.url(bound)


def wait_for(url: str) -> None:
    """Return once ``url`` answers with success. Raises RuntimeError when that takes more than two minutes."""
    limit = time.monotonic() + START
    while time.monotonic() < limit:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{url} has not answered for {START} s.")


def settings(folder: Path) -> dict[str, str]:
    """Environment variables of all Ray's processes: files below ``folder``, this machine alone, nothing reported."""
    return {
        "RAY_TMPDIR": str(folder),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",  # who reaches Ray's ports can run code: only its own processes may
        "RAY_AUTH_TOKEN": secrets.token_hex(32),  # or it would keep one in the home folder
        NOT_A_CLUSTER: "0",  # on every system: its processes meet, and listen, at 127.0.0.1
        "RAY_SERVE_LOG_TO_STDERR": "0",
    }


@contextmanager
def workplace(folder: Path | None = None) -> Iterator[Path]:
    """A folder for Ray's files, or this one. At the exit, what still runs with its settings is ended; it is removed."""
    if folder is None:
        parent = tempfile.gettempdir()
        folder = Path(tempfile.mkdtemp(prefix="ray-", dir=parent if len(parent) < LONGEST else "/tmp"))
    try:
        yield folder
    finally:
        end_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


def family(folder: Path) -> set[psutil.Process]:
    """The processes that were started with the :func:`settings` of ``folder``, and those below them, but for this one.

    Some of Ray's overwrite their environment, and so are known by their parents alone: look while these live.
    """
    found = {process for process in psutil.process_iter() if belongs(process, folder)}
    for process in list(found):
        with contextlib.suppress(psutil.Error):
            found.update(process.children(recursive=True))
    return {process for process in found if process.pid != os.getpid()}


def end_all(folder: Path, known: Iterable[psutil.Process] = ()) -> None:
    """Kill the :func:`family` of ``folder`` and those ``known`` to be of it, if they run; wait until they are gone."""
    left = family(folder).union(known)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, 10)


def belongs(process: psutil.Process, folder: Path) -> bool:
    """Whether a process was started with the :func:`settings` of ``folder``; False for one we may not look at."""
    try:
        return process.environ().get("RAY_TMPDIR") == str(folder)
    except (psutil.Error, OSError):
        return False
