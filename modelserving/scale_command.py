"""``modelserving scale MODELS``: serve a folder of models by several processes, behind Ray Serve (lesson 08)."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from modelserving.arguments import count, seconds


def add(commands: Any) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "scale",
        help="serve the models of a folder by several processes, behind Ray Serve",
        description="Serve every model under MODELS_DIR by several processes behind Ray Serve, on this machine and to "
        "it alone, until interrupted (Ctrl+C) or terminated; then finish what was accepted. "
        "docs/scaling.md says when that pays, and what to do on a cluster.",
    )
    command.set_defaults(run=run)
    add = command.add_argument
    add("models", metavar="MODELS_DIR", help="the folder, laid out as NAME/VERSION/model.onnx")
    add("--replicas", default=2, type=count, metavar="N", help="processes with all models each (default: %(default)s)")
    add("--port", default=8000, type=int, help="the port to listen on; 0 for any free one (default: %(default)s)")
    add("--threads", default=1, type=count, help="threads inside one operation of a model (default: %(default)s)")
    add("--instances", default=1, type=count, help="batches of one model at once, in each (default: %(default)s)")
    add("--batch-rows", default=1024, type=count, help="most rows run together (default: %(default)s)")
    add("--queue-rows", default=16384, type=count, help="most rows waiting, for each model, in each process")
    add("--deadline", type=seconds, metavar="S", help="seconds that a request has; it is refused rather than late")
    add("--leashed", type=Path, help=argparse.SUPPRESS)  # end with standard input; Ray's files go there


def run(parsed: argparse.Namespace) -> int:
    """Serve. Raises OSError or ValueError, with a sentence, where that is not possible."""
    started = time.perf_counter()
    if not 0 <= parsed.port < 65536:
        raise ValueError(f"a port is a number from 0 to 65535, not {parsed.port}")

    # Imported here, so that --help does not wait for onnxruntime.
    from modelserving import scale
    from modelserving.interpreter import Options

    server = {name: getattr(parsed, name) for name in ("instances", "batch_rows", "queue_rows", "deadline")}
    try:
        scale.require()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, finish)
        with scale.here(
            parsed.models, parsed.replicas, parsed.port, Options(threads=parsed.threads), parsed.leashed, **server
        ) as url:
            signal.signal(signal.SIGTERM, finish)  # Ray has one of its own
            announce(url, parsed.replicas, time.perf_counter() - started)
            wait(bool(parsed.leashed))
    except (scale.NoRay, RuntimeError) as error:
        raise OSError(str(error)) from error
    return 0


def finish(*_: object) -> None:
    """End with status 0, by way of everything that is still to be ended."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough
    raise SystemExit(0)


def wait(leashed: bool) -> None:
    """Until a signal comes; when leashed, or standard input ends, since whoever started us is gone."""
    while os.read(0, 1024) if leashed else not time.sleep(3600):
        pass


def announce(url: str, replicas: int, seconds: float) -> None:
    """Say on stderr what is served, and what could not be loaded."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v2/repository/index", b""), timeout=30) as answer:
        index = json.load(answer)
    ready: dict[str, list[str]] = {}
    for model in index:
        if model["state"] == "READY":
            ready.setdefault(model["name"], []).append(model["version"])
        else:
            print(model["reason"], file=sys.stderr)
    names = ", ".join(f"{name} {'/'.join(versions)}" for name, versions in ready.items()) or "no model"
    many = "1 replica" if replicas == 1 else f"{replicas} replicas"
    said = f"Serving {names} by {many} at {url}/v2, ready after {seconds:.2f} s. Ctrl+C stops."
    print(said, file=sys.stderr, flush=True)
