"""``course bundle``: one zip file with all that a student gets of an assignment, and nothing else.

It holds the released notebooks, the lessons up to that number, the lock and ``bootstrap.py``, and the student's part
of the software as a wheel. Neither key, source nor hidden test is anywhere inside.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

from hatchling.builders.wheel import WheelBuilder

from autograder.course import Course, CourseError
from autograder.lock import STUDENT_LOCK, project
from autograder.release import generate

STUDENT_PARTS = ("__init__.py", "check.py", "cli.py", "course.py", "lab.py", "quiz")
"""What of ``autograder`` students get: opening and checking the course, and answering questions."""

EPOCH = (2026, 1, 1, 0, 0, 0)
"""Date of every file in the zip, so that the same content makes the same bytes."""

README = Path(__file__).parent / "templates" / "bundle_readme.md"


def bundle(course: Course, assignment: str, target: Path) -> Path:
    """Write ``target/ASSIGNMENT.zip`` and return its path. Same in, same bytes out.

    Raises :class:`CourseError` when there is no such assignment or it cannot be released.
    """
    assignment = course.assignment(assignment)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / f"model_serving_{assignment}"
        fill(course, assignment, folder)
        target.mkdir(parents=True, exist_ok=True)
        return _zip(folder, target / f"{assignment}.zip")


def fill(course: Course, assignment: str, folder: Path) -> None:
    """Put everything that belongs into the bundle into ``folder``."""
    generate(course, assignment, folder / "release" / assignment)
    for path in lessons(course, assignment):
        _copy(path, folder / path.relative_to(course.root))
    build_wheel(course.root, folder / "software")
    _copy(course.root / "bootstrap.py", folder / "bootstrap.py")
    _copy(course.root / STUDENT_LOCK, folder / "requirements.txt")
    notebooks = [f"`{name}.ipynb`" for name in course.notebooks(assignment)]
    text = Template(README.read_text(encoding="utf-8")).substitute(
        assignment=assignment,
        number=assignment.split("_")[0],
        notebooks=" and ".join(notebooks),
        python=project(course.root)["requires-python"].removeprefix(">="),
    )
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")


def lessons(course: Course, assignment: str) -> Iterator[Path]:
    """The lessons up to the number of the assignment, and the questions and pictures that belong to them."""
    last = assignment.split("_")[0]
    folder = course.root / "notebooks"
    found = [path for path in sorted(folder.glob("[0-9]*.ipynb")) if path.name.split("_")[0] <= last]
    if not found:
        raise CourseError(f"There is no lesson up to {last} in {folder}: a bundle needs at least one.")
    for path in found:
        yield path
        yield from sorted(p for p in folder.glob(f"*/{path.stem}*") if p.is_file() and p.parent.name[0] != ".")


def build_wheel(root: Path, target: Path) -> Path:
    """Build the student's wheel from a staged copy of its parts; returns its path."""
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch) / "stage"
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
        shutil.copytree(root / "modelserving", stage / "modelserving", ignore=ignored)
        for part in STUDENT_PARTS:
            source = root / "autograder" / part
            if source.is_dir():
                shutil.copytree(source, stage / "autograder" / part, ignore=ignored)
            else:
                _copy(source, stage / "autograder" / part)
        _copy(root / "LICENSE", stage / "LICENSE")
        (stage / "pyproject.toml").write_text(_pyproject(project(root)), encoding="utf-8")
        target.mkdir(parents=True, exist_ok=True)
        return Path(next(WheelBuilder(str(stage)).build(directory=str(target), versions=["standard"])))


def _pyproject(table: dict) -> str:
    """The student's ``pyproject.toml``: the same requirements without the extras."""
    dependencies = "\n".join(f'  "{line}",' for line in table["dependencies"])
    return f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{table["name"]}-student"
version = "{table["version"]}"
description = "The student's part of a course on model serving"
requires-python = "{table["requires-python"]}"
dependencies = [
{dependencies}
]

[project.scripts]
course = "autograder.cli:main"

[tool.hatch.build.targets.wheel]
packages = ["modelserving", "autograder"]
"""


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        raise CourseError(f"{source} is missing: restore it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _zip(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder.parent).as_posix(), EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            packed.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path
