"""What a graded question can end as, and what is kept of it.

Every question of a submission ends as exactly one :class:`Verdict`. A question is a graded cell of the
pristine source notebook: a test cell (its tests ran, or could not) or a quiz question (its answer was read).
Nothing here executes or reads anything; these are the records that pass from the engine to the writer,
and from the gradebook's notebooks to the reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a question ended. The value is the phrase that students read."""

    PASSED = "passed"
    PARTLY = "partly right"
    FAILED = "failed"
    ERROR = "error in your code"
    NOT_ATTEMPTED = "not attempted"
    OUT_OF_TIME = "out of time"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    UNREADABLE = "could not be read"


@dataclass(frozen=True)
class Verdict:
    """The end of one question.

    ``cell`` is the ``grade_id``; ``kind`` is ``"test"`` or ``"quiz"``; ``title`` is what the student sees as the
    question's name; ``message`` says what was expected and what was got, in the words of the test, as plain
    text (never HTML, never the source of a test, never a traceback of the grader). ``answer`` is the letters
    picked in a quiz question (``""`` for none), ``None`` for a test.
    """

    cell: str
    kind: str
    title: str
    outcome: Outcome
    points: float
    max_points: float
    message: str = ""
    answer: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self) | {"outcome": self.outcome.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The inverse of :meth:`to_dict`."""
        return cls(**{**data, "outcome": Outcome(data["outcome"])})


@dataclass(frozen=True)
class NotebookResult:
    """The verdicts of one notebook of a submission, in the order of the source, with notes for the student.

    ``notes`` are sentences about what was repaired on the way in ("The file was called `quiz (1).ipynb`; …").
    """

    notebook: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def points(self) -> float:
        """Points reached in this notebook."""
        return sum(v.points for v in self.verdicts)

    @property
    def max_points(self) -> float:
        """Points that this notebook offers."""
        return sum(v.max_points for v in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {"notebook": self.notebook, "verdicts": [v.to_dict() for v in self.verdicts], "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NotebookResult:
        """The inverse of :meth:`to_dict`."""
        return cls(data["notebook"], tuple(Verdict.from_dict(v) for v in data["verdicts"]), tuple(data["notes"]))
