"""Two replicas on one machine, against one server: ``make bench BENCH=scale.py``, or ``python benchmarks/scale.py``.

One folder of models, asked for what costs from microseconds to a tenth of a second: lesson 01's MLP of 128-128 for one
row in JSON and its 200 boosted trees for 128 rows (binary); networks with three hidden layers of 512, 1,536 and
4,096 units for 64 rows, of random weights, since only the work matters; and the trees for 16,384 rows, which have to
travel. Five ways to serve it, all with one thread inside an operation: ``modelserving serve``; the same with two
batches at once (``--instances 2``); two such processes, each with an address of its own and half of the clients; and
``modelserving scale`` with one replica and with two. All answer the same requests, and rightly, which is checked.

The servers have two cores. ``wrk`` has another where the machine has three, and shares theirs where it has not:
``client`` says which. It keeps one request under way (latency alone) or eight (throughput; a closed loop). A
measurement follows a short load that is not counted; rounds go through all servers, and medians over rounds are
reported. *CPU* is user and system time of all processes of the server by request. *Memory* is proportional set size of
all of them after the load. Of two processes, rates are added, and of latencies the worse is taken. Failures are counted
apart and never as throughput.

Besides ``benchmarks/results/scale.*`` it writes the recording that lesson 08 reads
(``modelserving/data/recordings/scale.json``).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import datetime
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
from machine import RESULTS, described, keep, machine
from onnx import TensorProto, helper, numpy_helper
from serving import _WRK, make_models
from tqdm import tqdm
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from modelserving import models, scale
from modelserving.interpreter import Interpreter
from modelserving.server import served

RECORDING = Path(__file__).resolve().parents[1] / "modelserving" / "data" / "recordings" / "scale.json"
WHAT = "Two replicas behind Ray Serve on one machine, beside one server and other ways to use two cores"
ONE, INSTANCES, PROCESSES = "one process", "one process, two instances", "two processes"
RAY_ONE, RAY_TWO = "Ray Serve, one replica", "Ray Serve, two replicas"
ALONE, TOGETHER = 1, 8  # requests under way
WARM = 1  # s of load that is not counted
QUEUE = 1_000_000  # rows: nobody is turned away
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Case:
    """What a request asks for."""

    model: str
    rows: int

    @property
    def name(self) -> str:
        return f"{self.model}, {self.rows:,} row{'s' * (self.rows > 1)}"


WIDTHS = (512, 1536, 4096)
CASES = (
    Case("mlp", 1),
    Case("trees", 128),
    *(Case(f"network_{width}", 64) for width in WIDTHS),
    Case("trees", 16384),
)

Serving = Callable[[Path], AbstractContextManager[list[str]]]


@contextmanager
def processes(folder: Path, count: int = 1, **options: int) -> Iterator[list[str]]:
    """``count`` processes of ``modelserving serve``; their URLs."""
    with ExitStack() as started:
        yield [started.enter_context(served(folder, queue_rows=QUEUE, **options)) for _ in range(count)]


@contextmanager
def replicas(folder: Path, count: int) -> Iterator[list[str]]:
    """``modelserving scale`` with ``count`` replicas; the one URL that they have."""
    with scale.running(folder, replicas=count, queue_rows=QUEUE) as url:
        yield [url]


SERVERS: dict[str, Serving] = {
    ONE: processes,
    INSTANCES: partial(processes, instances=2),
    PROCESSES: partial(processes, count=2),
    RAY_ONE: partial(replicas, count=1),
    RAY_TWO: partial(replicas, count=2),
}


# --- requests


class Question:
    """A request for a case, as ``tritonclient`` makes it: one row in JSON, more in binary."""

    def __init__(self, case: Case, rows: np.ndarray) -> None:
        binary = case.rows > 1
        tensor = InferInput("input", list(rows.shape), "FP32").set_data_from_numpy(rows, binary_data=binary)
        self.case, self.inputs = case, [tensor]
        self.outputs = [InferRequestedOutput("probability", binary_data=binary)]
        self.body, head = InferenceServerClient.generate_request_body(self.inputs, outputs=self.outputs)
        self.headers = {"Inference-Header-Content-Length": str(head)} if head else {"Content-Type": "application/json"}

    def check(self, url: str, expected: np.ndarray) -> None:
        """Raise ValueError unless the server at ``url`` gives ``expected``, float32 (n, 2)."""
        with InferenceServerClient(urlsplit(url).netloc) as client:
            got = client.infer(self.case.model, self.inputs, outputs=self.outputs).as_numpy("probability")
        if got.shape != expected.shape or np.abs(got - expected).max() > 1e-4:
            raise ValueError(f"{url} answers {got[:1].tolist()} in place of {expected[:1].tolist()}.")


def wrk(question: Question, urls: list[str], connections: int, seconds: int, folder: Path, core: int | None) -> dict:
    """What ``wrk`` measured, with the connections divided among ``urls``: requests/s, ms, failures."""
    (folder / "body").write_bytes(question.body)
    lines = "\n".join(
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(text)}" for name, text in question.headers.items()
    )
    (folder / "wrk.lua").write_text(_WRK.format(body=str(folder / "body"), headers=lines))
    asked = urls[:connections]
    arguments = ["wrk", f"-d{seconds}", "-t1", f"-c{connections // len(asked)}", "--timeout=30s"]
    running = [
        subprocess.Popen(
            [*arguments, "-s", folder / "wrk.lua", f"{url}/v2/models/{question.case.model}/infer"],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )
        for url in asked
    ]
    said = [process.communicate()[0].strip().splitlines() for process in running]
    if not all(said):
        raise RuntimeError(f"wrk has found nothing out about {' and '.join(asked)}.")
    found = [json.loads(lines[-1]) for lines in said]
    good = [one["requests"] - one["status"] for one in found]  # other failures are not among the requests that ended
    return {
        "good": sum(good),
        "requests_s": sum(count / (one["us"] / 1e6) for count, one in zip(good, found, strict=True)),
        "p50_ms": max(one["p50"] for one in found) / 1e3 if all(good) else None,
        "p99_ms": max(one["p99"] for one in found) / 1e3 if all(good) else None,
        "failures": sum(one["status"] + one["sockets"] + one["timeouts"] for one in found),
    }


# --- the server's processes: all that this one has started


def tree() -> list[psutil.Process]:
    """All processes below this one that have not ended."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def used() -> float:
    """Seconds of user and system time of all of them so far, of ended children too."""
    total = 0.0
    for process in tree():
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def memory() -> dict[str, float]:
    """MB of all of them: proportional (``pss``) and resident (``rss``)."""
    sizes = {"pss": 0.0, "rss": 0.0}
    for process in tree():
        with contextlib.suppress(psutil.Error):
            found = process.memory_full_info()
            sizes = {kind: size + getattr(found, kind) / 1e6 for kind, size in sizes.items()}
    return sizes


# --- all of it


def network(width: int, seed: int = 0) -> bytes:
    """A network 13 → ``width`` → ``width`` → ``width`` → 2 with ReLU and softmax, as ONNX; random weights."""
    rng, sizes = np.random.default_rng(seed), (13, width, width, width, 2)
    nodes, weights, last = [], [], "input"
    for number, (rows, columns) in enumerate(pairwise(sizes)):
        spread = np.sqrt(2 / rows) / (1 if number else 1000)  # the features are as large as that
        drawn = rng.normal(0, spread, (rows, columns)).astype(np.float32)
        weights.append(numpy_helper.from_array(drawn, f"w{number}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{number}"], [f"sum{number}"]))
        out, kind = ("probability", "Softmax") if columns == 2 else (f"layer{number}", "Relu")
        nodes.append(helper.make_node(kind, [f"sum{number}"], [out]))
        last = out
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 13])]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 2])]
    graph = helper.make_graph(nodes, "network", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return made.SerializeToString()


def prepare(work: Path) -> tuple[Path, dict[Case, Question], dict[Case, np.ndarray], dict[Case, float]]:
    """The folder of models, and for each case its request, the right answer, and the model's own seconds."""
    made = {name: path.read_bytes() for name, path in make_models(work / "made").items()}
    made |= {f"network_{width}": network(width) for width in WIDTHS}
    for name, model in made.items():
        (work / "models" / name / "1").mkdir(parents=True)
        (work / "models" / name / "1" / "model.onnx").write_bytes(model)
    X = np.nan_to_num(models.flight_task().X_test)
    questions, expected, alone = {}, {}, {}
    for case in CASES:
        rows = np.ascontiguousarray(X[: case.rows])
        interpreter = Interpreter(work / "models" / case.model / "1" / "model.onnx")
        took = []
        for _ in range(7):
            start = time.perf_counter()
            expected[case] = interpreter.predict({"input": rows}, ["probability"])["probability"]
            took.append(time.perf_counter() - start)
        questions[case], alone[case] = Question(case, rows), statistics.median(took[1:])
    return work / "models", questions, expected, alone


def measure(options: argparse.Namespace, work: Path) -> dict:
    """Run everything; returns what is written."""
    about, allowed = machine(), sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("This needs two cores.")
    core = allowed[2] if len(allowed) > 2 else None
    os.sched_setaffinity(0, allowed[:2])  # and so for all servers
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what children leave behind is counted, too
    folder, questions, expected, alone = prepare(work)
    runs: dict[tuple[str, Case, int], list[dict]] = {}
    sizes: dict[str, list[dict]] = {}
    turns = [(name, turn) for turn in range(options.rounds) for name in SERVERS]
    steps = tqdm(total=len(turns) * len(CASES) * 2, disable=None)
    for name, _ in turns:
        try:
            one(name, folder, questions, expected, options.seconds, core, runs, sizes, steps)
        except RuntimeError as problem:  # Ray gives up where a machine is busy; other rounds may tell
            tqdm.write(f"{name}: {problem}", file=sys.stderr)
    steps.close()
    if missing := SERVERS.keys() - sizes.keys():  # sizes come last in a turn
        raise SystemExit(f"Not measured in any round: {', '.join(sorted(missing))}.")
    return {
        "what": WHAT,
        "date": datetime.date.today().isoformat(),
        "machine": about,
        "versions": versions(),
        "script": "benchmarks/scale.py",
        "client": "wrk, on a core of its own" if core is not None else "wrk, which shares the servers' two cores",
        "seconds": options.seconds,
        "rounds": options.rounds,
        "replicas": 2,
        "cases": {case.name: asdict(case) | {"model_ms": round(1e3 * alone[case], 4)} for case in CASES},
        "servers": {name: medians(found) for name, found in sizes.items()},
        "measured": [
            {"server": name, "case": case.name, "connections": connections, **medians(found)}
            for (name, case, connections), found in runs.items()
        ],
    }


def one(
    name: str,
    folder: Path,
    questions: dict[Case, Question],
    expected: dict[Case, np.ndarray],
    seconds: int,
    core: int | None,
    runs: dict[tuple[str, Case, int], list[dict]],
    sizes: dict[str, list[dict]],
    steps: tqdm,
) -> None:
    """Start a server once and ask it for each case; what is found is added to ``runs`` and ``sizes``."""
    began = time.perf_counter()
    with SERVERS[name](folder) as urls:
        ready = time.perf_counter() - began
        for case in CASES:
            for url in urls:
                questions[case].check(url, expected[case])
            for connections in (ALONE, TOGETHER):
                steps.set_description(f"{name}: {case.name}, {connections}")
                ask = partial(wrk, questions[case], urls, connections, folder=folder.parent, core=core)
                ask(seconds=WARM)
                before = used()
                found = ask(seconds=seconds)
                good = found.pop("good")
                found["cpu_us"] = 1e6 * (used() - before) / good if good else None
                runs.setdefault((name, case, connections), []).append(found)
                steps.update()
        now = memory()
        size = {"processes": len(tree()), "pss_mb": now["pss"], "rss_mb": now["rss"], "ready_s": ready}
        sizes.setdefault(name, []).append(size)


def medians(rounds: list[dict]) -> dict:
    """Each figure's median over rounds; failures are added."""
    found = {}
    for figure in rounds[0]:
        values = [one[figure] for one in rounds if one[figure] is not None]
        if figure == "failures":
            found[figure] = sum(values)
        else:
            found[figure] = round(statistics.median(values), 3) if values else None
    return found


def versions() -> dict[str, str]:
    """Of what was measured and of what measured it."""
    packages = ("modelserving-course", "ray", "onnxruntime", "uvicorn", "numpy")
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout.split()
    return {name: importlib.metadata.version(name) for name in packages} | {"wrk": said[1] if len(said) > 1 else ""}


# --- what is written


def table(found: dict) -> str:
    """The results as Markdown."""
    by = {(one["server"], one["case"], one["connections"]): one for one in found["measured"]}
    lines = [
        "# Two replicas on one machine",
        "",
        described(found["date"], found["machine"]),
        f"Written by `benchmarks/scale.py`, which says what was run. Client: {found['client']}. Ray "
        f"{found['versions']['ray']}; medians of {found['rounds']} rounds of {found['seconds']:g} s.",
    ]
    for name, case in found["cases"].items():
        lines += [
            "",
            f"## {name}: {case['model_ms']:.3g} ms in the model alone",
            "",
            f"| server | requests/s, {TOGETHER} clients | times one process | p99 ms | CPU µs a request "
            "| p50 ms, 1 client | above one process, ms | failures |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        plain, first = by[ONE, name, TOGETHER], by[ONE, name, ALONE]
        for server in found["servers"]:
            many, one = by[server, name, TOGETHER], by[server, name, ALONE]
            figures = [
                number(many["requests_s"], ",.1f"),
                number(ratio(many["requests_s"], plain["requests_s"]), ".2f"),
                number(many["p99_ms"], ".3g"),
                number(many["cpu_us"], ",.0f"),
                number(one["p50_ms"], ".3g"),
                number(difference(one["p50_ms"], first["p50_ms"]), "+.3g"),
                number(many["failures"] + one["failures"], ".0f"),
            ]
            lines.append(f"| {server} | {' | '.join(figures)} |")
    lines += [
        "",
        "## What they take",
        "",
        "| server | ready s | processes | memory MB (PSS) | RSS |",
        "|---|" + "---:|" * 4,
    ]
    for server, size in found["servers"].items():
        figures = f"{size['ready_s']:.1f} | {size['processes']:.0f} | {size['pss_mb']:,.0f} | {size['rss_mb']:,.0f}"
        lines.append(f"| {server} | {figures} |")
    return "\n".join([*lines, ""])


def number(value: float | None, form: str) -> str:
    """In this format; a dash for what could not be measured."""
    return "–" if value is None else format(value, form)


def ratio(one: float | None, other: float | None) -> float | None:
    """One by the other, where that can be said."""
    return one / other if one is not None and other else None


def difference(one: float | None, other: float | None) -> float | None:
    """One less the other, where that can be said."""
    return one - other if one is not None and other is not None else None


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one round of 1 s; nothing is written but --out")
    parser.add_argument("--out", type=Path, help="write the recording here, and nothing elsewhere")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    scale.require()
    with tempfile.TemporaryDirectory() as work:
        found = measure(options, Path(work))
    text = json.dumps(found, indent=1) + "\n"
    if options.quick or options.out:
        print(table(found))
        if options.out:
            options.out.write_text(text)
        return
    RECORDING.parent.mkdir(parents=True, exist_ok=True)
    RECORDING.write_text(text)
    keep("scale", found, table(found))
    print(f"Written: {RESULTS.name}/scale.* and {RECORDING.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
