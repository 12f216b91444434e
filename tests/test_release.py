"""A release: both ways of making it write the committed bytes, and it tells a student nothing it should not."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from autograder import bank, cells
from autograder.course import Course, CourseError
from autograder.release import ClearAnswers, generate, register, release_notebook

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT)
ASSIGNMENTS = COURSE.assignments()

pytestmark = pytest.mark.parametrize("assignment", ASSIGNMENTS)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def sources(assignment: str) -> Iterator[nbformat.NotebookNode]:
    for name in COURSE.notebooks(assignment):
        yield cells.read(COURSE.source / assignment / f"{name}.ipynb")


def between(text: str, what: str) -> list[str]:
    """The lines between the markers BEGIN ``what`` and END ``what``, without indentation."""
    blocks = re.findall(rf"BEGIN {what}[^\n]*\n(.*?)\n[^\n]*END {what}", text, flags=re.DOTALL)
    return [line.strip() for block in blocks for line in block.split("\n")]


IMPORT = re.compile(r"(import|from) [\w.]+")  # everybody imports the same things


def secrets(assignment: str) -> list[str]:
    """All feedback, and the lines of solutions and hidden tests that tell something and stand nowhere else."""
    secret, public = [], []
    for notebook in sources(assignment):
        for cell in notebook.cells:
            lines = between(cell.source, "SOLUTION") + between(cell.source, "HIDDEN TESTS")
            secret += lines
            public += [line.strip() for line in cell.source.split("\n") if line.strip() not in lines]
    openly = "\n".join(public)
    telling = {line for line in secret if len(line) > 12 and line not in openly and not IMPORT.match(line)}
    assert telling
    questions = bank.bank_for(assignment).questions
    return sorted(telling) + [option.feedback for question in questions for option in question.options]


def found_in(text: str, secret: list[str]) -> list[str]:
    """The secrets that ``text`` holds, as they are or as JSON writes them."""
    return [line for line in secret if line in text or json.dumps(line, ensure_ascii=False)[1:-1] in text]


def test_committed_release_is_what_generation_writes(assignment, tmp_path):
    made = files(generate(COURSE, assignment, tmp_path / "made"))
    committed = files(COURSE.release / assignment)
    assert made.keys() == committed.keys(), "run `course release`"
    assert [name for name in made if made[name] != committed[name]] == [], "run `course release`"


ONE_AFTER_ANOTHER = """
import sys
from nbgrader.apps import GenerateAssignmentApp
for name in sys.argv[1:]:
    GenerateAssignmentApp.launch_instance([name])
    GenerateAssignmentApp.clear_instance()
"""
"""The command ``nbgrader generate_assignment NAME`` for each name: to start it anew takes longer than all it does."""


@pytest.fixture(scope="module")
def generated_by_nbgrader(tmp_path_factory) -> Path:
    """A course in which nbgrader's own command has generated every assignment."""
    root = tmp_path_factory.mktemp("by-nbgrader")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    shutil.copytree(COURSE.source, root / "source")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ONE_AFTER_ANOTHER, *COURSE.assignments()]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.slow
def test_nbgraders_own_command_writes_the_same_bytes(assignment, generated_by_nbgrader, tmp_path):
    wanted = files(generate(COURSE, assignment, tmp_path / "made"))
    assert files(generated_by_nbgrader / "release" / assignment) == wanted


def test_nothing_secret_is_in_the_release(assignment):
    for name, content in files(COURSE.release / assignment).items():
        assert found_in(content.decode(), secrets(assignment)) == [], name
        assert "BEGIN SOLUTION" not in content.decode()
        assert "HIDDEN TESTS" not in content.decode()


def test_the_search_finds_what_it_looks_for(assignment):
    """The source itself holds every secret line: a search that found nothing there would prove nothing."""
    everything = "".join(path.read_text() for path in (COURSE.source / assignment).glob("*.ipynb"))
    everything += (ROOT / "autograder" / "questions" / f"{assignment}.toml").read_text()
    lines = [line for line in secrets(assignment) if "\n" not in line and '"' not in line]
    assert found_in(everything, lines) == lines


def test_the_release_holds_no_key(assignment):
    public = json.loads((COURSE.release / assignment / "questions.json").read_text())
    options = [option for question in public["questions"] for option in question["options"]]
    assert options
    assert all(option.keys() == {"text"} for option in options)
    answers = [c for name in COURSE.notebooks(assignment) for c in released(assignment, name) if cells.is_quiz(c)]
    assert len(answers) == len(public["questions"])
    assert all(cell.source == cells.ask(cells.grade_id(cell)) for cell in answers)


def released(assignment: str, name: str) -> list[nbformat.NotebookNode]:
    return cells.read(COURSE.release / assignment / f"{name}.ipynb").cells


def test_source_and_release_have_no_outputs_and_nothing_of_a_machine(assignment):
    for folder in (COURSE.source / assignment, COURSE.release / assignment):
        for path in folder.glob("*.ipynb"):
            notebook = cells.read(path)
            assert notebook.metadata == cells.METADATA
            code = [cell for cell in notebook.cells if cell.cell_type == "code"]
            assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_every_cell_of_the_release_is_locked_as_its_role_asks(assignment):
    for name in COURSE.notebooks(assignment):
        for cell in released(assignment, name):
            if cells.is_test(cell):
                assert cell.metadata.editable is False
            elif cells.is_solution(cell) or cells.is_quiz(cell):
                assert cell.metadata.deletable is False
                assert "editable" not in cell.metadata
            assert cells.grade_id(cell) in (None, cell.id)


def test_generation_elsewhere_leaves_the_gradebook_alone(assignment, tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(COURSE.source, tmp_path / "source")
    course = Course(tmp_path)
    register(course, assignment)
    before = files(tmp_path)
    generate(course, assignment, tmp_path.parent / f"{tmp_path.name}-elsewhere")
    release_notebook(course.source / assignment / "quiz.ipynb")
    assert files(tmp_path) == before


def test_an_answer_left_in_the_source_is_blanked(assignment):
    cell = nbformat.v4.new_code_cell('quiz.ask("q1", "ABC")')
    cell.metadata["nbgrader"] = {"grade": True, "solution": True, "grade_id": "q1", "locked": False, "points": 1}
    cleared, _ = ClearAnswers().preprocess_cell(cell, {"language": "python"}, 0)
    assert cleared.source == 'quiz.ask("q1", "")'


def test_unmatched_markers_are_told_in_a_sentence(assignment, tmp_path):
    folder = tmp_path / "source" / assignment
    cell = nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1")
    cell.metadata["nbgrader"] = {
        "solution": True,
        "grade": False,
        "grade_id": "x",
        "locked": False,
        "schema_version": 3,
    }
    cells.write(folder / "exercises.ipynb", nbformat.v4.new_notebook(cells=[cell]))
    with pytest.raises(CourseError, match=r"exercises.ipynb cannot be released \(no end solution"):
        generate(Course(tmp_path), assignment, tmp_path / "made")
    assert not (tmp_path / "made").exists()
