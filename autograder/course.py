"""Where the parts of a course lie, and what an assignment's short name stands for."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

COURSE_ID = "model-serving"
PASS_MARK = 0.80  # share of the points; the pass mark of the quiz that the course grew out of


class CourseError(Exception):
    """Something the user can put right. The message is one sentence that says what is wrong and what to do."""


def tools_on_path() -> None:
    """Put this environment's programs on PATH, also when it was not activated: nbgrader calls ``alembic`` by name."""
    folder, path = os.path.dirname(sys.executable), os.environ.get("PATH", "")
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, path])


def shown(path: Path) -> str:
    """A path as a person would type it: relative to the working directory, if it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@lru_cache(maxsize=8)
def _configured_url(config: Path, changed: int) -> str:
    """``c.CourseDirectory.db_url`` of an nbgrader configuration file, ``""`` where it sets none."""
    from traitlets.config import PyFileConfigLoader  # slow to import, and students never need it

    try:
        loaded = PyFileConfigLoader(config.name, str(config.parent)).load_config()
    except Exception as problem:  # the file is Python: it may raise anything
        raise CourseError(f"{config} cannot be read ({type(problem).__name__}: {problem}): mend it.") from problem
    return str(loaded.CourseDirectory.get("db_url", ""))


@dataclass(frozen=True)
class Course:
    """A course folder in nbgrader's layout. ``root`` holds ``source/``, ``release/`` and the rest."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """The course that ``start`` (default: the working directory) lies in.

        Raises :class:`CourseError` when no parent folder holds ``nbgrader_config.py``.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / "nbgrader_config.py").is_file():
                return cls(folder)
        raise CourseError(f"{start} is not inside a course folder (no nbgrader_config.py there or above): go to one.")

    @property
    def source(self) -> Path:
        """Instructor versions: solutions, visible and hidden tests."""
        return self.root / "source"

    @property
    def release(self) -> Path:
        """Student versions, generated."""
        return self.root / "release"

    @property
    def submitted(self) -> Path:
        """What came in: ``submitted/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb``."""
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        """Graded notebooks, same layout as ``submitted``; verdicts stand in each notebook's metadata."""
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        """Pages for students: ``feedback/STUDENT/ASSIGNMENT/``."""
        return self.root / "feedback"

    @property
    def reports(self) -> Path:
        """Tables for the instructor: ``reports/ASSIGNMENT.csv``."""
        return self.root / "reports"

    @property
    def gradebook_url(self) -> str:
        """SQLAlchemy address of the gradebook: ``c.CourseDirectory.db_url`` of ``nbgrader_config.py``, else a file.

        A relative path of an SQLite file counts from the course folder. Raises :class:`CourseError` when the
        configuration cannot be read.
        """
        config = self.root / "nbgrader_config.py"
        url = _configured_url(config, config.stat().st_mtime_ns) if config.is_file() else ""
        scheme, found, path = (url or "sqlite:///gradebook.db").partition(":///")
        if scheme.startswith("sqlite") and path and path != ":memory:":
            return f"{scheme}:///{self.root / path}"
        return scheme + found + path

    def assignments(self) -> list[str]:
        """Names of all assignments, in order."""
        return sorted(p.name for p in self.source.iterdir() if p.is_dir() and not p.name.startswith("."))

    def assignment(self, name: str) -> str:
        """The full name for ``"01"``, ``"1"`` or ``"01_build_a_model"``.

        Raises :class:`CourseError` that lists the names there are when none or several fit.
        """
        names = self.assignments()
        wanted = name.rstrip("/").removeprefix("source/")
        fitting = [n for n in names if n == wanted or n.split("_")[0] == wanted.zfill(2)]
        if len(fitting) != 1:
            raise CourseError(f"There is no assignment {name!r}: this course has {', '.join(names) or 'none yet'}.")
        return fitting[0]

    def notebooks(self, assignment: str) -> list[str]:
        """Names (without ``.ipynb``) of the notebooks of an assignment's source, in order."""
        return sorted(p.stem for p in (self.source / assignment).glob("*.ipynb"))
