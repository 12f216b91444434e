"""Text twins and notebooks: a round trip loses nothing, either side may be edited, ids stay."""

from pathlib import Path

import nbformat
import pytest

from autograder import bank, cells, twins
from autograder.course import Course, CourseError

ROOT = Path(__file__).parents[1]

SOLUTION = {"grade": False, "grade_id": "rate", "locked": False, "schema_version": 3, "solution": True, "task": False}
TEST = {**SOLUTION, "grade": True, "grade_id": "test_rate", "locked": True, "points": 2, "solution": False}
QUIZ = {**SOLUTION, "grade": True, "grade_id": "q1", "points": 1}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "nbgrader_config.py").touch()
    (tmp_path / "source").mkdir()
    return Course(tmp_path)


def code(source: str, **metadata) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def lesson(course: Course, *parts: nbformat.NotebookNode) -> twins.Pair:
    notebook = nbformat.v4.new_notebook(cells=list(parts))
    cells.write(course.root / "notebooks" / "01_lesson.ipynb", cells.normalise(notebook))
    twins.sync(course, say=lambda _: None)
    (pair,) = twins.pairs(course)
    return pair


def executed(source: str, output: str, count: int) -> nbformat.NotebookNode:
    cell = code(source)
    cell.execution_count = count
    cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    return cell


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_course_is_in_step():
    twins.check(Course(ROOT))


def test_round_trip_keeps_every_source_and_all_telling_metadata(course):
    parts = [
        nbformat.v4.new_markdown_cell("# Title\n\n- a list with `code`\n\n\n# %% not a cell"),
        code("%matplotlib inline\n!ls"),
        code("x = 1  # comment\n\n\ndef f():\n    '''# %%'''\n"),
        code("", tags=["nbval-ignore-output"]),
        code("### BEGIN SOLUTION\nrate = 1\n### END SOLUTION", nbgrader=SOLUTION),
        nbformat.v4.new_raw_cell("raw\ntext"),
        nbformat.v4.new_markdown_cell('"""quoted"""'),
    ]
    again = twins.from_text(twins.to_text(nbformat.v4.new_notebook(cells=parts)))
    assert [(c.cell_type, c.source) for c in again.cells] == [(c.cell_type, c.source.rstrip("\n")) for c in parts]
    assert [c.metadata for c in again.cells] == [c.metadata for c in parts]


def test_sync_settles_at_once(course):
    lesson(course, nbformat.v4.new_markdown_cell("Hello"), executed("print(1)", "1\n", 1))
    assert twins.changes(course) == ([], [])


def test_an_edited_text_reaches_the_notebook_and_leaves_ids_and_outputs(course):
    pair = lesson(course, nbformat.v4.new_markdown_cell("Old words"), executed("print(1)", "1\n", 1), code("print(2)"))
    before = cells.read(pair.notebook).cells
    replace(pair.text, "Old words", "Old words, mended")
    replace(pair.text, "# %%\nprint(2)", "# %%\nnew = 3\n\n# %%\nprint(2)")
    twins.sync(course, say=lambda _: None)
    after = cells.read(pair.notebook).cells
    assert [c.source for c in after] == ["Old words, mended", "print(1)", "new = 3", "print(2)"]
    assert [after[i].id for i in (0, 1, 3)] == [c.id for c in before]
    assert after[1].outputs == before[1].outputs
    assert after[1].execution_count == 1


def test_outputs_go_when_the_code_changes_and_stay_when_only_its_layout_does(course):
    pair = lesson(course, executed("print( 1 )", "1\n", 1), executed("print('two')", "two\n", 2))
    replace(pair.text, "print( 1 )", "print(1)  # tidied")
    replace(pair.text, "'two'", "'three'")
    twins.sync(course, say=lambda _: None)
    first, second = cells.read(pair.notebook).cells
    assert first.execution_count == 1
    assert first.outputs
    assert second.execution_count is None
    assert second.outputs == []


def test_a_moved_cell_keeps_its_id(course):
    pair = lesson(course, code("first = 1"), code("second = 2"), code("third = 3"))
    ids = {c.source: c.id for c in cells.read(pair.notebook).cells}
    text = pair.text.read_text()
    head, first, second, third = text.split("# %%\n")
    pair.text.write_text("# %%\n".join([head, third, first, second]))
    twins.sync(course, say=lambda _: None)
    after = cells.read(pair.notebook).cells
    assert [c.source for c in after] == ["third = 3", "first = 1", "second = 2"]
    assert {c.source: c.id for c in after} == ids


def test_new_cells_get_the_same_ids_everywhere(course, tmp_path):
    pair = lesson(course, code("x = 1"), code("x = 1"))
    ids = [c.id for c in cells.read(pair.notebook).cells]
    pair.notebook.unlink()
    twins.sync(course, say=lambda _: None)
    one = [c.id for c in cells.read(pair.notebook).cells]
    pair.notebook.unlink()
    twins.sync(course, say=lambda _: None)
    assert [c.id for c in cells.read(pair.notebook).cells] == one
    assert len(set(one)) == len(ids) == 2


def test_an_edited_notebook_reaches_the_text(course):
    pair = lesson(course, code("x = 1"))
    notebook = cells.read(pair.notebook)
    notebook.cells[0].source = "x = 2"
    notebook.cells[0].metadata["scrolled"] = True
    notebook.metadata["language_info"]["version"] = "3.99"
    cells.write(pair.notebook, notebook)
    twins.sync(course, say=lambda _: None)
    assert "x = 2" in pair.text.read_text()
    assert "3.99" not in pair.notebook.read_text()
    assert "scrolled" not in pair.notebook.read_text()


def test_both_edited_is_told_and_settled_on_request(course):
    pair = lesson(course, code("x = 1"))
    replace(pair.text, "x = 1", "x = 2")
    replace(pair.notebook, "x = 1", "x = 3")
    with pytest.raises(CourseError, match=r"Both 01_lesson.py and 01_lesson.ipynb were edited"):
        twins.sync(course)
    assert "x = 2" in pair.text.read_text()
    assert "x = 3" in pair.notebook.read_text()
    twins.sync(course, take="notebook", say=lambda _: None)
    assert "x = 3" in pair.text.read_text()


def test_check_names_what_is_stale_and_writes_nothing(course):
    pair = lesson(course, code("x = 1"))
    replace(pair.text, "x = 1", "x = 2")
    before = pair.notebook.read_bytes()
    with pytest.raises(CourseError, match=r"notebooks/01_lesson.ipynb is stale: run `course sync`"):
        twins.check(course)
    assert pair.notebook.read_bytes() == before


def test_a_source_keeps_nbgraders_names_and_no_outputs(course):
    folder = course.source / "01_trial"
    answered = executed("rate = 1", "leaked\n", 4)
    answered.metadata["nbgrader"] = SOLUTION
    cells.write(
        folder / "exercises.ipynb", nbformat.v4.new_notebook(cells=[answered, code("assert rate", nbgrader=TEST)])
    )
    twins.sync(course, say=lambda _: None)
    text = (folder / "exercises.ipynb").read_text()
    assert "leaked" not in text
    assert [c.id for c in cells.read(folder / "exercises.ipynb").cells] == ["rate", "test_rate"]


@pytest.fixture
def questions(monkeypatch) -> bank.Bank:
    one = bank.Question("q1", "one", "Which?", (bank.Option("This", True, "Yes."), bank.Option("That", False, "No.")))
    made = bank.Bank("Trial", "graded", 0.8, (one,))
    monkeypatch.setattr(bank, "bank_for", lambda name, use: made)
    return made


def test_question_cells_and_file_come_from_the_bank(course, questions):
    folder = course.source / "01_trial"
    cells.write(folder / "quiz.ipynb", nbformat.v4.new_notebook(cells=[code('quiz.ask("q1", "A")', nbgrader=QUIZ)]))
    twins.sync(course, say=lambda _: None)
    question, answer = cells.read(folder / "quiz.ipynb").cells
    assert question.id == cells.grade_id(question) == "q1-text"
    assert question.source == bank.markdown(questions.questions[0])
    assert answer.source == 'quiz.ask("q1", "")'
    assert (folder / "questions.json").read_text() == bank.questions_file(questions)
    replace(folder / "quiz.ipynb", "This", "A hand-made change")
    twins.sync(course, say=lambda _: None)
    assert "hand-made" not in (folder / "quiz.ipynb").read_text()
    assert twins.changes(course) == ([], [])


@pytest.mark.parametrize("asked", [["q1", "q2"], ["q1", "q1"], ["q2"]])
def test_cells_and_bank_must_ask_the_same(course, questions, asked):
    parts = [code(f'quiz.ask("{name}", "")') for name in asked]
    with pytest.raises(CourseError, match="bank “Trial”"):
        twins.with_questions(nbformat.v4.new_notebook(cells=parts), questions)
