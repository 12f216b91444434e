"""What students and the instructor read after grading.

Input: the verdicts in the autograded notebooks (``nb.metadata["grading"]``), the gradebook for names and for what
people added by hand, the question bank for the reasons behind quiz answers. Output: per student
``feedback/STUDENT/ASSIGNMENT/report.html`` and one page per notebook; for the class ``reports/ASSIGNMENT.csv`` and
``.html``. :class:`FeedbackExporter` makes ``nbgrader generate_feedback`` write the same pages.

The same input gives the same bytes: no clock, no random names.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mistune
from markupsafe import Markup
from nbconvert.exporters.exporter import Exporter
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets import Bool, default

from autograder import cells, engine
from autograder.bank import Bank
from autograder.classview import class_table, write_class
from autograder.course import Course, CourseError
from autograder.results import (
    Marks,
    NotebookReport,
    Paper,
    StudentReport,
    Task,
    notebook_report,
    reaches,
    read_marks,
    read_papers,
)
from autograder.scoring import option_feedback
from autograder.showing import Work, assignment_title, environment, one_line, work, write_text

__all__ = ["FeedbackExporter", "StudentReport", "class_table", "write_reports"]

_RECEIPTS = ("timestamp.txt", "submission_secret.txt")

_render_markdown = mistune.create_markdown(escape=True)


def _works(notebook: NotebookNode | None) -> dict[str, Work]:
    """The cells that the student filled in, by ``grade_id``; quiz answers are shown as options instead."""
    found: dict[str, Work] = {}
    if notebook is None:
        return found
    untouched = notebook.metadata.get(engine.UNANSWERED, ())
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        name = cells.grade_id(cell)
        if cells.is_solution(cell) and name not in untouched:
            found[name] = work(cell, number)
    return found


def _markdown(text: str) -> Markup:
    """Markdown of the question bank as HTML; raw HTML in it is escaped."""
    return Markup(_render_markdown(text))


def _quiz_view(task: Task, bank: Bank | None, reveal: bool) -> dict[str, Any] | None:
    """Text and options of a quiz question; ``right`` is ``None`` for options of which nothing may be told."""
    verdict = task.questions[0].verdict
    question = bank.question(verdict.cell) if bank else None
    if question is None:
        return None
    options = [
        {
            "letter": option.letter,
            "text": _markdown(option.text),
            "picked": option.picked,
            "right": option.right,
            "feedback": _markdown(option.feedback),
        }
        for option in option_feedback(question, verdict.answer or "", reveal)
    ]
    return {"text": _markdown(question.text), "kind": question.kind, "options": options}


def _views(notebook: NotebookReport, works: Mapping[str, Work], bank: Bank | None, final: bool) -> list[dict[str, Any]]:
    reveal = final or (notebook.is_quiz and notebook.passed)
    return [
        {
            "task": task,
            "anchor": re.sub(r"[^A-Za-z0-9_-]", "-", f"{notebook.name}-{task.name}"),
            "quiz": _quiz_view(task, bank, reveal) if task.is_quiz else None,
            "work": works.get(task.name),
            "full": reaches(task.points, task.max_points),
        }
        for task in notebook.tasks
    ]


def _page(
    report: StudentReport, views: Mapping[str, list[dict[str, Any]]], final: bool, only: str | None = None
) -> str:
    """HTML of a student's page: of the whole assignment, or of the notebook ``only``."""
    shown = [n for n in report.notebooks if only in (None, n.name)]
    about = {"report": report, "title": assignment_title(report.assignment), "only": only}
    about |= {"notebooks": shown, "views": views, "subject": shown[0] if only else report, "final": final}
    return environment().get_template("student.html.j2").render(about)


@dataclass(frozen=True)
class _Reader:
    """What is the same for all students of an assignment."""

    course: Course
    assignment: str
    papers: Mapping[str, Paper]
    marks: Marks

    @classmethod
    def open(cls, course: Course, assignment: str, url: str) -> _Reader:
        return cls(course, assignment, read_papers(course, assignment), read_marks(url, assignment))

    def read(self, student: str, final: bool) -> tuple[StudentReport, dict[str, list[dict[str, Any]]]]:
        """A student's report, and per notebook what its page shows (kept apart: figures are large)."""
        folder = self.course.autograded / student / self.assignment
        notebooks, views = [], {}
        for name, paper in self.papers.items():
            path = folder / f"{name}.ipynb"
            notebook = cells.read(path) if path.is_file() else None
            report = notebook_report(student, notebook, paper, self.marks, handed_in=not folder.is_dir())
            notebooks.append(report)
            views[name] = _views(report, _works(notebook), paper.bank, final)
        name, penalty = self.marks.names.get(student) or one_line(student), self.marks.penalties.get(student, 0.0)
        return StudentReport(student, name, self.assignment, tuple(notebooks), penalty), views


def write_reports(course: Course, assignment: str, final: bool = False) -> list[StudentReport]:
    """Write the pages of every graded submission of ``assignment`` and the class's tables; reports come by student.

    ``final`` is for the last attempt: the reasons of all options of the quiz are shown to everybody.
    Raises :class:`CourseError` when nothing is graded yet.
    """
    assignment = course.assignment(assignment)
    students = _students(course.autograded, assignment)
    if not students:
        raise CourseError(f"Nothing of {assignment} is graded yet: run `course grade {assignment}` first.")
    reader = _Reader.open(course, assignment, course.gradebook_url)
    students = sorted({*students, *_students(course.submitted, assignment)})  # nobody drops out of the table unseen
    reports = []
    for student in tqdm(students, desc="reports", unit="student", disable=None):
        report, views = reader.read(student, final)
        folder = course.feedback / student / assignment
        write_text(folder / "report.html", _page(report, views, final))
        for name in reader.papers:
            write_text(folder / f"{name}.html", _page(report, views, final, only=name))
        _copy_receipt(course.autograded / student / assignment, folder)
        reports.append(report)
    write_class(course, assignment, reports, missing=sorted(set(reader.marks.names) - set(students)))
    return reports


def _students(folder: Path, assignment: str) -> list[str]:
    return sorted(p.parent.name for p in folder.glob(f"*/{assignment}") if p.is_dir())


def _copy_receipt(source: Path, target: Path) -> None:
    """Copy what `nbgrader release_feedback` wants to find beside the pages."""
    for name in _RECEIPTS:
        if (source / name).is_file() and not (source / name).is_symlink():
            write_text(target / name, (source / name).read_text(encoding="utf-8"))


class FeedbackExporter(Exporter):
    """Makes stock `nbgrader generate_feedback` write this package's pages.

    For each notebook it returns the notebook's page, and adds the whole assignment's ``report.html`` beside it. Runs in
    the course folder, where nbgrader's converter has changed to. The cells of the notebook are not rendered: the
    source of tests, hidden ones included, never reaches the page.
    """

    final = Bool(False, help="Last attempt: show the reasons of all options of the quiz.").tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._readers: dict[tuple[str, str], _Reader] = {}  # one exporter serves all submissions of a run

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page of the notebook that ``resources["nbgrader"]`` names."""
        _, resources = super().from_notebook_node(nb, resources, **kw)
        about = resources["nbgrader"]
        key = (about["assignment"], about["db_url"])
        if key not in self._readers:
            self._readers[key] = _Reader.open(Course(Path.cwd()), *key)
        report, views = self._readers[key].read(about["student"], self.final)
        resources["outputs"] = {"report.html": _page(report, views, self.final).encode()}
        return _page(report, views, self.final, only=about["notebook"]), resources


def only_expected(assignment: str, student: str, notebooks: list[str]) -> None:
    """Hook before nbgrader converts: leave the notebooks of the assignment, drop in place what else lies there."""
    path = Path(notebooks[0]).resolve()
    expected = Course(path.parents[3]).notebooks(path.parent.name)
    notebooks[:] = [name for name in notebooks if Path(name).stem in expected]


def only_pages(assignment: str, student: str, notebooks: list[str]) -> None:
    """Hook after nbgrader converted: take out the files of the submission that it copied beside the pages.

    A web page or a picture among them would carry scripts of a submission to whoever opens the folder.
    """
    path = Path(notebooks[0]).resolve()
    course, assignment, student = Course(path.parents[3]), path.parent.name, path.parents[1].name
    ours = {f"{name}.html" for name in (*course.notebooks(assignment), "report")} | set(_RECEIPTS)
    for found in (course.feedback / student / assignment).iterdir():
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found)
        elif found.name not in ours:
            found.unlink()
