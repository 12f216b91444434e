"""The assignments and their sample classes: the tests tell right from wrong, and each wrong costs what it should.

One module for all of them. What is particular to an assignment stands beside its samples, in
``tests/submissions/NN_name/expected.toml``::

    points = 24             # exercises and quiz together
    [key]                   # of the quiz, apart from the bank, so that neither changes unseen
    q1 = "ABC"
    [says.wrong_no_carrier] # words that the message of a sample's lost test holds
    test_features = "X does not carry all of carrier"
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode

from autograder import bank, cells, samples
from autograder.course import Course
from autograder.demo import fresh_course
from autograder.release import release, release_notebook
from autograder.run import SubmissionResult, grade_assignment
from autograder.samples import Sample
from autograder.verdicts import Outcome, Verdict

COURSE = Course(Path(__file__).resolve().parents[1])
ASSIGNMENTS = COURSE.assignments()
LESSON_TITLES = {
    "Build a model",
    "Wrap it in an interpreter",
    "Serve it",
    "Measure latency and throughput",
    "Serve under load",
    "Watch it decay",
    "Make it cheaper",
    "Share the machine",
    "Ship the next version",
}
MOST_EXERCISES = 6

Graded = Mapping[str, SubmissionResult]


def source(assignment: str, notebook: str) -> NotebookNode:
    return cells.read(COURSE.source / assignment / f"{notebook}.ipynb")


def released(assignment: str) -> NotebookNode:
    return release_notebook(COURSE.source / assignment / "exercises.ipynb")


def graded_cells(assignment: str) -> list[NotebookNode]:
    return [cell for cell in source(assignment, "exercises").cells if cells.is_test(cell)]


def points_by_cell(assignment: str) -> dict[str, float]:
    both = [cell for name in ("exercises", "quiz") for cell in source(assignment, name).cells]
    return {cells.grade_id(c): float(c.metadata.nbgrader.points) for c in both if cells.has_role(c, "grade")}


@cache
def members(assignment: str) -> dict[str, Sample]:
    """The samples of an assignment, by name."""
    return {sample.name: sample for sample in samples.load_all(COURSE, assignment)}


@cache
def expected(assignment: str) -> dict[str, Any]:
    return tomllib.loads((samples.folder(COURSE, assignment) / "expected.toml").read_text(encoding="utf-8"))


def lost(verdicts: list[Verdict]) -> dict[str, float]:
    return {v.cell: pytest.approx(v.max_points - v.points) for v in verdicts if v.points != v.max_points}


each_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)


# --- the notebooks ---


@each_assignment
def test_points_add_up_and_stand_in_the_text(assignment: str) -> None:
    exercises = source(assignment, "exercises")
    table = dict(re.findall(r"^\| (\d) \|.*\| (\d) \|$", exercises.cells[0].source, flags=re.MULTILINE))
    reached: dict[str, int] = {}
    for cell in exercises.cells:
        if found := re.match(r"## Exercise (\d)\.", cell.source):
            number = found[1]
        if cells.is_test(cell):
            points = cell.metadata.nbgrader.points
            reached[number] = reached.get(number, 0) + points
            assert re.match(rf"# (Visible|Hidden) test, {points} points?: ", cell.source), cell.id
    assert {number: str(points) for number, points in reached.items()} == table
    assert f"of the {sum(reached.values())} points" in exercises.cells[0].source
    assert sum(points_by_cell(assignment).values()) == expected(assignment)["points"]


@each_assignment
@pytest.mark.parametrize("name", ["exercises", "quiz"])
def test_cell_ids_are_the_names_of_the_cells(assignment: str, name: str) -> None:
    for cell in source(assignment, name).cells:
        assert cell.id == (cells.grade_id(cell) or cell.id)
        assert re.fullmatch(r"[A-Za-z]\w*(-\w+)*", cell.id)
        assert not re.fullmatch(r"[0-9a-f]{8}", cell.id), "an id made by a machine says nothing to a reader"


@each_assignment
def test_each_exercise_has_a_visible_and_a_hidden_test(assignment: str) -> None:
    shown = {cells.grade_id(cell): cell.source for cell in released(assignment).cells}
    owner, kinds = "", {}
    for cell in source(assignment, "exercises").cells:
        if cells.is_solution(cell):
            owner = cells.grade_id(cell)
        if cells.is_test(cell):
            visible = bool(ast.parse(shown[cells.grade_id(cell)]).body)  # comments alone leave no statement
            kinds.setdefault(owner, []).append("visible" if visible else "hidden")
            assert visible == cell.source.startswith("# Visible test")
            assert "# Why: " in cell.source
            assert "# Expected: " in cell.source
    assert 1 < len(kinds) <= MOST_EXERCISES
    assert all(kind[0] == "visible" and "hidden" in kind[1:] for kind in kinds.values()), kinds


@each_assignment
def test_every_assertion_says_what_is_wrong(assignment: str) -> None:
    for cell in graded_cells(assignment):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assert):
                assert node.msg is not None, f"{cell.id}, line {node.lineno}: an assertion without a message"


@each_assignment
def test_a_test_leaves_no_name_behind_that_a_student_could_have_chosen(assignment: str) -> None:
    """Where tests share the student's kernel, `log_loss = …` in a test would replace an import of theirs."""
    for cell in graded_cells(assignment):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                assert node.name == cells.grade_id(cell)
            else:
                assert isinstance(node, ast.Import | ast.ImportFrom | ast.Expr), f"{cell.id}, line {node.lineno}"


@each_assignment
def test_only_plain_data_goes_into_student_code(assignment: str) -> None:
    """Tests run in a process of their own: no lambda crosses, nor does anything that a test defines."""
    for cell in graded_cells(assignment):
        tree = ast.parse(cell.source)
        assert not any(isinstance(node, ast.Lambda | ast.ClassDef) for node in ast.walk(tree)), cell.id
        assert sum(isinstance(node, ast.FunctionDef) for node in tree.body) == 1, cell.id


@each_assignment
def test_the_release_holds_no_solution_and_no_hidden_test(assignment: str) -> None:
    notebook = released(assignment)
    text = cells.dumps(notebook)
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    stubs = [cell for cell in notebook.cells if cells.is_solution(cell)]
    assert stubs
    for stub in stubs:
        asked = ast.parse(stub.source).body[-1]  # a function or a class
        assert ast.get_docstring(asked)
        assert "# YOUR CODE HERE" in stub.source
        assert "raise NotImplementedError()" in stub.source


# --- the quiz ---


@each_assignment
def test_the_key_is_the_one_of_the_quiz(assignment: str) -> None:
    questions = bank.bank_for(assignment).questions
    assert {q.id: q.right_letters for q in questions} == expected(assignment)["key"]


@each_assignment
def test_the_text_tells_the_pass_mark(assignment: str) -> None:
    mark = f"{bank.bank_for(assignment).pass_mark:.0%}".replace("%", " %")
    assert f"{mark} is a pass" in source(assignment, "quiz").cells[0].source


@each_assignment
def test_each_wrong_option_names_a_heading_that_refutes_it(assignment: str) -> None:
    lesson = (COURSE.root / "text" / "notebooks" / f"{assignment}.py").read_text(encoding="utf-8")
    headings = set(re.findall(r"^# ##+ (.+)$", lesson, flags=re.MULTILINE))
    for question in bank.bank_for(assignment).questions:
        for option in question.options:
            named = re.findall(r"“([^”]+)”", option.feedback)
            assert set(named) <= headings | LESSON_TITLES, (question.id, named)
            assert option.right or named, f"{question.id}: {option.text!r} is not refuted by anything"


@each_assignment
def test_every_feedback_is_its_own(assignment: str) -> None:
    texts = [option.feedback for question in bank.bank_for(assignment).questions for option in question.options]
    assert len(set(texts)) == len(texts)


# --- the sample classes ---


@each_assignment
def test_the_catalogue_is_complete(assignment: str) -> None:
    kinds = [sample.kind for sample in members(assignment).values()]
    assert kinds.count("reference") == 1
    assert kinds.count("blank") == 1
    assert kinds.count("alternative") >= 3
    assert kinds.count("partial") >= 1
    assert kinds.count("wrong") >= 6
    assert kinds.count("malformed") >= 2


def test_every_damage_befalls_somebody() -> None:
    damages = [d for assignment in ASSIGNMENTS for sample in members(assignment).values() for d in sample.damage]
    assert {damage.partition(":")[0] for damage in damages} == set(samples.DAMAGE)


@each_assignment
def test_what_the_catalogue_says_can_be(assignment: str) -> None:
    points = points_by_cell(assignment)
    for sample in members(assignment).values():
        assert all(0 < loss <= points[cell] for cell, loss in sample.loses.items()), sample.name
        if sample.kind != "malformed":
            assert bool(sample.loses) == (sample.kind in ("partial", "blank", "wrong")), sample.name
    assert members(assignment)["blank"].loses == points


@each_assignment
def test_no_graded_cell_is_there_for_nothing(assignment: str) -> None:
    """Each is lost by some wrong submission, so each can tell right from wrong."""
    missed = {cell for sample in members(assignment).values() if sample.kind == "wrong" for cell in sample.loses}
    assert missed == set(points_by_cell(assignment))


@dataclass
class Shared:
    """Samples that one submission stands for: each is wrong in cells of its own, and loses points of its own."""

    samples: list[Sample] = field(default_factory=list)

    def has_room_for(self, sample: Sample) -> bool:
        return not touched(self.samples) & touched([sample])

    def submission(self, student: str) -> Sample:
        """One sample that is wrong in all these ways at once."""
        typed = tuple(typed for sample in self.samples for typed in sample.typed)
        loses = {cell: points for sample in self.samples for cell, points in sample.loses.items()}
        return replace(self.samples[0], name=student, student=student, typed=typed, loses=loses)


def touched(some: list[Sample]) -> set[str]:
    """The cells that samples type into, and those whose points they lose."""
    return {typed.cell for sample in some for typed in sample.typed} | {cell for s in some for cell in s.loses}


def goes_alone(sample: Sample) -> bool:
    """Whether a submission can stand for this sample only: what is wrong with it may concern the whole notebook."""
    return sample.kind != "wrong" or bool(sample.damage) or sample.blank or any(t.added for t in sample.typed)


@cache
def submissions(assignment: str) -> dict[str, Sample]:
    """What is handed in to find out about each sample, by name of the sample.

    Exercises do not depend on each other. So mistakes in different ones are made in one submission, which must lose
    what they lose together: grading each alone would take five times as long and tell nothing more.
    """
    found: dict[str, Sample] = {}
    shared: list[Shared] = []
    for sample in members(assignment).values():
        if goes_alone(sample):
            found[sample.name] = sample
            continue
        one = next((one for one in shared if one.has_room_for(sample)), None)
        if one is None:
            shared.append(one := Shared())
        one.samples.append(sample)
    for number, one in enumerate(shared):
        together = one.submission(f"mistakes_{number}")
        found |= {sample.name: together for sample in one.samples}
    return found


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Graded]:
    """Gives the class of an assignment, released, handed in and graded once; results by student."""

    @cache
    def grade(assignment: str) -> Graded:
        course = fresh_course(COURSE, tmp_path_factory.mktemp(f"class_{assignment}") / "course")
        release(course, assignment)
        for sample in {sample.student: sample for sample in submissions(assignment).values()}.values():
            samples.make(sample, COURSE, course.root)
        return {result.student: result for result in grade_assignment(course, assignment)}

    return grade


SAMPLES = [(assignment, name) for assignment in ASSIGNMENTS for name in members(assignment)]
SAYS = [
    (assignment, name, cell, words)
    for assignment in ASSIGNMENTS
    for name, by_cell in expected(assignment)["says"].items()
    for cell, words in by_cell.items()
]


@pytest.mark.slow
@pytest.mark.parametrize(("assignment", "name"), SAMPLES)
def test_each_submission_loses_what_the_catalogue_says(
    assignment: str, name: str, graded_class: Callable[[str], Graded]
) -> None:
    sample = submissions(assignment)[name]
    result = graded_class(assignment)[sample.student]
    assert result.problem is None
    verdicts = [verdict for notebook in result.notebooks for verdict in notebook.verdicts]
    assert {v.cell: v.max_points for v in verdicts} == points_by_cell(assignment)
    told = "\n".join(f"{v.cell}: {v.outcome.value}: {v.message}" for v in verdicts if v.points < v.max_points)
    assert lost(verdicts) == sample.loses, f"{sample.what}\n{told}"
    assert all(v.message for v in verdicts if v.points < v.max_points), "points were lost without a word"
    if sample.kind == "blank":
        assert {verdict.outcome for verdict in verdicts} == {Outcome.NOT_ATTEMPTED}
    if sample.damage:
        assert any(notebook.notes for notebook in result.notebooks), "the student is told what was repaired"


@pytest.mark.slow
@pytest.mark.parametrize(("assignment", "name", "cell", "words"), SAYS)
def test_the_message_names_the_mistake(
    assignment: str, name: str, cell: str, words: str, graded_class: Callable[[str], Graded]
) -> None:
    result = graded_class(assignment)[submissions(assignment)[name].student]
    messages = {v.cell: v.message for notebook in result.notebooks for v in notebook.verdicts}
    assert words in messages[cell]
