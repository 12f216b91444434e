"""Time graders side by side, in one run, on real submissions of assignment 01: ``make bench``.

Graders: stock ``nbgrader autograde``; the same in N processes, each with its own copy of the course and a share of
the class; otter-grader (``otter run``, its grading without containers, one process after the other, on the assignment
converted to its format); this course's engine with its sandbox, and without. Every run starts from a released
assignment and an empty gradebook and counts everything from the command's start to its end.

Both of stock's notebooks are run by stock. otter gets the exercises alone: it has nothing like the quiz. This engine
reads the quiz and runs the exercises. The class is made from the samples whose file is not damaged, since stock drops
damaged ones; they repeat where there are fewer than students.

The *floor* is what the students' own cells and the tests take in one process that has imported everything: forked, no
sandbox, no channel, and no traceback drawn for a test that fails, since that takes longer than the test. As many run at
once as the engine runs, since a core is slower while its neighbour works. Memory is proportional set size, summed over
the tree of processes, at its peak.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import nbformat
import psutil
from machine import described, keep, machine
from nbgrader.api import Gradebook
from tqdm import tqdm

from autograder import cells, demo, engine, gradebook, rebuild, samples, zygotes
from autograder.course import Course
from autograder.release import release

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "01_build_a_model"
STOCK = "c = get_config()\nc.CourseDirectory.course_id = 'stock'\n"
OTTER = ("otter-grader==7.0.0", "ipykernel", "numpy", "scikit-learn", "onnxruntime", "matplotlib", "tqdm")
FLOOR = 40  # submissions by which the floor is measured
LOOK = 1.0  # s between two looks at memory, each of which holds the processes up
GRADERS = ("stock", "stock in {n} processes", "otter-grader", "course grade, no sandbox", "course grade")

_UNSANDBOXED = """
import sys
from autograder import cli, run
real = run._work
def unprotected():
    from autograder import kernel, zygotes
    heard = zygotes.Zygote.__dict__["offered"]
    if isinstance(heard, property):
        return
    zygotes.Zygote.offered = property(lambda self: heard.func(self)[:0])
    kernel.missing = list
def work(terms, student, parcel):
    unprotected()  # in a process of its own, perhaps
    return real(terms, student, parcel)
run._work = work
unprotected()
sys.exit(cli.main(sys.argv[1:]))
"""
_OTTER_TEST = """
OK_FORMAT = False
from otter.test_files import test_case
name = {name!r}
points = {points!r}
SOURCE = {source!r}
@test_case(points={points!r})
def test(env):
    exec(SOURCE, env)
"""


@dataclass
class Timing:
    """One grader on one class: every run's seconds, and the largest memory of them in MB."""

    grader: str
    submissions: int
    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0
    running: list[float] = field(default_factory=list)  # MB of what runs at once beyond the zygote, at each look

    @property
    def median(self) -> float:
        """Seconds of the median run."""
        return statistics.median(self.seconds)


# --- what is graded


def class_of(course: Course, target: Course, size: int) -> list[str]:
    """Hand in ``size`` submissions to ``target``; returns the students' names."""
    whole = [s for s in samples.load_all(course, ASSIGNMENT) if not s.damage and s.kind != "malformed"]
    names = []
    for number, sample in zip(range(size), itertools.cycle(whole), strict=False):
        names.append(f"s{number:03}")
        made = samples.make(sample, course, target.root / "made")
        shutil.copytree(made, target.submitted / names[-1] / ASSIGNMENT)
    shutil.rmtree(target.root / "made")
    return names


def prepared(course: Course, folder: Path, size: int) -> Course:
    """A course with everything handed in and nothing graded, released with this course's steps."""
    trial = demo.fresh_course(course, folder)
    release(trial, ASSIGNMENT)
    class_of(course, trial, size)
    return trial


def stock_course(trial: Course, folder: Path, students: Sequence[str]) -> Course:
    """The same class under stock nbgrader, for some of the students."""
    shutil.copytree(trial.source, folder / "source")
    (folder / "nbgrader_config.py").write_text(STOCK)
    for student in students:
        shutil.copytree(trial.submitted / student, folder / "submitted" / student)
    command(["nbgrader", "generate_assignment", ASSIGNMENT], folder)
    return Course(folder)


# --- how long, and how much memory


def command(arguments: Sequence[str | Path], folder: Path, **extra: str) -> subprocess.CompletedProcess:
    """Run a command of this environment, quietly; raises with its last words when it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        list(map(str, arguments)), cwd=folder, env=os.environ | {"PATH": path} | extra, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done


class Memory(threading.Thread):
    """Watches memory: of all below this process its ``peak``, of a zygote's children ``running`` at each look."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self.running: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(LOOK):
            tree = psutil.Process().children(recursive=True)
            self.peak = max(self.peak, sum(_megabytes(process, "pss") for process in tree))
            for zygote in tree:
                with contextlib.suppress(psutil.Error):
                    if zygotes.PROGRAM in zygote.cmdline() and zygotes.PROGRAM not in zygote.parent().cmdline():
                        running = zygote.children(recursive=True)
                        if len(running) > 1:  # more than the one that watches over memory
                            self.running.append(sum(_megabytes(process, "uss") for process in running))


def _megabytes(process: psutil.Process, kind: str) -> float:
    try:
        return getattr(process.memory_full_info(), kind) / 1e6
    except (psutil.Error, FileNotFoundError):
        return 0.0


def timed(timing: Timing, run: Callable[[], None]) -> None:
    """Add one run to ``timing``."""
    memory = Memory()
    memory.start()
    began = time.perf_counter()
    run()
    timing.seconds.append(time.perf_counter() - began)
    memory.over.set()
    memory.join()
    timing.memory = max(timing.memory, memory.peak)
    timing.running += memory.running


# --- the graders


def run_stock(trial: Course, folder: Path, processes: int, timing: Timing) -> None:
    """``nbgrader autograde`` in ``processes`` processes, each on a part of the class."""
    names = sorted(path.name for path in trial.submitted.iterdir())
    parts = [stock_course(trial, folder / f"part-{i}", names[i::processes]) for i in range(processes)]

    def autograde() -> None:
        run = joblib.delayed(command)
        joblib.Parallel(n_jobs=processes, backend="threading")(
            run(["nbgrader", "autograde", ASSIGNMENT], part.root) for part in parts
        )

    timed(timing, autograde)
    graded = sum(len(list(part.autograded.glob("*/*/exercises.ipynb"))) for part in parts)
    if graded < len(names):
        raise RuntimeError(f"stock graded {graded} of {len(names)} submissions")


def otter_environment(folder: Path) -> Path:
    """The interpreter of an environment with otter-grader, made when it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        command([sys.executable, "-m", "uv", "venv", "--python", sys.executable, folder], ROOT)
        command([sys.executable, "-m", "uv", "pip", "install", "--python", python, *OTTER], ROOT)
    return python


def otter_assignment(trial: Course, folder: Path) -> Path:
    """The assignment's tests in otter's format: one file for each test cell, its text unchanged."""
    (folder / "tests").mkdir(parents=True)
    for place in engine.load_source(trial, ASSIGNMENT, "exercises").graded:
        name, points = place.name, float(place.cell.metadata.nbgrader.points)
        text = _OTTER_TEST.format(name=name, points=points, source=place.cell.source)
        (folder / "tests" / f"{name}.py").write_text(text)
    configuration = {"show_stdout": False, "seed": 0}
    (folder / "otter_config.json").write_text(json.dumps(configuration))
    with zipfile.ZipFile(folder / "autograder.zip", "w") as packed:
        for path in sorted((folder / "tests").iterdir()):
            packed.write(path, f"tests/{path.name}")
        packed.write(folder / "otter_config.json", "otter_config.json")
    return folder / "autograder.zip"


def run_otter(trial: Course, folder: Path, python: Path, timing: Timing) -> None:
    """``otter run`` on the exercises of as many submissions as ``timing`` says, without nbgrader's test cells."""
    grader = otter_assignment(trial, folder)
    converted = []
    for path in sorted(trial.submitted.glob("*/*/exercises.ipynb"))[: timing.submissions]:
        notebook = cells.read(path)
        notebook.cells = [cell for cell in notebook.cells if not cells.is_test(cell)]
        converted.append(folder / f"{path.parts[-3]}.ipynb")
        nbformat.write(notebook, converted[-1])

    def grade() -> None:
        for path in tqdm(converted, desc="otter", disable=None, leave=False):
            out = folder / path.stem
            out.mkdir()
            arguments = [python, "-m", "otter", "run", "-a", grader, "-o", out, "--no-logo", path]
            where = {"PYTHONPATH": str(ROOT), "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
            command(arguments, folder, **where)

    timed(timing, grade)
    found = json.loads((folder / "s000" / "results.json").read_text())["tests"]
    if not any(test.get("score") for test in found):
        raise RuntimeError("otter gave no points to the first submission: the conversion is wrong")


def run_course(trial: Course, folder: Path, jobs: int, sandbox: bool, timing: Timing) -> None:
    """``course grade`` with ``jobs`` processes, as typed in a terminal."""
    shutil.copytree(trial.root, folder)
    call = ["-m", "autograder.cli"] if sandbox else ["-c", _UNSANDBOXED]
    arguments = [sys.executable, *call, "grade", ASSIGNMENT, "--jobs", str(jobs)]
    timed(timing, lambda: command(arguments, folder, PYTHONPATH=str(ROOT)))
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        if book.find_submission(ASSIGNMENT, "s000").score <= 0:
            raise RuntimeError("the first submission got no points")


# --- the floor, and the writer


def floor(trial: Course, size: int, processes: int) -> float:
    """Seconds that a submission's own cells and tests take in the mean, forked, in ``processes`` at a time."""
    script = """
import os, sys, time, json
from pathlib import Path
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt, numpy, sklearn.ensemble, sklearn.linear_model, sklearn.metrics, onnxruntime
import modelserving.plots
from modelserving import datasets
from IPython.core.interactiveshell import InteractiveShell
plt.plot([1, 2]); plt.savefig("/dev/null"); plt.close()
for data in (datasets.flights, datasets.weather, datasets.riders):
    data()
for texts in json.load(sys.stdin):
    read, write = os.pipe()
    if os.fork() == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        shell = InteractiveShell()
        began = time.perf_counter()
        for text, test in texts:
            if test:
                try:
                    exec(compile(text, "test", "exec"), shell.user_ns)
                except BaseException:
                    pass
            else:
                shell.run_cell(text, store_history=False)
        os.write(write, str(time.perf_counter() - began).encode())
        os._exit(0)
    os.close(write)
    print(os.read(read, 100).decode(), flush=True)
    os.wait()
"""
    texts = []
    for path in sorted(trial.submitted.glob("*/*/exercises.ipynb"))[:size]:
        source = engine.load_source(trial, ASSIGNMENT, "exercises")
        notebook = rebuild.rebuild(source.pristine, source.release, cells.read(path)).notebook
        texts.append([(cell.source, cells.is_test(cell)) for cell in notebook.cells if cell.cell_type == "code"])

    def times(share: list) -> list[float]:
        done = subprocess.run(
            [sys.executable, "-c", script], input=json.dumps(share), cwd=trial.root, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"the floor could not be measured: {done.stderr[-1000:]}")
        return [float(line) for line in done.stdout.split()]

    shares = [texts[i::processes] for i in range(processes)]
    found = joblib.Parallel(n_jobs=processes, backend="threading")(joblib.delayed(times)(share) for share in shares)
    return statistics.mean(itertools.chain(*found))


def writer(trial: Course, size: int) -> float:
    """Seconds that the gradebook's writer takes for one new submission of ``size``."""
    graded = {}
    for name in trial.notebooks(ASSIGNMENT):
        nothing = engine.prepare(trial, ASSIGNMENT, name, None)
        graded[name] = engine.grade_prepared(trial, ASSIGNMENT, name, nothing, None)
    sheets = [gradebook.Sheet(f"new{i}", graded) for i in range(size)]
    with gradebook.open_gradebook(trial, ASSIGNMENT) as book:
        began = time.perf_counter()
        one = gradebook.Writer(book, ASSIGNMENT)
        for first in range(0, size, gradebook.AT_ONCE):
            one.write(sheets[first : first + gradebook.AT_ONCE])
        return (time.perf_counter() - began) / size


# --- all of it


def measure(options: argparse.Namespace, work: Path) -> dict:
    """Run everything; returns what is written."""
    course, n = Course(ROOT), options.jobs
    timings: list[Timing] = []
    python = otter_environment(options.otter or ROOT / "build" / "otter")
    trials = {size: prepared(course, work / f"class-{size}", size) for size in options.sizes}
    repeats = itertools.chain(options.repeats, itertools.repeat(options.repeats[-1]))
    runs = [(size, repeat) for size, times in zip(options.sizes, repeats, strict=False) for repeat in range(times)]
    for size, repeat in runs:
        trial = trials[size]
        for grader in GRADERS:
            if size not in options.peer_sizes and not grader.startswith("course"):
                continue
            label, some = grader.format(n=n), min(size, options.otter_most) if "otter" in grader else size
            timing = next((t for t in timings if (t.grader, t.submissions) == (label, some)), None)
            if timing is None:
                timings.append(timing := Timing(label, some))
            place = work / f"{size}-{repeat}-{GRADERS.index(grader)}"
            print(f"{label}, {some} submissions", end=": ", flush=True)
            if grader.startswith("stock"):
                run_stock(trial, place, 1 if grader == "stock" else n, timing)
            elif grader.startswith("otter"):
                run_otter(trial, place, python, timing)
            else:
                run_course(trial, place, n, grader == "course grade", timing)
            print(f"{timing.seconds[-1]:.1f} s", flush=True)
            shutil.rmtree(place, ignore_errors=True)
    largest = trials[max(options.sizes)]
    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "jobs": n,
        "floor_ms": round(1e3 * floor(largest, FLOOR, min(n, machine()["cores"])), 1),
        "writer_ms": round(1e3 * writer(largest, 100), 3),
        "runs": [
            {
                "grader": t.grader,
                "submissions": t.submissions,
                "seconds": [round(s, 2) for s in t.seconds],
                "peak_mb": round(t.memory),
                "mb_of_running_submissions": sorted(map(round, t.running)),
            }
            for t in timings
        ],
    }


def table(found: dict) -> str:
    """The results as Markdown."""
    rows = found["runs"]
    seconds = {(r["grader"], r["submissions"]): statistics.median(r["seconds"]) for r in rows}
    lines = [
        "# Graders, side by side",
        "",
        described(found["date"], found["machine"]),
        "Written by `make bench`; `benchmarks/grading.py` says what was run.",
        "",
        "| grader | submissions | runs | median s | per minute | ms each | times stock | times stock "
        f"in {found['jobs']} processes | peak MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        grader, size = row["grader"], row["submissions"]
        took = seconds[grader, size]
        figures = [
            grader,
            size,
            len(row["seconds"]),
            f"{took:.1f}",
            f"{60 * size / took:.0f}",
            f"{1e3 * took / size:.0f}",
        ]
        for peer in ("stock", f"stock in {found['jobs']} processes"):
            figures.append(_ratio(seconds, peer, size, took))
        lines.append("| " + " | ".join(map(str, [*figures, row["peak_mb"]])) + " |")
    lines += ["", *_facts(found, seconds)]
    return "\n".join(lines) + "\n"


def _ratio(seconds: dict[tuple[str, int], float], peer: str, size: int, took: float) -> str:
    """How many times faster than a peer; where the peer graded another class only, by its seconds for each."""
    if (peer, size) in seconds:
        return f"{seconds[peer, size] / took:.1f}"
    others = [s for g, s in seconds if g == peer]
    return f"{seconds[peer, max(others)] / max(others) * size / took:.1f} *" if others else ""


def _facts(found: dict, seconds: dict[tuple[str, int], float]) -> Iterator[str]:
    ours = sorted(size for grader, size in seconds if grader == "course grade")
    least, most = ours[0], ours[-1]
    own = found["floor_ms"]
    for grader in ("course grade", "course grade, no sandbox"):
        if most > least:
            steady = 1e3 * (seconds[grader, most] - seconds[grader, least]) / (most - least)
            at_once = min(found["jobs"], found["machine"]["cores"])
            busy = steady * at_once
            yield (
                f"- `{grader}`: one submission more takes {steady:.0f} ms, {at_once} at once. The students' own cells "
                f"and the tests alone (the floor) take {own / at_once:.0f} ms, {at_once} at once: "
                f"{steady - own / at_once:.0f} ms of overhead. In milliseconds of one core: {busy:.0f}, of which "
                f"{own:.0f} are the floor and {busy - own:.0f} overhead."
            )
    yield f"- The gradebook's writer takes {found['writer_ms']:.2f} ms for a new submission."
    looks = [r["mb_of_running_submissions"] for r in found["runs"] if r["grader"] == "course grade"]
    if own := list(itertools.chain(*looks)):
        yield (
            f"- The submissions that run at once ({found['jobs']}), their tests and the process that watches over them "
            f"take {statistics.median(own):.0f} MB together beyond the zygote in the median of {len(own)} looks, and "
            f"{max(own)} MB at most."
        )
    if len({size for grader, size in seconds if grader == "stock"}) < len({size for _, size in seconds}):
        yield "- \\*: by the time for each submission, since the peer graded a class of another size."


def main() -> None:
    """Measure, print the table and write it with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 100], help="submissions in a class")
    parser.add_argument("--peer-sizes", type=int, nargs="+", help="those that the peers grade too (default: all)")
    parser.add_argument(
        "--repeats", type=int, nargs="+", default=[3, 1], help="runs of each, by size, of which the median counts"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--otter-most", type=int, default=10**6, help="submissions that otter-grader grades at most")
    parser.add_argument("--otter", type=Path, help="an environment with otter-grader (default: made in build/)")
    parser.add_argument("--name", default="grading", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    options.peer_sizes = options.peer_sizes or options.sizes
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        found = measure(options, Path(work).resolve())
    keep(options.name, found, table(found))


if __name__ == "__main__":
    main()
