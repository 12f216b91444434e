"""The sample class: what is typed arrives where it belongs, and each damage looks as it does in life."""

import json
from pathlib import Path

import pytest

from autograder import cells, samples
from autograder.course import Course, CourseError

COURSE = Course(Path(__file__).parents[1])
ASSIGNMENT = COURSE.assignments()[0]

HEAD = '"""\nstudent = "eve"\nkind = "partial"\nwhat = "Trial."\n{more}\n"""\n'


@pytest.fixture
def made(tmp_path):
    """Makes a sample from the text of its catalogue file; returns the folder of the submission."""

    def make(body: str = "", more: str = "") -> Path:
        path = tmp_path / ASSIGNMENT / "trial.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD.format(more=more) + body)
        return samples.make(samples.load(path), COURSE, tmp_path)

    return make


def sources(path: Path) -> dict[str, str]:
    return {cells.grade_id(cell) or cell.id: cell.source for cell in cells.read(path).cells}


def first(role) -> str:
    name = COURSE.notebooks(ASSIGNMENT)[0]
    notebook = cells.read(COURSE.source / ASSIGNMENT / f"{name}.ipynb")
    return next(cells.grade_id(cell) for cell in notebook.cells if role(cell))


SOLUTION, TEST = first(cells.is_solution), first(cells.is_test)


def test_catalogue_is_whole():
    catalogue = samples.load_all(COURSE, ASSIGNMENT)
    assert {sample.kind for sample in catalogue} == set(samples.KINDS)
    assert len(catalogue) >= 6


def test_what_is_not_given_is_the_references(made):
    folder = made()
    typed = sources(folder / "exercises.ipynb")
    assert "raise NotImplementedError" not in typed[SOLUTION]
    assert "SOLUTION" not in typed[SOLUTION]
    assert sources(folder / "quiz.ipynb")["q1"] != 'quiz.ask("q1", "")'
    assert "HIDDEN" not in (folder / "exercises.ipynb").read_text()
    assert (folder / "questions.json").read_bytes() == (COURSE.source / ASSIGNMENT / "questions.json").read_bytes()


def test_blank_base_is_the_release(made):
    folder = made(more='base = "blank"')
    for name in COURSE.notebooks(ASSIGNMENT):
        assert sources(folder / f"{name}.ipynb") == sources(COURSE.release / ASSIGNMENT / f"{name}.ipynb")


def test_typed_cells_arrive(made):
    folder = made(
        f"# %% [exercises] {SOLUTION}\ndef mine():\n    return 1\n\n# %% [exercises] +after {SOLUTION}\nmine()\n"
        '# %% [quiz] q1\n"AB"\n# %% [quiz] q2\nquiz.ask("q2", x)\n'
    )
    exercises = cells.read(folder / "exercises.ipynb").cells
    place = next(i for i, cell in enumerate(exercises) if cells.grade_id(cell) == SOLUTION)
    assert exercises[place].source == "def mine():\n    return 1"
    assert exercises[place + 1].source == "mine()"
    assert "nbgrader" not in exercises[place + 1].metadata
    quiz = sources(folder / "quiz.ipynb")
    assert quiz["q1"] == 'quiz.ask("q1", "AB")'
    assert quiz["q2"] == 'quiz.ask("q2", x)'


def test_same_in_same_out(made):
    more = 'damage = ["reorder"]'
    before = {p.name: p.read_bytes() for p in made(more=more).iterdir()}
    assert {p.name: p.read_bytes() for p in made(more=more).iterdir()} == before


def damaged(made, damage: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in made(more=f'damage = ["{damage}"]').iterdir()}


def test_damage_to_the_bytes(made):
    assert damaged(made, "bom:quiz")["quiz.ipynb"].startswith(b"\xef\xbb\xbf{")
    assert damaged(made, "crlf")["quiz.ipynb"].count(b"\r\n") > 20
    with pytest.raises(json.JSONDecodeError):
        json.loads(damaged(made, "truncate:exercises")["exercises.ipynb"])


def test_damage_to_names_and_format(made):
    assert "quiz (1).ipynb" in damaged(made, "rename:quiz")
    old = json.loads(damaged(made, "nbformat3:exercises")["exercises.ipynb"])
    assert old["nbformat"] == 3
    assert any(SOLUTION in str(cell["metadata"]) for cell in old["worksheets"][0]["cells"])


def test_damage_to_cells(made):
    whole = cells.loads(damaged(made, "bom:quiz")["exercises.ipynb"].decode()).cells
    deleted = cells.loads(damaged(made, f"delete:{TEST}")["exercises.ipynb"].decode()).cells
    doubled = cells.loads(damaged(made, f"duplicate:{SOLUTION}")["exercises.ipynb"].decode()).cells
    shuffled = cells.loads(damaged(made, "reorder:exercises")["exercises.ipynb"].decode()).cells
    assert [c.id for c in deleted] == [c.id for c in whole if c.id != TEST]
    assert [cells.grade_id(c) for c in doubled].count(SOLUTION) == 2
    assert sorted(c.id for c in shuffled) == sorted(c.id for c in whole)
    assert [c.id for c in shuffled] != [c.id for c in whole]


@pytest.mark.parametrize(
    ("more", "body", "said"),
    [
        ('base = "blank', "", "is not TOML"),
        ("score = 3", "", "mean nothing"),
        ('damage = ["melted"]', "", "damage 'melted' is none of"),
        ("", "# %% [exercises] nowhere\n1\n", "no cell 'nowhere'"),
        ("", "# %% [essay] q1\n1\n", "no notebook 'essay'"),
    ],
)
def test_a_wrong_sample_is_told(made, more, body, said):
    with pytest.raises(CourseError, match=said):
        made(body, more)
