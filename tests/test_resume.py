"""A run that is killed goes on where it was: no half submission, no lost one, and the same bytes in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time

import classes
import psutil
import pytest
from conftest import ASSIGNMENT

from autograder import engine
from autograder.course import Course
from autograder.report import write_reports
from autograder.run import grade_assignment
from autograder.runs import CellRun, End

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree", "shutil.copytree")


def hand_in_class(hand_in, size: int) -> None:
    """A class in which nobody's work is like another's."""
    wrong = {"mean": "def mean(values):\n    return 0"}
    for i in range(size):
        folder = hand_in(f"s{i}", wrong if i % 3 == 1 else {"q1": f'quiz.ask("q1", "{"ABC"[i % 3]}")'})
        (folder / "timestamp.txt").write_text(f"2030-01-0{1 + i % 9} 12:00:00 UTC")


def stand_in(notebook, cwd, limits):
    """Runs nothing: for tests about who is graded and what is stored."""
    return [CellRun(i, End.OK) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def forked(course: Course, kill_at: int | None = None) -> int | None:
    """Grade in a fork of this process, which kills itself before it touches a file for the time ``kill_at``.

    Returns how often it touched one, ``None`` when it was killed.
    """
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        with os.fdopen(reading) as pipe:
            told = pipe.read()
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return None
        assert status == 0
        return int(told)
    status, count = 1, 0
    below = (str(course.autograded), str(course.root / "gradebook.db"))

    def watch(event: str, arguments: tuple) -> None:
        nonlocal count
        if (event in CHANGES and str(arguments[0]).startswith(below)) or event == "sqlite3.connect":
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    try:
        engine.kernel.run_notebook = stand_in
        engine.kernel.require = lambda limits: None  # no process is needed that runs anything
        sys.addaudithook(watch)  # never goes away: this process does
        grade_assignment(course, ASSIGNMENT, jobs=1)
        os.write(writing, str(count).encode())
        status = 0
    finally:
        os._exit(status)


def test_killed_before_any_file_is_touched(small_course, hand_in, tmp_path):
    hand_in_class(hand_in, 4)
    shutil.copytree(small_course.root, tmp_path / "fresh")
    steps = forked(small_course)
    write_reports(small_course, ASSIGNMENT)
    wanted = classes.outcome(small_course, ASSIGNMENT)
    assert steps > 20
    for kill_at in sorted(random.Random(0).sample(range(1, steps), 6)):
        trial = Course(tmp_path / f"killed-{kill_at}")
        shutil.copytree(tmp_path / "fresh", trial.root)
        assert forked(trial, kill_at) is None
        classes.check_whole(trial, ASSIGNMENT)
        assert forked(trial) is not None
        write_reports(trial, ASSIGNMENT)
        assert classes.outcome(trial, ASSIGNMENT) == wanted, kill_at


def test_killed_while_work_is_graded_anew(small_course, hand_in, tmp_path):
    """What was graded before is there in full until what replaces it is, and graded again when it is not."""
    hand_in_class(hand_in, 3)
    forked(small_course)
    for name in ("s0", "s2"):
        hand_in(name, {"q2": 'quiz.ask("q2", "B")'})
    shutil.copytree(small_course.root, tmp_path / "fresh")
    steps = forked(small_course)
    wanted = classes.outcome(small_course, ASSIGNMENT)
    for kill_at in sorted(random.Random(1).sample(range(1, steps), 5)):
        trial = Course(tmp_path / f"killed-{kill_at}")
        shutil.copytree(tmp_path / "fresh", trial.root)
        assert forked(trial, kill_at) is None
        classes.check_whole(trial, ASSIGNMENT)
        forked(trial)
        assert classes.outcome(trial, ASSIGNMENT) == wanted, kill_at


def killed(course: Course, after: float) -> bool:
    """Whether ``course grade`` was killed ``after`` seconds with kill -9; else it was done by then."""
    process = classes.start(course, "grade", ASSIGNMENT, "--jobs", "2")
    try:
        process.wait(after)
    except classes.subprocess.TimeoutExpired:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        process.kill()  # this process alone, as the system does when memory is short
        process.wait()
        _, alive = psutil.wait_procs(family, timeout=20)
        for one in alive:
            one.kill()
        assert not alive, "processes outlived the run"
        return True
    assert process.returncode == 0
    return False


def killed_at_random_moments(course: Course, times: int, seed: int) -> None:
    """Kill ``times`` runs; whenever one gets through in spite of it, compare and begin again with nothing graded."""
    begin = time.monotonic()
    classes.run(course, "grade", ASSIGNMENT, "--jobs", "2")
    whole = time.monotonic() - begin
    classes.run(course, "report", ASSIGNMENT)
    wanted = classes.outcome(course, ASSIGNMENT)

    def forget() -> None:
        for folder in (course.autograded, course.feedback, course.reports):
            shutil.rmtree(folder)
        (course.root / "gradebook.db").unlink()

    forget()
    moments, kills, compared = random.Random(seed), 0, 0
    while kills < times:
        if killed(course, moments.uniform(0.3, 1.0) * whole):
            kills += 1
            classes.check_whole(course, ASSIGNMENT)
            if kills < times and kills % 4:
                continue
            classes.run(course, "grade", ASSIGNMENT, "--jobs", "2")
        classes.run(course, "report", ASSIGNMENT)
        assert classes.outcome(course, ASSIGNMENT) == wanted
        compared += 1
        forget()
    assert compared


@pytest.mark.slow
def test_kills_at_random_moments(small_course, hand_in):
    """``COURSE_KILLS=20`` makes it the long run: a quarter of a minute for each."""
    hand_in_class(hand_in, 12)
    killed_at_random_moments(small_course, int(os.environ.get("COURSE_KILLS", "4")), seed=0)


@pytest.mark.slow
def test_two_gradings_are_byte_equal(small_course, hand_in, tmp_path):
    hand_in_class(hand_in, 5)
    hand_in("odd", {"mean": "def mean(values):\n    raise ValueError(object())", "count": "import os; os._exit(3)"})
    hand_in("print", {"scale": "print(object(), {'a', 'b', 'c'}, hash('x'))\nobject()"})
    found = []
    for jobs in ("1", "2"):
        trial = Course(tmp_path / jobs)
        shutil.copytree(small_course.root, trial.root)
        classes.run(trial, "grade", ASSIGNMENT, "--jobs", jobs)
        classes.run(trial, "report", ASSIGNMENT)
        found.append(classes.outcome(trial, ASSIGNMENT))
    assert found[0] == found[1]
