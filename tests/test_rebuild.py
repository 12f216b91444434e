"""Rebuilding: the pristine notebook with nothing of the submission but its source text."""

from __future__ import annotations

import contextlib
import copy
import json

import nbformat
import pytest
from building import answer, check
from conftest import ANSWERS, ASSIGNMENT, SOLUTIONS, exercises, quiz
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from autograder import cells
from autograder.quiz.answers import read_answer
from autograder.reading import read_submission
from autograder.rebuild import ADDED, STRANGER, Rebuilt, rebuild


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
    assert rebuilt.notes == (
        "The test cell `test_mean` had been changed; the original was run, and code of yours in it did not count.",
    )
    answered.cells[at(answered, "test_mean")].source = "# too hard"
    assert redo(made, answered).notes == ("The test cell `test_mean` had been changed; the original was run.",)


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
    lost = "The cells `mean`, `scale` and `count` had lost their names; they were known by what they define."
    assert lost in rebuilt.notes


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
    assert rebuilt.notes == (STRANGER,)
    assert rebuilt.absent == ("mean", "scale", "count")


def test_notes_of_one_kind_are_one_line(made, answered):
    answered = copy.deepcopy(answered)
    answered.cells = [c for c in answered.cells if not c["id"].startswith("test_") and c["id"] not in ("mean", "scale")]
    assert redo(made, answered).notes == (
        "The cells `mean` and `scale` were missing; the empty ones were put back.",
        "The test cells `test_mean`, `test_mean_hidden`, `test_scale` and `test_count` were missing; "
        "they were put back.",
    )
    assert redo(made, answered).absent == ("mean", "scale")


# --- answers in other cells than their own


def run(rebuilt: Rebuilt) -> dict[str, list[str]]:
    """What the functions named give for one list, before each test: the student's cells are run one after the other."""
    space, found = {}, {}
    for cell in rebuilt.notebook.cells:
        if cells.is_test(cell):
            found[cell["id"]] = _tried(space)
        elif cell.cell_type == "code":
            with contextlib.suppress(Exception):
                exec(cell.source, space)
    return found


def _tried(space: dict) -> list[str]:
    calls = {"mean": ([1, 3],), "scale": ([1, 2], 4), "count": ("aab",)}
    right = {"mean": 2, "scale": [2, 4], "count": {"a": 2, "b": 1}}
    tried = []
    for name, values in calls.items():
        with contextlib.suppress(Exception):
            tried += [name] * (space[name](*values) == right[name])
    return tried


def passes(rebuilt: Rebuilt) -> set[str]:
    """The tests before which the function that they try is right."""
    asked = {"test_mean": "mean", "test_mean_hidden": "mean", "test_scale": "scale", "test_count": "count"}
    found = run(rebuilt)
    return {test for test, name in asked.items() if name in found[test]}


ALL = {"test_mean", "test_mean_hidden", "test_scale", "test_count"}


def changed(answered: NotebookNode, sources: dict[str, str], without: str = "") -> NotebookNode:
    """The answered notebook with other sources by name, and without the cells named."""
    notebook = copy.deepcopy(answered)
    for name, source in sources.items():
        notebook.cells[at(notebook, name)].source = source
    notebook.cells = [cell for cell in notebook.cells if cell["id"] not in without.split()]
    return notebook


@pytest.fixture
def stubs(made) -> dict[str, str]:
    """The stubs by name."""
    return {cell["id"]: cell.source for cell in made["exercises"][1].cells if cells.is_solution(cell)}


@pytest.mark.parametrize(("keeps", "loses"), [("mean", "scale"), ("scale", "count"), ("mean", "count")])
def test_two_cells_merged_into_one_answer_both(made, answered, keeps, loses):
    both = f"{SOLUTIONS[keeps]}\n\n{SOLUTIONS[loses]}"
    rebuilt = redo(made, changed(answered, {keeps: both}, loses))
    assert passes(rebuilt) == ALL
    assert rebuilt.notes == (f"The cell `{keeps}` also holds what the cell `{loses}` asks for; it counts.",)
    assert rebuilt.absent == ()


def test_merged_cells_may_keep_the_name_of_the_last(made, answered):
    """As JupyterLab does it when the last one was the active one: the test between the two is gone, too."""
    everything = f"{SOLUTIONS['mean']}\n\nassert mean([1, 2, 3]) == 2\n\n{SOLUTIONS['scale']}"
    merged = changed(answered, {"scale": everything}, "mean test_mean test_mean_hidden")
    assert passes(redo(made, merged)) == ALL
    assert "The cell `scale` also holds what the cell `mean` asks for; it counts." in redo(made, merged).notes


def test_all_answers_retyped_in_one_new_cell_count(made, answered):
    gathered = changed(answered, {}, "mean scale count")
    gathered.cells.insert(at(gathered, "given") + 1, added("\n\n".join(SOLUTIONS.values())))
    rebuilt = redo(made, gathered)
    assert passes(rebuilt) == ALL
    assert rebuilt.notes == (
        "The cell `mean` had lost its name; it was known by what it defines.",
        "The cell `mean` also holds what the cells `scale` and `count` ask for; it counts.",
    )


@pytest.mark.parametrize(("name", "over"), [("mean", "scale"), ("scale", "mean"), ("count", "mean")])
def test_a_cell_copied_over_another_brings_its_name_along(made, answered, name, over):
    copied = copy.deepcopy(answered)
    cell = copy.deepcopy(copied.cells[at(copied, name)])
    cell["id"], cell.source = "", SOLUTIONS[over]
    copied.cells[at(copied, over)] = cell
    assert passes(redo(made, copied)) == ALL


@pytest.mark.parametrize("test", ["test_mean", "test_mean_hidden"])
@pytest.mark.parametrize("without", ["", "mean"])
def test_an_answer_typed_into_the_test_cell_counts_and_runs_as_the_students(made, answered, stubs, test, without):
    typed = f"{SOLUTIONS['mean']}\n\nassert mean([1, 2, 3]) == 2, 'mine'"
    rebuilt = redo(made, changed(answered, {"mean": stubs["mean"], test: typed}, without))
    assert passes(rebuilt) == ALL
    assert rebuilt.notes == (
        f"The test cell `{test}` holds what the cell `mean` asks for; it counts, and the original test was run.",
    )
    pristine = dict(zip(ORDER, made["exercises"][0].cells, strict=True))
    for cell in rebuilt.notebook.cells:
        if cells.is_test(cell):
            assert cell.source == pristine[cell["id"]].source
        assert cells.is_test(cell) <= ("mine" not in cell.source)


def test_a_stub_does_not_undo_the_answer_above_it(made, answered, stubs):
    above = changed(answered, {"mean": stubs["mean"], "count": stubs["count"], "scale": "  \n"})
    above.cells.insert(at(above, "mean"), added("\n\n".join(SOLUTIONS.values())))
    rebuilt = redo(made, above)
    assert passes(rebuilt) == ALL
    asked = "what the cells `mean`, `scale` and `count` ask for"
    assert rebuilt.notes == (f"A cell of yours holds {asked}; it counts.",)
    assert sources(rebuilt)[at(rebuilt.notebook, "mean")].startswith("# What `mean` asks for")


def test_an_answer_below_the_stub_is_left_alone(made, answered, stubs):
    below = changed(answered, {"mean": stubs["mean"]})
    below.cells.insert(at(below, "mean") + 1, added(SOLUTIONS["mean"]))
    below.cells.insert(1, added("def mean(values):\n    return 0  # a first try"))
    rebuilt = redo(made, below)
    assert passes(rebuilt) == ALL
    assert rebuilt.notes == ()
    assert sources(rebuilt)[at(rebuilt.notebook, "mean")] == stubs["mean"]


def test_an_answer_below_the_tests_does_not_count_and_is_told_where_to_go(made, answered, stubs):
    late = changed(answered, {"mean": stubs["mean"]})
    late.cells.insert(at(late, "test_mean_hidden") + 1, added(SOLUTIONS["mean"]))
    rebuilt = redo(made, late)
    assert passes(rebuilt) == ALL - {"test_mean", "test_mean_hidden"}
    assert rebuilt.notes == (
        "What the cell `mean` asks for stands in a cell of yours below its tests, which comes too late for them: "
        "write it into the cell `mean`.",
    )


def test_an_answer_of_its_own_is_never_replaced(made, answered):
    other = "def mean(values):\n    return 0"
    own = changed(answered, {"test_mean": other, "scale": f"{other}\n\n{SOLUTIONS['scale']}"})
    own.cells.insert(1, added(other))
    rebuilt = redo(made, own)
    assert sources(rebuilt)[at(rebuilt.notebook, "mean")] == SOLUTIONS["mean"]
    assert passes(rebuilt) == ALL
    assert len(rebuilt.notes) == 1  # the changed test


def small(*parts: NotebookNode) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=list(parts))


def test_a_stub_that_works_as_it_was_handed_out_keeps_its_points():
    release = small(answer("f", "def f(x):\n    return x"), check("test_f", 1, "assert f(1) == 1"))
    submitted = copy.deepcopy(release)
    submitted.cells.insert(0, added("def f(x):\n    return 2 * x  # a try"))
    rebuilt = rebuild(release, release, submitted)
    assert [cell.source for cell in rebuilt.notebook.cells][1] == "def f(x):\n    return x"


def test_what_a_stub_gives_besides_is_kept():
    stub = "import csv\nLIMIT = 3\n\ndef half(x):\n    return x / 2\n\ndef f(x):\n    raise NotImplementedError"
    release = small(answer("f", stub), check("test_f", 1, "assert f(1) == 1"))
    submitted = small(added("LIMIT = 4\n\ndef f(x):\n    return half(x) + LIMIT"), *copy.deepcopy(release.cells))
    space: dict = {}
    for cell in rebuild(release, release, submitted).notebook.cells[:-1]:
        exec(cell.source, space)
    assert space["f"](2) == 5
    assert "csv" in space


def test_two_cells_that_ask_for_the_same_name_do_not_answer_each_other():
    stub = "def f(x):\n    raise NotImplementedError"
    release = small(answer("f", stub), check("t", 1, "f(1)"), answer("better", stub), check("u", 1, "f(2)"))
    submitted = copy.deepcopy(release)
    submitted.cells[0].source = "def f(x):\n    return x"
    assert [c.source for c in rebuild(release, release, submitted).notebook.cells][2] == stub


def test_a_question_answered_in_another_cell_counts(made):
    submitted = copy.deepcopy(made["quiz"][1])
    submitted.cells[at(submitted, "q1")].source = "\n".join(cells.ask(q, letters) for q, letters in ANSWERS.items())
    del submitted.cells[at(submitted, "q2")]
    rebuilt = redo(made, submitted, "quiz")
    found = {cells.grade_id(cell): cell.source for cell in rebuilt.notebook.cells}
    assert {name: read_answer(found[name], name).letters for name in ANSWERS} == ANSWERS
    assert rebuilt.notes == ("The cell `q1` also holds what the cell `q2` asks for; it counts.",)


def test_the_last_version_above_the_first_test_counts(made, answered):
    """What Restart-and-Run-All leaves behind for the test; old tries are kept at the very end."""
    versions = copy.deepcopy(answered)
    for where, source in (
        (at(versions, "mean"), "x = 1"),
        (len(versions.cells) + 1, "def mean(values):\n    return 0"),
    ):
        cell = copy.deepcopy(answered.cells[at(answered, "mean")])
        cell["id"], cell.source = "", source
        versions.cells.insert(where, cell)
    rebuilt = redo(made, versions)
    assert passes(rebuilt) == ALL
    assert sources(rebuilt)[at(rebuilt.notebook, "mean")] == SOLUTIONS["mean"]
    assert rebuilt.notes == (
        "The cell `mean` was there 3 times; the last one with an answer above its first test counts.",
    )


def test_where_no_version_stands_above_the_test_the_last_one_counts(made, answered):
    versions = copy.deepcopy(answered)
    cell = versions.cells.pop(at(versions, "mean"))
    first = copy.deepcopy(cell)
    first["id"], first.source = "", "def mean(values):\n    return 0"
    versions.cells += [first, cell]
    rebuilt = redo(made, versions)
    assert passes(rebuilt) == ALL
    assert "The cell `mean` was there 2 times; the last one with an answer counts." in rebuilt.notes


def test_blank_lines_without_end_cost_no_time(made, answered, stubs):
    """A pattern that reads blanks twice would take hours here."""
    blank = "\n" * 200_000 + "class" + " " * 200_000 + "\n" * 200_000
    rebuilt = redo(made, changed(answered, {"mean": stubs["mean"], "scale": blank, "test_mean": blank}))
    assert passes(rebuilt) == {"test_count"}


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
