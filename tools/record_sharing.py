"""Records how tenants get on with each other on one accelerator, for lesson 08 and for ``sharing.calibrate``.

    python tools/record_sharing.py                      # writes modelserving/data/recordings/one_core.json
    python tools/record_sharing.py --seconds 1 --rounds 1 --out try.json

The accelerator is a backend: a function that lets tenants share it for some seconds and tells what came of it. There
is one, a core of this machine (:mod:`modelserving.one_core`). A GPU would be another of the same form, with its driver
among the versions; none was at hand so far. The machine has to be quiet: whatever else runs is measured with the rest.
Every case runs once a round, in turns, and the round with the median throughput is kept. When a tenant alone did not
have the core to itself, nothing is written.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from modelserving import one_core
from modelserving.one_core import Run, Work
from modelserving.sharing import RECORDINGS, Closed

Backend = Callable[[Sequence[Work], str, float, int], Run]  # tenants, how they share, seconds, seed

BACKENDS: dict[str, Backend] = {"one_core": one_core.run}
TENANTS = (1, 2, 4, 8)
SMALL, MIDDLE, LARGE = 32, 1024, 4096  # rows of a request: far less than a time slice, more, and far more
THINK = 0.02  # s between two requests of the tenant that has a noisy neighbour
HAD = 0.95  # the part of a core that a tenant alone must have had, for a recording to be kept
PERCENTILES = (5, 25, 50, 75, 90, 95)


@dataclass(frozen=True)
class Case:
    """One thing to measure. ``how`` as a backend knows it, or "alone"."""

    what: str
    how: str
    works: tuple[Work, ...]


def cases() -> Iterator[Case]:
    """All that is recorded: what requests take alone, more and more tenants, and one with a noisy neighbour."""
    for rows in (SMALL, MIDDLE, LARGE):
        yield Case(f"alone, {rows} rows", "alone", (Work("alone", rows),))
    for count in TENANTS:
        works = tuple(Work(f"tenant {i + 1}", MIDDLE) for i in range(count))
        for how in one_core.WAYS:
            if how != "halves" or count > 1:
                yield Case(f"{count} tenants, {how}", how, works)
    quiet, loud = Work("quiet", SMALL, Closed(1, THINK)), Work("noisy", LARGE)
    yield Case("a quiet tenant without neighbour", "processes", (quiet,))
    for how in one_core.WAYS:
        yield Case(f"a noisy neighbour, {how}", how, (quiet, loud))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Record how tenants share an accelerator.")
    parser.add_argument("--backend", choices=BACKENDS, default="one_core", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of a run (default: %(default)g)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the course's own recording")
    options = parser.parse_args()
    out = options.out or RECORDINGS / f"{options.backend}.json"
    about = machine()
    runs = record(BACKENDS[options.backend], options.seconds, options.rounds)
    if busy := [run["what"] for run in runs if run["how"] == "alone" and run["utilisation"] < HAD]:
        sys.exit(f"Nothing is written: the machine did something else, and took the core away ({'; '.join(busy)}).")
    found = {
        "what": "Tenants that share one core as an accelerator: real runs of ONNX models, nothing simulated.",
        "date": datetime.date.today().isoformat(),
        "script": "tools/record_sharing.py",
        "backend": options.backend,
        "machine": about,
        "versions": {name: version(name) for name in ("onnxruntime", "numpy", "onnx")},
        "model": f"a network of {one_core.FEATURES} inputs and {one_core.HIDDEN} units, one thread",
        "rounds": options.rounds,
        "runs": runs,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"Written: {out.name}, {len(runs)} runs.")


def record(backend: Backend, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Every case once a round; of each the round in which the tenants together got the median number of answers."""
    every = list(cases())
    told: dict[str, list[dict[str, Any]]] = {case.what: [] for case in every}
    with tqdm(total=rounds * len(every), desc="record", disable=None) as bar:
        for seed in range(rounds):
            for case in every:
                how = "processes" if case.how == "alone" else case.how
                told[case.what].append(described(case, backend(case.works, how, seconds, seed)))
                bar.update()
    middle = (rounds - 1) // 2
    return [sorted(found, key=lambda run: sum(run["throughput"].values()))[middle] for found in told.values()]


def described(case: Case, run: Run) -> dict[str, Any]:
    """A run as plain data: latencies by percentile, in ms."""
    outcome = run.outcome
    tenants = [
        {"name": work.name, "rows": work.rows, "clients": work.arrivals.clients, "think": work.arrivals.think}
        for work in case.works
    ]
    found = {
        "what": case.what,
        "how": case.how,
        "tenants": tenants,
        "seconds": outcome.seconds,
        "throughput": {name: round(rate, 3) for name, rate in outcome.throughput.items()},
        "latency_ms": {name: percentiles(values) for name, values in outcome.latency.items()},
        "unanswered": outcome.unanswered,
        "utilisation": round(outcome.utilisation, 4),
        "cpu": round(run.cpu, 4),
        "forced_switches": run.forced_switches,
        "memory_mb": [round(size / 1e6, 1) for size in run.memory],
    }
    if case.how == "alone":
        found["seconds_each"] = round(float(np.median(outcome.latency["alone"])), 7)
    return found


def percentiles(values: np.ndarray) -> dict[str, float]:
    """How many there are, and their percentiles in ms."""
    found = np.percentile(values, PERCENTILES) * 1e3 if len(values) else [float("nan")] * len(PERCENTILES)
    return {"count": len(values)} | {f"p{q}": round(float(x), 4) for q, x in zip(PERCENTILES, found, strict=True)}


def machine() -> dict[str, Any]:
    """What the numbers depend on; nothing that names the machine."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": processor,
        "cores": len(one_core.pinnable()),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


if __name__ == "__main__":
    main()
