"""Grading a class: many submissions at once, resumable, with one writer of the gradebook.

Workers read, rebuild, run and judge; they return notebooks as text. This process alone writes: each graded notebook
to ``autograded/`` as soon as it is there, and the gradebook in the order of the students' names. A graded notebook
carries the hash of everything its verdicts depend on; where that still holds, the verdicts are taken from it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm.auto import tqdm

import autograder
import modelserving
from autograder import bank, cells, engine, gradebook, reading
from autograder.course import Course, CourseError
from autograder.engine import Graded
from autograder.kernel import Limits
from autograder.verdicts import NotebookResult

KEY = "grading_key"
"""Key of a graded notebook's metadata: the hash of the submission, the source and the grader."""

GRADER = ("engine.py", "kernel.py", "reading.py", "rebuild.py", "release.py", "scoring.py", "cells.py", "quiz/*.py")
"""Files of this package that verdicts depend on: when one changes, submissions are graded anew."""


@dataclass(frozen=True)
class SubmissionResult:
    """The verdicts on one submission.

    ``reused`` says that nothing had changed and nothing was run. ``problem`` says that the grader itself failed (never
    that the submission is bad): there are no verdicts then, and the gradebook keeps what it had.
    """

    student: str
    assignment: str
    notebooks: tuple[NotebookResult, ...]
    reused: bool = False
    problem: str | None = None

    @property
    def points(self) -> float:
        """Points reached."""
        return sum(notebook.points for notebook in self.notebooks)

    @property
    def max_points(self) -> float:
        """Points that the assignment offers."""
        return sum(notebook.max_points for notebook in self.notebooks)


@dataclass(frozen=True)
class _Work:
    """What a worker hands back: the graded notebooks as text, by name."""

    student: str
    texts: dict[str, str]
    reused: bool = False
    problem: str | None = None


def grade_assignment(
    course: Course,
    assignment: str,
    students: Iterable[str] | None = None,
    *,
    jobs: int | None = None,
    force: bool = False,
    limits: Limits | None = None,
) -> list[SubmissionResult]:
    """Grade what was handed in for ``assignment``, by all students or those named, and return the results in order.

    Writes ``autograded/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`` and the gradebook. ``jobs`` is how many submissions run at
    once, each in a process of its own (default: one for each core; with 1, in this process). ``force`` runs again what
    has not changed. ``limits`` bound each notebook. Raises :class:`CourseError` when the course is wrong, never for
    what a submission holds.
    """
    assignment = course.assignment(assignment)
    names = course.notebooks(assignment)
    for name in names:
        engine.load_source(course, assignment, name)  # a fault in the course is told before anything runs
    chosen = _students(course, assignment, students)
    course_hash = _course_hash(course, assignment, limits or Limits())
    task = functools.partial(_work, course, assignment, course_hash, force=force, limits=limits)
    results: list[SubmissionResult] = []
    with gradebook.open_gradebook(course, assignment) as book:
        for work in _in_order(_arriving(task, chosen, jobs, course, assignment), chosen):
            graded = {name: Graded.from_notebook(cells.loads(text)) for name, text in work.texts.items()}
            if work.problem is None:
                folder = course.submitted / work.student / assignment
                gradebook.write_submission(book, assignment, work.student, graded, gradebook.read_timestamp(folder))
            found = tuple(graded[name].result for name in names if name in graded)
            results.append(SubmissionResult(work.student, assignment, found, work.reused, work.problem))
    return results


def _students(course: Course, assignment: str, named: Iterable[str] | None) -> list[str]:
    there = sorted(path.parent.name for path in course.submitted.glob(f"*/{assignment}") if path.is_dir())
    if named is None:
        if not there:
            raise CourseError(
                f"Nobody handed in {assignment}: there is no folder {course.submitted}/STUDENT/{assignment}."
            )
        return there
    chosen = sorted(set(named))
    for student in chosen:
        if student not in there:
            everyone = ", ".join(there) or "nobody did"
            raise CourseError(f"{student!r} did not hand in {assignment}: check the name ({everyone}).")
    return chosen


# --- in this process: hand out, store, put in order


def _arriving(
    task: Callable[[str], _Work], students: Sequence[str], jobs: int | None, course: Course, assignment: str
) -> Iterator[_Work]:
    """The work as it is done, each stored in ``autograded/`` at once, so that a killed run loses next to nothing."""
    if jobs != 1:  # else everything runs in this process
        jobs = max(2, min(jobs or joblib.cpu_count(), len(students)))
    with tqdm(total=len(students), desc=f"Grading {assignment}", unit="submission", disable=None) as bar:
        for work in _done(task, students, jobs):
            if not work.reused and work.problem is None:
                folder = course.autograded / work.student / assignment
                _store(folder, work.texts)
            bar.update()
            yield work


def _done(task: Callable[[str], _Work], students: Sequence[str], jobs: int) -> Iterator[_Work]:
    """The work as it is done. When a process is killed, those that were under way are taken one by one, alone."""
    left = list(students)
    while left:
        try:
            for work in _parallel(task, left.copy(), jobs):
                left.remove(work.student)
                yield work
        except TerminatedWorkerError:
            for student in left[: 2 * jobs]:  # joblib hands out that many ahead, in order: the culprit is among them
                left.remove(student)
                yield _alone(task, student)


def _parallel(task: Callable[[str], _Work], students: Sequence[str], jobs: int) -> Iterator[_Work]:
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    yield from parallel(joblib.delayed(task)(student) for student in students)


def _alone(task: Callable[[str], _Work], student: str) -> _Work:
    try:
        return next(_parallel(task, [student], jobs=2))  # one job would run in this very process
    except TerminatedWorkerError:
        return _Work(student, {}, problem="The process that graded this submission was killed, twice.")


def _in_order(works: Iterable[_Work], students: Sequence[str]) -> Iterator[_Work]:
    """The same work in the order of ``students``."""
    waiting: dict[str, _Work] = {}
    following = iter(students)
    wanted = next(following, None)
    for work in works:
        waiting[work.student] = work
        while wanted in waiting:
            yield waiting.pop(wanted)
            wanted = next(following, None)


def _store(folder: Path, texts: dict[str, str]) -> None:
    """Write graded notebooks so that each is there as a whole or not at all; what is no longer asked for goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        part = folder / f".{name}.part"
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, folder / f"{name}.ipynb")
    for old in folder.glob("*.ipynb"):
        if old.stem not in texts:
            old.unlink()


# --- in a worker: one submission


def _work(
    course: Course, assignment: str, course_hash: bytes, student: str, *, force: bool, limits: Limits | None
) -> _Work:
    """Grade one submission. A fault of the grader is reported and costs nobody else anything."""
    try:
        key = _key(course.submitted / student / assignment, course_hash)
        if not force and (texts := _reusable(course, assignment, student, key)):
            return _Work(student, texts, reused=True)
        folder = course.submitted / student / assignment
        graded = grade_submission(course, assignment, folder, limits=limits)
        for one in graded.values():
            one.notebook.metadata[KEY] = key
        return _Work(student, {name: cells.dumps(one.notebook) for name, one in graded.items()})
    except Exception as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1]
        at = f"{Path(where.filename).name}:{where.lineno}"
        return _Work(student, {}, problem=f"{type(problem).__name__}: {problem} ({at})")


def grade_submission(
    course: Course, assignment: str, folder: Path, *, limits: Limits | None = None
) -> dict[str, Graded]:
    """Grade every notebook of the assignment from what lies in a submission's folder; nothing is written."""
    return {
        name: engine.grade_notebook(course, assignment, name, path, folder=folder, notes=notes, limits=limits)
        for name, (path, notes) in locate(course, assignment, folder).items()
    }


def locate(course: Course, assignment: str, folder: Path) -> dict[str, tuple[Path | None, list[str]]]:
    """For every notebook of the assignment the file that stands for it, ``None`` for none, and notes about that."""
    names = course.notebooks(assignment)
    sources = {name: engine.load_source(course, assignment, name) for name in names}
    found = reading.find_notebooks(folder, {name: {place.name for place in sources[name].known} for name in names})
    return {name: (found.get(name), reading.naming_notes(folder, name, found)) for name in names}


def _reusable(course: Course, assignment: str, student: str, key: str) -> dict[str, str] | None:
    """The graded notebooks of an earlier run, if all are there and bear the same key."""
    texts = {}
    for name in course.notebooks(assignment):
        try:
            text = (course.autograded / student / assignment / f"{name}.ipynb").read_text(encoding="utf-8")
            metadata = json.loads(text)["metadata"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if metadata.get(KEY) != key or engine.RESULT not in metadata or engine.UNANSWERED not in metadata:
            return None
        texts[name] = text
    return texts


def _key(folder: Path, course_hash: bytes) -> str:
    """A hash of all that the verdicts on a submission depend on."""
    digest = hashlib.sha256(course_hash)
    _hash_folder(digest, folder, most=reading.LARGEST_FILE)
    return digest.hexdigest()


def _course_hash(course: Course, assignment: str, limits: Limits) -> bytes:
    """A hash of what all submissions have in common: source, question bank, limits, grader and library."""
    digest = hashlib.sha256(repr(limits).encode())
    _hash_folder(digest, course.source / assignment)
    for pattern in GRADER:
        _hash_folder(digest, Path(autograder.__file__).parent, pattern)
    _hash_folder(digest, Path(modelserving.__file__).parent, "*.py")
    for banks in (course.root / "autograder" / "questions", bank.QUESTIONS):
        _hash_folder(digest, banks, f"{assignment}.toml")
    return digest.digest()


def _hash_folder(digest: hashlib._Hash, folder: Path, pattern: str = "*", most: int | None = None) -> None:
    """Add the names and contents of a folder's files; of links only that they are links, of huge files the size."""
    for path in sorted(folder.rglob(pattern)):
        if "__pycache__" in path.parts or ".ipynb_checkpoints" in path.parts:
            continue
        found = path.lstat()
        digest.update(
            f"\0{path.relative_to(folder)}\0{stat.S_IFMT(found.st_mode)}\0{found.st_size}\0".encode("utf-8", "replace")
        )
        if stat.S_ISREG(found.st_mode) and (most is None or found.st_size <= most):
            digest.update(path.read_bytes())
