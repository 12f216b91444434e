"""Time model servers side by side, in one run: ``make bench``.

One model, one load generator (``wrk``), one core for the server and all its processes, another for the client. Every
server runs the same ONNX file in onnxruntime on one thread and answers with probabilities: an MLP of 128-128 and 200
boosted trees, trained here on the flights of lesson 01 (13 float32 inputs). The peers come from their PyPI packages,
each in an environment of its own under ``build/peers``; ``benchmarks/peers`` says how each is set up. One that cannot
be installed or does not answer rightly is reported as such.

A server is started afresh for each model and round; rounds go through all servers, so that what else the machine does
meets them alike, and medians over rounds are reported. A measurement follows a short load that is not counted. *Ready*
is the time from the command to the first right answer. *CPU* is user and system time of the server's whole process
tree, by request: the sturdiest column, since a busy neighbour changes it least. *Memory* is proportional set size of
that tree after the load. Failures (statuses of 400 and above, broken connections, time-outs) are counted apart and
never as throughput. The *loop* is asyncio with httptools that answers a constant: what HTTP itself costs.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from machine import caution, described, keep, machine
from servers import (
    OWN,
    PEERS,
    Problem,
    Running,
    Server,
    cores,
    environment,
    on_server_core,
    running,
    version,
)
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from modelserving import models
from modelserving.export import to_onnx

BARE = "session.run"
LOOP = "bare HTTP loop"
WARM = 1  # s of load that is not counted


# --- what is measured


@dataclass(frozen=True)
class Workload:
    """``connections`` clients, each of which sends ``rows`` rows and waits for the answer."""

    model: str
    rows: int
    connections: int

    @property
    def binary(self) -> bool:
        """Whether rows travel as raw float32, where the server can."""
        return self.rows > 1

    @property
    def key(self) -> str:
        return f"{self.model}, {self.rows} rows, {self.connections} connections"


WORKLOADS = (
    Workload("mlp", 1, 1),
    Workload("mlp", 1, 8),
    Workload("mlp", 1, 64),
    Workload("mlp", 128, 8),
    Workload("trees", 1, 64),
    Workload("trees", 128, 8),
)
BUSY = WORKLOADS[2]


def _peer(name: str, script: str, **kind: Any) -> Server:
    return Server(name, ("python", str(PEERS / script), "MODEL", "PORT"), peer=name, **kind)


SERVERS = (
    Server(LOOP, ("python", str(PEERS / "with_loop.py"), "MODEL", "PORT")),
    Server(OWN, ("modelserving", "serve", "MODELS", "--port", "PORT")),
    Server(f"{OWN} --inline", ("modelserving", "serve", "MODELS", "--port", "PORT", "--inline")),
    _peer("Triton", "with_triton.py"),
    _peer("FastAPI", "with_fastapi.py", speaks="rows"),
    _peer("MLServer", "with_mlserver.py", binary=False),
    _peer("KServe", "with_kserve.py"),
    _peer("LitServe", "with_litserve.py", speaks="rows", binary=False),
    Server(
        "BentoML",
        ("bentoml", "serve", "with_bentoml:Predict", "--working-dir", str(PEERS), "--port", "PORT"),
        "rows",
        False,
        "BentoML",
    ),
    _peer("Ray Serve", "with_ray.py", speaks="rows"),
)


def make_models(folder: Path) -> dict[str, Path]:
    """Train both and write them as repositories ``folder/NAME`` with one model, ``model``; the files by name."""
    task = models.flight_task()
    X, late = np.nan_to_num(task.X_train[::10]), task.late_train[::10].astype(int)
    made = {
        "mlp": make_pipeline(StandardScaler(), MLPClassifier((128, 128), max_iter=5, random_state=0)),
        "trees": HistGradientBoostingClassifier(max_iter=200, early_stopping=False, random_state=0),
    }
    paths = {}
    for name, model in made.items():
        paths[name] = folder / name / "model" / "1" / "model.onnx"
        paths[name].parent.mkdir(parents=True)
        paths[name].write_bytes(to_onnx(model.fit(X, late), X.shape[1]))
    np.save(folder / "rows.npy", np.nan_to_num(task.X_test[:128]))
    return paths


# --- load


_WRK = """
local file = io.open({body!r}, "rb")
wrk.method, wrk.body = "POST", file:read("*a")
file:close()
{headers}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{{"us": %d, "requests": %d, "status": %d, "sockets": %d, "timeouts": %d, "p50": %f, "p99": %f}}\\n',
    summary.duration, summary.requests, e.status, e.connect + e.read + e.write, e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def load(started: Running, rows: np.ndarray, work: Workload, seconds: int, folder: Path) -> dict:
    """What ``wrk`` measured: requests/s and rows/s that succeeded, latencies in ms, CPU µs a request, failures.

    ``model_us`` is what of it our own server spent in its model, None for peers.
    ``core`` is the share of its core that the server had. A server under load that had less shared it with others.
    """
    url, body, headers = started.request(rows[: work.rows], work.binary and started.server.binary)
    (folder / "body").write_bytes(body)
    lines = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
    (folder / "wrk.lua").write_text(_WRK.format(body=str(folder / "body"), headers=lines))

    def wrk(duration: int) -> dict:
        arguments = [f"-d{duration}", "-t1", f"-c{work.connections}", "--timeout=10s"]
        done = subprocess.run(
            ["wrk", *arguments, "-s", folder / "wrk.lua", url],
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores()[1]}),
        )
        if done.returncode:
            raise Problem(f"wrk: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    wrk(WARM)
    before, in_model = started.cpu(), started.in_model()
    found = wrk(seconds)
    used, in_model = started.cpu() - before, started.in_model() - in_model
    failures = found["status"] + found["sockets"] + found["timeouts"]
    good = found["requests"] - found["status"]  # the others are not among the requests that ended
    rate = good / (found["us"] / 1e6)
    return {
        "requests_s": round(rate, 1),
        "rows_s": round(rate * work.rows),
        "p50_ms": round(found["p50"] / 1e3, 3) if good else None,
        "p99_ms": round(found["p99"] / 1e3, 3) if good else None,
        "cpu_us": round(1e6 * used / good, 1) if good else None,
        "model_us": round(1e6 * in_model / good, 1) if good and in_model == in_model else None,
        "core": round(used / (found["us"] / 1e6), 3),
        "failures": failures,
    }


_BARE = """
import json, sys, time
import numpy as np
sys.path.insert(0, sys.argv[1])
from model_session import session
model, rows, seconds = session(sys.argv[2]), np.load(sys.argv[3]), float(sys.argv[4])
found = {}
for n in map(int, sys.argv[5:]):
    part = {"input": np.ascontiguousarray(rows[:n])}
    for _ in range(50):
        model.run(["probability"], part)
    took, began, cpu = [], time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        model.run(["probability"], part)
        took.append(time.perf_counter() - start)
    cpu, runs = time.process_time() - cpu, len(took)
    whole = time.perf_counter() - began
    p50, p99 = (float(1e3 * v) for v in np.percentile(took, [50, 99]))
    found[n] = {"requests_s": runs / whole, "rows_s": n * runs / whole, "p50_ms": p50, "p99_ms": p99,
                "cpu_us": 1e6 * cpu / runs, "model_us": None, "core": cpu / whole, "failures": 0}
print(json.dumps(found))
"""


def bare(model: Path, rows: Path, sizes: Sequence[int], seconds: float) -> dict[int, dict]:
    """The model without any server, on the server's core: figures by rows in a run."""
    arguments = [sys.executable, "-c", _BARE, PEERS, model, rows, seconds, *sizes]
    done = subprocess.run(
        list(map(str, arguments)), capture_output=True, text=True, check=True, preexec_fn=on_server_core
    )
    return {int(n): figures for n, figures in json.loads(done.stdout).items()}


# --- all of it


@dataclass
class Found:
    """One server's figures: a list over rounds for each."""

    name: str
    version: str = ""
    problem: str = ""
    ready_s: list[float] = field(default_factory=list)
    pss_mb: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    processes: int = 0
    binary: bool = True
    loads: dict[str, list[dict]] = field(default_factory=dict)

    def median(self, workload: Workload, figure: str) -> float | None:
        """Over rounds; None where it was not measured."""
        values = [one[figure] for one in self.loads.get(workload.key, []) if one[figure] is not None]
        return statistics.median(values) if values else None

    def failures(self, workload: Workload) -> int:
        return sum(one["failures"] for one in self.loads.get(workload.key, []))


def measure(options: argparse.Namespace, work: Path) -> dict:
    """Run everything; returns what is written."""
    about = machine()
    servers = [server for server in SERVERS if not options.servers or server.name in options.servers]
    found = {name: Found(name) for name in [*(server.name for server in servers), BARE]}
    found[BARE].version = f"onnxruntime {onnxruntime.__version__}"
    for server in tqdm(servers, desc="environments", disable=None):
        found[server.name].binary = server.binary
        try:
            found[server.name].version = version(server, "httptools" if server.name == LOOP else "")
        except Problem as problem:
            found[server.name].problem = str(problem)
    paths = make_models(work)
    rows = np.load(work / "rows.npy")
    expected = {
        name: onnxruntime.InferenceSession(path).run(["probability"], {"input": rows})[0]
        for name, path in paths.items()
    }
    turns = [(model, server) for _ in range(options.repeats) for model in paths for server in [*servers, None]]
    for number, (model, server) in enumerate(bar := tqdm(turns, disable=None)):
        name = server.name if server else BARE
        bar.set_description(f"{name}, {model}")
        here = [workload for workload in WORKLOADS if workload.model == model]
        if server is None:
            sizes = bare(paths[model], work / "rows.npy", (1, 128), options.seconds / 2)
            for workload in here:
                found[BARE].loads.setdefault(workload.key, []).append(sizes[workload.rows])
            continue
        if found[name].problem:
            continue
        folder = work / f"r{number}"
        folder.mkdir()
        try:
            one(found[name], server, paths[model], here, rows, expected[model], folder, options.seconds)
        except Problem as problem:
            found[name].problem = str(problem)
            tqdm.write(str(problem), file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": about,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "servers": [dataclasses.asdict(one) for one in found.values()],
    }


def one(
    found: Found,
    server: Server,
    model: Path,
    workloads: Sequence[Workload],
    rows: np.ndarray,
    expected: np.ndarray,
    folder: Path,
    seconds: int,
) -> None:
    """Start a server once and put each workload on it."""
    constant = server.name == LOOP
    places = {"MODEL": str(model), "MODELS": str(model.parents[2])}
    with running(server, rows[:1], None if constant else expected[:1], folder, places) as started:
        for workload in workloads:
            binary = workload.binary and server.binary
            if constant and binary:
                continue  # a constant of another size
            started.check(rows[: workload.rows], None if constant else expected[: workload.rows], binary)
            figures = load(started, rows, workload, seconds, folder)
            found.loads.setdefault(workload.key, []).append(figures)
        if workloads[0].model == BUSY.model:
            memory = started.memory()
            found.ready_s.append(round(started.ready, 3))
            found.pss_mb.append(round(memory["pss"], 1))
            found.rss_mb.append(round(memory["rss"], 1))
            found.processes = len(started.tree())


# --- what is written


def table(results: dict) -> str:
    """The results as Markdown."""
    servers = [Found(**one) for one in results["servers"]]
    measured = [one for one in servers if one.loads and one.name != BARE]
    by_name = {one.name: one for one in servers}
    lines = [
        "# Model servers, side by side",
        "",
        described(results["date"], results["machine"]),
        "Written by `make bench`; `benchmarks/serving.py` says what was run. One core for the server, one for `wrk`; "
        f"medians of {results['repeats']} rounds of {results['seconds']:g} s.",
        "",
        "## One row in JSON, 64 connections, MLP of 128-128",
        "",
        "| server | CPU µs a request | above the loop | requests/s | p50 ms | p99 ms | failures | had of its core "
        "| ready s | memory MB (PSS) | RSS | processes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    loop = by_name[LOOP].median(BUSY, "cpu_us") if LOOP in by_name else None
    for one in sorted(measured, key=lambda one: one.median(BUSY, "cpu_us") or 1e9):
        cpu = one.median(BUSY, "cpu_us")
        above = cpu - loop if cpu is not None and loop is not None else None
        figures = [_number(cpu), _number(above), *_speeds(one, BUSY), str(one.failures(BUSY))]
        figures.append(f"{one.median(BUSY, 'core'):.0%}")
        figures += [_number(statistics.median(values), 2) if values else "" for values in (one.ready_s, one.pss_mb)]
        figures += [_number(statistics.median(one.rss_mb)) if one.rss_mb else "", str(one.processes)]
        lines.append(_row(f"{one.name} ({one.version})", *figures))
    lines += ["", "## One row in JSON: other loads", ""]
    others = [workload for workload in WORKLOADS if workload.rows == 1 and workload != BUSY]
    titles = [f"{work.model}, {work.connections}: requests/s | p50 ms | p99 ms | CPU µs" for work in others]
    lines += [_row("server", *titles), "|---|" + "---:|" * 4 * len(others)]
    for one in measured:
        figures = [part for work in others for part in (*_speeds(one, work), _number(one.median(work, "cpu_us")))]
        lines.append(_row(one.name, *figures))
    lines += ["", "## 128 rows in a request, 8 connections", ""]
    batches = [workload for workload in WORKLOADS if workload.rows > 1]
    titles = [
        f"{work.model}: rows/s | share of `session.run` | p99 ms | CPU µs a request | failures" for work in batches
    ]
    lines += [_row("server", "rows as", *titles), "|---|---|" + "---:|" * 5 * len(batches)]
    for one in [*measured, by_name[BARE]]:
        if one.name == LOOP:
            continue
        figures = ["" if one.name == BARE else "binary" if one.binary else "JSON"]
        for work in batches:
            rate, most = one.median(work, "rows_s"), by_name[BARE].median(work, "rows_s")
            figures += [_number(rate), f"{100 * rate / most:.0f} %" if rate and most else ""]
            figures += [_number(one.median(work, "p99_ms"), 2), _number(one.median(work, "cpu_us"))]
            figures.append(str(one.failures(work)))
        lines.append(_row(one.name, *figures))
    lines += ["", *_bare_facts(by_name[BARE]), *_targets(by_name)]
    lines += [f"- Not measured: {one.problem}" for one in servers if one.problem]
    lines[3:3] = caution(results["machine"], "of these numbers only CPU a request means something.")
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None, digits: int = 0) -> str:
    if value is None:
        return ""
    return f"{value:,.{digits}f}" if digits == 0 or value < 100 else f"{value:,.0f}"


def _speeds(one: Found, workload: Workload) -> tuple[str, str, str]:
    return (
        _number(one.median(workload, "requests_s")),
        _number(one.median(workload, "p50_ms"), 2),
        _number(one.median(workload, "p99_ms"), 2),
    )


def _bare_facts(found: Found) -> Iterator[str]:
    for workload in WORKLOADS:
        if workload.connections in (64, 8) and (workload.rows > 1 or workload.connections == 64):
            took = found.median(workload, "cpu_us")
            yield f"- `session.run`, {workload.model}, {workload.rows} rows, one thread: {took:.1f} µs of CPU."


def _targets(found: dict[str, Found]) -> Iterator[str]:
    """What this course's server is held to, and whether it holds."""
    done = {name: one for name, one in found.items() if all(workload.key in one.loads for workload in WORKLOADS[2:])}
    ours = [done.pop(name) for name in list(done) if name.startswith(OWN)]
    # one so slow that no answer came within a round has no figures to compare with
    peers = [one for name, one in done.items() if name not in (LOOP, BARE) and one.median(BUSY, "cpu_us")]
    for own in ours:
        for holds, text in _held_to(own, peers, found[BARE]):
            yield f"- `{own.name}` {'reaches' if holds else 'FALLS SHORT of'} {text}"


def _held_to(own: Found, peers: Sequence[Found], session: Found) -> Iterator[tuple[bool, str]]:
    """Each target: whether it holds, and what was measured."""
    for name, times in (("MLServer", 10), ("Triton", 2)):
        for peer in (one for one in peers if one.name == name):
            ratio = own.median(BUSY, "requests_s") / peer.median(BUSY, "requests_s")
            yield ratio >= times, f"{times} times the requests/s of {name} at 64 connections: {ratio:.1f} times."
            mine, theirs = own.median(BUSY, "p99_ms"), peer.median(BUSY, "p99_ms")
            yield mine < theirs, f"a lower p99 than {name} at 64 connections: {mine:.1f} ms, and {theirs:.1f} ms."
    if peers:
        least = min(peers, key=lambda one: one.median(BUSY, "cpu_us"))
        mine, theirs = own.median(BUSY, "cpu_us"), least.median(BUSY, "cpu_us")
        yield mine < theirs, f"the least CPU a request: {mine:.0f} µs, and {theirs:.0f} µs of {least.name}."
    for workload, goal in ((WORKLOADS[5], 0.85), (WORKLOADS[3], 0.45)):
        share = own.median(workload, "rows_s") / session.median(workload, "rows_s")
        cpu, inside = own.median(workload, "cpu_us"), own.median(workload, "model_us")
        alone = session.median(workload, "cpu_us")
        yield (
            share >= goal,
            f"{goal:.0%} of `session.run`'s rows/s, {workload.model}, 128 rows binary: {share:.0%}. "
            f"The model has {inside:.0f} of {cpu:.0f} µs of CPU a request; alone on the core it takes {alone:.0f}.",
        )
    ready, memory = statistics.median(own.ready_s), statistics.median(own.pss_mb)
    yield ready < 1, f"ready within 1 s: {ready:.2f} s."
    yield memory < 80, f"under 80 MB: {memory:.0f} MB."


def main() -> None:
    """Measure, print the tables and write them with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = [server.name for server in SERVERS]
    parser.add_argument("--servers", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--install", action="store_true", help="make the environments, measure nothing")
    parser.add_argument("--name", default="serving", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    if options.install:
        for server in tqdm([s for s in SERVERS if not options.servers or s.name in options.servers], disable=None):
            try:
                print(environment(server))
            except Problem as problem:
                raise SystemExit(str(problem)) from None
        return
    if shutil.which("wrk") is None:
        raise SystemExit("The load comes from wrk: install it (on Debian and Ubuntu: apt-get install wrk).")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as work:
        results = measure(options, Path(work).resolve())
    keep(options.name, results, table(results))


if __name__ == "__main__":
    main()
