"""Where submissions are graded: processes here or workers of a Dask cluster, which see none of the course's folders."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import classes
import pytest
from conftest import ASSIGNMENT

from autograder import cluster, engine, reading, run
from autograder.course import CourseError
from autograder.parcels import pack_course, pack_submission
from autograder.run import grade_assignment

NO_DASK = "Dask's `distributed` is not installed: it comes with the extra `scale`"
FORBID = """
import os, sys
FORBIDDEN = {forbidden!r}
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir", "sqlite3.connect") and arguments:
        if str(arguments[0]).startswith(FORBIDDEN):
            raise PermissionError(f"a worker looked at {{arguments[0]}}")
sys.addaudithook(watch)
"""

real_work = run._work


def work_that_kills(terms, student, parcel):
    """In place of the real one: the process that grades bob ends as if the system had killed it."""
    if student == "bob":
        os.kill(os.getpid(), signal.SIGKILL)
    return real_work(terms, student, parcel)


# --- what travels


def test_a_parcel_brings_back_what_the_grader_looks_at(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_FILE", 1000)
    monkeypatch.setattr(engine, "MOST_BYTES", 50)
    folder = tmp_path / "in"
    (folder / "sub" / "__pycache__").mkdir(parents=True)
    (folder / "sub" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (folder / "exercises.ipynb").write_text("{}")
    (folder / "huge.ipynb").write_bytes(b"x" * 1001)
    (folder / "sub" / "data.csv").write_bytes(b"1\r\n2")
    (folder / "odd\udcff name").write_bytes(b"y" * 47)
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    os.mkfifo(folder / "quiz.ipynb")
    parcel = pack_submission(folder)
    out = parcel.unpack(tmp_path / "out")
    assert {str(p.relative_to(out)) for p in out.rglob("*") if not p.is_dir()} == {
        *("exercises.ipynb", "huge.ipynb", "sub/data.csv", "odd\udcff name", "link.ipynb", "folder", "quiz.ipynb")
    }
    assert (out / "exercises.ipynb").read_text() == "{}"
    assert (out / "huge.ipynb").stat().st_size == 1001
    assert (out / "link.ipynb").is_symlink()
    assert not (out / "link.ipynb").exists()
    assert (out / "quiz.ipynb").is_fifo()
    assert (out / "odd\udcff name").read_bytes() == b"y" * 47
    assert (out / "sub" / "data.csv").stat().st_size == 4
    assert pack_submission(folder).digest == parcel.digest
    (folder / "exercises.ipynb").write_text("{ }")
    assert pack_submission(folder).digest != parcel.digest


def test_the_course_in_a_parcel_grades_like_the_course(small_course, tmp_path):
    parcel = pack_course(small_course, ASSIGNMENT)
    other = type(small_course)(parcel.unpack(tmp_path / "other"))
    for name in small_course.notebooks(ASSIGNMENT):
        ours, theirs = (engine.load_source(course, ASSIGNMENT, name) for course in (small_course, other))
        assert (ours.pristine, ours.release, ours.bank) == (theirs.pristine, theirs.release, theirs.bank)
    assert pack_course(other, ASSIGNMENT).digest == parcel.digest


# --- processes here


@pytest.mark.slow
def test_a_process_that_is_killed_costs_its_own_submission_only(small_course, hand_in, monkeypatch):
    for name in ("ada", "bob", "cy"):
        hand_in(name)
    monkeypatch.setattr(run, "_work", work_that_kills)
    monkeypatch.setattr(cluster, "THREADS", 0)
    ada, bob, cy = grade_assignment(small_course, ASSIGNMENT, jobs=2)
    assert (ada.points, cy.points) == (11, 11)
    assert "was killed" in bob.problem
    assert {row[0] for row in classes.rows(small_course.gradebook_url, ASSIGNMENT)} == {"ada", "cy"}


def test_a_worker_of_another_version_is_told(small_course, hand_in, monkeypatch):
    hand_in("ada")
    terms = run._terms(small_course, ASSIGNMENT, None)
    monkeypatch.setattr(run, "_grader", lambda: "another")
    work = run._work(terms, "ada", pack_submission(small_course.submitted / "ada" / ASSIGNMENT))
    assert work.refused
    assert "another version" in work.problem


# --- a Dask cluster


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def paths(*folders: Path) -> str:
    """A search path for modules with ``folders`` first."""
    return os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a scheduler on this machine, and a folder for its workers."""
    pytest.importorskip("distributed", reason=NO_DASK)
    folder = tmp_path_factory.mktemp("cluster")
    address = f"tcp://127.0.0.1:{free_port()}"
    with (folder / "scheduler.log").open("wb") as log:
        command = [sys.executable, "-m", "dask", "scheduler", "--host", address, "--no-dashboard"]
        environment = os.environ | {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",  # a task is tried once
            "PYTHONPATH": paths(Path(__file__).parent),  # it reads the names of functions that tests send
        }
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield address, folder
    finally:
        process.terminate()
        process.wait(20)


def start_worker(address: str, folder: Path, number: int, forbidden: tuple[str, ...]) -> subprocess.Popen:
    """A worker process in a folder of its own, in which opening anything of the course raises an error."""
    place = folder / f"worker-{number}"
    (place / "tmp").mkdir(parents=True)
    (place / "forbid.py").write_text(FORBID.format(forbidden=forbidden))
    command = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--host", "127.0.0.1"]
    command += ["--no-dashboard", "--local-directory", str(place), "--preload", str(place / "forbid.py")]
    environment = os.environ | {"TMPDIR": str(place / "tmp"), "PYTHONPATH": paths(place, Path(__file__).parent)}
    with (place / "worker.log").open("wb") as log:
        return subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log, start_new_session=True)


def end(workers: list[subprocess.Popen]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@pytest.fixture
def workers(scheduler, small_course, tmp_path) -> Iterator[str]:
    """The address of a scheduler with three worker processes that cannot see the course's folders."""
    from distributed import Client

    address, _ = scheduler
    started = [start_worker(address, tmp_path / "cluster", i, (str(small_course.root),)) for i in range(3)]
    try:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(3, timeout=60)
        yield address
    finally:
        end(started)


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_that_one_process_gives(small_course, hand_in, workers, tmp_path):
    for i in range(6):
        hand_in(f"s{i}", {"mean": f"def mean(values):\n    return {i}"} if i % 2 else None)
    folder = hand_in("odd", {"scale": "x = open('help.txt').read()\ndef scale(values, top):\n    return [5, 10]"})
    hand_in("surrogate", {"scale": "print(chr(0xD800))\ndef scale(values, top):\n    return [5, 10]"})
    (folder / "help.txt").write_text("a file that came along")
    (folder / "quiz.ipynb").unlink()
    (folder / "quiz.ipynb").symlink_to(folder / "exercises.ipynb")
    classes.run(small_course, "grade", ASSIGNMENT, "--dask", workers)
    classes.run(small_course, "report", ASSIGNMENT)
    cluster_gave = classes.outcome(small_course, ASSIGNMENT)
    again = grade_assignment(small_course, ASSIGNMENT, dask=workers)
    assert all(result.reused for result in again)
    grade_assignment(small_course, ASSIGNMENT, jobs=1, force=True)
    assert classes.outcome(small_course, ASSIGNMENT) == cluster_gave
    places = sorted((tmp_path / "cluster").glob("worker-*"))
    unpacked = [place for place in places if list(place.glob("tmp/grading-*/course-*"))]
    assert len(unpacked) >= 2  # each for itself


@pytest.mark.slow
def test_a_worker_that_is_killed_again_and_again_costs_one_submission(small_course, hand_in, workers, monkeypatch):
    for name in ("ada", "bob", "cy"):
        hand_in(name)
    monkeypatch.setattr(run, "_work", work_that_kills)
    ada, bob, cy = grade_assignment(small_course, ASSIGNMENT, dask=workers)
    assert (ada.points, cy.points) == (11, 11)
    assert "was killed" in bob.problem


@pytest.mark.slow
def test_a_cluster_that_cannot_be_used_is_told(scheduler, small_course, hand_in, tmp_path, monkeypatch):
    hand_in("ada")
    address, _ = scheduler
    monkeypatch.setattr(cluster, "CONNECT", 2)
    with pytest.raises(CourseError, match="No Dask scheduler answers at tcp://127"):
        grade_assignment(small_course, ASSIGNMENT, dask=f"tcp://127.0.0.1:{free_port()}")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with pytest.raises(CourseError, match="has no workers"):
                grade_assignment(small_course, ASSIGNMENT, dask=address)
            break
        except AssertionError:  # still starting
            continue
