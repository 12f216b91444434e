"""``course check``: does the environment fit the lock, is the course folder in order, and how to mend what is not."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from autograder.course import CourseError
from autograder.lab import course_folder

INSTALL = "run `python bootstrap.py`"
USED = ("numpy", "sklearn", "onnxruntime", "matplotlib", "anywidget", "jupyterlab", "nbgrader", "modelserving")


@dataclass(frozen=True)
class Finding:
    """One line of the check. ``bad`` needs mending; ``note`` is optional and does not count."""

    state: Literal["ok", "note", "bad"]
    text: str


def check(folder: Path, say: Callable[[str], None] = print) -> int:
    """Check the course around ``folder``, one line per finding; returns 1 when something needs mending, else 0."""
    worst = 0
    for finding in findings(course_folder(folder)):
        say(f"{finding.state:<5}{finding.text}")
        worst |= finding.state == "bad"
    return int(worst)


def findings(root: Path) -> Iterator[Finding]:
    """All findings about this environment and the course folder ``root``."""
    yield python()
    yield packages(root / "requirements.txt")
    yield from imports()
    yield lessons(root)
    if find_spec("autograder.release") is not None:
        yield from instructor(root)


def python() -> Finding:
    """The interpreter, which should be that of an environment of the course's own."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.prefix == sys.base_prefix and "CONDA_PREFIX" not in os.environ:
        return Finding("note", f"Python {version}, not in an environment of the course: {INSTALL} to have one.")
    return Finding("ok", f"Python {version}")


def packages(lock: Path) -> Finding:
    """Installed versions against the lock."""
    if not lock.exists():
        return Finding("bad", f"There is no {lock.name}: restore it, or unpack the course again.")
    wrong, right = [], 0
    for name, version in locked(lock.read_text(encoding="utf-8")).items():
        found = _installed(name)
        right += found == version
        if found != version:
            wrong.append(f"{name} {found or 'missing'} (wanted {version})")
    if wrong:
        return Finding("bad", f"{len(wrong)} packages differ from the lock, {', '.join(wrong[:5])}: {INSTALL}.")
    return Finding("ok", f"{right} packages as in the lock")


def locked(text: str) -> dict[str, str]:
    """Version by package name for this machine, from the text of a lock file."""
    lines = re.findall(r"^([A-Za-z0-9._-]+)==(\S+?)(?:\s*;\s*([^\\\n]+?))?\s*\\?$", text, flags=re.MULTILINE)
    return {
        canonicalize_name(name): version for name, version, marker in lines if not marker or Marker(marker).evaluate()
    }


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def imports() -> Iterator[Finding]:
    """Whether what the lessons use can be loaded on this machine."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    failed = []
    for name in USED:
        try:
            importlib.import_module(name)
        except Exception as problem:  # a broken library may raise anything
            failed.append(name)
            yield Finding("bad", f"{name} cannot be loaded ({_short(problem)}): delete .venv and {INSTALL}.")
    if not failed:
        yield Finding("ok", "numpy, scikit-learn, onnxruntime and JupyterLab load")


def _short(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]


def lessons(root: Path) -> Finding:
    """The lessons and the files of questions that they read."""
    found = sorted((root / "notebooks").glob("[0-9]*.ipynb"))
    if not found:
        return Finding("bad", f"There are no lessons in {root / 'notebooks'}: restore the folder, or unpack it again.")
    missing = [
        name
        for path in found
        for name in re.findall(r"questions/\w+\.json", path.read_text(encoding="utf-8"))
        if not (path.parent / name).exists()
    ]
    if missing:
        return Finding("bad", f"{missing[0]} is missing beside the lessons: restore it, or unpack the course again.")
    return Finding("ok", f"{len(found)} lessons with their questions")


def instructor(root: Path) -> Iterator[Finding]:
    """What only the instructor's copy has: twins, releases, and programs that tests use."""
    from autograder import twins
    from autograder.course import Course

    course = Course(root)
    found, problems = twins.changes(course)
    yield from (Finding("bad", problem) for problem in problems)
    for change in found:
        yield Finding("bad", f"{change.path.relative_to(root)} is stale: run `course sync`.")
    if not found and not problems:
        yield Finding("ok", "text twins, notebooks and question files are in step")
    for assignment in course.assignments():
        yield released(course, assignment)
    yield from protections(root)
    yield program("Chromium", ("chromium", "chromium-browser", "google-chrome"), "browser tests are skipped")


def protections(root: Path) -> Iterator[Finding]:
    """What submissions are shut in with when they are graded here, each protection tried by attacking it."""
    if sys.platform != "linux":
        yield Finding("bad", "grading: submissions can be shut in on Linux only; here it needs `--unsafe`.")
        return
    from autograder import sandbox

    for found in sandbox.available(root):
        if found.holds:
            yield Finding("ok", f"grading: {found.name}")
        else:
            yield Finding("bad", f"grading: not so here: {found.name} ({found.detail}); it needs `--unsafe`.")


def released(course, assignment: str) -> Finding:
    """Whether the committed release is what its source makes."""
    from autograder.release import stale

    try:
        if stale(course, assignment):
            return Finding("bad", f"release/{assignment} is stale: run `course release {assignment[:2]}`.")
    except CourseError as problem:
        return Finding("bad", str(problem))
    return Finding("ok", f"release/{assignment} is what its source makes")


def program(name: str, commands: tuple[str, ...], without: str) -> Finding:
    """Whether an optional program of the system is there."""
    if any(shutil.which(command) for command in commands):
        return Finding("ok", f"{name} is installed")
    return Finding("note", f"{name} is not installed: {without}; your system's package manager has it.")
