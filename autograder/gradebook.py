"""Writing verdicts into nbgrader's gradebook: one writer, and no transaction that holds half a submission.

The rows are nbgrader's own, so formgrader and ``nbgrader export`` show them. What a person entered (manual scores,
extra credit, comments, flags) stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from nbgrader import api
from nbgrader.utils import parse_utc
from sqlalchemy import Column, Row, Table, bindparam, select
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import configure_mappers

from autograder import reading, release
from autograder.course import COURSE_ID, Course, CourseError
from autograder.engine import Graded
from autograder.verdicts import Outcome

AT_ONCE = 50
"""Submissions in one statement: databases bound the number of values in one."""

configure_mappers()  # now, while the process that runs notebooks starts, and not at the first query

NO_RESPONSE = "No response."  # nbgrader's words for an answer cell that is as it was handed out


@contextmanager
def open_gradebook(course: Course, assignment: str) -> Iterator[api.Gradebook]:
    """The course's gradebook with ``assignment`` in it, made first when there is none. Closed at the end.

    Raises :class:`CourseError` when the source no longer fits what is in the gradebook, or the file is locked.
    """
    with _locked_told():
        release.register(course, assignment)
        book = api.Gradebook(course.gradebook_url, COURSE_ID)
    with book:
        yield book


@dataclass(frozen=True)
class Sheet:
    """What is to be written about one submission: the verdicts on its notebooks by name, and when it came in (UTC)."""

    student: str
    graded: Mapping[str, Graded]
    timestamp: datetime | None = None


class Writer:
    """Writes submissions of one assignment. What the gradebook says about its cells is read once, at the start."""

    def __init__(self, book: api.Gradebook, assignment: str) -> None:
        self.session = book.db
        self.notebooks: dict[str, str] = {}
        self.cells: dict[str, _Cells] = {}
        with _locked_told():
            whole = book.find_assignment(assignment)
            self.assignment_id: str = whole.id
            for notebook in whole.notebooks:
                tasks = {cell.id: cell.name for cell in notebook.task_cells}
                grades = {cell.id: cell.name for cell in notebook.grade_cells} | tasks
                comments = {cell.id: cell.name for cell in notebook.solution_cells} | tasks
                self.notebooks[notebook.name] = notebook.id
                self.cells[notebook.id] = _Cells(notebook.name, grades, comments)
            self.session.rollback()  # ends the reading, so that nobody waits for us

    def write(self, sheets: Sequence[Sheet]) -> None:
        """Write submissions in one transaction, all or nothing; of one that is named twice the last counts.

        A notebook that a sheet does not have keeps what it has. Students and submissions are made when they are new.
        """
        latest = {sheet.student: sheet for sheet in sheets}
        with _locked_told():
            try:
                names = iter(latest)
                while some := list(islice(names, AT_ONCE)):
                    self._write({name: latest[name] for name in some})
                self.session.commit()
            except BaseException:
                self.session.rollback()
                raise

    def _write(self, sheets: Mapping[str, Sheet]) -> None:
        self._students(sheets)
        submissions = self._submissions(sheets)
        notebooks = self._notebooks(submissions)
        owner = {submission: student for student, submission in submissions.items()}
        pages = {
            row: (self.cells[notebook], sheets[owner[submission]].graded.get(self.cells[notebook].notebook))
            for (submission, notebook), row in notebooks.items()
        }
        self._grades(pages)
        self._comments(pages)

    def _students(self, names: Collection[str]) -> None:
        students = api.Student.__table__
        there = set(self.session.scalars(select(students.c.id).where(students.c.id.in_(names))))
        self._insert(students, [{"id": name} for name in names if name not in there])

    def _submissions(self, sheets: Mapping[str, Sheet]) -> dict[str, str]:
        """The rows of the submissions, by student, made where they are missing."""
        table = api.SubmittedAssignment.__table__
        query = select(table.c.student_id, table.c.id, table.c.timestamp).where(
            table.c.assignment_id == self.assignment_id, table.c.student_id.in_(sheets)
        )
        found, late = {}, []
        for student, row, timestamp in self.session.execute(query):
            found[student] = row
            if sheets[student].timestamp not in (None, timestamp):
                late.append({"row": row, "timestamp": sheets[student].timestamp})
        new = [
            {
                "id": api.new_uuid(),
                "assignment_id": self.assignment_id,
                "student_id": student,
                "timestamp": sheet.timestamp,
            }
            for student, sheet in sheets.items()
            if student not in found
        ]
        self._insert(table, new)
        self._update(table, late)
        return found | {row["student_id"]: row["id"] for row in new}

    def _notebooks(self, submissions: Mapping[str, str]) -> dict[tuple[str, str], str]:
        """The rows of the submitted notebooks by submission and notebook, made where they are missing."""
        table = api.SubmittedNotebook.__table__
        query = select(table.c.assignment_id, table.c.notebook_id, table.c.id).where(
            table.c.assignment_id.in_(submissions.values())
        )
        found = {(submission, notebook): row for submission, notebook, row in self.session.execute(query)}
        wanted = [(s, n) for s in submissions.values() for n in self.notebooks.values() if (s, n) not in found]
        new = [{"id": api.new_uuid(), "assignment_id": s, "notebook_id": n} for s, n in wanted]
        self._insert(table, new)
        return found | {(row["assignment_id"], row["notebook_id"]): row["id"] for row in new}

    def _grades(self, pages: Mapping[str, _Page]) -> None:
        table = api.Grade.__table__
        columns = (table.c.id, table.c.auto_score, table.c.manual_score, table.c.needs_manual_grade)
        found = self._found(table, pages, columns)
        new, changed = [], []
        for row, (cells, graded) in pages.items():
            points = {verdict.cell: verdict.points for verdict in graded.result.verdicts} if graded else {}
            for cell, name in cells.graded.items():
                if (row, cell) not in found:
                    scored = {"auto_score": points.get(name), "needs_manual_grade": name not in points}
                    new.append({"id": api.new_uuid(), "notebook_id": row, "cell_id": cell, **scored})
                elif name in points:  # else a person grades it
                    changed += _changed_grade(*found[row, cell], points[name])
        self._insert(table, new)
        self._update(table, changed)

    def _comments(self, pages: Mapping[str, _Page]) -> None:
        table = api.Comment.__table__
        found = self._found(table, pages, (table.c.id, table.c.auto_comment))
        new, changed = [], []
        for row, (cells, graded) in pages.items():
            blank = _blank(graded) if graded else frozenset()
            for cell, name in cells.commented.items():
                words = NO_RESPONSE if name in blank else None
                if (row, cell) not in found:
                    new.append({"id": api.new_uuid(), "notebook_id": row, "cell_id": cell, "auto_comment": words})
                elif graded and found[row, cell][1] != words:
                    changed.append({"row": found[row, cell][0], "auto_comment": words})
        self._insert(table, new)
        self._update(table, changed)

    def _found(self, table: Table, rows: Collection[str], columns: Sequence[Column]) -> dict[tuple[str, str], Row]:
        """Rows about cells by submitted notebook and cell."""
        query = select(table.c.notebook_id, table.c.cell_id, *columns).where(table.c.notebook_id.in_(rows))
        return {(row[0], row[1]): row[2:] for row in self.session.execute(query)}

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            self.session.execute(table.insert(), rows)

    def _update(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            values = {name: bindparam(name) for name in rows[0] if name != "row"}
            connection = self.session.connection()
            connection.execute(table.update().where(table.c.id == bindparam("row")).values(values), rows)


@dataclass(frozen=True)
class _Cells:
    """Names of a notebook's cells by their row: those with a grade, and those with a comment."""

    notebook: str
    graded: dict[str, str]
    commented: dict[str, str]


_Page = tuple[_Cells, Graded | None]
"""What is written about one submitted notebook."""


def write_submission(
    book: api.Gradebook,
    assignment: str,
    student: str,
    graded: Mapping[str, Graded],
    timestamp: datetime | None = None,
) -> None:
    """Write the verdicts on the notebooks of one submission, all or nothing: :meth:`Writer.write` for one.

    The assignment must be in the gradebook.
    """
    Writer(book, assignment).write([Sheet(student, graded, timestamp)])


def read_timestamp(folder: Path) -> datetime | None:
    """When a submission came in (UTC), from the ``timestamp.txt`` that nbgrader puts there; ``None`` if unknown."""
    try:
        return parse_utc(reading.read_bytes(folder / "timestamp.txt")[:100].decode("utf-8").strip())
    except (reading.Unreadable, ValueError, OverflowError):
        return None


@contextmanager
def _locked_told() -> Iterator[None]:
    try:
        yield
    except (ArgumentError, ModuleNotFoundError) as problem:
        raise CourseError(
            f"The gradebook's address in nbgrader_config.py cannot be used ({problem}): mend it, or install the driver "
            "it names (this course's extra `scale` brings psycopg, for postgresql+psycopg://…)."
        ) from problem
    except OperationalError as problem:
        raise CourseError(
            f"The gradebook cannot be written ({problem.orig}): close other programs that use it and start again; "
            "what was graded is kept."
        ) from problem


def _changed_grade(row: str, auto: float | None, manual: float | None, look: bool, points: float) -> list[dict]:
    """The update of a grade, if it needs one. What a person entered stays; a person looks again if the tests differ."""
    again = False if manual is None else look or auto != points
    return [] if (auto, look) == (points, again) else [{"row": row, "auto_score": points, "needs_manual_grade": again}]


def _blank(graded: Graded) -> frozenset[str]:
    verdicts = graded.result.verdicts
    return graded.unanswered | {verdict.cell for verdict in verdicts if verdict.outcome is Outcome.NOT_ATTEMPTED}
