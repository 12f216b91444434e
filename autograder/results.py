"""What came out of grading, as plain records: points, verdicts and notes of each student, and where they are read.

The verdicts stand in the autograded notebooks, written by the engine; the gradebook adds names and what people did by
hand: scores, comments, penalties for lateness. The pristine source says which questions there are and which
of the student's cells each one judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder import engine
from autograder.bank import Bank
from autograder.course import PASS_MARK, Course, CourseError
from autograder.showing import one_line
from autograder.verdicts import NotebookResult, Verdict

_ROUNDING = 1e-9  # sums of thirds must not fail a mark they reach


@dataclass(frozen=True)
class Question:
    """One graded cell: its verdict, and the points that count (a grader's score wins over the automatic one)."""

    verdict: Verdict
    points: float
    by_hand: bool = False
    extra: float = 0.0

    @property
    def max_points(self) -> float:
        """Points that the question offers."""
        return self.verdict.max_points


@dataclass(frozen=True)
class Task:
    """A cell that the student filled in, with the questions that judge it. ``name`` is the cell's ``grade_id``."""

    name: str
    title: str
    questions: tuple[Question, ...]
    comment: str = ""

    def part(self, question: Question) -> str:
        """What tells ``question`` from the others of this task: "hidden tests"."""
        return one_line(question.verdict.title).removeprefix(f"{self.title}: ")

    @property
    def points(self) -> float:
        """Points reached."""
        return sum(q.points for q in self.questions)

    @property
    def max_points(self) -> float:
        """Points offered."""
        return sum(q.max_points for q in self.questions)

    @property
    def is_quiz(self) -> bool:
        """Whether this is a quiz question."""
        return any(q.verdict.kind == "quiz" for q in self.questions)


@dataclass(frozen=True)
class NotebookReport:
    """One notebook of a submission. ``graded`` is false while it holds no verdicts; ``pass_mark`` as a share."""

    name: str
    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()
    pass_mark: float = PASS_MARK
    graded: bool = True

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions, in the order of the source."""
        return tuple(q for task in self.tasks for q in task.questions)

    @property
    def points(self) -> float:
        """Points reached."""
        return sum(task.points for task in self.tasks)

    @property
    def max_points(self) -> float:
        """Points offered."""
        return sum(task.max_points for task in self.tasks)

    @property
    def share(self) -> float:
        """Points reached by points offered."""
        return share(self.points, self.max_points)

    @property
    def is_quiz(self) -> bool:
        """Whether every question is a quiz question: then it is passed or not on its own."""
        return bool(self.tasks) and all(task.is_quiz for task in self.tasks)

    @property
    def passed(self) -> bool:
        """Whether the pass mark is reached."""
        return self.graded and reaches(self.share, self.pass_mark)


@dataclass(frozen=True)
class StudentReport:
    """A student's assignment. ``penalty`` is what nbgrader took off for lateness, in points."""

    student: str
    name: str
    assignment: str
    notebooks: tuple[NotebookReport, ...]
    penalty: float = 0.0

    @property
    def points(self) -> float:
        """Points that count: never below zero."""
        return max(0.0, sum(n.points for n in self.notebooks) - self.penalty)

    @property
    def max_points(self) -> float:
        """Points that the assignment offers."""
        return sum(n.max_points for n in self.notebooks)

    @property
    def share(self) -> float:
        """Points that count by points offered."""
        return share(self.points, self.max_points)

    @property
    def graded(self) -> bool:
        """Whether every notebook has its verdicts."""
        return all(n.graded for n in self.notebooks)

    @property
    def passed(self) -> bool:
        """Whether the assignment's pass mark is reached."""
        return self.graded and reaches(self.share, PASS_MARK)


@dataclass(frozen=True)
class Marks:
    """What the gradebook adds for one assignment: keys are (student, notebook, cell), or the student for penalties."""

    names: Mapping[str, str] = field(default_factory=dict)
    manual: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    extra: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    comments: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    penalties: Mapping[str, float] = field(default_factory=dict)


def share(points: float, max_points: float) -> float:
    """``points`` as a share of ``max_points``; 1 where there is nothing to reach."""
    return points / max_points if max_points else 1.0


def reaches(value: float, mark: float) -> bool:
    """Whether the share ``value`` reaches ``mark``, forgiving rounding in the last digits."""
    return value >= mark - _ROUNDING


@contextmanager
def open_gradebook(url: str) -> Iterator[Any]:
    """The gradebook at ``url`` (SQLAlchemy) as an ``nbgrader.api.Gradebook``, or ``None`` while there is no such file.

    Raises :class:`CourseError` when it cannot be read.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        yield None
        return
    from nbgrader import api  # slow to import
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with api.Gradebook(url, course_id="") as gradebook:  # "" adds no course where there is none
            yield gradebook
    except SQLAlchemyError as problem:
        reason = one_line(str(problem.__cause__ or problem), 120)
        raise CourseError(f"The gradebook cannot be read ({reason}): try `nbgrader db upgrade`.") from problem


def read_marks(url: str, assignment: str) -> Marks:
    """Names, manual scores, comments and penalties of ``assignment``; none without a gradebook."""
    with open_gradebook(url) as gradebook:
        return _query_marks(gradebook, assignment) if gradebook else Marks()


def _query_marks(gradebook: Any, assignment: str) -> Marks:
    from nbgrader.api import Assignment, Comment, Grade, SubmittedAssignment, SubmittedNotebook

    def of_assignment(query: Any) -> Any:
        joined = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        return joined.join(Assignment, SubmittedAssignment.assignment_id == Assignment.id).filter(
            Assignment.name == assignment
        )

    def of_cells(record: Any) -> Any:
        query = gradebook.db.query(record).join(SubmittedNotebook, record.notebook_id == SubmittedNotebook.id)
        return of_assignment(query)

    def key(record: Any) -> tuple[str, str, str]:
        return record.student.id, record.notebook.name, record.cell.name

    penalties: dict[str, float] = {}
    for notebook in of_assignment(gradebook.db.query(SubmittedNotebook)):
        if notebook.late_submission_penalty:
            penalties[notebook.student.id] = penalties.get(notebook.student.id, 0) + notebook.late_submission_penalty
    return Marks(
        names={s.id: one_line(f"{s.first_name or ''} {s.last_name or ''}") for s in gradebook.students},
        manual={key(g): g.manual_score for g in of_cells(Grade).filter(Grade.manual_score.is_not(None))},
        extra={key(g): g.extra_credit for g in of_cells(Grade).filter(Grade.extra_credit.is_not(None))},
        comments={key(c): c.manual_comment for c in of_cells(Comment).filter(Comment.manual_comment.is_not(None))},
        penalties=penalties,
    )


@dataclass(frozen=True)
class Paper:
    """What a notebook of the source asks. ``owner`` gives for each question the student's cell that it judges."""

    owner: Mapping[str, str]
    absent: NotebookResult  # the verdicts on a notebook that was not handed in
    bank: Bank | None


def read_papers(course: Course, assignment: str) -> dict[str, Paper]:
    """The notebooks of the source. Only these count: a submission may hold others, which nobody graded."""
    papers = {}
    for name in course.notebooks(assignment):
        source = engine.load_source(course, assignment, name)
        owner, mine = {}, ""
        for place in source.known:
            mine = place.name if place.is_answer else mine
            owner[place.name] = mine or place.name
        absent = engine.grade_notebook(course, assignment, name, None).result  # runs nothing
        papers[name] = Paper(owner, absent, source.bank)
    return papers


def notebook_report(
    student: str, notebook: NotebookNode | None, paper: Paper, marks: Marks, handed_in: bool = False
) -> NotebookReport:
    """The report on one notebook, its questions grouped by the student's cell that they judge.

    ``notebook`` is the autograded one. Without one it was not handed in, unless ``handed_in`` says that it
    is still to be graded.
    """
    found = notebook.metadata.get(engine.RESULT) if notebook else None
    graded = found is not None or (notebook is None and not handed_in)
    result = NotebookResult.from_dict(found) if found else paper.absent
    name, groups = paper.absent.notebook, {}
    for verdict in result.verdicts:
        question = _question(verdict, (student, name, verdict.cell), marks)
        groups.setdefault(paper.owner.get(verdict.cell, verdict.cell), []).append(question)
    tasks = tuple(_task(cell, questions, (student, name), marks) for cell, questions in groups.items())
    report = NotebookReport(name, tasks, result.notes if graded else (), PASS_MARK, graded)
    return replace(report, pass_mark=paper.bank.pass_mark) if report.is_quiz and paper.bank else report


def _question(verdict: Verdict, key: tuple[str, str, str], marks: Marks) -> Question:
    manual, extra = marks.manual.get(key), marks.extra.get(key) or 0.0
    return Question(verdict, (verdict.points if manual is None else manual) + extra, manual is not None, extra)


def _task(cell: str, questions: list[Question], where: tuple[str, str], marks: Marks) -> Task:
    named = dict.fromkeys([cell, *(q.verdict.cell for q in questions)])  # a comment may hang on either
    comments = [text for name in named if (text := marks.comments.get((*where, name)))]
    return Task(cell, _common_title([q.verdict.title for q in questions]), tuple(questions), "\n\n".join(comments))


def _common_title(titles: Sequence[str]) -> str:
    """What the titles of a cell's tests share: "2. Scale" of "2. Scale: visible tests" and "2. Scale: hidden tests"."""
    heads = {title.rpartition(": ")[0] for title in titles}
    return one_line(heads.pop() or titles[0] if len(heads) == 1 and len(titles) > 1 else titles[0])
