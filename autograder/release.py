"""From an instructor's notebook to a student's: solutions, hidden tests, outputs and machine traces taken out.

The steps are nbgrader's own with two of this course. ``nbgrader_config.py`` plugs the same list into
``nbgrader generate_assignment``, so that both ways write the same bytes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
    NbGraderPreprocessor,
    SaveCells,
)
from nbgrader.utils import is_locked
from sqlalchemy import create_engine, inspect
from traitlets.config import Config

from autograder import cells
from autograder.course import COURSE_ID, Course, CourseError

IGNORED = (".ipynb_checkpoints", "__pycache__", "*.pyc", ".DS_Store", "Thumbs.db")
"""Names that never reach a release, as patterns."""


class ClearAnswers(ClearSolutions):
    """nbgrader's ClearSolutions, which also blanks the answer of each quiz cell instead of stubbing it."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Leave ``quiz.ask("q1", "")`` in a quiz cell; treat all others as nbgrader does."""
        if cells.is_quiz(cell):
            cell.source = cells.ask(cells.grade_id(cell))
            return cell, resources
        return super().preprocess_cell(cell, resources, cell_index)


class Normalise(NbGraderPreprocessor):
    """The committed form: fixed kernelspec and metadata, stable ids, nothing of the machine that wrote the source."""

    def preprocess(self, nb, resources):
        """Apply :func:`autograder.cells.normalise`."""
        return cells.normalise(nb), resources


STEPS: tuple[type[NbGraderPreprocessor], ...] = (
    Normalise,
    LockCells,
    ClearAnswers,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
    CheckCellMetadata,
)
"""Steps of a release in nbgrader's order: cells are saved to the gradebook before hidden tests go, checksums follow."""

STEPS_WITHOUT_GRADEBOOK = tuple(step for step in STEPS if step is not SaveCells)


def release_notebook(path: Path) -> NotebookNode:
    """The student's version of the source notebook at ``path``, made in memory; no file or gradebook is written.

    Raises :class:`CourseError` when the source is no notebook or its solution and test markers do not match.
    """
    return cells.loads(_convert(path, STEPS_WITHOUT_GRADEBOOK, {}))


def _convert(path: Path, steps: tuple[type[NbGraderPreprocessor], ...], nbgrader: dict[str, str]) -> str:
    cells.read(path)
    exporter = NotebookExporter(config=Config({"Exporter": {"default_preprocessors": []}}))
    for step in steps:
        exporter.register_preprocessor(step, enabled=True)
    try:
        return exporter.from_filename(str(path), resources={"unique_key": path.stem, "nbgrader": nbgrader})[0]
    except (RuntimeError, ValueError, KeyError) as problem:
        raise CourseError(f"{path} cannot be released ({_first_line(problem)}): mend that cell.") from problem


def _first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]


def generate(course: Course, assignment: str, target: Path) -> Path:
    """Write the release of ``assignment`` into the folder ``target``, replacing what is there; returns ``target``.

    Touches nothing but ``target``; :func:`register` makes the assignment known to the gradebook.
    """
    source = course.source / course.assignment(assignment)
    texts = {
        f"{name}.ipynb": _convert(source / f"{name}.ipynb", STEPS_WITHOUT_GRADEBOOK, {})
        for name in course.notebooks(source.name)
    }
    if not texts:
        raise CourseError(f"{source} holds no notebook: there is nothing to release.")
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.ipynb", *IGNORED), copy_function=shutil.copyfile)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8", newline="\n")
    return target


def stale(course: Course, assignment: str) -> list[str]:
    """Names of the files in which ``release/ASSIGNMENT`` differs from what its source makes."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = _files(generate(course, assignment, Path(folder) / "made"))
    there = _files(course.release / course.assignment(assignment))
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def _files(folder: Path) -> dict[str, bytes]:
    ignored = {".ipynb_checkpoints", "__pycache__"}
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {p.as_posix(): (folder / p).read_bytes() for p in found if not ignored & set(p.parts)}


def register(course: Course, assignment: str) -> None:
    """Make the assignment, its notebooks and their graded cells known to the course's gradebook, as nbgrader does.

    A notebook that the gradebook knows as it is stays untouched: nbgrader's own way takes a second for each.
    """
    make_gradebook(course.gradebook_url)
    assignment = course.assignment(assignment)
    names = course.notebooks(assignment)
    with Gradebook(course.gradebook_url, COURSE_ID) as gradebook:
        gradebook.update_or_create_assignment(assignment)
        changed = [n for n in names if not _is_registered(gradebook, assignment, course.source / assignment, n)]
    for name in changed:
        known = {"student": ".", "assignment": assignment, "notebook": name, "db_url": course.gradebook_url}
        _convert(course.source / assignment / f"{name}.ipynb", STEPS, known)


def make_gradebook(url: str) -> None:
    """Make the tables of a gradebook where there are none, as nbgrader does.

    nbgrader starts the program ``alembic`` to learn the number of its own newest form, which takes seconds.
    """
    engine = create_engine(url)
    if not inspect(engine).get_table_names():
        scripts = ScriptDirectory(str(files("nbgrader") / "alembic"))
        api.Base.metadata.create_all(engine)
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(scripts, scripts.get_current_head())
    engine.dispose()


def _is_registered(gradebook: Gradebook, assignment: str, folder: Path, name: str) -> bool:
    """Whether the gradebook holds a notebook's cells with the points and texts that they have in the source."""
    try:
        known = gradebook.find_notebook(name, assignment)
    except MissingEntry:
        return False
    wanted = cells.loads(_convert(folder / f"{name}.ipynb", STEPS[: STEPS.index(SaveCells)], {}))
    roles = ("grade", "solution", "task", "locked")
    saved = {role: {cells.grade_id(c): c for c in wanted.cells if cells.has_role(c, role)} for role in roles}
    texts = {name: cell for role in roles for name, cell in saved[role].items()}
    return (
        {c.name: (c.cell_type, c.locked, c.source, c.checksum) for c in known.source_cells}
        == {name: (c.cell_type, is_locked(c), c.source, c.metadata.nbgrader.checksum) for name, c in texts.items()}
        and _scores(known.grade_cells) == _points(saved["grade"])
        and _scores(known.task_cells) == _points(saved["task"])
        and {c.name for c in known.solution_cells} == set(saved["solution"])
        and json.loads(known.kernelspec or "{}") == wanted.metadata.get("kernelspec", {})
    )


def _scores(known: Iterable) -> dict[str, tuple[str, float]]:
    return {cell.name: (cell.cell_type, cell.max_score) for cell in known}


def _points(saved: dict[str, NotebookNode]) -> dict[str, tuple[str, float]]:
    return {name: (cell.cell_type, float(cell.metadata.nbgrader.points)) for name, cell in saved.items()}


def release(course: Course, assignment: str) -> Path:
    """Write ``release/ASSIGNMENT`` and register the assignment: what ``course release`` does."""
    assignment = course.assignment(assignment)
    register(course, assignment)  # first: it refuses to change cells that have submissions
    return generate(course, assignment, course.release / assignment)
