"""The command ``modelserving``: serve models (lesson 03), by several processes (08), measure (04) and monitor (06)."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelserving import load_command, monitor_command, scale_command
from modelserving.arguments import count, seconds, size

if TYPE_CHECKING:
    from modelserving.server import Server

MIB = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status: 0, or 2 with a sentence on stderr that says why it could not."""
    parsed = parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (OSError, ValueError) as error:
        print(f"modelserving: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """What can be typed."""
    root = argparse.ArgumentParser(prog="modelserving", description="Serve models, measure and monitor servers.")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the models of a folder", description=serve_folder.__doc__)
    serve.set_defaults(run=serve_folder)
    add = serve.add_argument
    add("models", metavar="MODELS_DIR", nargs="?", help="the folder, laid out as NAME/VERSION/model.onnx")
    add("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 for all (default: %(default)s)")
    add("--port", default=8000, type=int, help="the port to listen on; 0 for any free one (default: %(default)s)")
    where = serve.add_mutually_exclusive_group()
    where.add_argument(
        "--inline",
        action="store_true",
        help="run all models in the event loop, not only what takes under a millisecond",
    )
    where.add_argument("--threaded", action="store_true", help="run all models in threads, however small they are")
    add("--threads", default=1, type=count, help="threads inside one operation of a model (default: %(default)s)")
    add("--instances", default=1, type=count, help="batches of one model in threads at once (default: %(default)s)")
    add("--slots", type=count, help="batches of all models in threads at once (default: as many as there are cores)")
    add("--batch-rows", default=1024, type=count, help="most rows run together (default: %(default)s)")
    add("--queue-rows", default=16384, type=count, help="most rows waiting, for each model (default: %(default)s)")
    add("--max-wait", default=0.0, type=seconds, metavar="S", help="a batch that is not full waits (default: 0 s)")
    add("--deadline", type=seconds, metavar="S", help="seconds that a request has; it is refused rather than late")
    add("--most-models", type=count, metavar="N", help="models loaded at a time; others are loaded when asked for")
    add(
        "--memory",
        type=size,
        metavar="SIZE",
        help="what loaded models may take together, such as 64MB",
    )
    add("--load-wait", default=10.0, type=seconds, metavar="S", help="longest wait for a model to be loaded (10 s)")
    add("--pin", action="append", default=[], metavar="NAME", help="a model that stays loaded; may be given repeatedly")
    add("--max-body", default=64, type=count, metavar="MIB", help="largest request, in MiB (default: %(default)s)")
    add("--max-tensor", default=64, type=count, metavar="MIB", help="largest input, in MiB (default: %(default)s)")
    add("--log", metavar="FILE", help="keep each prediction here before it is answered, and labels that come later")
    add("--stub", action="append", default=[], metavar="JSON", help=argparse.SUPPRESS)  # a StubModel, for lessons
    add("--leashed", action="store_true", help=argparse.SUPPRESS)  # end when standard input does
    load_command.add(commands)
    monitor_command.add(commands)
    scale_command.add(commands)
    return root


def serve_folder(parsed: argparse.Namespace) -> int:
    """Serve every model under MODELS_DIR until interrupted (Ctrl+C) or terminated; then finish what was accepted."""
    started = time.perf_counter()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, finish)
    if not 0 <= parsed.port < 65536:
        raise ValueError(f"a port is a number from 0 to 65535, not {parsed.port}")
    if not parsed.models and not parsed.stub:
        raise ValueError("which models? Name the folder that they lie in: modelserving serve MODELS_DIR")

    # Imported here, so that --help and mistakes do not wait for onnxruntime.
    from modelserving import listen
    from modelserving.batching import SHORT
    from modelserving.fleet import Budget
    from modelserving.interpreter import Options
    from modelserving.protocol import Limits
    from modelserving.repository import Repository
    from modelserving.server import Server
    from modelserving.store import Store
    from modelserving.stubs import StubModel

    store = Store(parsed.log) if parsed.log else None
    limited = parsed.most_models or parsed.memory
    budget = Budget(parsed.most_models, parsed.memory, parsed.load_wait) if limited else None
    repository = Repository(parsed.models, Options(threads=parsed.threads), budget=budget, pinned=parsed.pin)
    for text in parsed.stub:
        repository.add(StubModel(**json.loads(text)))
    server = Server(
        repository,
        limits=Limits(body=parsed.max_body * MIB, tensor=parsed.max_tensor * MIB),
        inline=parsed.inline or (0.0 if parsed.threaded else SHORT),
        batch_rows=parsed.batch_rows,
        queue_rows=parsed.queue_rows,
        max_wait=parsed.max_wait,
        deadline=parsed.deadline,
        instances=parsed.instances,
        slots=parsed.slots,
        store=store,
    )
    bound = listen.claim(parsed.host, parsed.port)
    server.on_started = lambda: announce(server, listen.url(bound), time.perf_counter() - started)
    if parsed.leashed:
        threading.Thread(target=end_with_input, daemon=True).start()
    try:
        listen.serve(server, bound)
    finally:
        if store:
            store.close()
    return 0


def end_with_input() -> None:
    """Wait until standard input ends, since whoever started us is gone or wants us to; then end as by Ctrl+C."""
    while os.read(0, 1024):
        pass
    signal.raise_signal(signal.SIGINT)


def finish(*_: object) -> None:
    """End with status 0. uvicorn catches signals, finishes what it accepted, and then passes them on to here."""
    raise SystemExit(0)


def announce(server: Server, url: str, seconds: float) -> None:
    """Say on stderr what is served, and what could not be loaded."""
    gc.freeze()  # models and modules stay: the collector need not look at them again and again
    gc.set_threshold(5_000, 10)  # many requests at once are much that is new, and none of it garbage yet
    for message in server.failed.values():
        print(message, file=sys.stderr)
    ready = server.repository.ready()
    names = ", ".join(f"{name} {'/'.join(versions)}" for name, versions in ready.items()) or "no model"
    if fleet := server.repository.fleet:
        names = (
            f"{len(server.repository.names())} models, within {fleet.budget}; loaded: {', '.join(ready) or 'none yet'},"
        )
    print(f"Serving {names} at {url}/v2, ready after {seconds:.2f} s. Ctrl+C stops.", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
