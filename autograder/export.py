"""Grades of the whole course in one CSV file: a row for each student, three columns for each assignment.

``course export`` and ``nbgrader export`` write the same file, from the gradebook: what graders changed by hand and
penalties for lateness are in it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from autograder.classview import csv_text
from autograder.course import PASS_MARK, Course, CourseError
from autograder.results import open_gradebook, reaches, share
from autograder.showing import percent, write_text


class CourseExport(ExportPlugin):
    """What ``nbgrader export`` writes on this course, to ``--to`` (default ``grades.csv``)."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the file; ``--assignment`` and ``--student`` limit it, as in nbgrader's own exporter."""
        target = Path(self.to or "grades.csv")
        write_text(target, grades_csv(gradebook, list(map(str, self.assignment)), list(map(str, self.student))))
        self.log.info("Exported the grades to %s", target)


def export(course: Course, assignment: str | None = None, target: Path | None = None) -> Path:
    """Write the grades of all assignments, or of one, to ``target`` (default ``reports/grades.csv``); return the path.

    Raises :class:`CourseError` when there is no gradebook yet or it cannot be read.
    """
    chosen = [course.assignment(assignment)] if assignment else []
    target = target or course.reports / "grades.csv"
    with open_gradebook(course.gradebook_url) as gradebook:
        if gradebook is None:
            raise CourseError("There is no gradebook yet: grade an assignment first with `course grade`.")
        write_text(target, grades_csv(gradebook, chosen))
    return target


def grades_csv(gradebook: Gradebook, assignments: Collection[str] = (), students: Collection[str] = ()) -> str:
    """Points, per cent and passed of each student on each assignment, by name; empty where nothing was handed in.

    ``assignments`` and ``students`` limit what is written; empty means all.
    """
    chosen = sorted((a.name, a.max_score) for a in gradebook.assignments if not assignments or a.name in assignments)
    head = ["student", "last name", "first name", "email"]
    for name, _ in chosen:
        head += [f"{name} points", f"{name} maximum", f"{name} per cent", f"{name} passed"]
    scores = {
        (name, submission.student.id): max(0.0, submission.score - (submission.late_submission_penalty or 0.0))
        for name, _ in chosen
        for submission in gradebook.assignment_submissions(name)
    }
    rows: list[list[str | float]] = [[*head, "assignments passed"]]
    for student in sorted(gradebook.students, key=lambda s: s.id):
        if students and student.id not in students:
            continue
        rows.append(_row(student, chosen, scores))
    return csv_text(rows)


def _row(
    student: Any, assignments: Collection[tuple[str, float]], scores: dict[tuple[str, str], float]
) -> list[str | float]:
    row: list[str | float] = [student.id, student.last_name or "", student.first_name or "", student.email or ""]
    passed = 0
    for name, most in assignments:
        points = scores.get((name, student.id))
        if points is None:
            row += ["", most, "", "no"]
            continue
        reached = share(points, most)
        passes = reaches(reached, PASS_MARK)
        passed += passes
        row += [points, most, float(percent(reached)), "yes" if passes else "no"]
    return [*row, passed]
