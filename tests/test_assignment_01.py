"""Assignment 01 and its sample class: the tests tell right from wrong, and each wrong costs what it should, no more."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from nbformat import NotebookNode

from autograder import bank, cells, engine, samples
from autograder.course import Course
from autograder.demo import fresh_course
from autograder.release import release, release_notebook
from autograder.run import SubmissionResult, grade_assignment
from autograder.samples import Sample
from autograder.verdicts import Outcome, Verdict

COURSE = Course(Path(__file__).resolve().parents[1])
NAME = "01_build_a_model"
SAMPLES = {sample.name: sample for sample in samples.load_all(COURSE, NAME)}
LATER_LESSONS = {"Serve under load", "Watch it decay", "Make it cheaper", "Share the machine"}


def source(name: str) -> NotebookNode:
    return cells.read(COURSE.source / NAME / f"{name}.ipynb")


def graded_tests(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cells.is_test(cell)]


def points_by_cell() -> dict[str, float]:
    graded = [cell for name in ("exercises", "quiz") for cell in source(name).cells if cells.has_role(cell, "grade")]
    return {cells.grade_id(cell): float(cell.metadata.nbgrader.points) for cell in graded}


def lost(verdicts: list[Verdict]) -> dict[str, float]:
    return {v.cell: pytest.approx(v.max_points - v.points) for v in verdicts if v.points != v.max_points}


# --- the notebooks ---


def test_points_add_up_and_stand_in_the_text() -> None:
    exercises = source("exercises")
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
    assert sum(reached.values()) == 20
    assert sum(points_by_cell().values()) == 24


@pytest.mark.parametrize("name", ["exercises", "quiz"])
def test_cell_ids_are_the_names_of_the_cells(name: str) -> None:
    for cell in source(name).cells:
        assert cell.id == (cells.grade_id(cell) or cell.id)
        assert re.fullmatch(r"[A-Za-z]\w*(-\w+)*", cell.id)
        assert not re.fullmatch(r"[0-9a-f]{8}", cell.id), "an id made by a machine says nothing to a reader"


def test_each_exercise_has_a_visible_and_a_hidden_test() -> None:
    released = {cells.grade_id(c): c.source for c in release_notebook(COURSE.source / NAME / "exercises.ipynb").cells}
    owner, kinds = "", {}
    for cell in source("exercises").cells:
        if cells.is_solution(cell):
            owner = cells.grade_id(cell)
        if cells.is_test(cell):
            shown = ast.parse(released[cells.grade_id(cell)]).body  # comments alone leave no statement
            kinds.setdefault(owner, []).append("visible" if shown else "hidden")
            assert bool(shown) == cell.source.startswith("# Visible test")
            assert "# Why: " in cell.source
            assert "# Expected: " in cell.source
    assert len(kinds) == 6
    assert all(kind[0] == "visible" and "hidden" in kind[1:] for kind in kinds.values()), kinds


def test_every_assertion_says_what_is_wrong() -> None:
    for cell in graded_tests(source("exercises")):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assert):
                assert node.msg is not None, f"{cell.id}, line {node.lineno}: an assertion without a message"


def test_a_test_leaves_no_name_behind_that_a_student_could_have_chosen() -> None:
    """Where tests share the student's kernel, `log_loss = …` in a test would replace an import of theirs."""
    for cell in graded_tests(source("exercises")):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                assert node.name == cells.grade_id(cell)
            else:
                assert isinstance(node, ast.Import | ast.ImportFrom | ast.Expr), f"{cell.id}, line {node.lineno}"


def test_only_plain_data_goes_into_student_code() -> None:
    """Tests will run in a process of their own: no lambda crosses, nor does anything that a test defines."""
    for cell in graded_tests(source("exercises")):
        tree = ast.parse(cell.source)
        assert not any(isinstance(node, ast.Lambda | ast.ClassDef) for node in ast.walk(tree)), cell.id
        assert sum(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)) == 1, cell.id


def test_the_release_holds_no_solution_and_no_hidden_test() -> None:
    text = cells.dumps(release_notebook(COURSE.source / NAME / "exercises.ipynb"))
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    stubs = [c for c in release_notebook(COURSE.source / NAME / "exercises.ipynb").cells if cells.is_solution(c)]
    assert len(stubs) == 6
    for stub in stubs:
        function = ast.parse(stub.source).body[-1]
        assert ast.get_docstring(function)
        assert "# YOUR CODE HERE" in stub.source
        assert "raise NotImplementedError()" in stub.source


# --- the quiz ---


def test_the_key_is_the_one_of_the_quiz() -> None:
    questions = bank.bank_for(NAME).questions
    assert [(q.kind, q.right_letters, len(q.options), q.points) for q in questions] == [
        ("all", "ABC", 4, 1),
        ("one", "B", 3, 1),
        ("one", "B", 2, 1),
        ("all", "ABC", 4, 1),
    ]


def test_the_text_tells_the_pass_mark() -> None:
    assert f"{bank.bank_for(NAME).pass_mark:.0%}".replace("%", " %") + " is a pass" in source("quiz").cells[0].source


def test_each_wrong_option_names_a_heading_that_refutes_it() -> None:
    lesson = (COURSE.root / "text" / "notebooks" / f"{NAME}.py").read_text(encoding="utf-8")
    headings = set(re.findall(r"^# ## (.+)$", lesson, flags=re.MULTILINE))
    for question in bank.bank_for(NAME).questions:
        for option in question.options:
            named = re.findall(r"“([^”]+)”", option.feedback)
            assert set(named) <= headings | LATER_LESSONS, (question.id, named)
            assert option.right or named, f"{question.id}: {option.text!r} is not refuted by anything"


def test_every_feedback_is_its_own() -> None:
    texts = [option.feedback for question in bank.bank_for(NAME).questions for option in question.options]
    assert len(set(texts)) == len(texts)


# --- the sample class ---


def test_the_catalogue_is_complete() -> None:
    kinds = [sample.kind for sample in SAMPLES.values()]
    assert kinds.count("reference") == 1
    assert kinds.count("blank") == 1
    assert kinds.count("alternative") >= 3
    assert kinds.count("partial") >= 1
    assert kinds.count("wrong") >= 8
    assert {damage.partition(":")[0] for sample in SAMPLES.values() for damage in sample.damage} == set(samples.DAMAGE)


def test_what_the_catalogue_says_can_be() -> None:
    points = points_by_cell()
    for sample in SAMPLES.values():
        assert all(0 < loss <= points[cell] for cell, loss in sample.loses.items()), sample.name
        if sample.kind != "malformed":
            assert bool(sample.loses) == (sample.kind in ("partial", "blank", "wrong")), sample.name
    assert SAMPLES["blank"].loses == points


def test_no_graded_cell_is_there_for_nothing() -> None:
    """Each is lost by some wrong submission, so each can tell right from wrong."""
    missed = {cell for sample in SAMPLES.values() if sample.kind == "wrong" for cell in sample.loses}
    assert missed == set(points_by_cell())


def grade_one(sample: Sample, folder: Path, name: str = "exercises") -> list[Verdict]:
    submitted = samples.make(sample, COURSE, folder)
    return list(engine.grade_notebook(COURSE, NAME, name, submitted / f"{name}.ipynb").result.verdicts)


def test_the_reference_solves_every_exercise(tmp_path: Path) -> None:
    assert lost(grade_one(SAMPLES["reference"], tmp_path)) == {}


def test_the_release_as_it_is_solves_none(tmp_path: Path) -> None:
    verdicts = grade_one(SAMPLES["blank"], tmp_path) + grade_one(SAMPLES["blank"], tmp_path, "quiz")
    assert {verdict.points for verdict in verdicts} == {0.0}
    assert {verdict.outcome for verdict in verdicts} == {Outcome.NOT_ATTEMPTED}


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, SubmissionResult]:
    """The whole class, released, handed in and graded once; results by student."""
    course = fresh_course(COURSE, tmp_path_factory.mktemp("class_01") / "course")
    release(course, NAME)
    for sample in SAMPLES.values():
        samples.make(sample, COURSE, course.root)
    return {result.student: result for result in grade_assignment(course, NAME)}


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_each_submission_loses_what_the_catalogue_says(name: str, graded: Mapping[str, SubmissionResult]) -> None:
    sample = SAMPLES[name]
    result = graded[sample.student]
    assert result.problem is None
    verdicts = [verdict for notebook in result.notebooks for verdict in notebook.verdicts]
    assert {v.cell: v.max_points for v in verdicts} == points_by_cell()
    told = "\n".join(f"{v.cell}: {v.outcome.value}: {v.message}" for v in verdicts if v.points < v.max_points)
    assert lost(verdicts) == sample.loses, f"{sample.what}\n{told}"
    assert all(v.message for v in verdicts if v.points < v.max_points), "points were lost without a word"
    if sample.damage:
        assert any(notebook.notes for notebook in result.notebooks), "the student is told what was repaired"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cell", "words"),
    [
        ("wrong_leaky_features", "test_features_hidden", "dep_delay is written down after departure"),
        ("wrong_carriers_of_the_request", "test_features_served", "from a constant, not from the flights given"),
        ("wrong_scaled_by_the_request", "test_features_served", "a rank or a count was taken from the flights given"),
        ("wrong_looks_itself_up", "test_features_hidden", "looked up in the flights of the year"),
        ("wrong_target_encoding_of_the_year", "test_features_hidden", "is the share of late flights of each carrier"),
        ("wrong_same_day_on_both_sides", "test_split_in_time", "cut between days, not between flights"),
        ("wrong_int8_wraps", "test_split_in_time_hidden", "does not fit into 8 bits"),
        ("wrong_months_of_thirty_days", "test_split_in_time_hidden", "two dates for one day, as month * 30 + day"),
        ("wrong_exact_share_is_not_enough", "test_split_in_time_hidden", "at least means >=, not >"),
        ("wrong_accuracy_for_log_loss", "test_evaluate", "share of right answers"),
        ("wrong_unlimited_log_loss", "test_evaluate_hidden", "limit it first"),
        ("wrong_coin_as_baseline", "test_evaluate_hidden", "the baseline of a coin"),
        ("wrong_ties_not_counted", "test_evaluate_hidden", "each is worth one half"),
        ("wrong_no_length_check", "test_evaluate_hidden", "numpy stretches 1 to 5: compare the lengths"),
        ("wrong_no_length_check", "test_calibration_table_hidden", "must be of an integer dtype and is float64"),
        ("wrong_last_bin_open", "test_calibration_table_hidden", "A probability of 1 belongs to the last bin"),
        ("wrong_one_bin_too_many", "test_calibration_table_hidden", "needs no bin of its own"),
        ("wrong_empty_bins_as_nan", "test_calibration_table", "leave out the bins without flights"),
        ("wrong_answers_without_interpreter", "test_predict", "Without the interpreter, predict still answered"),
        ("wrong_truth_of_an_array", "test_predict", "All three parts were there, and predict refused"),
        ("wrong_one_message_for_all", "test_predict_hidden", "but the message also names"),
        ("wrong_empty_batch_named_alone", "test_predict_hidden", "everything that is missing before you raise"),
        ("wrong_tidies_the_answers", "test_predict_hidden", "other numbers than the interpreter that was passed in"),
        ("wrong_forgets_everything", "test_OnlineRate", "all earlier flights are forgotten"),
        ("wrong_mean_of_batch_rates", "test_OnlineRate", "a batch counts by its size"),
        ("wrong_never_forgets", "test_OnlineRate_forgetting", "Nothing was forgotten"),
        ("wrong_syntax_error", "test_split_in_time", "SyntaxError"),
        ("wrong_quiz_malformed", "q1", "is no option of q1"),
    ],
)
def test_the_message_names_the_mistake(
    name: str, cell: str, words: str, graded: Mapping[str, SubmissionResult]
) -> None:
    result = graded[SAMPLES[name].student]
    messages = {v.cell: v.message for notebook in result.notebooks for v in notebook.verdicts}
    assert words in messages[cell]
