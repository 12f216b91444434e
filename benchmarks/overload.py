"""Goodput against offered load, from a tenth of capacity to three times it, ours and peers: ``make bench``.

**The model** is the same behind every server and takes a known time: a device that needs 5 ms for each row, one request
after another. It sleeps, so it takes no processor and as long on a busy machine as on an idle one. A batch brings it
nothing, so no peer makes any. No server can do more than its 200 requests/s, *nominal* capacity; *capacity* is what a
server does with it when 8 clients ask in a closed loop, each again when it has its answer.

**The load** is open: requests of one row come at random moments (Poisson), at multiples of that server's own capacity,
whatever becomes of those before. A user gives up after 2 s. *Goodput* is the answers a second that came within the
deadline of 100 ms, counted from when the request was meant to be sent. *Accepted* are all requests that were answered
well, late or not; *refused* those answered with 408, 429, 503 or 504; *timed out* those that a user gave up; *failed*
the rest. After each load the server is asked until it answers in time again: *recovery*, from the last user's end.

**Against overload** each peer has what it offers, and is also measured as it comes. A bound on requests in the server
is set to what it can do in 80 % of the deadline, by the best capacity that was measured for the peer as it comes; a
bound on waiting to 80 % of the deadline.

- modelserving: ``--deadline 0.1``, all else as it comes; it learns how long the model takes.
- Triton: a queue policy (``max_queue_size``, ``default_timeout_microseconds``, ``REJECT``).
- FastAPI: uvicorn's ``limit_concurrency``, which counts open connections.
- LitServe: ``timeout``; what waited longer is not computed.
- BentoML: ``max_concurrency`` and ``timeout``.
- Ray Serve: ``max_ongoing_requests`` and ``max_queued_requests``, half of the bound each.
- MLServer and KServe's SDK have nothing: they rely on a proxy in front.

**Batching**, in the second part: a device that takes 10 ms for a batch, whatever its size, asked by 64 connections in a
closed loop; our server as it comes against ``--batch-rows 1``.

One core for the server with all its processes, another for the client. Rounds go through all servers, each started
afresh, so that what else the machine does meets them alike. Rates are medians over rounds; percentiles are of the
accepted requests of all rounds. A run is void, and repeated, when the client was late (``Result.client_bound``) or
other programs took more than a tenth of the server's core; a figure that rests on void runs alone is marked. The
peers' set-ups are in ``benchmarks/peers/overload``.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
from machine import RESULTS, caution, described, keep, machine
from matplotlib.axes import Axes
from servers import OWN, PACKAGES, PEERS, Problem, Running, Server, cores, running, version
from tqdm import tqdm

from modelserving import load, plots
from modelserving.stubs import StubModel

SERVICE, DEADLINE, TIMEOUT = 0.005, 0.1, 2.0  # s: of a row, what a user waits gladly, and at most
BATCH_SERVICE = 0.010  # s, of a batch of any size
MULTIPLES = (0.1, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0)  # of capacity
TWICE, MOST = 2.0, MULTIPLES[-1]
CLIENTS = 8  # of the closed loop that finds the capacity: so many that the device always has something to do
CONNECTIONS = 2048  # more than users who wait at once
WARM_UP = 1.0  # s at the beginning of each load that do not count
BOUND = 0.8  # of the deadline: the work that a bound lets into a server
OTHERS = 0.1  # of the server's core, that other programs may take
REFUSALS = ("408", "429", "503", "504")
HOLDS, GAIN = 0.9, 8.0  # targets: goodput at twice capacity by its peak, and throughput with batching by without
ROW = np.ones((1, 1), np.float32)


# --- the servers


def _own(name: str, stub: StubModel, *options: str) -> Server:
    command = ("modelserving", "serve", "--port", "PORT", "--stub", stub.to_json(), *options)
    return Server(name, command, output="output")


def _peer(name: str, guard: str = "", speaks: str = "rows") -> Iterator[Server]:
    """As it comes and, where it has something against overload, with that."""
    script = f"with_{name.split()[0].lower()}"
    command = ("python", str(PEERS / "overload" / f"{script}.py"), "PORT")
    if name == "BentoML":
        command = ("bentoml", "serve", f"{script}:Predict", "--working-dir", str(PEERS / "overload"), "--port", "PORT")
    for called in (name, f"{name}, {guard}")[: 2 if guard else 1]:
        yield Server(called, command, speaks, False, name, "output")


_MODEL = StubModel("model", per_row=SERVICE)
GUARDED = f"{OWN} --deadline {DEADLINE:g}"
SERVERS = (
    _own(OWN, _MODEL),
    _own(GUARDED, _MODEL, "--deadline", f"{DEADLINE:g}"),
    *_peer("Triton", "queue policy", "v2"),
    *_peer("FastAPI", "limit_concurrency"),
    *_peer("MLServer", speaks="v2"),
    *_peer("KServe", speaks="v2"),
    *_peer("LitServe", "timeout"),
    *_peer("BentoML", "max_concurrency"),
    *_peer("Ray Serve", "max_queued_requests"),
)
QUICK = (OWN, GUARDED, "Triton, queue policy", "FastAPI", "FastAPI, limit_concurrency")
_FLAT = StubModel("model", per_batch=BATCH_SERVICE)
BATCHING = (_own("batching", _FLAT), _own("--batch-rows 1", _FLAT, "--batch-rows", "1"))


def guarded(server: Server) -> bool:
    """Whether it was given something against overload."""
    return server.name not in (OWN, server.peer)


# --- one server under load


def closed(started: Running, clients: int, seconds: float) -> tuple[load.Result, str | None]:
    """``clients``, each of which asks again when it has its answer; why the run is void."""
    url, body, headers = started.request(ROW)
    conditions = {"clients": clients, "seconds": WARM_UP + seconds, "warm_up": WARM_UP, "timeout": 10.0}
    return watched(started, lambda: load.measure(url, body, headers=headers, **conditions))


def opened(started: Running, rate: float, seconds: float, seed: int) -> tuple[load.Result, str | None]:
    """``rate`` requests/s, come what may; why the run is void."""
    url, body, headers = started.request(ROW)
    conditions = {"rate": rate, "seconds": WARM_UP + seconds, "warm_up": WARM_UP, "timeout": TIMEOUT, "seed": seed}
    return watched(started, lambda: load.measure(url, body, headers=headers, connections=CONNECTIONS, **conditions))


def watched(started: Running, run: Callable[[], load.Result]) -> tuple[load.Result, str | None]:
    """What a run measured, and why it is void, if it is."""
    began, core, own = time.perf_counter(), _server_core(), started.cpu()
    result = run()
    others = (_server_core() - core - (started.cpu() - own)) / (time.perf_counter() - began)
    if others > OTHERS:
        return result, f"Other programs took {others:.0%} of the server's core."
    return result, result.client_bound


def _server_core() -> float:
    """Seconds that the server's core has worked so far, for whomever."""
    times = psutil.cpu_times(percpu=True)[cores()[0]]
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice  # guests are in user and nice


def recovery(started: Running) -> float:
    """Seconds until it begins to answer in time again, twice in a row; :class:`Problem` after a minute."""
    began, good, since = time.perf_counter(), 0, 0.0
    while good < 2:
        asked = time.perf_counter()
        if asked - began > 60:
            raise Problem(f"{started.server.name} has not recovered a minute after overload.")
        try:
            started.check(ROW, ROW)
            in_time = time.perf_counter() - asked <= DEADLINE
        except Problem:
            in_time = False
            time.sleep(0.01)
        since = since if in_time and good else asked - began
        good = good + 1 if in_time else 0
    return since


def figures(result: load.Result, multiple: float, void: str | None) -> dict:
    """What is kept of one load: counts of requests after the warm-up. ``latency`` (s) is for the percentiles."""
    count, failures = int(result.measured.sum()), result.failures
    latency = result.latency
    refused = sum(failures[status] for status in REFUSALS)
    return {
        "multiple": multiple,
        "rate": round(result.conditions.rate, 1),
        "goodput": round(result.goodput(DEADLINE), 1),
        "throughput": round(result.throughput, 1),
        "requests": count,
        "accepted": len(latency),
        "in_time": int((latency <= DEADLINE).sum()),
        "refused": refused,
        "timed_out": result.timeouts,
        "failed": failures.total() - refused - result.timeouts,
        "reasons": dict(failures),
        "void": void,
        "latency": latency,
    }


def under_load(started: Running, found: dict, limit: int, options: argparse.Namespace, seed: int, bar: tqdm) -> float:
    """Find its capacity, put every load on it, and see how it recovers. The capacity, requests/s."""
    for _ in range(options.tries):
        result, void = closed(started, min(CLIENTS, limit or CLIENTS), options.seconds)
        if not void:
            break
        found["void_runs"].append(void)
    bar.update()
    capacity = result.throughput
    if not capacity:
        raise Problem(f"{started.server.name} answered nothing in the closed loop.")
    found["capacity"].append(round(capacity, 1))
    found["limit"].append(limit)
    for number, multiple in enumerate(MULTIPLES):
        for _ in range(options.tries):
            result, void = opened(started, multiple * capacity, options.seconds, 100 * seed + number)
            took = recovery(started)
            if not void:
                break
            found["void_runs"].append(void)
        found["loads"].append(figures(result, multiple, void))
        bar.update()
    found["recovery_s"].append(round(took, 2))
    return capacity


# --- all of it


def measure(options: argparse.Namespace, work: Path) -> dict:
    """Run everything; returns what is written."""
    about = machine()
    os.sched_setaffinity(0, {cores()[1]})
    servers = [server for server in SERVERS if not options.servers or server.name in options.servers]
    keys = ("capacity", "limit", "recovery_s", "loads", "void_runs")
    found = {server.name: {"version": "", "problem": ""} | {key: [] for key in keys} for server in servers}
    for server in servers:
        try:
            found[server.name]["version"] = version(server)
        except Problem as problem:
            found[server.name]["problem"] = str(problem)
    capacities: dict[str, float] = {}  # of peers as they come, the best so far
    batching: dict[str, list[float]] = {server.name: [] for server in BATCHING}
    total = options.repeats * (len(servers) * (1 + len(MULTIPLES)) + len(BATCHING))
    with tqdm(total=total, disable=None) as bar:
        for turn in range(options.repeats):
            for server, took in _batching(work, options, bar):
                batching[server.name].append(round(took, 1))
            _round(servers, found, capacities, turn, work, options, bar)
    for one in found.values():
        one["pooled"] = {str(multiple): _percentiles(one["loads"], multiple) for multiple in MULTIPLES}
        for run in one["loads"]:
            run |= {key: _ms(run["latency"], q) for key, q in (("p50_ms", 50), ("p99_ms", 99))}
            del run["latency"]
    return {
        "date": datetime.date.today().isoformat(),
        "machine": about,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "service_s": SERVICE,
        "deadline_s": DEADLINE,
        "timeout_s": TIMEOUT,
        "servers": found,
        "batching": batching,
    }


def _round(
    servers: Sequence[Server],
    found: dict,
    capacities: dict[str, float],
    turn: int,
    work: Path,
    options: argparse.Namespace,
    bar: tqdm,
) -> None:
    """Every server once; a bound on one with a guard comes from the capacity of the same without."""
    for number, server in enumerate(servers):
        bar.set_description(server.name)
        here = found[server.name]
        if here["problem"]:
            continue
        limit = 0
        if server.peer and guarded(server):
            limit = max(2, int(BOUND * DEADLINE * capacities.get(server.peer, 1 / SERVICE)))
        folder = work / f"r{turn}-{number}"
        folder.mkdir()
        places = {"SERVICE": str(SERVICE), "DEADLINE": str(DEADLINE), "LIMIT": str(limit)}
        try:
            with running(server, ROW, ROW, folder, places) as started:
                capacity = under_load(started, here, limit, options, turn, bar)
                if not guarded(server):
                    capacities[server.peer] = max(capacity, capacities.get(server.peer, 0.0))
        except (Problem, OSError) as problem:
            here["problem"] = str(problem)
            tqdm.write(str(problem), file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)


def _batching(work: Path, options: argparse.Namespace, bar: tqdm) -> Iterator[tuple[Server, float]]:
    """Requests/s of 64 connections, with batching and without."""
    for server in BATCHING:
        bar.set_description(server.name)
        with running(server, ROW, ROW, work, {}) as started:
            for _ in range(options.tries):
                result, void = closed(started, 64, options.seconds)
                if not void:
                    break
            yield server, result.throughput
        bar.update()


def _ms(latency: np.ndarray, q: float) -> float | None:
    """A percentile in ms; None when too few samples support it."""
    try:
        return round(1e3 * load.percentile(latency, q), 2)
    except load.TooFewSamples:
        return None


def _percentiles(runs: Sequence[dict], multiple: float) -> dict:
    kept = [run["latency"] for run in _of(runs, multiple)]
    latency = np.concatenate(kept) if kept else np.empty(0)
    largest = round(1e3 * latency.max(), 2) if len(latency) else None
    return {"p50_ms": _ms(latency, 50), "p99_ms": _ms(latency, 99), "max_ms": largest}


def _of(runs: Sequence[dict], multiple: float) -> list[dict]:
    """The runs with that load that count: void ones only where there is no other."""
    here = [run for run in runs if run["multiple"] == multiple]
    return [run for run in here if not run["void"]] or here


# --- what is written


class Summary:
    """One server's figures, over all rounds."""

    def __init__(self, name: str, found: dict) -> None:
        self.name, self.found = name, found
        self.capacity = statistics.median(found["capacity"]) if found["capacity"] else 0.0
        self.goodputs = [self.at(multiple, "goodput") for multiple in MULTIPLES]
        self.peak = max(self.goodputs, default=0.0) or 1.0

    def at(self, multiple: float, figure: str) -> float:
        return statistics.median(run[figure] for run in _of(self.found["loads"], multiple))

    def pooled(self, multiple: float, figure: str) -> float | None:
        return self.found["pooled"][str(multiple)][figure]

    def share(self, multiple: float, figure: str, of: str = "requests") -> float:
        """Of all requests of that load, or of the accepted ones."""
        runs = _of(self.found["loads"], multiple)
        return sum(run[figure] for run in runs) / max(1, sum(run[of] for run in runs))

    def void(self, multiple: float) -> bool:
        return all(run["void"] for run in _of(self.found["loads"], multiple))

    @property
    def holds(self) -> float:
        """Goodput at twice capacity, by its peak."""
        return self.at(TWICE, "goodput") / self.peak


def summaries(results: dict) -> list[Summary]:
    """Of the servers that were measured at every load."""
    complete = set(MULTIPLES)
    return [
        Summary(name, one)
        for name, one in results["servers"].items()
        if complete == {run["multiple"] for run in one["loads"]}
    ]


def table(results: dict, picture: str) -> str:
    """The results as Markdown, with the file of the plot."""
    servers = summaries(results)
    loads = [f"{multiple:g} ×" for multiple in MULTIPLES]
    numbers = "---:|" * len(loads)
    lines = [
        "# Servers under overload, side by side",
        "",
        described(results["date"], results["machine"]),
        "Written by `make bench`; `benchmarks/overload.py` says what was run. One core for the server, one for the "
        f"client; medians of {results['repeats']} rounds with {results['seconds']:g} s of each load. The model takes "
        f"{1e3 * SERVICE:g} ms a request (nominally {1 / SERVICE:g}/s), a deadline of {1e3 * DEADLINE:g} ms.",
        "",
        "Not quite even terms: our batcher's admission was changed twice after a look at this benchmark; a peer's "
        "bound follows from its measured capacity by one rule fixed beforehand.",
        "",
        f"![Goodput against offered load]({picture})",
        "",
        "## Goodput: answers within the deadline a second, by offered load (multiples of the server's capacity)",
        "",
        f"| server | capacity /s | 2 × is, by the nominal | {' | '.join(loads)} | at 2 × by its peak |",
        f"|---|---:|---:|{numbers}---:|",
    ]
    for one in servers:
        cells = [_marked(f"{value:.0f}", one, x) for value, x in zip(one.goodputs, MULTIPLES, strict=True)]
        of_nominal = f"{TWICE * one.capacity * SERVICE:.2f} ×"
        lines.append(_row(_named(one), f"{one.capacity:.0f}", of_nominal, *cells, f"{one.holds:.0%}"))
    lines += ["", "## Latency of accepted requests: p50 / p99 ms", "", f"| server | {' | '.join(loads)} |"]
    lines.append(f"|---|{numbers}")
    lines += [_row(one.name, *(_latencies(one, x) for x in MULTIPLES)) for one in servers]
    lines += ["", "## Of all requests: refused / timed out / failed, %", "", f"| server | {' | '.join(loads)} |"]
    lines.append(f"|---|{numbers}")
    lines += [_row(one.name, *(_unanswered(one, x) for x in MULTIPLES)) for one in servers]
    lines += [
        "",
        "## At and after overload",
        "",
        "| server | requests let in at once | accepted in time at 2 × | at 3 × | recovery after 3 ×, s | runs void |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in servers:
        shares = [f"{one.share(x, 'in_time', 'accepted'):.1%}" for x in (TWICE, MOST)]
        limit = statistics.median(one.found["limit"])
        took = statistics.median(one.found["recovery_s"]) if one.found["recovery_s"] else None
        lines.append(
            _row(
                one.name,
                f"{limit:.0f}" if limit else "",
                *shares,
                "" if took is None else f"{took:.1f}",
                str(len(one.found["void_runs"])),
            )
        )
    lines += ["", *_batching_table(results), "", *(f"- {line}" for line in held_to(results))]
    lines += [f"- Not measured to the end: {one['problem']}" for one in results["servers"].values() if one["problem"]]
    lines[3:3] = caution(results["machine"], "the model sleeps and is as quick as ever, servers are not.")
    return "\n".join(lines) + "\n"


def _batching_table(results: dict) -> Iterator[str]:
    yield f"## Batching: {1e3 * BATCH_SERVICE:g} ms for a batch of any size, 64 connections"
    yield ""
    yield "| modelserving | requests/s |"
    yield "|---|---:|"
    for name, rates in results["batching"].items():
        yield _row("as it comes" if name == "batching" else f"`{name}`", f"{statistics.median(rates):,.0f}")


def held_to(results: dict) -> Iterator[str]:
    """What this course's server is held to, and whether it holds; how the others do."""
    servers = {one.name: one for one in summaries(results)}
    if own := servers.pop(GUARDED, None):
        yield (
            f"`{GUARDED}` {_verdict(own.holds > HOLDS)} goodput at twice capacity above {HOLDS:.0%} of the peak: "
            f"{own.holds:.0%}."
        )
        in_time = own.share(TWICE, "in_time", "accepted")
        yield (
            f"`{GUARDED}` {_verdict(in_time >= 0.99)} 99 in 100 accepted requests inside their deadline at twice "
            f"capacity: {in_time:.1%}."
        )
    for one in servers.values():
        p99 = one.pooled(TWICE, "p99_ms")
        took = f"p99 of the accepted {p99:,.0f} ms" if p99 else "too few were accepted for a p99"
        yield f"{one.name}: at twice capacity {one.holds:.0%} of its peak, {took}."
    with_it, without = (statistics.median(rates) for rates in results["batching"].values())
    yield (
        f"Batching {_verdict(with_it >= GAIN * without)} {GAIN:g} times the throughput of one row at a time at 64 "
        f"connections: {with_it / without:.1f} times."
    )


def _verdict(holds: bool) -> str:
    return "reaches" if holds else "FALLS SHORT of"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _named(one: Summary) -> str:
    return f"{one.name} ({one.found['version']})"


def _marked(text: str, one: Summary, multiple: float) -> str:
    return f"{text} (void)" if one.void(multiple) else text


def _latencies(one: Summary, multiple: float) -> str:
    found = [one.pooled(multiple, figure) for figure in ("p50_ms", "p99_ms")]
    return " / ".join("too few" if value is None else f"{value:,.0f}" for value in found)


def _unanswered(one: Summary, multiple: float) -> str:
    return " / ".join(f"{100 * one.share(multiple, figure):.0f}" for figure in ("refused", "timed_out", "failed"))


# --- the plot


def plot(results: dict) -> bytes:
    """Goodput against offered load, both by capacity: left as servers come, right with what they have to offer."""
    servers = summaries(results)
    sides = {"As they come": [], "With what they offer against overload": []}
    kinds = {server.name: guarded(server) for server in SERVERS}
    for one in servers:
        sides[list(sides)[kinds[one.name]]].append(one)
    fig, axes = plots.figure(
        f"Goodput against offered load: answers within {1e3 * DEADLINE:g} ms",
        "offered load, by the server's capacity",
        "goodput, by its capacity",
        columns=2,
        size=(13.0, 5.0),
    )
    for ax, (title, here) in zip(axes, sides.items(), strict=True):
        _panel(ax, title, here)
    words = [
        f"{title}: " + "; ".join(f"{one.name} {_path(one)}" for one in here) for title, here in sides.items() if here
    ]
    alt = (
        "Two line charts. Goodput by offered load from 0.1 to 3 times capacity, both as shares of the server's own "
        f"capacity. At 1, 2 and 3 times capacity. {'. '.join(words)}."
    )
    return plots.svg(fig, "Goodput against offered load", alt)


_OTHERS = (*plots.COLOURS[1:], plots.GREY)
_LINES = {
    name: {"color": _OTHERS[i % len(_OTHERS)], "linestyle": plots.DASHES[1 + i % 4], "marker": "sD^vPX*"[i]}
    for i, name in enumerate(PACKAGES)
} | {OWN: {"color": plots.BLUE, "linestyle": "-", "marker": "o"}}


def _panel(ax: Axes, title: str, servers: Sequence[Summary]) -> None:
    ax.set_title(title, fontsize=10)
    ax.plot([0, 1, MOST], [0, 1, 1], color=plots.GREY, linewidth=1, linestyle="-", label="_best possible")
    for one in servers:
        name, shares = _short(one.name), [value / one.capacity for value in one.goodputs]
        width = 3.5 if name == OWN else 1.8
        ax.plot(MULTIPLES, shares, linewidth=width, label=name, **_LINES[name])
    ax.set(xlim=(0, MOST * 1.02), ylim=(-0.3, 1.08), yticks=np.arange(0, 1.1, 0.2))  # room for the labels of the worst
    plots.percent(ax.yaxis)
    plots.label_lines(ax)


def _short(name: str) -> str:
    """Without what it has against overload."""
    return name.split(",")[0].split(" --")[0]


def _path(one: Summary) -> str:
    values = (f"{one.at(x, 'goodput') / one.capacity:.0%}" for x in (1.0, TWICE, MOST))
    return ", ".join(values)


def main() -> None:
    """Measure, print the tables, and write them with the raw numbers and the plot."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = [server.name for server in SERVERS]
    parser.add_argument("--servers", nargs="+", choices=names, metavar="NAME", help=f"of {'; '.join(names)}")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load that count (default: %(default)g)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--quick", action="store_true", help="ours and two peers, one round of 3 s: four minutes")
    parser.add_argument("--tries", type=int, default=3, help="of a run that is void")
    parser.add_argument("--name", default="overload", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    if options.quick:
        options.servers, options.seconds, options.repeats = options.servers or QUICK, 3.0, 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as work:
        results = measure(options, Path(work).resolve())
    picture = f"{options.name}.svg"
    keep(options.name, results, table(results, picture))
    if summaries(results):
        (RESULTS / picture).write_bytes(plot(results))


if __name__ == "__main__":
    main()
