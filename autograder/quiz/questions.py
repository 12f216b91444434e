"""Questions as plain data, and the JSON file that carries them to the student's notebook."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

GRADED, SELF_CHECK = "graded", "self-check"
HINTS = {"all": "select all that apply", "one": "pick one"}


@dataclass(frozen=True)
class Option:
    """One option. ``right`` and ``feedback`` are ``None`` and ``""`` where the key is not shipped."""

    text: str
    right: bool | None = None
    feedback: str = ""


@dataclass(frozen=True)
class Question:
    """One question. ``kind`` is ``"all"`` (select all that apply) or ``"one"``; texts are Markdown."""

    id: str
    kind: Literal["all", "one"]
    text: str
    options: tuple[Option, ...]
    points: float = 1.0

    @property
    def letters(self) -> str:
        """The letters of the options, in their order: ``"ABCD"`` for four."""
        return string.ascii_uppercase[: len(self.options)]

    @property
    def right_letters(self) -> str:
        """The letters of the right options; ``""`` where the key is not shipped."""
        return "".join(letter for letter, option in zip(self.letters, self.options, strict=True) if option.right)

    @property
    def title(self) -> str:
        """What a student calls it: ``"Question 2"`` for ``q2``, ``"Self-check 2"`` for ``s2``."""
        return ("Self-check " if self.id.startswith("s") else "Question ") + self.id[1:]


@dataclass(frozen=True)
class Bank:
    """The questions of one notebook. ``use`` is ``"graded"`` or ``"self-check"``; ``pass_mark`` a share in (0, 1]."""

    title: str
    use: Literal["graded", "self-check"]
    pass_mark: float
    questions: tuple[Question, ...]

    def question(self, question_id: str) -> Question | None:
        """The question of that id, or ``None``."""
        return next((q for q in self.questions if q.id == question_id), None)


def options_markdown(question: Question) -> str:
    """The options as a Markdown list, each with its letter."""
    return "\n".join(f"- **{a}.** {o.text}" for a, o in zip(question.letters, question.options, strict=True))


def to_json(bank: Bank) -> str:
    """The bank as JSON for students: without key and feedback when graded, with both when a self-check."""

    def option(o: Option) -> dict[str, Any]:
        return {"text": o.text} if bank.use == GRADED else {"text": o.text, "right": o.right, "feedback": o.feedback}

    data = {
        "title": bank.title,
        "use": bank.use,
        "pass_mark": bank.pass_mark,
        "questions": [
            {"id": q.id, "kind": q.kind, "points": q.points, "text": q.text, "options": [option(o) for o in q.options]}
            for q in bank.questions
        ],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _question(data: Mapping[str, Any]) -> Question:
    options = tuple(Option(o["text"], o.get("right"), o.get("feedback", "")) for o in data["options"])
    return Question(data["id"], data["kind"], data["text"], options, data["points"])


def read_json(path: Path) -> Bank:
    """The inverse of :func:`to_json`, for the file beside a notebook.

    Raises ``OSError`` when there is no such file and ``ValueError`` when it is not one of :func:`to_json`'s.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Bank(data["title"], data["use"], data["pass_mark"], tuple(_question(q) for q in data["questions"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a file of questions") from error
