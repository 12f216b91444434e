"""Grading a class: many submissions at once, resumable, with one writer of the gradebook.

What was handed in travels to the workers as data, and so does the assignment's source; graded notebooks come back as
text. So a worker may be a process here or of a Dask cluster, and needs nothing but this package and a scratch folder
of its own. This process alone writes: each graded notebook to ``autograded/`` as soon as it is there, and the
gradebook in the order of the students' names. A graded notebook carries the hash of everything its verdicts depend
on; where that still holds, the verdicts are taken from it, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import shutil
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from nbformat import NotebookNode
from tqdm.auto import tqdm

import autograder
import modelserving
from autograder import cells, cluster, engine, gradebook, kernel, leftovers, reading
from autograder.course import Course, CourseError
from autograder.engine import Graded
from autograder.parcels import Parcel, pack_course, pack_submission
from autograder.runs import Limits
from autograder.verdicts import NotebookResult

KEY = "grading_key"
"""Key of a graded notebook's metadata: the hash of the submission, the source and the grader."""

GRADER = ("*.py", "quiz/*.py")
"""Files of this package that verdicts may depend on: when one changes, submissions are graded anew."""

AT_ONCE, WAIT = gradebook.AT_ONCE, 1.0
"""Submissions that go into the gradebook in one transaction, and the seconds that the first may wait for others."""


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
class _Class:
    """What all submissions have in common: the course as data, the hash of all that verdicts depend on, the terms."""

    assignment: str
    course: Parcel
    digest: bytes
    grader: str
    limits: Limits | None


@dataclass(frozen=True)
class _Work:
    """What a worker hands back: the graded notebooks as text, and what the gradebook needs of them, by name."""

    student: str
    texts: dict[str, str] = field(default_factory=dict)
    marks: dict[str, dict[str, Any]] = field(default_factory=dict)
    reused: bool = False
    problem: str | None = None
    refused: bool = False  # the problem is the course's or the machine's: nobody can be graded

    def graded(self) -> dict[str, Graded]:
        """The verdicts, with notebooks that hold them and nothing else."""
        return {name: Graded.from_notebook(_only(marks)) for name, marks in self.marks.items()}


def grade_assignment(
    course: Course,
    assignment: str,
    students: Iterable[str] | None = None,
    *,
    jobs: int | None = None,
    dask: str | None = None,
    force: bool = False,
    limits: Limits | None = None,
) -> list[SubmissionResult]:
    """Grade what was handed in for ``assignment``, by all students or those named, and return the results in order.

    Writes ``autograded/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`` and the gradebook. ``jobs`` is how many submissions run at
    once (default: one for each core). ``dask`` is the address
    of a Dask scheduler, whose workers then take the place of those processes. ``force`` runs again what has not
    changed. ``limits`` bound each notebook, and say whether to grade where a machine offers too little protection.
    Raises :class:`CourseError` when the course or the machine is wrong, never for what a submission holds.
    """
    assignment = course.assignment(assignment)
    names = course.notebooks(assignment)
    for name in names:
        engine.load_source(course, assignment, name)  # a fault in the course is told before anything runs
    chosen = _students(course, assignment, students)
    terms = _terms(course, assignment, limits)
    unchanged = {} if force else _unchanged(course, terms, chosen)
    if dask is None and len(unchanged) < len(chosen):
        kernel.require(limits)  # before anything is touched
    _sweep(course, assignment)
    results: list[SubmissionResult] = []
    with cluster.workers(dask, jobs) as count, gradebook.open_gradebook(course, assignment) as book:
        writer = gradebook.Writer(book, assignment)
        arriving = _arriving(course, terms, chosen, unchanged, count)
        for works in _batches(_in_order(arriving, chosen)):
            graded = {work.student: work.graded() for work in works}
            times = {s: gradebook.read_timestamp(course.submitted / s / assignment) for s in graded}
            done = [work.student for work in works if work.problem is None]
            writer.write([gradebook.Sheet(student, graded[student], times[student]) for student in done])
            for work in works:
                found = tuple(graded[work.student][name].result for name in names if name in work.marks)
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
    course: Course, terms: _Class, students: Sequence[str], unchanged: Mapping[str, _Work], jobs: int | None
) -> Iterator[_Work]:
    """The work as it is done, each stored in ``autograded/`` at once, so that a killed run loses next to nothing."""
    yield from unchanged.values()
    left = [student for student in students if student not in unchanged]
    with tqdm(
        total=len(students),
        initial=len(unchanged),
        desc=f"Grading {terms.assignment}",
        unit="submission",
        smoothing=0.1,
        disable=None,
    ) as bar:
        for work in _done(course, terms, left, jobs):
            if work.refused:
                raise CourseError(work.problem)
            if work.problem is None:
                _store(course.autograded / work.student / terms.assignment, work.texts)
            bar.update()
            yield _Work(work.student, {}, work.marks, work.reused, work.problem)  # the texts need no longer be kept


def _unchanged(course: Course, terms: _Class, students: Sequence[str]) -> dict[str, _Work]:
    """What an earlier run has graded, and what no longer differs from what it was then."""
    found = {}
    for student in students:
        with contextlib.suppress(OSError):
            parcel = _packed(course, terms.assignment, student)
            if (marks := _reusable(course, terms.assignment, student, _key(terms, parcel))) is not None:
                found[student] = _Work(student, marks=marks, reused=True)
    return found


def _done(course: Course, terms: _Class, students: Sequence[str], jobs: int | None) -> Iterator[_Work]:
    """The work as it is done. When a process is killed, those that were under way are taken one by one, alone."""
    if not students:
        return
    jobs = cluster.processes(jobs, len(students))
    left = list(students)
    while left:
        try:
            for work in _parallel(course, terms, left.copy(), jobs):
                left.remove(work.student)
                yield work
        except TerminatedWorkerError:
            for student in left[: 2 * jobs]:  # joblib hands out that many ahead, in order: the culprit is among them
                left.remove(student)
                yield _alone(course, terms, student)


def _parallel(course: Course, terms: _Class, students: Sequence[str], jobs: int) -> Iterator[_Work]:
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)
    yield from parallel(_tasks(course, terms, students))


def _tasks(course: Course, terms: _Class, students: Sequence[str]) -> Iterator[tuple]:
    """The calls to make. joblib takes them one at a time, from any of its threads, and must see no exception here."""
    for student in students:
        try:
            parcel = _packed(course, terms.assignment, student)
        except OSError as problem:
            yield joblib.delayed(_Work)(student, problem=_told(problem))
        else:
            yield joblib.delayed(_work)(terms, student, parcel)


def _packed(course: Course, assignment: str, student: str) -> Parcel:
    return pack_submission(course.submitted / student / assignment, course.notebooks(assignment))


def _alone(course: Course, terms: _Class, student: str) -> _Work:
    try:
        return next(_parallel(course, terms, [student], jobs=2))  # one job would run in this very process
    except TerminatedWorkerError:
        return _Work(student, problem="The process that graded this submission was killed, twice.")


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


def _batches(works: Iterable[_Work]) -> Iterator[list[_Work]]:
    """The same work in groups: a transaction costs as much as fifty submissions in it."""
    group: list[_Work] = []
    began = 0.0
    for work in works:
        began = began if group else time.monotonic()
        group.append(work)
        if len(group) >= AT_ONCE or time.monotonic() - began > WAIT:
            yield group
            group = []
    if group:
        yield group


_LEFT = ("part", "old")
"""Endings of the folders that a run which was killed may leave beside those of graded submissions."""


def _sweep(course: Course, assignment: str) -> None:
    for word in _LEFT:
        for leftover in course.autograded.glob(f"*/.{assignment}.{word}"):
            shutil.rmtree(leftover)


def _store(folder: Path, texts: Mapping[str, str]) -> None:
    """Write graded notebooks so that the folder holds all of them or none, never some of one grading and of another.

    What else lies there (nbgrader's receipt of the submission) is kept.
    """
    part, old = (folder.with_name(f".{folder.name}.{word}") for word in _LEFT)
    if folder.exists():
        shutil.copytree(folder, part, symlinks=True, ignore=shutil.ignore_patterns("*.ipynb"))
    part.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (part / f"{name}.ipynb").write_text(text, encoding="utf-8", newline="\n")
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


# --- in a worker: one submission


def _work(terms: _Class, student: str, parcel: Parcel) -> _Work:
    """Grade one submission. A fault of the grader is reported and costs nobody else anything."""
    try:
        if terms.grader != _grader():
            raise CourseError("A worker has another version of the course: install the same one on all machines.")
        course, key = _unpacked(terms), _key(terms, parcel)
        with tempfile.TemporaryDirectory(dir=leftovers.folder(), ignore_cleanup_errors=True) as scratch:
            folder = parcel.unpack(Path(scratch).resolve() / "submitted" / student / terms.assignment)
            graded = grade_submission(course, terms.assignment, folder, limits=terms.limits)
        for one in graded.values():
            one.notebook.metadata[KEY] = key
        texts = {name: cells.dumps(one.notebook) for name, one in graded.items()}
        return _Work(student, texts, {name: _marks(one.notebook.metadata) for name, one in graded.items()})
    except CourseError as problem:
        return _Work(student, problem=str(problem), refused=True)
    except Exception as problem:
        return _Work(student, problem=_told(problem))


def _told(problem: Exception) -> str:
    where = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{type(problem).__name__}: {problem} ({Path(where.filename).name}:{where.lineno})"


_unpacking = threading.Lock()
_courses: dict[bytes, tuple[Course, tempfile.TemporaryDirectory]] = {}
"""The courses that this process has unpacked, by their digest. Their folders go when the process ends."""


def _unpacked(terms: _Class) -> Course:
    """The course in a folder of this process's own: one at a time, kept for the submissions that follow."""
    with _unpacking:
        if terms.digest not in _courses:
            _courses.clear()
            folder = tempfile.TemporaryDirectory(prefix="course-", dir=leftovers.folder(), ignore_cleanup_errors=True)
            terms.course.unpack(Path(folder.name))
            _courses[terms.digest] = Course(Path(folder.name).resolve()), folder
        return _courses[terms.digest][0]


def grade_submission(
    course: Course, assignment: str, folder: Path, *, limits: Limits | None = None
) -> dict[str, Graded]:
    """Grade every notebook of the assignment from what lies in a submission's folder; nothing is written."""
    located = locate(course, assignment, folder)
    taken = [path for path, _ in located.values() if path]
    return {
        name: engine.grade_notebook(
            course, assignment, name, path, folder=folder, notes=notes, limits=limits, taken=taken
        )
        for name, (path, notes) in located.items()
    }


def locate(course: Course, assignment: str, folder: Path) -> dict[str, tuple[Path | None, list[str]]]:
    """For every notebook of the assignment the file that stands for it, ``None`` for none, and notes about that."""
    names = course.notebooks(assignment)
    sources = {name: engine.load_source(course, assignment, name) for name in names}
    ids = {name: {place.name for place in sources[name].known} for name in names}
    released = {name: {p.name: p.released for p in sources[name].known if p.runs or p.is_answer} for name in names}
    seen = reading.look_through(folder, names)
    found = reading.find_notebooks(folder, ids, released, seen)
    return {name: (found.get(name), reading.naming_notes(folder, name, found, ids[name], seen)) for name in names}


# --- what verdicts depend on


def _marks(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What the gradebook needs of a graded notebook's metadata. Raises ``KeyError`` for one that was not graded."""
    return {engine.RESULT: metadata[engine.RESULT], engine.UNANSWERED: metadata[engine.UNANSWERED]}


def _only(marks: Mapping[str, Any]) -> NotebookNode:
    return NotebookNode(cells=[], metadata=NotebookNode(marks))


def _reusable(course: Course, assignment: str, student: str, key: str) -> dict[str, dict[str, Any]] | None:
    """The marks of an earlier run by notebook, if all its graded notebooks are there and bear the same key."""
    found = {}
    for name in course.notebooks(assignment):
        try:
            text = (course.autograded / student / assignment / f"{name}.ipynb").read_text(encoding="utf-8")
            metadata = json.loads(text)["metadata"]
            if metadata.get(KEY) != key:
                return None
            found[name] = _marks(metadata)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
    return found


def _key(terms: _Class, parcel: Parcel) -> str:
    """A hash of all that the verdicts on a submission depend on."""
    return hashlib.sha256(terms.digest + parcel.digest.encode()).hexdigest()


def _terms(course: Course, assignment: str, limits: Limits | None) -> _Class:
    packed, grader = pack_course(course, assignment), _grader()
    known = f"{packed.digest} {grader} {limits or Limits()!r}"
    return _Class(assignment, packed, hashlib.sha256(known.encode()).digest(), grader, limits)


@functools.cache
def _grader() -> str:
    """A hash of the grader's own files and the library's."""
    digest = hashlib.sha256()
    for package, patterns in ((autograder, GRADER), (modelserving, ("*.py",))):
        root = Path(package.__file__).parent
        for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
            digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
