"""The sample class: submissions as people would make them, kept as short texts and made on demand.

A sample is a Python file in percent format, ``tests/submissions/ASSIGNMENT/NAME.py``. Its docstring is TOML::

    student = "ada"                     # folder name in submitted/; unique
    kind = "reference"                  # reference, alternative, partial, blank, wrong or malformed
    what = "Solves everything."         # one sentence
    base = "blank"                      # cells not given are as released (as in kind "blank"), not as solved
    damage = ["bom", "rename:quiz"]     # what happened to the files; see DAMAGE
    [loses]                             # points lost by graded cell; all others are full
    test_features_hidden = 2

Its cells are what was typed: ``# %% [exercises] features`` replaces the source of cell ``features`` of
``exercises.ipynb``, ``# %% [exercises] +after features`` adds a cell below it, and in ``# %% [quiz] q1`` a
string literal stands for the answer while any other text replaces the whole source.
"""

from __future__ import annotations

import ast
import copy
import random
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder import cells
from autograder.bank import bank_for
from autograder.course import Course, CourseError
from autograder.release import release_notebook

KINDS = ("reference", "alternative", "partial", "blank", "wrong", "malformed")
MARKER = re.compile(r"^# %% \[(?P<notebook>\w+)\] (?P<added>\+after )?(?P<cell>\S+)[ \t]*$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Typed:
    """The source that was typed into cell ``cell`` of ``notebook``, or into a new cell below it when ``added``."""

    notebook: str
    cell: str
    source: str
    added: bool = False


@dataclass(frozen=True)
class Sample:
    """One sample submission. ``loses`` maps graded cells to the points lost there; all others must get full points."""

    name: str
    assignment: str
    student: str
    kind: str
    what: str
    blank: bool
    damage: tuple[str, ...]
    loses: dict[str, float]
    typed: tuple[Typed, ...]


# --- reading the catalogue -----------------------------------------------------------------------


def folder(course: Course, assignment: str) -> Path:
    """Where the samples of an assignment lie."""
    return course.root / "tests" / "submissions" / assignment


def load_all(course: Course, assignment: str) -> list[Sample]:
    """All samples of an assignment, by file name.

    Raises :class:`CourseError` when one is wrong or two have the same student.
    """
    samples = [load(path) for path in sorted(folder(course, assignment).glob("*.py"))]
    students = [sample.student for sample in samples]
    if twice := sorted({s for s in students if students.count(s) > 1}):
        raise CourseError(f"Two samples of {assignment} have the student {twice[0]!r}: give each its own.")
    return samples


def load(path: Path) -> Sample:
    """Read one sample; its assignment is the name of the folder it lies in.

    Raises :class:`CourseError` that names the file and what is wrong with it.
    """
    text = path.read_text(encoding="utf-8")
    try:
        head = tomllib.loads(ast.get_docstring(ast.parse(text[: _start(text)]), clean=False) or "")
    except (SyntaxError, tomllib.TOMLDecodeError) as problem:
        raise CourseError(f"{path.name}: its docstring is not TOML ({problem}).") from None
    if missing := {"student", "kind", "what"} - head.keys():
        raise CourseError(f"{path.name}: its docstring lacks {', '.join(sorted(missing))}.")
    if strange := head.keys() - {"student", "kind", "what", "base", "damage", "loses"}:
        raise CourseError(f"{path.name}: its docstring has {', '.join(sorted(strange))}, which mean nothing.")
    if head["kind"] not in KINDS:
        raise CourseError(f"{path.name}: kind {head['kind']!r} is none of {', '.join(KINDS)}.")
    for damage in head.get("damage", []):
        if damage.partition(":")[0] not in DAMAGE:
            raise CourseError(f"{path.name}: damage {damage!r} is none of {', '.join(DAMAGE)}.")
    return Sample(
        name=path.stem,
        assignment=path.parent.name,
        student=head["student"],
        kind=head["kind"],
        what=head["what"],
        blank=head["kind"] == "blank" or head.get("base") == "blank",
        damage=tuple(head.get("damage", [])),
        loses={cell: float(points) for cell, points in head.get("loses", {}).items()},
        typed=tuple(_typed(text)),
    )


def _start(text: str) -> int:
    found = MARKER.search(text)
    return found.start() if found else len(text)


def _typed(text: str) -> list[Typed]:
    marks = list(MARKER.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)] * bool(marks)
    return [
        Typed(mark["notebook"], mark["cell"], text[mark.end() : end].strip("\n"), bool(mark["added"]))
        for mark, end in zip(marks, ends, strict=True)
    ]


# --- making a submission -------------------------------------------------------------------------


@dataclass
class Upload:
    """A notebook on its way to ``submitted/``: the cells, then what the file of it looks like."""

    notebook: NotebookNode
    file: str
    encode: list[Callable[[str], str]] = field(default_factory=list)

    def bytes(self) -> bytes:
        """What is written: JSON as JupyterLab saves it, then changed by ``encode`` in turn."""
        text = nbformat.writes(self.notebook, version=nbformat.NO_CONVERT) + "\n"
        for change in self.encode:
            text = change(text)
        return text.encode()


def make(sample: Sample, course: Course, target: Path) -> Path:
    """Write the sample into ``target/submitted/STUDENT/ASSIGNMENT``, as an upload would look; returns that folder.

    ``course`` provides source, question bank and release; ``target`` is the root of the course that receives it.
    What else the release holds (``questions.json``) is handed in with it. Same in, same bytes out.
    Raises :class:`CourseError` when the sample types into a cell that the assignment does not have.
    """
    uploads = {name: Upload(_filled_in(sample, course, name), name) for name in course.notebooks(sample.assignment)}
    for typed in sample.typed:
        if typed.notebook not in uploads:
            raise CourseError(f"{sample.name}.py: {sample.assignment} has no notebook {typed.notebook!r}.")
    for damage in sorted(
        sample.damage, key=lambda damage: damage.startswith("nbformat3")
    ):  # the old format last: it has no cell ids
        name, _, argument = damage.partition(":")
        DAMAGE[name](uploads, argument)
    submitted = target / "submitted" / sample.student / sample.assignment
    if submitted.exists():
        shutil.rmtree(submitted)
    submitted.mkdir(parents=True)
    for other in sorted((course.source / sample.assignment).iterdir()):
        if other.is_file() and other.suffix != ".ipynb":
            shutil.copyfile(other, submitted / other.name)
    for upload in uploads.values():
        (submitted / f"{upload.file}.ipynb").write_bytes(upload.bytes())
    return submitted


def _filled_in(sample: Sample, course: Course, name: str) -> NotebookNode:
    source = course.source / sample.assignment / f"{name}.ipynb"
    notebook = release_notebook(source)
    notebook.metadata.language_info["version"] = "3.12.4"  # JupyterLab notes the version of the student's kernel
    if not sample.blank:
        _answer(notebook, reference(course, sample.assignment, name))
    for typed in sample.typed:
        if typed.notebook != name:
            continue
        place = _place(notebook, typed.cell, f"{sample.name}.py")
        if typed.added:
            new = nbformat.v4.new_code_cell(typed.source)
            new["id"] = cells.content_id(new, {cell.id for cell in notebook.cells})
            notebook.cells.insert(place + 1, new)
        else:
            notebook.cells[place]["source"] = _source(notebook.cells[place], typed.source)
    return notebook


def reference(course: Course, assignment: str, name: str) -> dict[str, str]:
    """Source by cell of the instructor's solution: solution cells without their markers, quiz cells with the key."""
    solved: dict[str, str] = {}
    for cell in cells.read(course.source / assignment / f"{name}.ipynb").cells:
        if cells.is_solution(cell):
            lines = cell.source.split("\n")
            markers = ("BEGIN SOLUTION", "END SOLUTION")
            solved[cells.grade_id(cell)] = "\n".join(x for x in lines if not any(m in x for m in markers))
        elif cells.is_quiz(cell):
            question = cells.grade_id(cell)
            solved[question] = cells.ask(question, bank_for(assignment).question(question).right_letters)
    return solved


def _answer(notebook: NotebookNode, sources: dict[str, str]) -> None:
    for cell in notebook.cells:
        if (name := cells.grade_id(cell)) in sources:
            cell["source"] = sources[name]


def _source(cell: NotebookNode, typed: str) -> str:
    try:
        literal = ast.literal_eval(typed)
    except (ValueError, SyntaxError):
        return typed
    return cells.ask(cells.grade_id(cell), literal) if cells.is_quiz(cell) and isinstance(literal, str) else typed


def _place(notebook: NotebookNode, name: str, who: str) -> int:
    for place, cell in enumerate(notebook.cells):
        if cells.grade_id(cell) == name:
            return place
    raise CourseError(f"{who}: there is no cell {name!r}.")


# --- damage --------------------------------------------------------------------------------------

Uploads = dict[str, Upload]


def _named(uploads: Uploads, argument: str) -> list[Upload]:
    if not argument:
        return list(uploads.values())
    if argument not in uploads:
        raise CourseError(f"There is no notebook {argument!r} to damage.")
    return [uploads[argument]]


def _holding(uploads: Uploads, cell: str) -> tuple[Upload, int]:
    for upload in uploads.values():
        if any(cells.grade_id(c) == cell for c in upload.notebook.cells):
            return upload, _place(upload.notebook, cell, "damage")
    raise CourseError(f"There is no cell {cell!r} to damage.")


def _bom(uploads: Uploads, argument: str) -> None:
    for upload in _named(uploads, argument):
        upload.encode.append(lambda text: "\ufeff" + text)


def _crlf(uploads: Uploads, argument: str) -> None:
    for upload in _named(uploads, argument):
        for cell in upload.notebook.cells:
            cell["source"] = cell.source.replace("\n", "\r\n")
        upload.encode.append(lambda text: text.replace("\n", "\r\n"))


def _rename(uploads: Uploads, argument: str) -> None:
    for upload in _named(uploads, argument):
        upload.file += " (1)"


def _delete(uploads: Uploads, argument: str) -> None:
    upload, place = _holding(uploads, argument)
    del upload.notebook.cells[place]


def _duplicate(uploads: Uploads, argument: str) -> None:
    upload, place = _holding(uploads, argument)
    twin = copy.deepcopy(upload.notebook.cells[place])
    twin["id"] = cells.content_id(twin, {cell.id for cell in upload.notebook.cells})
    upload.notebook.cells.insert(place + 1, twin)


def _reorder(uploads: Uploads, argument: str) -> None:
    for upload in _named(uploads, argument):
        random.Random(0).shuffle(upload.notebook.cells)


def _nbformat3(uploads: Uploads, argument: str) -> None:
    for upload in _named(uploads, argument):
        upload.notebook = nbformat.convert(upload.notebook, 3)


def _truncate(uploads: Uploads, argument: str) -> None:
    for upload in _named(uploads, argument):
        upload.encode.append(lambda text: text[: len(text) // 2])


DAMAGE: dict[str, Callable[[Uploads, str], None]] = {
    "bom": _bom,
    "crlf": _crlf,
    "delete": _delete,
    "duplicate": _duplicate,
    "nbformat3": _nbformat3,
    "rename": _rename,
    "reorder": _reorder,
    "truncate": _truncate,
}
"""What can happen to a file, ``NAME`` or ``NAME:ARGUMENT``.

``delete:CELL`` and ``duplicate:CELL`` name a graded cell. The others take the name of a notebook and mean all
notebooks of the submission without: ``bom`` (a byte order mark in front), ``crlf`` (Windows line ends),
``nbformat3`` (the format before 2015), ``rename`` (``quiz (1).ipynb``), ``reorder`` (cells shuffled) and
``truncate`` (the upload broke off half-way).
"""
