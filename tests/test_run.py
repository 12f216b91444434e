"""Grading a class: everyone is graded, nothing is graded twice, and the same work gets the same bytes."""

from __future__ import annotations

import pytest
from conftest import ASSIGNMENT
from nbgrader.api import Gradebook

from autograder import cells, cli, cluster, engine, kernel, run, zygotes
from autograder.course import CourseError
from autograder.kernel import Limits
from autograder.run import grade_assignment


@pytest.fixture
def counted(monkeypatch) -> list[str]:
    """The notebooks that were run, by name, with tests that all pass and no kernel: for tests about who is graded."""
    ran = []

    def stand_in(notebook, cwd, limits):
        ran.append(str(cwd))
        codes = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        return [engine.CellRun(i, engine.End.OK) for i in codes]

    monkeypatch.setattr(engine.kernel, "run_notebook", stand_in)
    return ran


def files(course) -> dict[str, bytes]:
    return {
        str(p.relative_to(course.root)): p.read_bytes() for p in sorted(course.autograded.rglob("*")) if p.is_file()
    }


def grade(course, *students: str, **options):
    return grade_assignment(course, ASSIGNMENT, students or None, jobs=1, **options)


def test_what_is_written(small_course, hand_in, counted):
    hand_in("bob", {"q1": "quiz.ask('q1', 'B')"})
    hand_in("ada")
    results = grade(small_course)
    assert [(r.student, r.points, r.max_points, r.reused, r.problem) for r in results] == [
        ("ada", 11, 11, False, None),
        ("bob", 10, 11, False, None),
    ]
    assert sorted(files(small_course)) == [
        f"autograded/{student}/{ASSIGNMENT}/{name}.ipynb"
        for student in ("ada", "bob")
        for name in ("exercises", "quiz")
    ]
    written = cells.read(small_course.autograded / "bob" / ASSIGNMENT / "quiz.ipynb")
    assert written.metadata["grading"] == results[1].notebooks[1].to_dict()
    with Gradebook(small_course.gradebook_url) as book:
        assert book.find_submission(ASSIGNMENT, "bob").score == 10


def test_nothing_is_run_twice_unless_something_changed(small_course, hand_in, counted):
    hand_in("ada")
    hand_in("bob")
    first = grade(small_course)
    before = files(small_course)
    assert len(counted) == 2
    again = grade(small_course)
    assert len(counted) == 2
    assert [r.reused for r in again] == [True, True]
    assert [r.notebooks for r in again] == [r.notebooks for r in first]
    assert files(small_course) == before

    hand_in("bob", {"mean": "def mean(values): return 1"})
    assert [r.reused for r in grade(small_course)] == [True, False]
    assert [r.reused for r in grade(small_course, force=True)] == [False, False]
    assert [r.reused for r in grade(small_course, limits=Limits(cell_seconds=5))] == [False, False]
    grade(small_course)
    source = small_course.source / ASSIGNMENT / "exercises.ipynb"
    notebook = cells.read(source)
    notebook.cells[0].source += "\n\nA new sentence."
    cells.write(source, notebook)
    assert [r.reused for r in grade(small_course)] == [False, False]


def test_a_killed_run_goes_on_where_it_was(small_course, hand_in, counted, monkeypatch):
    for student in ("ada", "bob", "cy"):
        hand_in(student)
    real = run._store

    def killed_at_second(folder, texts):
        if "bob" in str(folder):
            raise KeyboardInterrupt
        real(folder, texts)

    monkeypatch.setattr(run, "_store", killed_at_second)
    with pytest.raises(KeyboardInterrupt):
        grade(small_course)
    monkeypatch.setattr(run, "_store", real)
    assert [r.reused for r in grade(small_course)] == [True, False, False]


def test_a_lost_gradebook_is_filled_again_without_running_anything(small_course, hand_in, counted):
    hand_in("ada")
    grade(small_course)
    (small_course.root / "gradebook.db").unlink()
    assert [r.reused for r in grade(small_course)] == [True]
    with Gradebook(small_course.gradebook_url) as book:
        assert book.find_submission(ASSIGNMENT, "ada").score == 11
    assert len(counted) == 1


def test_a_fault_of_the_grader_stops_nobody_else_and_writes_no_grade(small_course, hand_in, counted, monkeypatch):
    for student in ("ada", "bob", "cy"):
        hand_in(student)
    real = engine.prepare

    def broken(course, assignment, name, path, notes=()):
        if "bob" in str(path):
            raise ZeroDivisionError("a fault")
        return real(course, assignment, name, path, notes)

    monkeypatch.setattr(engine, "prepare", broken)
    ada, bob, cy = grade(small_course)
    assert (ada.points, cy.points, ada.problem, cy.problem) == (11, 11, None, None)
    assert bob.problem.startswith("ZeroDivisionError: a fault (")
    assert bob.notebooks == ()
    with Gradebook(small_course.gradebook_url) as book:
        assert {s.student.id for s in book.assignment_submissions(ASSIGNMENT)} == {"ada", "cy"}


def test_empty_and_odd_submissions_get_their_reasons(small_course, hand_in, counted):
    (small_course.submitted / "none" / ASSIGNMENT).mkdir(parents=True)
    folder = hand_in("copy")
    (folder / "quiz.ipynb").rename(folder / "Quiz (2).ipynb")
    (folder / "exercises.ipynb").write_bytes(b"\x00\x01\x02")
    copy, none = grade(small_course)
    assert (copy.points, none.points) == (3, 0)
    assert "was called `Quiz (2).ipynb`" in copy.notebooks[1].notes[0]
    assert {v.outcome.value for v in copy.notebooks[0].verdicts} == {"could not be read"}
    assert none.notebooks[0].notes == ("`exercises.ipynb` was not handed in.",)


def test_named_students_only_and_unknown_ones_are_told(small_course, hand_in, counted):
    with pytest.raises(CourseError, match="Nobody handed in"):
        grade(small_course)
    hand_in("ada")
    hand_in("bob")
    assert [r.student for r in grade(small_course, "bob")] == ["bob"]
    with pytest.raises(CourseError, match=r"'eve' did not hand in .* \(ada, bob\)"):
        grade(small_course, "eve")


def test_order_of_arrival_does_not_matter():
    works = [run._Work(name, {}) for name in ("c", "a", "d", "b")]
    assert [w.student for w in run._in_order(works, "abcd")] == list("abcd")


@pytest.mark.slow
@pytest.mark.parametrize("threads", [cluster.THREADS, 0])
def test_two_at_a_time_and_one_at_a_time_write_the_same_verdicts(small_course, hand_in, monkeypatch, threads):
    hand_in("ada")
    hand_in("bob", {"mean": "def mean(values):\n    raise ValueError(object())", "count": "import os; os._exit(3)"})
    hand_in("cy", {"scale": "def scale(values, top):\n    return sum(values)"})
    one = grade_assignment(small_course, ASSIGNMENT, jobs=1)
    monkeypatch.setattr(cluster, "THREADS", threads)
    two = grade_assignment(small_course, ASSIGNMENT, jobs=2, force=True)
    assert repr(one) == repr(two)
    assert [r.points for r in one] == [11, 2 + 3, 11 - 2]


@pytest.mark.slow
def test_a_submission_cannot_kill_its_grader(small_course, hand_in):
    hand_in("ada")
    hand_in("bob", {"mean": "import os\nos.kill(os.getppid(), 9)"})
    hand_in("cy")
    ada, bob, cy = grade_assignment(small_course, ASSIGNMENT, jobs=2)
    assert (ada.points, bob.points, cy.points) == (11, 6, 11)
    assert bob.problem is None


@pytest.mark.skipif(kernel.sandbox is None, reason="there is a sandbox on Linux only")
def test_a_machine_without_protection_refuses_once_before_anything_is_touched(
    small_course, hand_in, counted, monkeypatch, capsys
):
    hand_in("ada")
    hand_in("bob")
    before = {path: path.stat().st_mtime_ns for path in small_course.root.rglob("*")}
    monkeypatch.setattr(zygotes.current(), "offered", ("limits",))
    monkeypatch.chdir(small_course.root)
    assert cli.main(["grade", ASSIGNMENT]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "namespaces, system call filter cannot be had" in said.err
    assert {path: path.stat().st_mtime_ns for path in small_course.root.rglob("*")} == before
    assert cli.main(["grade", ASSIGNMENT, "--unsafe", "--jobs", "1"]) == 0
    assert len(counted) == 2
