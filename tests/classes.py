"""Helpers of the tests that grade a class in processes of its own: what is compared, and how it is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.course import Course

COURSE = [sys.executable, "-m", "autograder.cli"]


def start(course: Course, *arguments: str, **options) -> subprocess.Popen:
    """``course ARGUMENTS`` in the course folder, leader of its own process group."""
    return subprocess.Popen([*COURSE, *arguments], cwd=course.root, start_new_session=True, **options)


def run(course: Course, *arguments: str) -> str:
    """What ``course ARGUMENTS`` prints, once it has ended well."""
    done = subprocess.run([*COURSE, *arguments], cwd=course.root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def outcome(course: Course, assignment: str) -> dict[str, bytes | list]:
    """All that grading leaves behind: graded notebooks and reports, byte for byte, and the rows of the gradebook."""
    found: dict[str, bytes | list] = {"gradebook": rows(course.gradebook_url, assignment)}
    for folder in (course.autograded, course.feedback, course.reports):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                found[str(path.relative_to(course.root))] = path.read_bytes()
    return found


def rows(url: str, assignment: str) -> list[tuple]:
    """Everything that the gradebook says about an assignment's submissions, without the random keys of its rows."""
    found = []
    with Gradebook(url, "") as book:
        for submission in book.assignment_submissions(assignment):
            student = submission.student
            found.append((student.id, student.first_name or "", str(submission.timestamp), str(submission.score)))
            for notebook in submission.notebooks:
                where = (student.id, notebook.name)
                for grade in notebook.grades:
                    values = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                    found.append((*where, grade.name, repr(values)))
                for comment in notebook.comments:
                    found.append((*where, f"{comment.name} comment", repr((comment.auto_comment, comment.comment))))
    return sorted(found)


def check_whole(course: Course, assignment: str) -> None:
    """Nobody's submission is there in part, in ``autograded/`` or in the gradebook."""
    names = {f"{name}.ipynb" for name in course.notebooks(assignment)}
    for folder in course.autograded.glob(f"*/{assignment}"):
        assert {path.name for path in folder.glob("*.ipynb")} == names, folder
    if not Path(course.gradebook_url.removeprefix("sqlite:///")).is_file():
        return
    with Gradebook(course.gradebook_url, "") as book:
        for submission in book.assignment_submissions(assignment):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            assert grades
            assert all(grade.auto_score is not None for grade in grades), submission.student.id


def without(*names: str) -> dict[str, str]:
    """This process's environment without some variables."""
    return {name: value for name, value in os.environ.items() if name not in names}
