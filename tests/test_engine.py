"""Verdicts: what each way of ending becomes, in words for the student."""

from __future__ import annotations

import copy
import re

import nbformat
import pytest
from conftest import ASSIGNMENT, BANK, SOLUTIONS

from autograder import cells, engine, kernel
from autograder.course import Course, CourseError
from autograder.engine import grade_notebook, load_source, titles
from autograder.kernel import Limits
from autograder.verdicts import Outcome, Verdict

FAST = Limits(cell_seconds=2)


def grade(course: Course, folder, name: str = "exercises", limits: Limits = FAST) -> dict[str, Verdict]:
    graded = grade_notebook(course, ASSIGNMENT, name, folder / f"{name}.ipynb", folder=folder, limits=limits)
    return {verdict.cell: verdict for verdict in graded.result.verdicts}


def outcomes(verdicts: dict[str, Verdict]) -> list[Outcome]:
    return [verdict.outcome for verdict in verdicts.values()]


def test_right_answers_get_all_points(small_course, hand_in):
    folder = hand_in("ada")
    graded = grade_notebook(small_course, ASSIGNMENT, "exercises", folder / "exercises.ipynb", folder=folder)
    assert graded.result.points == graded.result.max_points == 8
    assert graded.result.notes == ()
    assert graded.notebook.metadata["grading"] == graded.result.to_dict()
    assert graded.unanswered == frozenset()
    nbformat.validate(graded.notebook)


def test_failures_speak_in_the_words_of_the_test_or_of_python(small_course, hand_in):
    sources = {
        "mean": "def mean(values):\n    return sum(values)",
        "scale": "def scale(values, top):\n    n = 0\n    return values / n",
        "count": "def count(values:\n    return 1",
    }
    verdicts = grade(small_course, hand_in("bob", sources))
    assert outcomes(verdicts) == [Outcome.FAILED, Outcome.FAILED, Outcome.ERROR, Outcome.ERROR]
    assert verdicts["test_mean"].message == "The mean of 1, 2, 3 is 2: divide by their number."
    assert verdicts["test_scale"].message.startswith("TypeError: unsupported operand")
    assert verdicts["test_scale"].message.endswith("\nLine 3 of the cell `scale`: return values / n")
    assert verdicts["test_count"].message.startswith("SyntaxError: ")
    assert "\nLine 1 of the cell `count`: def count(values:" in verdicts["test_count"].message
    assert sum(verdict.points for verdict in verdicts.values()) == 0


def test_no_message_holds_the_source_of_a_test(small_course, hand_in):
    sources = {
        "mean": "def mean(values):\n    return None",
        "scale": "scale = 3",
        "count": "def count(v): return object()",
    }
    verdicts = grade(small_course, hand_in("bob", sources))
    source = load_source(small_course, ASSIGNMENT, "exercises")
    lines = {
        line.strip() for place in source.known if cells.is_test(place.cell) for line in place.cell.source.splitlines()
    }
    for verdict in verdicts.values():
        assert verdict.points == 0
        assert not any(line in verdict.message for line in lines if line)
    assert verdicts["test_scale"].outcome is Outcome.ERROR
    assert "raised when the test used your code" in verdicts["test_scale"].message


def test_not_attempted_is_told_from_wrong(small_course, hand_in):
    stub = {
        cells.grade_id(c): c.source for c in cells.read(small_course.release / ASSIGNMENT / "exercises.ipynb").cells
    }
    sources = {
        "mean": stub["mean"],
        "scale": "def scale(values, top):\n    # thinking\n    raise NotImplementedError",
        "count": "",
    }
    graded = grade_notebook(
        small_course, ASSIGNMENT, "exercises", hand_in("eve", sources) / "exercises.ipynb", limits=FAST
    )
    assert {v.outcome for v in graded.result.verdicts} == {Outcome.NOT_ATTEMPTED}
    assert graded.result.verdicts[0].message == "The cell `mean` is as it was handed out."
    assert graded.unanswered == {"mean", "count"}


def test_a_cell_that_was_not_there_is_told_from_one_that_was_left(small_course, hand_in):
    def gone(notebook):
        notebook.cells = [cell for cell in notebook.cells if cells.grade_id(cell) != "scale"]

    verdicts = grade(small_course, hand_in("gone", {"count": ""}, change=gone))
    assert verdicts["test_scale"].outcome is Outcome.NOT_ATTEMPTED
    assert verdicts["test_scale"].message == "There was no cell `scale`, and no answer in its place."
    assert verdicts["test_count"].message == "The cell `count` is as it was handed out."
    assert verdicts["test_mean"].outcome is Outcome.PASSED


def test_an_answer_in_a_cell_of_ones_own_counts(small_course, hand_in):
    def move(notebook):
        for i, cell in enumerate(notebook.cells):
            if cells.grade_id(cell) == "mean":
                notebook.cells.insert(i + 1, nbformat.v4.new_code_cell(cell.source))
                cell.source = "def mean(values):\n    raise NotImplementedError"
                return

    verdicts = grade(small_course, hand_in("own", change=move))
    assert set(outcomes(verdicts)) == {Outcome.PASSED}


def test_deadly_code_costs_its_own_points_and_no_others(small_course, hand_in):
    sources = {
        "mean": "def mean(values):\n    while True:\n        pass",
        "scale": "import os\nos._exit(0)",
        "count": SOLUTIONS["count"],
    }
    verdicts = grade(small_course, hand_in("cy", sources))
    assert outcomes(verdicts) == [Outcome.OUT_OF_TIME, Outcome.OUT_OF_TIME, Outcome.CRASHED, Outcome.PASSED]
    assert "2 seconds" in verdicts["test_mean"].message
    assert verdicts["test_scale"].message.startswith("The cell `scale` made Python itself stop")


def test_what_is_printed_is_neither_a_pass_nor_a_failure(small_course, hand_in):
    sources = {
        "mean": "import sys, warnings\ndef mean(values):\n    warnings.warn('slow')\n"
        "    print('Error: all wrong', file=sys.stderr)\n    return sum(values) / len(values)",
        "scale": "def scale(values, top):\n    print('2')\n    raise SystemExit(0)",
    }
    verdicts = grade(small_course, hand_in("loud", sources))
    assert verdicts["test_mean"].outcome is Outcome.PASSED
    assert verdicts["test_scale"].outcome is Outcome.ERROR
    assert verdicts["test_scale"].message.startswith("The code calls exit()")
    assert verdicts["test_count"].points == 1  # its last line shows 3, more than the test is worth


def test_an_assertion_in_the_students_code_is_an_error_in_it(small_course, hand_in):
    verdicts = grade(small_course, hand_in("own", {"mean": "def mean(values):\n    assert values == 3, 'mine'"}))
    assert verdicts["test_mean"].outcome is Outcome.ERROR
    assert "AssertionError: mine\nLine 2 of the cell `mean`" in verdicts["test_mean"].message


def test_the_budget_of_the_notebook_is_told(small_course, hand_in):
    slow = {"mean": "import time\ntime.sleep(30)\ndef mean(values): return 1"}
    verdicts = grade(small_course, hand_in("slow", slow), limits=Limits(cell_seconds=20, notebook_seconds=1))
    assert set(outcomes(verdicts)) == {Outcome.OUT_OF_TIME}
    assert "The 1 seconds for the whole notebook" in verdicts["test_count"].message


def test_the_quiz_is_read_and_never_run(small_course, hand_in, monkeypatch):
    monkeypatch.setattr(kernel, "run_notebook", None)  # calling it would raise
    verdicts = grade(small_course, hand_in("ada"), "quiz")
    assert [(v.kind, v.outcome, v.points) for v in verdicts.values()] == [
        ("quiz", Outcome.PASSED, 1.0),
        ("quiz", Outcome.PASSED, 2.0),
    ]
    verdicts = grade(small_course, hand_in("bob", {"q1": 'quiz.ask("q1", "A")', "q2": "quiz.ask('q2', 'A'"}), "quiz")
    assert outcomes(verdicts) == [Outcome.PARTLY, Outcome.UNREADABLE]
    assert verdicts["q1"].points == 0.5


def test_missing_and_unreadable_notebooks_get_zero_with_the_reason(small_course, tmp_path):
    graded = grade_notebook(small_course, ASSIGNMENT, "exercises", None)
    assert {v.outcome for v in graded.result.verdicts} == {Outcome.NOT_ATTEMPTED}
    assert graded.result.notes == ("`exercises.ipynb` was not handed in.",)
    (tmp_path / "quiz.ipynb").write_text('{"cells": [\n 1 2')
    graded = grade_notebook(small_course, ASSIGNMENT, "quiz", tmp_path / "quiz.ipynb")
    assert {v.outcome for v in graded.result.verdicts} == {Outcome.UNREADABLE}
    assert "line 2" in graded.result.verdicts[0].message
    assert (graded.result.points, graded.result.max_points) == (0, 3)
    nbformat.validate(graded.notebook)


def test_two_gradings_give_equal_bytes(small_course, hand_in):
    sources = {
        "mean": "import random, numpy as np\ndef mean(values):\n"
        "    raise ValueError(f'{object()} {random.random()} {np.random.rand()}')",
        "scale": "import os\ndef scale(values, top):\n    open(os.getcwd() + '/none')",
        "count": "def count(values):\n    return set('abcdef').pop()",
    }
    folder = hand_in("dice", sources)
    path = folder / "exercises.ipynb"
    one, two = (grade_notebook(small_course, ASSIGNMENT, "exercises", path, folder=folder).result for _ in range(2))
    assert repr(one.to_dict()) == repr(two.to_dict())
    assert "0x…" in one.verdicts[0].message
    assert "'none'" in one.verdicts[2].message


def test_titles_are_the_headings_above(small_course):
    assert titles(load_source(small_course, ASSIGNMENT, "exercises").known) == {
        "test_mean": "1. The mean: visible tests",
        "test_mean_hidden": "1. The mean: hidden tests",
        "test_scale": "2. The scale",
        "test_count": "3. Counting",
    }


def test_other_files_lie_beside_the_notebook_but_links_do_not(small_course, hand_in, tmp_path):
    folder = hand_in("files")
    (tmp_path / "secret.txt").write_text("key")
    (folder / "helper.py").write_text("x = 1")
    (folder / "data").mkdir()
    (folder / "data" / "a.csv").write_text("1")
    (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "all").symlink_to(tmp_path)
    (folder / "questions.json").write_text("changed")
    with engine.workspace(small_course, ASSIGNMENT, folder) as scratch:
        found = sorted(str(p.relative_to(scratch)) for p in scratch.rglob("*") if p.is_file())
        assert found == ["data/a.csv", "helper.py", "questions.json"]
        assert (scratch / "questions.json").read_text() != "changed"
    assert not scratch.exists()


def laid(course: Course, folder, **options) -> list[str]:
    """The files that lie beside the notebook when it runs."""
    with engine.workspace(course, ASSIGNMENT, folder, **options) as scratch:
        return sorted(str(p.relative_to(scratch)) for p in scratch.rglob("*") if p.is_file())


@pytest.fixture
def unpacked(small_course, hand_in, tmp_path):
    """An archive unpacked into its own folder, with files in it, beside it, and links."""
    folder = hand_in("files")
    inner = folder / "01_small"
    (inner / "data").mkdir(parents=True)
    for name in ("exercises.ipynb", "quiz.ipynb"):
        (folder / name).rename(inner / name)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("key")
    (inner / "helpers.py").write_text("x = 1")
    (inner / "helpers.ipynb").write_text("{}")
    (inner / "data" / "x.csv").write_text("1")
    (inner / "more").symlink_to(tmp_path / "secret")
    (inner / "key.txt").symlink_to(tmp_path / "secret" / "key.txt")
    (folder / "helpers.py").write_text("x = 2")
    (folder / "data").write_text("a file where the other has a folder")
    return folder


TAKEN = ("01_small/exercises.ipynb", "01_small/quiz.ipynb")


def test_the_neighbours_of_a_notebook_lie_beside_it_and_links_do_not(small_course, unpacked):
    inner = ["01_small/data/x.csv", "01_small/helpers.py"]
    assert laid(small_course, unpacked) == [*inner, "data", "helpers.py", "questions.json"]
    beside = [*inner, "data/x.csv", "helpers.py", "questions.json"]
    assert laid(small_course, unpacked, home="01_small") == beside
    with engine.workspace(small_course, ASSIGNMENT, unpacked, home="01_small") as scratch:
        assert (scratch / "helpers.py").read_text() == "x = 1"


def test_other_notebooks_lie_beside_it_but_those_of_the_assignment_do_not(small_course, unpacked):
    found = laid(small_course, unpacked, home="01_small", taken=TAKEN)
    assert [name for name in found if name.endswith(".ipynb")] == ["01_small/helpers.ipynb", "helpers.ipynb"]


def test_limits_on_files_hold_in_total_and_the_neighbours_come_first(small_course, unpacked, monkeypatch):
    monkeypatch.setattr(engine, "MOST_FILES", 3)
    found = laid(small_course, unpacked, home="01_small", taken=TAKEN)
    assert found == ["01_small/data/x.csv", "data/x.csv", "helpers.py", "questions.json"]
    monkeypatch.setattr(engine, "MOST_FILES", 200)
    monkeypatch.setattr(engine, "MOST_BYTES", 6)
    assert laid(small_course, unpacked, home="01_small", taken=TAKEN) == ["data/x.csv", "helpers.py", "questions.json"]


def test_faults_of_the_course_are_told_in_a_sentence(small_course):
    path = small_course.source / ASSIGNMENT / "quiz.ipynb"
    notebook = cells.read(path)
    changed = copy.deepcopy(notebook)
    changed.cells[2].metadata["nbgrader"]["points"] = 5
    cells.write(path, changed)
    with pytest.raises(CourseError, match="q1 has 5 points in the notebook and 1 in its bank"):
        load_source(small_course, ASSIGNMENT, "quiz")
    cells.write(path, notebook)
    only_first = BANK[: BANK.index("[[question]]", BANK.index("[[question]]") + 1)]
    (small_course.root / "autograder" / "questions" / f"{ASSIGNMENT}.toml").write_text(only_first)
    with pytest.raises(CourseError, match="asks q2"):
        load_source(small_course, ASSIGNMENT, "quiz")


def test_a_module_that_a_visible_test_imports_is_there_below_it_and_one_of_a_hidden_test_is_not(small_course, hand_in):
    path = small_course.source / ASSIGNMENT / "exercises.ipynb"
    notebook = cells.read(path)
    for cell in notebook.cells:
        if cell.id == "test_mean":
            hidden = "### BEGIN HIDDEN TESTS\nimport shelve\n### END HIDDEN TESTS"
            cell.source = f"import colorsys as colours\n{cell.source}\n{hidden}"
    notebook.cells[-1].source += "\nassert 'shelve' not in count('shelve')"
    cells.write(path, notebook)
    count = "def count(values):\n    assert colours.__name__ == 'colorsys'\n"
    sources = {"count": count + "    return {v: values.count(v) for v in values}"}
    assert grade(small_course, hand_in("at_home", sources))["test_count"].outcome is Outcome.PASSED
    sources["mean"] = "import os\ndef mean(values):\n    os._exit(0)"  # its test is left out when the rest is graded
    verdicts = grade(small_course, hand_in("dies", sources))
    assert outcomes(verdicts) == [Outcome.CRASHED, Outcome.CRASHED, Outcome.PASSED, Outcome.PASSED]
    sources["count"] += "\nshelve"
    hidden = grade(small_course, hand_in("curious", {"count": sources["count"]}))["test_count"]
    assert hidden.outcome is Outcome.PASSED  # its own function is there, though the line below it failed
    sources["count"] = "shelve\n" + sources["count"]
    hidden = grade(small_course, hand_in("more_curious", {"count": sources["count"]}))["test_count"]
    assert hidden.message.startswith("NameError: name 'shelve' is not defined")


@pytest.mark.parametrize(
    ("mean", "says"),
    [
        ("import numpy as np\ndef mean(values):\n    return np.ma.masked_array(values, mask=True)",
         "Your code gave a MaskedArray; this test compares it and can use only None, a bool, "),
        ("async def mean(values):\n    return 2",
         "Your code gave a coroutine where a value was expected: is an `await` missing, or an `async` too much?"),
        ("def mean(values):\n    breakpoint()\n    return 2",
         r"The code calls the debugger \(`breakpoint\(\)`\): take the call out\."),
        ("%%timeit -n1 -r1\ndef mean(values):\n    return 2",
         "NameError: name 'mean' is not defined.*\n`%%timeit` keeps nothing of what its cell defines: take that line"),
        ("import urllib.request\ndef mean(values):\n    urllib.request.urlopen('http://example.org/')",
         "URLError: .*\nThere is no network while notebooks are graded: "),
        ("import socket\ndef mean(values):\n    socket.create_connection(('192.0.2.1', 80), 5)",
         "OSError: .*\nThere is no network while notebooks are graded: "),
        ("import no_such_package.part\ndef mean(values):\n    return 2",
         "ModuleNotFoundError: .*\n`no_such_package` is not among the packages of this course, and no file "),
        ("def mean(values):\n    open('no_such_file.txt')", r"FileNotFoundError: [^\n]*\nLine 2 of [^\n]*$"),
        ("def mean(values):\n    return nothing", r"NameError: name 'nothing' is not defined\nLine 2 [^\n]*$"),
        ("class NotPlain(Exception): pass\ndef mean(values):\n    raise NotPlain('You pass!')",
         "StudentError: You pass!\nLine 3 of the cell `mean`"),
    ],
)  # fmt: skip
def test_a_message_says_what_the_student_can_do(small_course, hand_in, mean, says):
    verdict = grade(small_course, hand_in("words", {"mean": mean}))["test_mean"]
    assert (verdict.outcome, verdict.points) == (Outcome.ERROR, 0)
    assert re.match(says, verdict.message, re.DOTALL), verdict.message
