"""Time a fleet: 72 models, room for 16, beside MLServer's multi-model repository: ``python benchmarks/fleet.py``.

A model for each destination (`modelserving.destinations`), an MLP of 64-64 that one row in JSON is asked of. Requests
come in the order in which the flights of 2013 were scheduled, so that the mix of models is the flights' own. As many
clients as there are connections each wait for an answer before they send the next request. One core for the server,
another for the clients, which are the same program for all; every answer is compared with what the model gives.

MLServer serves many models and has no budget. What holds it to as many is the client: it keeps the least recently used
order, by the same rules as our fleet does in the server, and asks for ``unload`` and ``load`` through MLServer's
repository API, an unload before the load that needs its room. Each pair is also measured with all 72 models loaded,
where no loads enter.

A server is started afresh for each round; rounds go through all servers. A round begins with requests that are not
counted, so that the fleet is full. *Miss* is the share of requests that did not find their model loaded, *CPU* user and
system time of the server by request, *memory* proportional set size after the load. Failures are statuses of 400 and
above, broken connections and wrong answers; they never count as requests.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
import uvloop
from machine import caution, described, keep, machine
from servers import OWN, PEERS, Problem, Running, Server, cores, running, version
from tqdm import tqdm

from modelserving import datasets, models
from modelserving.destinations import COUNT, destination_mix, fleet_of
from modelserving.fleet import misses

ROOM = 16
CLOSE = 1e-3  # between two computations of one probability
TARGET = 5  # times MLServer's requests/s at equal budget


# --- servers


def _own(name: str, first: str, *options: str) -> Server:
    return Server(name, (OWN, "serve", "MODELS", "--port", "PORT", *options), model=first)


def _mlserver(name: str, first: str, loaded: str) -> Server:
    command = ("python", str(PEERS / "with_mlserver_fleet.py"), "MODELS", "PORT", loaded)
    return Server(name, command, peer="MLServer", binary=False, model=first)


@dataclass(frozen=True)
class Case:
    """A server, and whether the client keeps its budget."""

    server: Server
    budget: int | None = None
    kept_by: str = ""


def cases(first: str, room: int) -> list[Case]:
    """What is compared: equal budgets, then all models loaded."""
    return [
        Case(_own(f"{OWN}, {room} loaded", first, "--most-models", str(room)), room, "server"),
        Case(_mlserver(f"MLServer, {room} loaded", first, first), room, "client"),
        Case(_own(f"{OWN}, all loaded", first)),
        Case(_mlserver("MLServer, all loaded", first, "all")),
    ]


def write_settings(folder: Path, names: Sequence[str]) -> None:
    """What MLServer wants beside each model's file."""
    for name in names:
        about = {
            "name": name,
            "implementation": "mlserver_fleet_model.Predict",
            "parameters": {"uri": str(folder / name / "1" / "model.onnx"), "version": "1"},
        }
        (folder / name / "model-settings.json").write_text(json.dumps(about))


# --- clients


class Connection(asyncio.Protocol):
    """One connection, one request at a time; as little work for each as Python allows."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiter: asyncio.Future | None = None
        self.parts = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter and not self.waiter.done():
            self.waiter.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self.parts += data
        end = self.parts.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.parts[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.parts) >= end + 4 + length and self.waiter and not self.waiter.done():
            self.waiter.set_result((int(head[9:12]), self.parts[end + 4 : end + 4 + length]))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self.parts, self.waiter = b"", asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.waiter


async def connect(port: int) -> Connection:
    return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]


def post(path: str, body: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(eq=False)
class Place:
    """A model that the keeper has loaded, or is having loaded."""

    task: asyncio.Task | None = None
    uses: int = 0


class Keeper:
    """Holds a server to ``room`` models from outside, by its repository API, as our fleet does inside.

    A model in use stays; of the others the one whose last request ended longest ago leaves. Requests for a model on its
    way wait for the same load.
    """

    def __init__(self, port: int, room: int, loaded: Sequence[str]) -> None:
        self.port, self.room = port, room
        self.places: OrderedDict[str, Place] = OrderedDict((name, Place()) for name in loaded)
        self.requests = self.hits = 0
        self.freed = asyncio.Event()

    @asynccontextmanager
    async def use(self, name: str) -> Any:
        """The model is loaded as long as this lasts."""
        place = self.places.get(name)
        self.requests += 1
        if place is None:
            place = self.places[name] = Place()
            place.task = asyncio.ensure_future(self.bring(name, place))
        elif place.task is None:
            self.hits += 1
        place.uses += 1
        try:
            if place.task is not None:
                await asyncio.shield(place.task)
            yield
        finally:
            place.uses -= 1
            if name in self.places:
                self.places.move_to_end(name)
            self.freed.set()

    async def bring(self, name: str, place: Place) -> None:
        connection = await connect(self.port)
        try:
            while len(self.places) > self.room:
                idle = [name for name, other in self.places.items() if not other.uses and other.task is None]
                if idle:
                    del self.places[idle[0]]
                    await self.command(connection, idle[0], "unload")
                else:
                    self.freed.clear()
                    await self.freed.wait()
            await self.command(connection, name, "load")
            place.task = None
        except BaseException:
            self.places.pop(name, None)
            raise
        finally:
            connection.transport.close()

    async def command(self, connection: Connection, name: str, what: str) -> None:
        status, body = await connection.ask(post(f"/v2/repository/models/{name}/{what}"))
        if status != 200:
            raise Problem(f"{what} of {name}: {status} {body[:200]!r}")


class Everything:
    """In place of a keeper, where the server keeps its own budget or has none."""

    @asynccontextmanager
    async def use(self, name: str) -> Any:
        yield


@dataclass
class Load:
    """What clients saw."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # s, of right answers
    failures: int = 0
    problem: str = ""  # the first of them


async def drive(
    port: int,
    names: Iterator[str],
    requests: dict[str, bytes],
    expected: dict[str, np.ndarray],
    connections: int,
    seconds: float,
    keeper: Keeper | Everything,
) -> Load:
    """Send requests for ``names`` in order, over so many connections, for so long."""
    found, began = Load(), time.perf_counter()
    end = began + seconds

    async def client() -> None:
        connection = await connect(port)
        while (sent := time.perf_counter()) < end:
            name = next(names)
            try:
                async with keeper.use(name):
                    status, body = await connection.ask(requests[name])
                took = time.perf_counter() - sent
                problem = f"{status} {body[:200]!r}" if status != 200 else wrong(body, name, expected[name])
            except (OSError, Problem) as error:
                problem = repr(error)
                connection = await connect(port)
            if problem:
                found.failures += 1
                found.problem = found.problem or problem
            else:
                found.latencies.append(took)
        connection.transport.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    found.seconds = time.perf_counter() - began
    return found


def wrong(body: bytes, name: str, expected: np.ndarray) -> str:
    """What is wrong with an answer; empty if nothing is."""
    answer = orjson.loads(body)
    data = next(output["data"] for output in answer["outputs"] if output["name"] == "probability")
    got = np.ravel(data)
    if answer["model_name"] != name or got.shape != expected.shape or np.abs(got - expected).max() > CLOSE:
        return f"{name} answered as {answer['model_name']}: {got[:2]} in place of {expected[:2]}"
    return ""


# --- a round


def request_of(name: str, row: np.ndarray) -> bytes:
    tensor = {"name": "input", "datatype": "FP32", "shape": list(row.shape), "data": row.ravel().tolist()}
    body = json.dumps({"inputs": [tensor], "outputs": [{"name": "probability"}]}).encode()
    return post(f"/v2/models/{name}/infer", body)


def counted(port: int) -> tuple[float, float]:
    """Requests that needed a model and those that found it loaded, by our server's own count."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    starts = "modelserving_model_requests_total{", "modelserving_model_hits_total{"
    return tuple(sum(float(line.split()[-1]) for line in lines if line.startswith(start)) for start in starts)


def one(
    case: Case, started: Running, mix: Sequence[str], work: dict[str, Any], first: str, options: argparse.Namespace
) -> dict:
    """Put the load on a server that has been started: figures of one round."""
    names = itertools.cycle(mix)

    async def both() -> tuple[Load, float, float]:
        keeper = Keeper(started.port, case.budget, [first]) if case.kept_by == "client" else Everything()
        arguments = started.port, names, work["requests"], work["expected"], options.connections
        await drive(*arguments, options.warm, keeper)
        cpu = started.cpu()
        before = counts(keeper)
        found = await drive(*arguments, options.seconds, keeper)
        cpu = started.cpu() - cpu
        asked, hits = (after - then for after, then in zip(counts(keeper), before, strict=True))
        return found, cpu, 1 - hits / asked if asked else 0.0

    def counts(keeper: Keeper | Everything) -> tuple[float, float]:
        if case.kept_by == "client":
            return keeper.requests, keeper.hits
        return counted(started.port) if case.kept_by == "server" else (0, 0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found, cpu, miss = runner.run(both())
    if not found.latencies:
        raise Problem(f"{case.server.name} gave no right answer: {found.problem}")
    memory = started.memory()
    return {
        "requests": len(found.latencies),
        "requests_s": round(len(found.latencies) / found.seconds, 1),
        "p50_ms": round(1e3 * float(np.percentile(found.latencies, 50)), 3),
        "p99_ms": round(1e3 * float(np.percentile(found.latencies, 99)), 3),
        "miss": round(miss, 4),
        "failures": found.failures,
        "problem": found.problem,
        "cpu_us": round(1e6 * cpu / len(found.latencies), 1),
        "core": round(cpu / found.seconds, 3),
        "pss_mb": round(memory["pss"], 1),
        "ready_s": round(started.ready, 3),
    }


def prepare(folder: Path) -> dict[str, Any]:
    """Train the fleet; the request to each model, and the answer that is right."""
    names = fleet_of(folder)
    write_settings(folder, names)
    row = np.nan_to_num(models.flight_task().X_test[:1])
    expected = {}
    for name in names:
        session = onnxruntime.InferenceSession(folder / name / "1" / "model.onnx", providers=["CPUExecutionProvider"])
        expected[name] = session.run(["probability"], {"input": row})[0].ravel()
    requests = {name: request_of(name, row) for name in names}
    return {"names": names, "row": row, "expected": expected, "requests": requests}


def measure(options: argparse.Namespace, folder: Path) -> dict:
    """Run everything; returns what is written."""
    about = machine()
    work = prepare(folder / "models")
    first = work["names"][0]
    mix = destination_mix(datasets.flights()).tolist()
    here = cases(first, options.room)
    found: dict[str, dict[str, Any]] = {}
    for case in here:
        found[case.server.name] = {
            "version": version(case.server),
            "kept_by": case.kept_by,
            "rounds": [],
            "problem": "",
        }
    os.sched_setaffinity(0, {cores()[1]})
    turns = [(number, case) for number in range(options.repeats) for case in here]
    for place, (_, case) in enumerate(bar := tqdm(turns, disable=None)):
        bar.set_description(case.server.name)
        scratch = folder / f"r{place}"
        scratch.mkdir()
        places = {"MODELS": str(folder / "models")}
        if case.server.peer:
            places["PYTHONPATH"] = str(PEERS)
        try:
            with running(case.server, work["row"], work["expected"][first].reshape(1, -1), scratch, places) as started:
                found[case.server.name]["rounds"].append(one(case, started, mix, work, first, options))
        except Problem as problem:
            found[case.server.name]["problem"] = str(problem)
            tqdm.write(str(problem), file=sys.stderr)
        shutil.rmtree(scratch, ignore_errors=True)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": about,
        "room": options.room,
        "models": COUNT,
        "connections": options.connections,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "simulated_miss": round(misses(mix[:50_000], options.room), 4),
        "servers": found,
    }


# --- what is written

FIGURES = ("requests", "requests_s", "p50_ms", "p99_ms", "miss", "failures", "cpu_us", "core", "pss_mb", "ready_s")


def table(results: dict) -> str:
    """The results as Markdown."""
    room, servers = results["room"], results["servers"]
    lines = [
        f"# A fleet of {results['models']} models, room for {room}",
        "",
        described(results["date"], results["machine"]),
        f"Written by `benchmarks/fleet.py`, which says what was run. One core for the server, one for "
        f"{results['connections']} clients that each wait for their answer; medians of {results['repeats']} rounds of "
        f"{results['seconds']:g} s; failures are summed.",
        "",
        "| server | budget kept by | requests/s | p50 ms | p99 ms | misses | failures | CPU µs a request "
        "| had of its core | memory MB (PSS) | ready s |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in servers.items():
        if not one["rounds"]:
            continue
        m = medians(one)
        lines.append(
            f"| {name} ({one['version']}) | {one['kept_by'] or 'nobody'} | {m['requests_s']:,.0f} | {m['p50_ms']:.2f} "
            f"| {m['p99_ms']:.1f} | {m['miss']:.0%} | {m['failures']:.0f} | {m['cpu_us']:,.0f} | {m['core']:.0%} "
            f"| {m['pss_mb']:.0f} | {m['ready_s']:.2f} |"
        )
    lines += [
        "",
        f"- A simulation of one client's requests by the same rule (`modelserving.fleet.misses`) misses "
        f"{results['simulated_miss']:.0%} at {room} places.",
        *compared(servers, f"{OWN}, {room} loaded", f"MLServer, {room} loaded", TARGET),
        *compared(servers, f"{OWN}, all loaded", "MLServer, all loaded"),
        "",
        "What is uneven: MLServer has no budget, so the client keeps it, and each miss costs it two more requests; its "
        "`load` reads the settings of all models in the repository before it loads one. Nobody who needs a budget "
        "with it can do without either. With all models loaded neither plays a part. Our server batches requests that "
        f"come together, MLServer's default does not; with {results['connections']} clients over {results['models']} "
        "models few do.",
    ]
    lines += [f"- Not measured: {one['problem']}" for one in servers.values() if one["problem"]]
    lines[3:3] = caution(results["machine"], "of these numbers only CPU a request means something.")
    return "\n".join(lines) + "\n"


def medians(one: dict) -> dict[str, float]:
    """Of each figure over rounds; failures are summed."""
    found = {figure: statistics.median(round[figure] for round in one["rounds"]) for figure in FIGURES}
    return found | {"failures": sum(round["failures"] for round in one["rounds"])}


def compared(servers: dict, own: str, peer: str, target: float | None = None) -> Iterator[str]:
    """Our figures beside the peer's, and whether the target is reached."""
    if not (servers[own]["rounds"] and servers[peer]["rounds"]):
        return
    mine, theirs = medians(servers[own]), medians(servers[peer])
    ratio = mine["requests_s"] / theirs["requests_s"]
    holds = "" if target is None else f" Target {target} times: {'reached' if ratio >= target else 'FALLS SHORT'}."
    yield (
        f"- {own.split(', ')[1]}: {ratio:.1f} times MLServer's requests/s at 1 / "
        f"{theirs['cpu_us'] / mine['cpu_us']:.1f} of its CPU a request; p99 {mine['p99_ms']:.1f} ms and "
        f"{theirs['p99_ms']:.1f} ms (of {mine['requests']:,.0f} and {theirs['requests']:,.0f} requests a round), "
        f"memory {mine['pss_mb']:.0f} MB and {theirs['pss_mb']:.0f} MB.{holds}"
    )


def main() -> None:
    """Measure, print the table and write it with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--warm", type=float, default=2, help="seconds of load before it, not counted")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--room", type=int, default=ROOM, help="models that may be loaded")
    parser.add_argument("--name", default="fleet", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        results = measure(options, Path(folder).resolve())
    keep(options.name, results, table(results))


if __name__ == "__main__":
    main()
