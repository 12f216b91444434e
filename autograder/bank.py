"""Banks of questions: TOML in ``autograder/questions``, read and checked.

    title = "Introduction to model serving"
    use = "graded"                # or "self-check"
    pass_mark = 0.8               # graded only; default 0.8

    [[question]]
    id = "q1"                     # q1, q2, … when graded; s1, s2, … for self-checks; in order
    kind = "all"                  # "all": select all that apply; "one": one option is right
    points = 1                    # default 1
    text = "Which … ?"            # Markdown, as are the texts below

    [[question.option]]           # letters A, B, C … follow the order
    text = "A model"
    right = true
    feedback = "Training gives the model …"    # every option has its own

``NAME.toml`` is the graded bank of assignment NAME, ``NAME.selfcheck.toml`` the self-checks of lesson NAME
(a lesson without assignment may keep its self-checks in ``NAME.toml``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.course import PASS_MARK, CourseError
from autograder.quiz.questions import (
    GRADED,
    HINTS,
    SELF_CHECK,
    Bank,
    Option,
    Question,
    options_markdown,
    to_json,
)

__all__ = ["Bank", "Option", "Question", "bank_for", "load", "markdown", "questions_file"]

QUESTIONS = Path(__file__).parent / "questions"
MOST_OPTIONS = 8  # more than anyone can weigh, and each has a letter


def load(path: Path | str) -> Bank:
    """The bank in a TOML file.

    Raises :class:`CourseError` that names the file, the question and what is wrong.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"There is no question bank {path}: write one (autograder/bank.py shows the format)."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path.name} is not valid TOML: {error}.") from None
    try:
        return _bank(data)
    except _Wrong as wrong:
        raise CourseError(f"{path.name}: {wrong}.") from None


def bank_for(assignment: str, use: str = GRADED, folder: Path = QUESTIONS) -> Bank:
    """The bank of an assignment (full name, ``"01_build_a_model"``) for ``"graded"`` or ``"self-check"``.

    Raises :class:`CourseError` when there is none or it is wrong.
    """
    special = folder / f"{assignment}.selfcheck.toml"
    path = special if use == SELF_CHECK and special.exists() else folder / f"{assignment}.toml"
    bank = load(path)
    if bank.use != use:
        raise CourseError(f"{path.name} has use = {bank.use!r} where {use!r} is asked for: set it, or rename the file.")
    return bank


def markdown(question: Question) -> str:
    """The text of the Markdown cell above a question's answer cell."""
    inside = question.id.startswith("s")  # a self-check stands inside a section of its lesson
    points = "" if inside else f", {question.points:g} point{'s' * (question.points != 1)}"
    head = f"{'###' if inside else '##'} {question.title}\n\n*{HINTS[question.kind].capitalize()}{points}.*"
    return f"{head}\n\n{question.text}\n\n{options_markdown(question)}"


def questions_file(bank: Bank) -> str:
    """JSON for the notebook: no key and no feedback in a graded bank's; both in a self-check's."""
    return to_json(bank)


class _Wrong(Exception):
    """What is wrong with a bank, without the name of its file."""


def _bank(data: Mapping[str, Any]) -> Bank:
    _known(data, {"title", "use", "pass_mark", "question"}, "the head")
    title = _text(data, "title", "the head")
    use = data.get("use")
    if use not in (GRADED, SELF_CHECK):
        raise _Wrong(f'use is {use!r} where "graded" or "self-check" should stand')
    pass_mark = data.get("pass_mark", PASS_MARK)
    if not _number(pass_mark) or not 0 < pass_mark <= 1:
        raise _Wrong(f"pass_mark is {pass_mark!r}: it is a share of the points, above 0 and at most 1")
    questions = data.get("question")
    if not _tables(questions):
        raise _Wrong("there is no [[question]]: a bank holds at least one")
    prefix = "q" if use == GRADED else "s"
    return Bank(title, use, pass_mark, tuple(_question(q, f"{prefix}{i}") for i, q in enumerate(questions, start=1)))


def _question(data: Mapping[str, Any], expected_id: str) -> Question:
    given = data.get("id")
    if given != expected_id:
        raise _Wrong(
            f"question id {given!r} stands where {expected_id!r} should: ids count up in the order of the file"
        )
    where = f"question {given}"
    _known(data, {"id", "kind", "points", "text", "option"}, where)
    kind = data.get("kind")
    if kind not in HINTS:
        raise _Wrong(f'{where}: kind is {kind!r} where "all" or "one" should stand')
    points = data.get("points", 1)
    if not _number(points) or not 0 < points < 1000:
        raise _Wrong(f"{where}: points is {points!r}, not a number above 0")
    text = _text(data, "text", where)
    options = data.get("option")
    if not _tables(options) or not 2 <= len(options) <= MOST_OPTIONS:
        raise _Wrong(f"{where}: it needs two to {MOST_OPTIONS} [[question.option]]")
    read = tuple(_option(o, f"{where}, option {'ABCDEFGH'[i]}") for i, o in enumerate(options))
    if len({o.text for o in read}) < len(read):
        raise _Wrong(f"{where}: two options have the same text")
    right = sum(bool(o.right) for o in read)
    if right == 0:
        raise _Wrong(f"{where}: no option is right")
    if kind == "one" and right > 1:
        raise _Wrong(f'{where}: {right} options are right in a question of kind "one"')
    return Question(given, kind, text, read, points)


def _option(data: Mapping[str, Any], where: str) -> Option:
    _known(data, {"text", "right", "feedback"}, where)
    right = data.get("right")
    if not isinstance(right, bool):
        raise _Wrong(f"{where}: right is {right!r} where true or false should stand")
    text = _text(data, "text", where)
    if "\n" in text:
        raise _Wrong(f"{where}: its text has more than one line")
    return Option(text, right, _text(data, "feedback", where))


def _text(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"{where}: {key} is missing or empty")
    return value.strip()


def _known(data: Mapping[str, Any], keys: set[str], where: str) -> None:
    strange = sorted(data.keys() - keys)
    if strange:
        raise _Wrong(f"{where}: {strange[0]!r} is not a key here (there are {', '.join(sorted(keys))})")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)
