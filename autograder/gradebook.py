"""Writing verdicts into nbgrader's gradebook: one writer, one transaction for each submission.

The rows are nbgrader's own, so formgrader and ``nbgrader export`` show them. What a person entered (manual scores,
extra credit, comments, flags) stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from nbgrader import api
from nbgrader.utils import parse_utc
from sqlalchemy.exc import OperationalError

from autograder import release
from autograder.course import COURSE_ID, Course, CourseError, tools_on_path
from autograder.engine import Graded
from autograder.verdicts import Outcome

NO_RESPONSE = "No response."  # nbgrader's words for an answer cell that is as it was handed out


@contextmanager
def open_gradebook(course: Course, assignment: str) -> Iterator[api.Gradebook]:
    """The course's gradebook with ``assignment`` in it, made first when there is none. Closed at the end.

    Raises :class:`CourseError` when the source no longer fits what is in the gradebook, or the file is locked.
    """
    tools_on_path()  # nbgrader calls alembic when it makes a gradebook
    with _locked_told():
        release.register(course, assignment)
        book = api.Gradebook(course.gradebook_url, COURSE_ID)
    with book:
        yield book


def write_submission(
    book: api.Gradebook,
    assignment: str,
    student: str,
    graded: Mapping[str, Graded],
    timestamp: datetime | None = None,
) -> None:
    """Write the verdicts on the notebooks of one submission, all or nothing.

    ``graded`` has the notebooks by name; a notebook that is not in it keeps what it has. The assignment must be in
    the gradebook; student and submission are made when they are new.
    """
    with _locked_told():
        try:
            submission = _submission(book, assignment, student)
            submission.timestamp = timestamp or submission.timestamp
            for notebook in submission.notebooks:
                if notebook.notebook.name in graded:
                    _write_notebook(notebook, graded[notebook.notebook.name])
            book.db.commit()
        except BaseException:
            book.db.rollback()
            raise


def read_timestamp(folder: Path) -> datetime | None:
    """When a submission came in (UTC), from the ``timestamp.txt`` that nbgrader puts there; ``None`` if unknown."""
    try:
        return parse_utc((folder / "timestamp.txt").read_text(encoding="utf-8").strip())
    except (OSError, ValueError, OverflowError):
        return None


@contextmanager
def _locked_told() -> Iterator[None]:
    try:
        yield
    except OperationalError as problem:
        raise CourseError(
            f"The gradebook cannot be written ({problem.orig}): close other programs that use it and start again; "
            "what was graded is kept."
        ) from problem


def _submission(book: api.Gradebook, assignment: str, student: str) -> api.SubmittedAssignment:
    """The submission with all its rows. nbgrader's own calls commit at every step, so the rows are added here."""
    session = book.db
    whole = book.find_assignment(assignment)
    with session.no_autoflush:
        if session.get(api.Student, student) is None:
            session.add(api.Student(id=student))
        which = {"assignment_id": whole.id, "student_id": student}
        submission = session.query(api.SubmittedAssignment).filter_by(**which).one_or_none()
        if submission is None:
            session.add(submission := api.SubmittedAssignment(id=api.new_uuid(), **which))
            session.flush()
        there = {notebook.notebook_id for notebook in submission.notebooks}
        for notebook in whole.notebooks:
            if notebook.id not in there:
                session.add(api.SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission.id))
        session.flush()
        session.refresh(submission)
        for notebook in submission.notebooks:
            _complete(session, notebook)
        session.flush()
        session.expire_all()
    return submission


def _complete(session, submitted: api.SubmittedNotebook) -> None:
    """Add the rows for grades and comments that a submitted notebook lacks."""
    notebook = submitted.notebook
    graded = {grade.cell_id for grade in submitted.grades}
    commented = {comment.cell_id for comment in submitted.comments}
    for cell in (*notebook.grade_cells, *notebook.task_cells):
        if cell.id not in graded:
            session.add(api.Grade(cell_id=cell.id, notebook_id=submitted.id))
    for cell in (*notebook.solution_cells, *notebook.task_cells):
        if cell.id not in commented:
            session.add(api.Comment(cell_id=cell.id, notebook_id=submitted.id))


def _write_notebook(submitted: api.SubmittedNotebook, graded: Graded) -> None:
    verdicts = {verdict.cell: verdict for verdict in graded.result.verdicts}
    for grade in submitted.grades:
        verdict = verdicts.get(grade.cell.name)
        if verdict is None:  # a cell that a person grades
            continue
        changed = grade.auto_score != verdict.points
        grade.auto_score = verdict.points
        if grade.manual_score is None:
            grade.needs_manual_grade = False
        elif changed:  # a person graded something else: look again
            grade.needs_manual_grade = True
    blank = {v.cell for v in verdicts.values() if v.outcome is Outcome.NOT_ATTEMPTED} | graded.unanswered
    for comment in submitted.comments:
        comment.auto_comment = NO_RESPONSE if comment.cell.name in blank else None
