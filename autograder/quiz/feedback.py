"""What may be told about an answer, option by option."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.quiz.questions import Question


@dataclass(frozen=True)
class OptionFeedback:
    """One option with what may be told about it: ``right`` is ``None`` and ``feedback`` ``""`` where nothing may."""

    letter: str
    text: str
    picked: bool
    right: bool | None
    feedback: str


def option_feedback(question: Question, letters: str, reveal: bool) -> list[OptionFeedback]:
    """Right or wrong, and why, for each picked option; for the others too only when ``reveal``."""
    told = []
    for letter, option in zip(question.letters, question.options, strict=True):
        picked = letter in letters
        shown = picked or reveal
        told.append(
            OptionFeedback(
                letter, option.text, picked, option.right if shown else None, option.feedback if shown else ""
            )
        )
    return told
