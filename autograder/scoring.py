"""From a quiz answer to a verdict.

A select-all question gives ``max(0, right picked − wrong picked) / number of right ones`` of its points,
so that ticking everything gains nothing; a pick-one question gives all or nothing.
"""

from __future__ import annotations

from autograder.quiz.answers import Answer, check
from autograder.quiz.feedback import OptionFeedback, option_feedback
from autograder.quiz.questions import Question
from autograder.verdicts import Outcome, Verdict

__all__ = ["OptionFeedback", "option_feedback", "score_answer", "share"]


def share(question: Question, letters: str) -> float:
    """The share of the points that the picked letters reach, 0 to 1. ``question`` must carry its key."""
    right = set(question.right_letters)
    picked = set(letters)
    if question.kind == "one":
        return float(picked == right)
    return max(0, len(picked & right) - len(picked - right)) / len(right)


def score_answer(question: Question, answer: Answer) -> Verdict:
    """The verdict on an answer as :func:`autograder.quiz.answers.read_answer` read it.

    Letters that do not fit the question make it "could not be read", for no points, with the sentence as message.
    """
    answer = check(answer, question)
    if answer.blank:
        return _verdict(question, Outcome.NOT_ATTEMPTED, 0.0, answer.problem or "No letter was picked.")
    if answer.problem:
        return _verdict(question, Outcome.UNREADABLE, 0.0, answer.problem)
    reached = share(question, answer.letters)
    outcome = Outcome.PASSED if reached == 1 else Outcome.PARTLY if reached > 0 else Outcome.FAILED
    return _verdict(question, outcome, reached * question.points, _message(question, answer.letters), answer.letters)


def _verdict(question: Question, outcome: Outcome, points: float, message: str, letters: str = "") -> Verdict:
    return Verdict(question.id, "quiz", question.title, outcome, points, float(question.points), message, letters)


def _message(question: Question, letters: str) -> str:
    """Right and wrong of what was picked; of the other options nothing but that some are missing."""
    right = [c for c in letters if c in question.right_letters]
    wrong = [c for c in letters if c not in question.right_letters]
    parts = [f"Right: {', '.join(right)}."] * bool(right) + [f"Wrong: {', '.join(wrong)}."] * bool(wrong)
    if question.kind == "all" and not wrong and len(right) < len(question.right_letters):
        parts.append("Not all the right ones are picked.")
    return " ".join(parts)
