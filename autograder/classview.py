"""The class at once: a CSV file, a table for the terminal, and a page with plots for the instructor."""

from __future__ import annotations

import csv
import io
import os
import shutil
import statistics
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from autograder.course import PASS_MARK, Course
from autograder.results import Question, StudentReport, Task
from autograder.showing import (
    assignment_title,
    columns,
    environment,
    one_line,
    percent,
    points_text,
    write_text,
)
from autograder.verdicts import Outcome


@dataclass(frozen=True)
class QuestionSummary:
    """How the class did on one question: ``counts`` by outcome, and ``mean``, the share of its points."""

    notebook: str
    cell: str
    title: str
    counts: Counter[Outcome]
    mean: float

    @property
    def name(self) -> str:
        """Unique within the assignment: ``"exercises/test_features"``."""
        return f"{self.notebook}/{self.cell}"

    @property
    def total(self) -> int:
        """Submissions that have a verdict on this question."""
        return self.counts.total()

    @property
    def passed(self) -> float:
        """The share of submissions that have it all right."""
        return self.counts[Outcome.PASSED] / self.total


def summaries(reports: Sequence[StudentReport]) -> list[QuestionSummary]:
    """One summary for each question that any report has, in the order of the source."""
    found: dict[tuple[str, str], list[Question]] = {}
    titles: dict[tuple[str, str], str] = {}
    for report in reports:
        for notebook in report.notebooks:
            for task in notebook.tasks:
                for question in task.questions if notebook.graded else ():
                    key = (notebook.name, question.verdict.cell)
                    found.setdefault(key, []).append(question)
                    titles.setdefault(key, _title(task, question))
    return [
        QuestionSummary(*key, titles[key], Counter(q.verdict.outcome for q in questions), _mean_share(questions))
        for key, questions in sorted(found.items(), key=lambda item: item[0][0])  # stable: questions keep their order
    ]


def _title(task: Task, question: Question) -> str:
    return task.title if len(task.questions) == 1 else f"{task.title}, {task.part(question)}"


def _mean_share(questions: Sequence[Question]) -> float:
    offered = sum(q.max_points for q in questions)
    return sum(q.points for q in questions) / offered if offered else 1.0


def write_class(course: Course, assignment: str, reports: Sequence[StudentReport], missing: Sequence[str]) -> None:
    """Write ``reports/ASSIGNMENT.csv`` and ``.html``; ``missing`` are students who have handed in nothing."""
    write_text(course.reports / f"{assignment}.csv", class_csv(reports))
    write_text(course.reports / f"{assignment}.html", class_page(assignment, reports, missing))


# ---------------------------------------------------------------------------------------------------------------
# CSV


def safe_cell(text: str) -> str:
    """One line of text that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front.

    Source: OWASP, "CSV Injection". Full-width signs count too: some spreadsheets read them as the narrow ones.
    """
    line = one_line(text)
    return f"'{line}" if unicodedata.normalize("NFKC", line[:1]) in ("=", "+", "-", "@") else line


def csv_text(rows: Iterable[Sequence[str | float]]) -> str:
    """Rows as CSV (RFC 4180, Unix line ends); strings are made safe, numbers have at most four decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([safe_cell(v) if isinstance(v, str) else f"{round(v, 4):.10g}" for v in row])
    return text.getvalue()


def class_csv(reports: Sequence[StudentReport]) -> str:
    """A row for each student: points of each notebook, total, per cent, passed, and the outcome of each question."""
    questions = [s.name for s in summaries(reports)]
    notebooks = _notebooks(reports)
    head = ["student", "name", *(f"{n} points" for n in notebooks), "late penalty"]
    head += ["total", "maximum", "per cent", "passed", *questions]
    rows = [_csv_row(report, notebooks, questions) for report in reports]
    return csv_text([head, *rows])


def _csv_row(report: StudentReport, notebooks: Sequence[str], questions: Sequence[str]) -> list[str | float]:
    points = {n.name: n.points for n in report.notebooks}
    outcomes = {
        f"{n.name}/{q.verdict.cell}": q.verdict.outcome.value for n in report.notebooks if n.graded for q in n.questions
    }
    row: list[str | float] = [report.student, report.name, *(points.get(n, 0.0) for n in notebooks), report.penalty]
    row += [report.points, report.max_points, float(percent(report.share)), passed_word(report)]
    return row + [outcomes.get(q, "not graded") for q in questions]


def _notebooks(reports: Sequence[StudentReport]) -> list[str]:
    return sorted({n.name for report in reports for n in report.notebooks})


def passed_word(report: StudentReport) -> str:
    """``"yes"``, ``"no"`` or ``"not graded"``."""
    return "not graded" if not report.graded else "yes" if report.passed else "no"


# ---------------------------------------------------------------------------------------------------------------
# Terminal

_BAR = 12  # columns of a bar


def class_table(reports: Sequence[StudentReport], width: int | None = None) -> str:
    """The class as text for a terminal ``width`` columns wide (default: this one's): students, then questions.

    What is too wide gives way: titles of questions first, then the ends of names. Bars show the share of submissions
    that have a question all right.
    """
    if not reports:
        return "There are no reports."
    width = width or shutil.get_terminal_size((100, 24)).columns
    passed = sum(r.passed for r in reports)
    median = percent(statistics.median(r.share for r in reports))
    head = (
        f"{assignment_title(reports[0].assignment)}. {len(reports)} submissions, "
        f"{passed} passed ({PASS_MARK:.0%} or more), median {median} %."
    )
    return "\n\n".join([textwrap.fill(head, width), _student_lines(reports, width), _question_lines(reports, width)])


def _student_lines(reports: Sequence[StudentReport], width: int) -> str:
    notebooks = _notebooks(reports)
    rows = [["student", "name", *notebooks, "total", "%", "passed"]]
    for report in reports:
        by_name = {n.name: f"{points_text(n.points)}/{points_text(n.max_points)}" for n in report.notebooks}
        name = report.name if report.name != report.student else ""
        total = f"{points_text(report.points)}/{points_text(report.max_points)}"
        parts = [by_name.get(n, "") for n in notebooks]
        rows.append([one_line(report.student), name, *parts, total, percent(report.share), passed_word(report)])
    if not any(row[1] for row in rows[1:]):
        rows = [[row[0], *row[2:]] for row in rows]
        return _table(rows, left={0, len(rows[0]) - 1}, flexible=(0,), width=width)
    return _table(rows, left={0, 1, len(rows[0]) - 1}, flexible=(1, 0), width=width)


def _question_lines(reports: Sequence[StudentReport], width: int) -> str:
    found = summaries(reports)
    hardest = min((s.passed for s in found), default=1.0)
    unique = len({s.cell for s in found}) == len(found)
    rows = [["question", "all right", "", "points", "", "otherwise mostly", "title"]]
    for s in found:
        others = [(outcome, count) for outcome, count in s.counts.most_common() if outcome is not Outcome.PASSED]
        other = f"{others[0][0].value} ({others[0][1]})" if others else ""
        filled = int(s.passed * _BAR + 0.5)
        bar = "█" * filled + "░" * (_BAR - filled)
        mark = "← hardest" if s.passed == hardest < 1 else ""
        rows.append([s.cell if unique else s.name, bar, f"{s.passed:.0%}", f"{s.mean:.0%}", mark, other, s.title])
    if _width(rows) > width:
        rows = [row[:-1] for row in rows]
    return _table(rows, left={0, 1, 4, 5, 6}, flexible=(5, 0), width=width)


def _width(rows: Sequence[Sequence[str]]) -> int:
    return sum(max(map(columns, column)) for column in zip(*rows, strict=True)) + 2 * (len(rows[0]) - 1)


def _table(rows: Sequence[Sequence[str]], left: set[int], flexible: Sequence[int], width: int) -> str:
    """Aligned columns, two spaces apart; those in ``flexible`` are shortened, the first first, to fit ``width``."""
    widths = [max(columns(row[i]) for row in rows) for i in range(len(rows[0]))]
    for i in flexible:
        excess = sum(widths) + 2 * (len(widths) - 1) - width
        if excess > 0:
            widths[i] = max(widths[i] - excess, min(widths[i], 6))
    lines = ("  ".join(_fit(cell, widths[i], i in left) for i, cell in enumerate(row)).rstrip() for row in rows)
    return "\n".join(lines)


def _fit(text: str, width: int, left: bool) -> str:
    if columns(text) > width:
        while columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    space = " " * (width - columns(text))
    return text + space if left else space + text


# ---------------------------------------------------------------------------------------------------------------
# Page

_COLOURS = {  # Okabe and Ito, "Color Universal Design" (2008); each with the ink that reads on it
    Outcome.PASSED: ("#009e73", "#000000"),
    Outcome.PARTLY: ("#f0e442", "#000000"),
    Outcome.FAILED: ("#d55e00", "#000000"),
    Outcome.ERROR: ("#cc79a7", "#000000"),
    Outcome.NOT_ATTEMPTED: ("#c7ccd3", "#000000"),
    Outcome.OUT_OF_TIME: ("#e69f00", "#000000"),
    Outcome.OUT_OF_MEMORY: ("#56b4e9", "#000000"),
    Outcome.CRASHED: ("#0072b2", "#ffffff"),
    Outcome.UNREADABLE: ("#4b4f55", "#ffffff"),
}


def histogram(shares: Sequence[float]) -> list[int]:
    """Counts of shares in ten equal bins of [0, 1]; the last one holds 1, and more (extra credit)."""
    bins = [0] * 10
    for value in shares:
        bins[min(max(int(value * 10 + 1e-9), 0), 9)] += 1
    return bins


def class_page(assignment: str, reports: Sequence[StudentReport], missing: Sequence[str]) -> str:
    """The instructor's page for one assignment: score distribution, outcomes by question, and the students."""
    found = summaries(reports)
    shares = [r.share for r in reports]
    rows = [
        {
            "report": r,
            "passed": passed_word(r),
            "link": f"../feedback/{quote(os.fsencode(r.student))}/{quote(assignment)}/report.html",
        }
        for r in reports
    ]
    about: dict[str, Any] = {
        "title": assignment_title(assignment),
        "assignment": assignment,
        "notebooks": _notebooks(reports),
        "rows": rows,
        "missing": missing,
        "passed": sum(r.passed for r in reports),
        "median": statistics.median(shares) if shares else 0.0,
        "bins": histogram(shares),
        "questions": found,
        "bars": [_pieces(s) for s in found],
        "outcomes": [o for o in Outcome if any(s.counts[o] for s in found)],
        "colours": {o.value: colour for o, colour in _COLOURS.items()},
    }
    return environment().get_template("class.html.j2").render(about)


def _pieces(summary: QuestionSummary) -> list[dict[str, Any]]:
    """A stacked bar: for each outcome that occurs, where it starts and how long it is, as shares."""
    pieces, start = [], 0.0
    for outcome in Outcome:
        if count := summary.counts[outcome]:
            pieces.append({"outcome": outcome.value, "count": count, "start": start, "share": count / summary.total})
            start += count / summary.total
    return pieces
