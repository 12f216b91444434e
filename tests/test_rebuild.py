"""Rebuilding: the pristine notebook with nothing of the submission but its source text."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from conftest import ANSWERS, ASSIGNMENT, SOLUTIONS, exercises, quiz
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from autograder import cells
from autograder.reading import read_submission
from autograder.rebuild import ADDED, Rebuilt, rebuild


@pytest.fixture(scope="module")
def made(small_template):
    """The exercises and the quiz: pristine and released."""
    release = {
        name: cells.read(small_template / "release" / ASSIGNMENT / f"{name}.ipynb") for name in ("exercises", "quiz")
    }
    return {"exercises": (exercises(), release["exercises"]), "quiz": (quiz(), release["quiz"])}


@pytest.fixture(scope="module")
def answered(made):
    """The released exercises with all functions filled in."""
    notebook = copy.deepcopy(made["exercises"][1])
    for cell in notebook.cells:
        cell.source = SOLUTIONS.get(cells.grade_id(cell), cell.source)
    return notebook


def redo(made, submitted: NotebookNode, name: str = "exercises") -> Rebuilt:
    return rebuild(*made[name], submitted)


def sources(rebuilt: Rebuilt) -> list[str]:
    return [cell.source for cell in rebuilt.notebook.cells]


def names(rebuilt: Rebuilt) -> list[str]:
    return ["+" if cell.metadata.get(ADDED) else cell["id"] for cell in rebuilt.notebook.cells]


def at(notebook: NotebookNode, name: str) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if cell["id"] == name)


def added(source: str, kind: str = "code") -> NotebookNode:
    return getattr(nbformat.v4, f"new_{kind}_cell")(source)


ORDER = [cell["id"] for cell in exercises().cells]


def test_an_honest_submission_is_the_pristine_notebook_with_the_answers(made, answered):
    rebuilt = redo(made, answered)
    assert names(rebuilt) == ORDER
    assert rebuilt.notes == ()
    assert [s for s in sources(rebuilt) if s in SOLUTIONS.values()] == list(SOLUTIONS.values())
    assert "mean([7]) == 7" in sources(rebuilt)[at(rebuilt.notebook, "test_mean_hidden")]
    nbformat.validate(rebuilt.notebook)


def test_the_released_notebook_holds_stubs_and_no_solution(made):
    rebuilt = redo(made, made["exercises"][1])
    assert not any("sum(values)" in source for source in sources(rebuilt))
    assert sum("NotImplementedError" in source for source in sources(rebuilt)) == 3


def test_an_edited_test_cell_is_replaced_with_a_note(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells[at(answered, "test_mean")].source = "pass"
    rebuilt = redo(made, answered)
    assert "divide by their number" in sources(rebuilt)[at(rebuilt.notebook, "test_mean")]
    assert "pass" not in sources(rebuilt)
    assert rebuilt.notes == ("The test cell `test_mean` had been changed; the original was run.",)


def test_deleted_cells_come_back_with_a_note(made, answered):
    answered = copy.deepcopy(answered)
    for name in ("test_mean", "given", "scale", "count-text"):
        del answered.cells[at(answered, name)]
    rebuilt = redo(made, answered)
    assert names(rebuilt) == ORDER
    assert rebuilt.notes == (
        "The given cell `import math` was missing; it was put back.",
        "The test cell `test_mean` was missing; it was put back.",
        "The cell `scale` was missing; the empty one was put back.",
    )


def test_the_last_version_that_is_not_the_stub_counts_and_earlier_ones_run_before_it(made, answered):
    answered = copy.deepcopy(answered)
    i = at(answered, "mean")
    versions = [copy.deepcopy(answered.cells[i]) for _ in range(4)]
    versions[0].source = "def helper(v): return sum(v)"
    versions[1].source = "def mean(v): return helper(v) / len(v)"
    versions[2].source = next(c.source for c in made["exercises"][1].cells if cells.grade_id(c) == "mean")
    versions[3].source = "  \n"
    answered.cells[i : i + 1] = versions
    rebuilt = redo(made, answered)
    here = at(rebuilt.notebook, "mean")
    assert sources(rebuilt)[here] == "def mean(v): return helper(v) / len(v)"
    assert sources(rebuilt)[here - 1] == "def helper(v): return sum(v)"
    assert names(rebuilt)[here - 1] == "+"
    assert len(names(rebuilt)) == len(ORDER) + 1
    assert rebuilt.notes == ("The cell `mean` was there 4 times; the last one with an answer counts.",)


def test_an_edited_given_cell_runs_after_the_original(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells[at(answered, "given")].source = "import math\nimport statistics\nLIMIT = 11"
    rebuilt = redo(made, answered)
    assert names(rebuilt)[1:3] == ["given", "+"]
    assert sources(rebuilt)[1:3] == ["import math\nLIMIT = 10", "import math\nimport statistics\nLIMIT = 11"]
    assert "the original comes first, then yours" in rebuilt.notes[0]


def test_blanks_at_line_ends_are_no_edit(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells[at(answered, "given")].source = "\nimport math  \nLIMIT = 10\n\n"
    assert redo(made, answered).notes == ()


def test_added_cells_stay_behind_the_cell_that_they_followed(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells.insert(at(answered, "scale"), added("before_scale = 1"))
    answered.cells.insert(0, added("first = 1"))
    answered.cells.append(added("words", "markdown"))
    rebuilt = redo(made, answered)
    found = names(rebuilt)
    assert found[0] == "+"
    assert found[found.index("scale-text") + 1] == "+"
    assert found[-1] == "+"
    assert rebuilt.notebook.cells[-1].cell_type == "markdown"
    assert len({cell["id"] for cell in rebuilt.notebook.cells}) == len(found)


def test_moved_cells_go_back_with_a_note(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells.append(answered.cells.pop(at(answered, "mean")))
    rebuilt = redo(made, answered)
    assert names(rebuilt) == ORDER
    assert rebuilt.notes == ("Cells had been moved; they were put back in the order of the assignment.",)


def test_a_cell_turned_into_text_is_read_as_code(made, answered):
    answered = copy.deepcopy(answered)
    i = at(answered, "mean")
    text = added(answered.cells[i].source, "markdown")
    text.metadata["nbgrader"] = {"grade_id": "mean"}
    answered.cells[i] = text
    rebuilt = redo(made, answered)
    assert rebuilt.notebook.cells[at(rebuilt.notebook, "mean")].cell_type == "code"
    assert SOLUTIONS["mean"] in sources(rebuilt)
    assert "was a markdown cell" in rebuilt.notes[0]


def test_cells_that_lost_all_names_are_known_by_what_they_hold(made, answered):
    """As after a detour over a program that drops metadata and ids."""
    bare = nbformat.v4.new_notebook(cells=[added(c.source, c.cell_type) for c in answered.cells])
    rebuilt = redo(made, bare)
    assert names(rebuilt) == ORDER
    assert [s for s in sources(rebuilt) if s in SOLUTIONS.values()] == list(SOLUTIONS.values())
    assert sum("lost its name" in note for note in rebuilt.notes) == 3


def test_quiz_cells_that_lost_all_names_are_known_by_their_question(made):
    asked = [added(cells.ask(name, letters)) for name, letters in ANSWERS.items()]
    rebuilt = redo(made, nbformat.v4.new_notebook(cells=asked[::-1]), "quiz")
    found = {cells.grade_id(cell): cell.source for cell in rebuilt.notebook.cells}
    assert {name: found[name] for name in ANSWERS} == {name: cells.ask(name, a) for name, a in ANSWERS.items()}


def test_no_picture_reference_is_left_dangling(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells.append(added("![plot](attachment:plot.png)", "markdown"))
    assert "attachment:" not in sources(redo(made, answered))[-1]


def test_an_empty_notebook_gives_the_release_with_its_tests(made):
    rebuilt = redo(made, nbformat.v4.new_notebook())
    assert names(rebuilt) == ORDER
    assert rebuilt.notes[-1] == "The test cell `test_count` was missing; it was put back."


# --- anything at all

text = st.text(max_size=40) | st.sampled_from(
    [*SOLUTIONS.values(), "", "def mean(", "import math\nLIMIT = 10", "%%bash\n"]
)
known = st.sampled_from([*ORDER, "unknown", "added-1", ""])
junk = st.recursive(st.none() | st.booleans() | st.integers() | text, lambda s: st.lists(s, max_size=3), max_leaves=5)


@st.composite
def mangled_cell(draw) -> object:
    if draw(st.integers(0, 9)) == 0:
        return draw(junk)
    cell = {
        "cell_type": draw(st.sampled_from(["code", "markdown", "raw", "heading"]) | junk),
        "source": draw(text | st.lists(text, max_size=3) | junk),
        "id": draw(known | junk),
        "metadata": draw(
            junk
            | known.map(
                lambda n: {"nbgrader": {"grade_id": n, "points": 99, "grade": True}, "tags": ["skip-execution"]}
            )
            | junk.map(lambda j: {"nbgrader": j})
        ),
        "outputs": draw(junk),
        "attachments": draw(junk),
    }
    for key in draw(st.sets(st.sampled_from(sorted(cell)), max_size=2)):
        del cell[key]
    return cell


@settings(deadline=None, max_examples=60)
@given(cells_=st.lists(mangled_cell(), max_size=12))
def test_whatever_comes_in_the_tests_are_pristine_and_no_metadata_is_taken(made, tmp_path_factory, cells_):
    path = tmp_path_factory.getbasetemp() / "mangled.ipynb"
    path.write_text(json.dumps({"cells": cells_, "nbformat": 4, "metadata": {"kernelspec": {"name": "evil"}}}))
    pristine, release = made["exercises"]
    rebuilt = rebuild(pristine, release, read_submission(path)[0])
    nbformat.validate(rebuilt.notebook)
    assert rebuilt.notebook.metadata == cells.METADATA
    ours = [cell for cell in rebuilt.notebook.cells if ADDED not in cell.metadata]
    assert [cell["id"] for cell in ours] == ORDER
    for cell, twin in zip(ours, pristine.cells, strict=True):
        assert cell.metadata == twin.metadata
        assert cell.cell_type == twin.cell_type
        if not cells.is_solution(cell):
            assert cell.source == twin.source
        assert "BEGIN SOLUTION" not in cell.source
    for cell in rebuilt.notebook.cells:
        assert not cell.get("outputs")
        assert "attachments" not in cell
        if ADDED in cell.metadata:
            assert cell.metadata == {ADDED: True}


@settings(deadline=None, max_examples=50)
@given(order=st.permutations(range(len(ORDER))))
def test_any_order_gives_the_same_notebook(made, answered, order):
    shuffled = copy.deepcopy(answered)
    shuffled.cells = [shuffled.cells[i] for i in order]
    assert redo(made, shuffled).notebook == redo(made, answered).notebook
