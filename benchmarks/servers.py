"""What the benchmarks of servers share: the peers' environments, and one server on a core of its own.

The peers come from their PyPI packages, each in an environment of its own under ``build/peers``. A server has one core
for itself and all its processes; whatever puts load on it has another.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
ENVIRONMENTS = ROOT / "build" / "peers"
OWN = "modelserving"
PATIENCE = 90  # s until a server answers rightly
_PR_SET_CHILD_SUBREAPER = 36

_ENGINE = ("onnxruntime", "numpy")
PACKAGES = {  # what is installed for each peer; the first is the one that is measured
    "Triton": ("nvidia-pytriton==0.7.0", "onnxruntime", "numpy<2"),
    "FastAPI": ("fastapi", "uvicorn[standard]", *_ENGINE),
    "MLServer": ("mlserver==1.7.1", "uvloop<0.22", *_ENGINE),
    "KServe": ("kserve==0.21.0", *_ENGINE),
    "LitServe": ("litserve==0.2.19", *_ENGINE),
    "BentoML": ("bentoml==1.4.39", *_ENGINE),
    "Ray Serve": ("ray[serve]==2.60.0", *_ENGINE),
}


class Problem(Exception):
    """A server that cannot be measured, in one sentence."""


@dataclass(frozen=True)
class Server:
    """How one is started, and how it is spoken to.

    ``speaks``: ``v2`` is the Open Inference Protocol; ``rows`` a JSON object ``{"rows": [[…]]}`` or, where ``binary``
    is true, raw float32 at ``/binary``. It answers with ``output``. ``peer`` is a key of :data:`PACKAGES`; without one
    it runs in this environment. ``model`` is asked for, where the protocol names one.
    """

    name: str
    command: tuple[str, ...]
    speaks: str = "v2"
    binary: bool = True
    peer: str = ""
    output: str = "probability"
    model: str = "model"

    @property
    def packages(self) -> tuple[str, ...]:
        """That its environment holds beside what they need."""
        return PACKAGES[self.peer] if self.peer else ()

    @property
    def folder(self) -> Path:
        """Its environment."""
        return ENVIRONMENTS / self.peer.lower().replace(" ", "-")


# --- the peers' environments


def environment(server: Server) -> Path:
    """The folder of ``server``'s commands, made when it is not there or holds other packages; :class:`Problem`."""
    if not server.packages:
        return Path(sys.executable).parent
    commands, stamp = server.folder / "bin", server.folder / "packages.json"
    wanted = json.dumps(server.packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return commands
    uv = [sys.executable, "-m", "uv"]
    for step in (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, server.folder],
        [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", commands / "python", *server.packages],
    ):
        done = subprocess.run(list(map(str, step)), capture_output=True, text=True)
        if done.returncode:
            raise Problem(f"{server.name} cannot be installed: {' '.join(done.stderr.split())[-300:]}")
    stamp.write_text(wanted)
    return commands


def version(server: Server, package: str = "") -> str:
    """Of the package that is measured; of this course's for what runs in its environment, unless it is named."""
    package = package or (server.packages[0].split("=")[0].split("[")[0] if server.peer else "modelserving-course")
    ask = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([environment(server) / "python", "-c", ask], capture_output=True, text=True)
    return f"{package} {done.stdout.strip()}"


# --- one server, running


@functools.cache  # a benchmark may bind itself to one of them
def cores() -> tuple[int, int]:
    """One for the server, one for the client."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("This needs two cores, one for the server and one for the client.")
    return allowed[0], allowed[-1]


def on_server_core() -> None:
    """Bind this process, about to become a server, to the server's core."""
    os.sched_setaffinity(0, {cores()[0]})
    # what the server's children leave behind stays in its tree, and is counted
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass
class Running:
    """A started server."""

    server: Server
    process: subprocess.Popen
    port: int
    ready: float = 0.0  # s

    def tree(self) -> list[psutil.Process]:
        """All its processes."""
        try:
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise Problem(f"{self.server.name} ended while it was measured.") from None

    def cpu(self) -> float:
        """Seconds of user and system time so far, of ended children too."""
        used = 0.0
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                used += sum(process.cpu_times()[:4])
        return used

    def in_model(self) -> float:
        """Seconds that our server has spent in its model so far, by its own count; NaN for a peer."""
        if not self.server.name.startswith(OWN):
            return math.nan
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("modelserving_run_seconds_total{"))

    def memory(self) -> dict[str, float]:
        """MB: proportional (``pss``) and resident (``rss``), summed over processes."""
        sizes = {"pss": 0.0, "rss": 0.0}
        for process in self.tree():
            with contextlib.suppress(psutil.Error):
                found = process.memory_full_info()
                sizes = {kind: size + getattr(found, kind) / 1e6 for kind, size in sizes.items()}
        return sizes

    def request(self, rows: np.ndarray, binary: bool = False) -> tuple[str, bytes, dict[str, str]]:
        """Address, body and headers that ask it about ``rows``, float32 (n, k)."""
        url = f"http://127.0.0.1:{self.port}"
        if self.server.speaks == "rows":
            if binary:
                return f"{url}/binary", rows.tobytes(), {"Content-Type": "application/octet-stream"}
            return f"{url}/predict", json.dumps({"rows": rows.tolist()}).encode(), {"Content-Type": "application/json"}
        url += f"/v2/models/{self.server.model}/infer"
        tensor: dict[str, Any] = {"name": "input", "datatype": "FP32", "shape": list(rows.shape)}
        asked: dict[str, Any] = {"inputs": [tensor], "outputs": [{"name": self.server.output}]}
        if not binary:
            tensor["data"] = rows.ravel().tolist()
            return url, json.dumps(asked).encode(), {"Content-Type": "application/json"}
        tensor["parameters"] = {"binary_data_size": rows.nbytes}
        asked["parameters"] = {"binary_data_output": True}
        asked["outputs"][0]["parameters"] = {"binary_data": True}
        head = json.dumps(asked).encode()
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
        return url, head + rows.tobytes(), headers

    def answer(self, rows: np.ndarray, binary: bool = False, columns: int = 2) -> np.ndarray:
        """Its output, float32 (n, ``columns``); OSError or ValueError when it gives none."""
        url, body, headers = self.request(rows, binary)
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as response:
            raw = response.read()
            length = response.headers.get("Inference-Header-Content-Length")
        if binary:
            return np.frombuffer(raw[int(length or 0) :], np.float32).reshape(-1, columns)
        found = json.loads(raw)
        if self.server.speaks == "v2":
            found = next(output["data"] for output in found["outputs"] if output["name"] == self.server.output)
        elif isinstance(found, dict):
            found = found[self.server.output]
        return np.array(found, np.float32).reshape(-1, columns)

    def check(self, rows: np.ndarray, expected: np.ndarray | None, binary: bool = False) -> None:
        """:class:`Problem` unless it answers ``rows`` with ``expected``; None for what does not look at its input."""
        try:
            got = self.answer(rows, binary, 2 if expected is None else expected.shape[1])
        except (OSError, ValueError, KeyError, StopIteration) as error:
            raise Problem(f"{self.server.name} does not answer: {error!r}") from error
        if expected is not None and (got.shape != expected.shape or np.abs(got - expected).max() > 1e-3):
            raise Problem(f"{self.server.name} answers {got[:1].tolist()} in place of {expected[:1].tolist()}.")


@contextlib.contextmanager
def running(
    server: Server,
    row: np.ndarray,
    expected: np.ndarray | None,
    folder: Path,
    places: Mapping[str, str],
) -> Iterator[Running]:
    """Start ``server``, wait for its first right answer to ``row``, end it and all that it started.

    ``places`` are put in place of words of its command, as is ``PORT``, and into its environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = dict(places) | {"PORT": str(port)}
    program, *arguments = (words.get(word, word) for word in server.command)
    log = folder / "server.log"
    # written to, if at all, here: not to the home folder
    extra = dict(places) | {"HOME": str(folder), "TMPDIR": str(folder), "ORT_DISABLE_TELEMETRY": "1"}
    extra |= {"BENTOML_DO_NOT_TRACK": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("w") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [environment(server) / program, *arguments],
            cwd=folder,
            env=os.environ | extra,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=on_server_core,
            start_new_session=True,
        )
    started = Running(server, process, port)
    try:
        while True:
            try:
                started.check(row, expected)
                break
            except Problem as problem:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                if process.poll() is not None:
                    raise Problem(f"{server.name} ended before it answered: {''.join(last)[-300:]}") from None
                if time.perf_counter() - began > PATIENCE:
                    raise Problem(f"{problem} ({PATIENCE} s; {''.join(last)[-300:]})") from None
                time.sleep(0.01)
        started.ready = time.perf_counter() - began
        yield started
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    """End a process and everything below it."""
    try:
        tree = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        tree = []
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    process.kill()
    process.wait()
    for child in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(tree, 5)
