"""What a prediction costs, by variant of one model, through the server: ``make bench BENCH=optimize.py``.

**The model** is lesson 07's: a perceptron of 512-512 on the flights of lesson 01, preparation included, trained here on
January to September. Its variants are made by ``modelserving.optimize`` and rewritten by its ``graph``. Beside them
stand the trees that taught the distilled one, and logistic regression: what never was large. *Quality* is on all
flights of October to December, in batches of 1024.

**The gate**: ROC AUC at most 0.005 below the baseline's, and a log loss at most 0.005 above it. The baseline is the
perceptron as exported, its graph run as it is written.

**The work**: batch re-scoring, in requests of 128 and of 1024 rows as raw float32, and single predictions, one row a
request in JSON. Each variant is served by ``modelserving serve`` as it comes, the baseline alone by sessions that
rewrite nothing; the server is on one core, ``wrk`` on another. Rounds go through all variants, each started afresh, so
that what else the machine does meets them alike; medians over rounds are reported. *CPU* is user and system time of the
server for each prediction: what is paid for. *In the model* is the time on the clock that a batch spends there, by the
server's own count, for each of its predictions. A failed request is no prediction. *A billion* is the price of so many
predictions on an instance of the course's price sheet, by that processor time, at full use, a vCPU taken for a core of
here: what matters is the ratio.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from machine import caution, described, keep, machine
from servers import OWN, Problem, Server, running
from serving import Workload, load
from tqdm import tqdm

from modelserving import cost, models, optimize, variants
from modelserving.export import to_onnx
from modelserving.interpreter import Interpreter, Options
from modelserving.variants import Gate, Report, Variant

BASELINE = "baseline"
GATE, TARGET = 0.005, 3.0
INSTANCE = "c7i.large"  # of the price sheet
STEP = 5  # every fifth flight trains the large one, as in the lesson
WORKLOADS = (Workload("", 1024, 4), Workload("", 128, 8), Workload("", 1, 64))
TITLES = ("1024 rows, binary", "128 rows, binary", "one row, JSON, 64 connections")
AS_WRITTEN = ("python", str(Path(__file__).with_name("as_written_server.py")))


def make_variants(task: models.Task) -> dict[str, Variant]:
    """All of them, the baseline first."""
    X, late = task.X_train, task.late_train
    written = Options(optimise=False)
    large = to_onnx(models.train_mlp(X[::STEP], late[::STEP]), X.shape[1])
    trees = models.train_trees(X, late)
    student = optimize.distil(models.chance(trees, X[::2]), X[::2])
    made = {
        "graph": large,
        "dynamic int8": optimize.dynamic_int8(large),
        "static int8": optimize.static_int8(large, X[::100]),
        "80 % zeros": optimize.prune_weights(large, 0.8),
        "half the units": optimize.prune_units(large, 0.5),
        "distilled, 32 units": student,
    }
    made = {name: optimize.graph(model) for name, model in made.items()}
    # beside them what was never large: trees, and a line
    made |= {"trees": to_onnx(trees, X.shape[1])}
    made |= {"logistic": to_onnx(models.train_logistic(X[::STEP], late[::STEP]), X.shape[1])}
    return {BASELINE: Variant(large, written)} | {name: Variant(model) for name, model in made.items()}


def measure(options: argparse.Namespace, work: Path) -> dict:
    """Run everything; returns what is written."""
    about = machine()
    task = models.flight_task()
    made = make_variants(task)
    reports = variants.measure(made, task.X_test, task.late_test, rounds=3)
    rows = np.ascontiguousarray(task.X_test[:1024])
    found: dict[str, list[list[dict]]] = {name: [[] for _ in WORKLOADS] for name in made}
    problems: dict[str, str] = {}
    for turn in range(options.repeats):
        order = list(made) if turn % 2 == 0 else list(reversed(made))
        for name in tqdm(order, desc=f"round {turn + 1} of {options.repeats}", disable=None):
            if name in problems:
                continue
            folder = Path(tempfile.mkdtemp(dir=work))
            try:
                for place, figures in enumerate(one(made[name], rows, folder, options.seconds)):
                    found[name][place].append(figures)
            except Problem as problem:
                problems[name] = str(problem)
            shutil.rmtree(folder, ignore_errors=True)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": about,
        "onnxruntime": onnxruntime.__version__,
        "seconds": options.seconds,
        "repeats": options.repeats,
        "problems": problems,
        "variants": {name: described_variant(report, found[name]) for name, report in reports.items()},
        "taken": {title: taken(reports, found, place) for place, title in enumerate(TITLES)},
    }


def one(variant: Variant, rows: np.ndarray, folder: Path, seconds: int) -> Iterator[dict]:
    """Serve a variant and put each workload on it; figures in that order. :class:`Problem` when it answers wrongly."""
    path = folder / "models" / "model" / "1" / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(variant.model)
    command = ("modelserving",) if variant.options.optimise else AS_WRITTEN
    server = Server(OWN, (*command, "serve", "MODELS", "--port", "PORT"))
    interpreter = Interpreter(variant.model, options=variant.options)

    def expected(n: int) -> np.ndarray:
        return interpreter.predict({"input": rows[:n]})["probability"]

    with running(server, rows[:1], expected(1), folder, {"MODELS": str(folder / "models")}) as started:
        for workload in WORKLOADS:
            started.check(rows[: workload.rows], expected(workload.rows), workload.binary)
            figures = load(started, rows, workload, seconds, folder)
            yield {key: value / workload.rows if value and key in PER_ROW else value for key, value in figures.items()}


PER_ROW = ("cpu_us", "model_us")


def median(figures: list[dict], key: str) -> float:
    """Over rounds; NaN where it was not measured."""
    values = [one[key] for one in figures if one[key] is not None]
    return statistics.median(values) if values else float("nan")


def described_variant(report: Report, figures: list[list[dict]]) -> dict:
    """What is kept of one: quality, size, operators, and each workload's figures by round."""
    names = ("bytes", "operators", "log_loss", "auc", "largest_change", "flipped")
    about = {name: getattr(report, name) for name in names}
    bare = {"latency_us": {batch: 1e6 * s for batch, s in report.latency.items()}, "cpu_us": report.cpu_us_per_row}
    return about | {"bare": bare, "served": dict(zip(TITLES, figures, strict=True))}


def taken(reports: dict[str, Report], found: dict[str, list[list[dict]]], place: int) -> dict:
    """The selector's choice for one workload, by the processor time that was measured through the server."""
    baseline = reports[BASELINE]
    gates = [
        Gate("auc", at_least=baseline.auc - GATE),
        Gate("log_loss", at_most=baseline.log_loss + GATE),
    ]
    served = {name: report for name, report in reports.items() if found[name][place]}
    choice = variants.select(served, gates, lambda report: median(found[report.name][place], "cpu_us"))
    return {"name": choice.name, "refused": choice.refused}


# --- what is written


def table(results: dict) -> str:
    """The results as Markdown."""
    found = results["variants"]
    instance = cost.prices()[INSTANCE]
    lines = [
        "# One model, made cheaper",
        "",
        described(results["date"], results["machine"]),
        f"Written by `make bench BENCH=optimize.py`; `benchmarks/optimize.py` says what was run. onnxruntime "
        f"{results['onnxruntime']}; one core for the server, one for `wrk`; medians of {results['repeats']} rounds of "
        f"{results['seconds']:g} s. Money: {instance}.",
        "",
        "## What each variant is",
        "",
        "| variant | kB | ROC AUC | log loss | largest change | flipped | inside the gate |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    refused = results["taken"][TITLES[0]]["refused"]
    for name, one in found.items():
        inside = "; ".join(refused[name]) if name in refused else "yes"
        quality = f"{one['auc']:.4f} | {one['log_loss']:.4f} | {one['largest_change']:.3f} | {one['flipped']:,}"
        lines.append(f"| {name} | {one['bytes'] / 1e3:,.0f} | {quality} | {inside} |")
    for title in TITLES:
        lines += ["", *_workload(title, found, instance)]
    lines += ["", *_targets(results)]
    lines += [f"- Not measured: {name}: {problem}" for name, problem in results["problems"].items()]
    lines[3:3] = caution(results["machine"], "of these numbers only CPU a prediction means something.")
    return "\n".join(lines) + "\n"


def _workload(title: str, found: dict, instance: cost.Instance) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    columns = (
        "CPU µs a prediction",
        "times cheaper",
        "in the model, µs",
        "rows/s",
        "p50 ms",
        "p99 ms",
        "failures",
        "a billion",
    )
    yield f"| variant | {' | '.join(columns)} |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name, one in found.items():
        figures = one["served"][title]
        if not figures:
            continue
        cpu, speed = median(figures, "cpu_us"), [median(figures, key) for key in ("rows_s", "p50_ms", "p99_ms")]
        money = 1e6 * cost.per_thousand(instance.per_hour / instance.vcpus, 1e6 / cpu)
        yield (
            f"| {name} | {cpu:.2f} | {times_cheaper(found, name, title):.1f} | {median(figures, 'model_us'):.2f} "
            f"| {speed[0]:,.0f} | {speed[1]:.2f} | {speed[2]:.2f} | {sum(one['failures'] for one in figures)} "
            f"| {money:.3f} {instance.currency} |"
        )


def times_cheaper(found: dict, name: str, title: str) -> float:
    """How many times as much processor time the baseline takes."""
    return median(found[BASELINE]["served"][title], "cpu_us") / median(found[name]["served"][title], "cpu_us")


def _targets(results: dict) -> Iterator[str]:
    """What the optimised model is held to, and whether it holds."""
    for title in TITLES:
        name = results["taken"][title]["name"]
        if name is None or not results["variants"][BASELINE]["served"][title]:
            yield f"- {title}: no variant passed the gate, or the baseline was not measured."
            continue
        ratio = times_cheaper(results["variants"], name, title)
        if title == TITLES[-1]:  # where the way to the model costs more than the model: a reading, no target
            yield f"- {title}: the cheapest inside the gate, {name}, is {ratio:.1f} times cheaper than the baseline."
        else:
            verb = "reaches" if ratio >= TARGET else "FALLS SHORT of"
            yield f"- {title}: {name} {verb} {TARGET:g} times cheaper than the baseline, inside the gate: {ratio:.1f}."


def main() -> None:
    """Measure, print the tables and write them with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=2, help="rounds, of which the median counts")
    parser.add_argument("--name", default="optimize", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("The load comes from wrk: install it (on Debian and Ubuntu: apt-get install wrk).")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as work:
        results = measure(options, Path(work).resolve())
    keep(options.name, results, table(results))


if __name__ == "__main__":
    main()
