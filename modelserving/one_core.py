"""One core of this machine as the accelerator, shared by several models: measured, not simulated (lesson 08).

    outcome = measure([Work("search", rows=32), Work("reports", rows=1024)], how="processes", seconds=2)

Every request is a real run of an ONNX model, a network of 512 and 512 units, on so many rows. The processes that run
them are pinned to one core, so that the operating system slices its time among them, as a driver does with a GPU's;
or one process has all models in it. What comes back is an outcome as :func:`modelserving.sharing.simulate` gives it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
import psutil

from modelserving.sharing import ONE_CLIENT, Closed, Comings, Outcome, Tenant

WAYS = ("processes", "one process", "halves")
FEATURES, HIDDEN = 64, (512, 512)
PATIENCE = 60.0  # s for a process to load its models, or to tell what it did
WARM = 5  # runs of a model before it counts
LEAD = 0.1  # s from the word to start until it starts, so that all have heard it


@dataclass(frozen=True, eq=False)
class Work:
    """A tenant of the core: requests of so many ``rows``, that come as ``arrivals`` say (see :class:`Tenant`)."""

    name: str
    rows: int = 256
    arrivals: np.ndarray | Closed = ONE_CLIENT


@dataclass(frozen=True, eq=False)
class Run:
    """An outcome, and what the processes used: CPU seconds, how often each lost the core, bytes of their own memory."""

    outcome: Outcome
    cpu: float
    forced_switches: int
    memory: tuple[int, ...]


def measure(works: Sequence[Work], how: str = "processes", seconds: float = 1.0, seed: int = 0) -> Outcome:
    """Let ``works`` share one core for ``seconds``, and see what each gets.

    ``how``: ``"processes"``, one for each; ``"one process"`` that serves all, in the order in which requests come;
    ``"halves"``: a core for the first half of the tenants and another for the rest, a process each.
    Raises OSError where processes cannot be pinned, or there are too few cores; ValueError for another ``how``.
    """
    return run(works, how, seconds, seed).outcome


def alone(work: Work, seconds: float = 0.5) -> Tenant:
    """What a request of this tenant takes when it has the core to itself, as a tenant to simulate: the median."""
    found = measure([Work(work.name, work.rows)], seconds=seconds).latency[work.name]
    return Tenant(work.name, float(median(found)), arrivals=work.arrivals)


def run(works: Sequence[Work], how: str = "processes", seconds: float = 1.0, seed: int = 0) -> Run:
    """The same as :func:`measure`, with what it took."""
    if how not in WAYS:
        raise ValueError(f"how is {how!r}; it is one of {', '.join(WAYS)}.")
    if not works or len({work.name for work in works}) < len(works):
        raise ValueError("Give at least one tenant, and each a name of its own.")
    cores = pinnable()[-2:] if how == "halves" else pinnable()[-1:]  # the first one has the system's interrupts
    if how == "halves" and len(cores) < 2:
        raise OSError("Halves need two cores, and this machine gives one.")
    groups = [list(works)] if how == "one process" else [[work] for work in works]
    places = [cores[i * len(cores) // len(groups)] for i in range(len(groups))]
    reports = _together(groups, places, seconds, seed)
    told = {name: values for report in reports for name, values in report["latency"].items()}
    cpu = sum(report["cpu"] for report in reports)
    outcome = Outcome(
        strategy=f"measured, {how}",
        seconds=seconds,
        latency={work.name: np.array(told[work.name]) for work in works},
        refused={work.name: 0 for work in works},
        unanswered={name: n for report in reports for name, n in report["unanswered"].items()},
        utilisation=cpu / seconds / len(cores),
        devices=len(cores),
    )
    return Run(outcome, cpu, sum(report["forced"] for report in reports), tuple(r["memory"] for r in reports))


def pinnable() -> list[int]:
    """The cores that processes can be pinned to. Raises OSError where the system does not do that."""
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        raise OSError("This system does not pin a process to a core; Linux and Windows do. Read the recording instead.")
    return sorted(process.cpu_affinity())


def network(seed: int = 0) -> bytes:
    """An ONNX model with weights drawn at random: (n, 64) numbers in, (n, 1) out. It is there to take time."""
    from onnx import TensorProto, helper, numpy_helper

    random, sizes = np.random.default_rng(seed), (FEATURES, *HIDDEN, 1)
    nodes, weights, name = [], [], "input"
    for i, (wide, tall) in enumerate(pairwise(sizes)):
        values = random.normal(0, wide**-0.5, (wide, tall)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"weights{i}"))
        last = i == len(HIDDEN)
        nodes.append(helper.make_node("MatMul", [name, f"weights{i}"], ["output" if last else f"sum{i}"]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"sum{i}"], [name := f"hidden{i}"]))
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, ["rows", size])
        for end, size in (("input", FEATURES), ("output", 1))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return model.SerializeToString()


# --- the processes


def _together(groups: Sequence[Sequence[Work]], cores: Sequence[int], seconds: float, seed: int) -> list[dict]:
    """Start a process for each group, let all begin at the same moment, and collect what they tell."""
    with _workers(len(groups), PATIENCE + seconds) as workers:
        for worker, group, core in zip(workers, groups, cores, strict=True):
            _tell(worker, {"core": core, "seconds": seconds, "seed": seed, "works": [_plain(work) for work in group]})
        for worker in workers:
            _hear(worker)
        start = perf_counter() + LEAD  # a clock that all processes of a machine share, on Linux and Windows
        for worker in workers:
            _tell(worker, start)
        return [_hear(worker) for worker in workers]


@contextmanager
def _workers(count: int, patience: float) -> Iterator[list[subprocess.Popen]]:
    """So many processes that wait for their task, and none of them when it is over, or after ``patience`` s."""
    command = [sys.executable, "-m", "modelserving.one_core"]
    workers: list[subprocess.Popen] = []
    end = threading.Timer(patience, lambda: [worker.kill() for worker in workers])
    end.start()
    try:
        for _ in range(count):
            workers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        yield workers
    finally:
        end.cancel()
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait()
            worker.stdin.close()
            worker.stdout.close()


def _tell(worker: subprocess.Popen, what: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has ended; whoever listens to it next will notice
        worker.stdin.write(json.dumps(what) + "\n")
        worker.stdin.flush()


def _hear(worker: subprocess.Popen) -> Any:
    if not (line := worker.stdout.readline()):
        raise RuntimeError("A process that shared the core ended early; what it said stands above.")
    return json.loads(line)


def _plain(work: Work) -> dict[str, Any]:
    """A tenant as JSON holds it."""
    coming = work.arrivals
    arrivals = {"clients": coming.clients, "think": coming.think} if isinstance(coming, Closed) else list(coming)
    return {"name": work.name, "rows": work.rows, "arrivals": arrivals}


def main() -> None:
    """What each process does: read its task, say that it is ready, start when it is told to, and tell what it did."""
    task = json.loads(sys.stdin.readline())
    process = psutil.Process()
    process.cpu_affinity([task["core"]])
    calls = [_call(work["rows"], seed) for seed, work in enumerate(task["works"])]
    print(json.dumps("ready"), flush=True)
    start = json.loads(sys.stdin.readline())
    sleep(max(0.0, start - perf_counter()))
    cpu, switches = process_time(), process.num_ctx_switches().involuntary
    latency, unanswered = _serve(task, calls, start)
    told = {
        "latency": latency,
        "unanswered": unanswered,
        "cpu": process_time() - cpu,
        "forced": process.num_ctx_switches().involuntary - switches,
        "memory": process.memory_full_info().uss,  # what only this process has: libraries are shared
    }
    print(json.dumps(told), flush=True)


def _call(rows: int, seed: int) -> Callable[[], Any]:
    """A model of its own, warm, and a request for it."""
    from modelserving.interpreter import Interpreter

    interpreter = Interpreter(network(seed))
    inputs = {"input": np.random.default_rng(seed).normal(size=(rows, FEATURES)).astype(np.float32)}
    for _ in range(WARM):
        interpreter.predict(inputs)
    return lambda: interpreter.predict(inputs)


def _serve(
    task: dict[str, Any], calls: Sequence[Callable[[], Any]], start: float
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """First come, first served, until the time is over: latencies by tenant, and how many requests still waited."""
    works, seconds = task["works"], task["seconds"]
    arrivals = [Closed(**w["arrivals"]) if isinstance(w["arrivals"], dict) else np.array(w["arrivals"]) for w in works]
    comings = Comings(arrivals, seconds, task["seed"])
    latency: list[list[float]] = [[] for _ in works]
    late = [0] * len(works)
    while (now := perf_counter() - start) < seconds:
        if comings.next > now:
            sleep(min(comings.next, seconds) - now)
            continue
        moment, i = comings.take()
        calls[i]()
        done = perf_counter() - start
        if done <= seconds:
            latency[i].append(done - moment)
        else:
            late[i] += 1
        comings.answered(i, done)
    for i in comings.overdue(seconds):
        late[i] += 1
    names = [work["name"] for work in works]
    return dict(zip(names, latency, strict=True)), dict(zip(names, late, strict=True))


if __name__ == "__main__":
    main()
