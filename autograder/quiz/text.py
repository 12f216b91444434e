"""A question and its answer as text: for editors without widgets, and for pages that only render notebooks.

The text depends on the question and on the source of the cell, on nothing else, so that a notebook that is
run again gets the same outputs.
"""

from __future__ import annotations

from collections.abc import Callable

from autograder.quiz.answers import Answer
from autograder.quiz.feedback import option_feedback
from autograder.quiz.questions import HINTS, Question

HOW = "Write letters between the quotes of this cell and run it; in JupyterLab, run the cell and click."
COUNTS = "What counts are the letters in the cell."  # they may have changed since, by a click
MARKS = {True: "✓ right", False: "✗ wrong"}


def as_markdown(question: Question, answer: Answer, self_check: bool) -> str:
    """Markdown, for renderers that have it. The question and its options stand in the cell above, so not here."""
    return _text(question, answer, self_check, lambda words: f"**{words}**")


def as_plain(question: Question, answer: Answer, self_check: bool) -> str:
    """The same as plain text."""
    return _text(question, answer, self_check, lambda words: words)


def statement(answer: Answer) -> str:
    """One sentence: what the cell answered when it last ran, or what is wrong with it."""
    if answer.problem:
        return answer.problem
    if answer.blank:
        return "No answer when this cell last ran."
    return f"Answer when this cell last ran: {', '.join(answer.letters)}."


def verdict(question: Question, letters: str) -> str:
    """One sentence on a self-check's picks as a whole."""
    right = set(question.right_letters)
    if set(letters) == right:
        return "That is right."
    if set(letters) < right:
        return "Right so far; something is missing."
    return "Not right yet: read why, and pick again."


def _text(question: Question, answer: Answer, self_check: bool, bold: Callable[[str], str]) -> str:
    hint = f"{HINTS[question.kind]}{'; not graded' * self_check}"
    head = f"{bold(question.title)} ({hint}): {statement(answer)}"
    if answer.blank or answer.problem:
        return f"{head} {HOW}" if self_check else f"{head} {COUNTS} {HOW}"
    if not self_check:
        return f"{head} {COUNTS}"
    picked = [told for told in option_feedback(question, answer.letters, reveal=False) if told.picked]
    reasons = "\n".join(f"- {bold(f'{t.letter} {MARKS[bool(t.right)]}:')} {t.feedback}" for t in picked)
    return f"{head} {verdict(question, answer.letters)}\n\n{reasons}"
