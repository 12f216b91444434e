"""Points and words for quiz answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import bank as banks
from autograder.quiz.answers import read_answer, read_value
from autograder.scoring import option_feedback, score_answer, share
from autograder.verdicts import Outcome, Verdict

Q1, Q2 = banks.load(Path(__file__).parent / "banks" / "example.toml").questions  # keys ACD (2 points) and B (1 point)


@pytest.mark.parametrize(
    ("letters", "outcome", "thirds", "message"),
    [
        ("ACD", Outcome.PASSED, 3, "Right: A, C, D."),
        ("AC", Outcome.PARTLY, 2, "Right: A, C. Not all the right ones are picked."),
        ("ABCD", Outcome.PARTLY, 2, "Right: A, C, D. Wrong: B."),
        ("A", Outcome.PARTLY, 1, "Right: A. Not all the right ones are picked."),
        ("AB", Outcome.FAILED, 0, "Right: A. Wrong: B."),
        ("B", Outcome.FAILED, 0, "Wrong: B."),
    ],
)
def test_select_all_gives_right_less_wrong(letters: str, outcome: Outcome, thirds: int, message: str) -> None:
    verdict = score_answer(Q1, read_value(letters, "q1"))
    assert verdict == Verdict("q1", "quiz", "Question 1", outcome, verdict.points, 2.0, message, letters)
    assert verdict.points == pytest.approx(2 * thirds / 3)


def test_full_marks_are_exact() -> None:
    assert score_answer(Q1, read_value("ACD", "q1")).points == 2.0


@pytest.mark.parametrize(("letters", "points"), [("B", 1), ("A", 0), ("AB", 0)])
def test_pick_one_is_all_or_nothing(letters: str, points: float) -> None:
    assert score_answer(Q2, read_value(letters, "q2")).points == points


@pytest.mark.parametrize(
    ("source", "outcome", "words"),
    [
        ('quiz.ask("q1", "")', Outcome.NOT_ATTEMPTED, "No letter was picked."),
        ("", Outcome.NOT_ATTEMPTED, "The cell is empty"),
        ('quiz.ask("q1", "AX")', Outcome.UNREADABLE, "“X” is no option of q1"),
        ('quiz.ask("q1", "A', Outcome.UNREADABLE, "Line 1 is not valid Python"),
    ],
)
def test_no_answer_and_malformed_answers_score_nothing_and_say_why(source: str, outcome: Outcome, words: str) -> None:
    verdict = score_answer(Q1, read_answer(source, "q1"))
    assert (verdict.outcome, verdict.points, verdict.answer) == (outcome, 0.0, "")
    assert words in verdict.message


@st.composite
def answered(draw: st.DrawFn) -> tuple[banks.Question, str]:
    right = draw(st.lists(st.booleans(), min_size=2, max_size=8).filter(any))
    options = tuple(banks.Option(f"option {i}", r, f"reason {i}") for i, r in enumerate(right))
    question = banks.Question("q1", "all", "?", options, draw(st.sampled_from([0.5, 1, 3])))
    return question, "".join(draw(st.sets(st.sampled_from(question.letters))))


@given(answered())
def test_a_share_is_between_none_and_all_and_full_only_for_the_key(case: tuple[banks.Question, str]) -> None:
    question, letters = case
    assert 0 <= share(question, letters) <= 1
    assert (share(question, letters) == 1) == (set(letters) == set(question.right_letters))
    verdict = score_answer(question, read_value(letters, "q1"))
    assert 0 <= verdict.points <= verdict.max_points == question.points
    assert Verdict.from_dict(verdict.to_dict()) == verdict


@given(answered())
def test_picking_a_wrong_one_more_never_gains(case: tuple[banks.Question, str]) -> None:
    question, letters = case
    for wrong in set(question.letters) - set(question.right_letters):
        assert share(question, letters + wrong) <= share(question, letters)


@given(answered())
def test_options_not_picked_keep_their_secret_until_revealed(case: tuple[banks.Question, str]) -> None:
    question, letters = case
    for told in option_feedback(question, letters, reveal=False):
        assert told.picked == (told.letter in letters)
        assert (told.right is None) == (not told.picked)
        assert bool(told.feedback) == told.picked
    revealed = option_feedback(question, letters, reveal=True)
    assert "".join(told.letter for told in revealed if told.right) == question.right_letters
    assert all(told.feedback for told in revealed)
