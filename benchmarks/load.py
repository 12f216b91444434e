"""Time load generators side by side, in one run, on servers whose latency is known: ``make bench``.

**Accuracy.** The stub (``stub_server.py``) answers each request 2 ms after it came. Then the same, but it stands still
for 200 ms after every 2 s of work. Who asks at random moments meets the freeze 1 time in 11, and waits for what is left
of it: the true 99th percentile is 2 ms and the 178 ms that 1 user in 100 waits or more. How near does each client come?

**Overhead.** The stub answers at once, on a core of its own; the client has another. 32 connections each ask as fast as
they can. *CPU* is user and system time of the client, by request, without its start: the sturdiest column.

**Honesty.** Beside a process that wants the client's core as well, this course's client is late with half of what it
can send alone. Its figures are worth nothing then, and it must say so.

``wrk`` is a closed loop that corrects its percentiles afterwards; ``hey`` and ``h2load`` are closed loops that do not.
LoadGen (``mlcommons-loadgen``) keeps time in C++ and is answered by this course's blocking client in Python threads.
Those that are not installed are left out. Medians over rounds; failures are told and never counted as throughput.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import caution, described, keep, machine
from tqdm import tqdm

from modelserving import load, loadgen

STUB = Path(__file__).with_name("stub_server.py")
SERVICE, FREEZE, EVERY = 0.002, 0.2, 2.0  # s
RATE = 400  # requests/s of the open loops
CONNECTIONS = 32
BODY = b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}'
OWN = "modelserving load"


def true_p99(freeze: float, every: float) -> float:
    """What 1 in 100 of those who ask at random moments wait at least, in s: what is left of the freeze, and service."""
    period = every + freeze
    return SERVICE + max(0.0, freeze - 0.01 * period) if freeze else SERVICE


def cores() -> tuple[int, int]:
    """One for the server, one for the client."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("This needs two cores, one for the server and one for the client.")
    return allowed[0], allowed[-1]


@contextmanager
def stub(core: int, service: float, freeze: float = 0.0, every: float = 0.0) -> Iterator[str]:
    """The stub on its core; its URL."""
    process = subprocess.Popen(
        [sys.executable, STUB, *map(str, (service, freeze, every))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
    finally:
        process.kill()
        process.wait()


@contextmanager
def neighbour(core: int) -> Iterator[None]:
    """A process that takes half of a core, or what the system leaves it."""
    process = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


# --- the clients: each gives {"p50", "p99"} in s, "requests_s", "cpu_us" a request, "failures", "void"


@dataclass(frozen=True)
class Client:
    """One load generator: how it measures a URL for so many seconds, as fast as it can or at ``RATE``."""

    name: str
    kind: str
    measure: Callable[[str, float], dict]
    fast: Callable[[str, float], dict] | None = None
    program: str = ""


def own(url: str, seconds: float, **loop: float | str) -> dict:
    """This course's, open at ``rate`` or closed with ``clients``."""
    result = load.measure(url, BODY, seconds=seconds, timeout=5.0, warm_up=0.0, **loop)
    count = len(result.latency)
    return {
        "p50": result.percentile(50),
        "p99": result.percentile(99) if count >= 1000 else None,
        "requests_s": result.throughput,
        "cpu_us": 1e6 * result.cpu / count,
        "failures": result.failures.total(),
        "void": result.client_bound,
        "lateness_p99": load.percentile(result.lateness, 99) if count >= 1000 else None,
    }


def used() -> float:
    """Seconds of CPU of children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def program(command: list[str]) -> tuple[str, float]:
    """What it prints, and the CPU seconds that it took."""
    before = used()
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout, used() - before


_WRK = """
wrk.method, wrk.body = "POST", BODY
wrk.headers["Content-Type"] = "application/json"
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"us": %d, "requests": %d, "failures": %d, "p50": %f, "p99": %f}\\n',
    summary.duration, summary.requests, e.status + e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def wrk(url: str, seconds: float, connections: int = 8) -> dict:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_WRK.replace("BODY", f"'{BODY.decode()}'"))
        script.flush()
        command = ["wrk", f"-d{round(seconds)}", "-t1", f"-c{connections}", "--timeout=5s", "-s", script.name, url]
        text, cpu = program(command)
    found = json.loads(text.strip().splitlines()[-1])
    return {
        "p50": found["p50"] / 1e6,
        "p99": found["p99"] / 1e6,
        "requests_s": found["requests"] / found["us"] * 1e6,
        "cpu_us": 1e6 * cpu / found["requests"],
        "failures": found["failures"],
    }


def hey(url: str, seconds: float, connections: int = 8, rate: float | None = RATE) -> dict:
    paced = ["-q", str(rate / connections)] if rate else []
    command = ["hey", "-z", f"{seconds:g}s", "-c", str(connections), *paced, "-cpus", "1", "-m", "POST"]
    text, cpu = program([*command, "-T", "application/json", "-d", BODY.decode(), url])
    good = sum(int(n) for n in re.findall(r"\[2\d\d\]\s+(\d+) responses", text))
    every = sum(int(n) for n in re.findall(r"\[\d+\]\s+(\d+) (?:responses|\S)", text))
    quantiles = {q: float(s) for q, s in re.findall(r"(\d+)%+ in ([\d.]+) secs", text)}
    return {
        "p50": quantiles.get("50"),
        "p99": quantiles.get("99"),
        "requests_s": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        "cpu_us": 1e6 * cpu / good,
        "failures": every - good,
    }


def h2load(url: str, seconds: float, connections: int = 8, rate: float | None = RATE) -> dict:
    seconds = round(seconds)  # it takes whole ones alone
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(BODY)
        paced = ["--rps", str(rate / connections)] if rate else []
        command = ["h2load", "--h1", "-D", str(seconds), "-c", str(connections), "-t", "1", *paced]
        _, cpu = program([*command, "-d", str(body), "-H", "content-type: application/json", f"--log-file={log}", url])
        with log.open() as lines:
            rows = [(int(status), int(us)) for _, status, us in csv.reader(lines, delimiter="\t")]
    took = np.array([us for status, us in rows if status == 200]) / 1e6
    return {
        "p50": float(np.percentile(took, 50)),
        "p99": float(np.percentile(took, 99)),
        "requests_s": len(took) / seconds,
        "cpu_us": 1e6 * cpu / len(took),
        "failures": len(rows) - len(took),
    }


def mlperf(url: str, seconds: float, scenario: str) -> dict:
    """LoadGen, in this process; its CPU time is this process's."""
    began = time.process_time()
    if scenario == "Server":
        summary = loadgen.server(url, [BODY], rate=RATE, bound=1.0, seconds=seconds, workers=CONNECTIONS)
    elif scenario == "SingleStream":
        summary = loadgen.single_stream(url, [BODY], seconds=seconds)
    else:
        summary = loadgen.offline(url, [BODY], seconds=seconds)
    return {
        "p50": summary.percentiles[50.0],
        "p99": summary.percentiles[99.0],
        "requests_s": summary.rate,
        "cpu_us": 1e6 * (time.process_time() - began) / summary.queries,
        "failures": summary.failed,
    }


CLIENTS = (
    Client(
        OWN,
        f"open, Poisson, {RATE}/s",
        lambda url, seconds: own(url, seconds, rate=RATE),
        lambda url, seconds: own(url, seconds, clients=CONNECTIONS),
    ),
    Client(f"{OWN} --arrivals constant", f"open, {RATE}/s", lambda u, s: own(u, s, rate=RATE, arrivals="constant")),
    Client(f"{OWN} --clients 8", "closed, 8", lambda u, s: own(u, s, clients=8)),
    Client("LoadGen Server", f"open, Poisson, {RATE}/s", lambda u, s: mlperf(u, s, "Server")),
    Client(
        "LoadGen SingleStream",
        "closed, 1",
        lambda u, s: mlperf(u, s, "SingleStream"),
        lambda u, s: mlperf(u, min(s, 2), "Offline"),
    ),
    Client("wrk", "closed, 8, corrected", wrk, lambda u, s: wrk(u, s, CONNECTIONS), "wrk"),
    Client("hey", f"closed, 8, paced to {RATE}/s", hey, lambda u, s: hey(u, s, CONNECTIONS, None), "hey"),
    Client("h2load", f"closed, 8, paced to {RATE}/s", h2load, lambda u, s: h2load(u, s, CONNECTIONS, None), "h2load"),
)


# --- all of it


def median(found: list[dict], figure: str) -> float | None:
    values = [one[figure] for one in found if one.get(figure) is not None]
    return statistics.median(values) if values else None


def run(options: argparse.Namespace) -> dict:
    """Every client on every server, in rounds."""
    about = machine()
    server_core, client_core = cores()
    os.sched_setaffinity(0, {client_core})
    clients = [client for client in CLIENTS if not client.program or shutil.which(client.program)]
    servers = {"steady": (SERVICE, 0.0, 0.0), "freezing": (SERVICE, FREEZE, EVERY), "fast": (0.0, 0.0, 0.0)}
    found = {name: {client.name: [] for client in clients} for name in servers}
    turns = [(name, client) for _ in range(options.repeats) for name in servers for client in clients]
    for name, client in (bar := tqdm(turns, disable=None)):
        measure = client.fast if name == "fast" else client.measure
        if measure is None:
            continue
        bar.set_description(f"{client.name}, {name}")
        with stub(server_core, *servers[name]) as url:
            found[name][client.name].append(
                measure(url, options.seconds if name == "freezing" else options.seconds / 2)
            )
    with stub(server_core, 0.0) as url, neighbour(client_core):
        crowded = own(url, 2.0, rate=median(found["fast"][OWN], "requests_s") / 2)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": about,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "left_out": [client.name for client in CLIENTS if client not in clients],
        "found": found,
        "crowded": crowded,
    }


# --- what is written


def ms(value: float | None) -> str:
    return "" if value is None else f"{1e3 * value:,.3g}"


def table(results: dict) -> str:
    """The results as Markdown."""
    found, truth = results["found"], true_p99(FREEZE, EVERY)
    lines = [
        "# Load generators, side by side",
        "",
        described(results["date"], results["machine"]),
        "Written by `make bench`; `benchmarks/load.py` says what was run. One core for the stub server, one for the "
        f"client; medians of {results['repeats']} rounds of {results['seconds']:g} s.",
        "",
        f"## Accuracy: an answer takes {1e3 * SERVICE:g} ms; {1e3 * FREEZE:g} ms of freeze after every {EVERY:g} s",
        "",
        f"| client | kind | p50 ms (true {1e3 * SERVICE:g}) | p99 ms (true {1e3 * SERVICE:g}) | with freeze: p50 ms "
        f"| p99 ms (true {ms(truth)}) | p99 by true | failures |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    kinds = {client.name: client.kind for client in CLIENTS}
    for name, steady in found["steady"].items():
        freezing = found["freezing"][name]
        p99 = median(freezing, "p99")
        figures = [ms(median(steady, q)) for q in ("p50", "p99")] + [ms(median(freezing, "p50")), ms(p99)]
        failures = sum(one["failures"] for one in [*steady, *freezing])
        lines.append(f"| {name} | {kinds[name]} | {' | '.join(figures)} | {p99 / truth:.2f} | {failures} |")
    lines += [
        "",
        f"## Overhead: {CONNECTIONS} connections, as fast as they go, on one core each",
        "",
        "| client | requests/s | CPU µs a request | requests/s that a core of CPU would do | p50 ms | p99 ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, fast in found["fast"].items():
        if fast:
            cpu = median(fast, "cpu_us")
            rates = f"{median(fast, 'requests_s'):,.0f} | {cpu:.1f} | {1e6 / cpu:,.0f}"
            lines.append(f"| {_fast_name(name)} | {rates} | {ms(median(fast, 'p50'))} | {ms(median(fast, 'p99'))} |")
    lines += ["", *(f"- {one}" for one in held_to(results))]
    lines += [f"- Not installed, and so left out: {name}." for name in results["left_out"]]
    lines[3:3] = caution(results["machine"], "of these numbers only CPU a request means something.")
    return "\n".join(lines) + "\n"


def _fast_name(name: str) -> str:
    return {OWN: f"{OWN} --clients {CONNECTIONS}", "LoadGen SingleStream": "LoadGen Offline, 1 connection"}.get(
        name, name
    )


def held_to(results: dict) -> Iterator[str]:
    """What this course's client is held to, and whether it holds."""
    found, truth = results["found"], true_p99(FREEZE, EVERY)
    p99 = median(found["freezing"][OWN], "p99")
    off = abs(p99 / truth - 1)
    yield f"`{OWN}` {'reaches' if off < 0.05 else 'FALLS SHORT of'} a p99 within 5 % of the true one: {off:.1%} off."
    over = median(found["steady"][OWN], "p50") - SERVICE
    verdict = "reaches" if over < 5e-4 else "FALLS SHORT of"
    yield f"`{OWN}` {verdict} a p50 less than 0.5 ms above the service time: {1e3 * over:.2f} ms."
    cpu = median(found["fast"][OWN], "cpu_us")
    yield f"`{OWN}` {'reaches' if cpu < 50 else 'FALLS SHORT of'} less than 50 µs of CPU a request: {cpu:.1f} µs."
    void = [one["void"] for name in ("steady", "freezing") for one in found[name][OWN] if one["void"]]
    yield f"`{OWN}` called {len(void)} of these runs void" + (f": {void[0]}" if void else ".")
    said = results["crowded"]["void"]
    verdict = "reaches" if said else "FALLS SHORT of"
    yield f"`{OWN}` {verdict} saying so when a neighbour wants its core as well: {said or 'nothing was said'}"


def main() -> None:
    """Measure, print the tables and write them with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=11.0, help="of each measurement with the freeze; half of others"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--name", default="load", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    if sys.platform != "linux":
        raise SystemExit("This pins client and server to a core each, which needs Linux.")
    results = run(options)
    keep(options.name, results, table(results))


if __name__ == "__main__":
    main()
