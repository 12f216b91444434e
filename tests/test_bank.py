"""Question banks: what is wrong with one is told by file and question; what students get holds no key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from autograder import bank as banks
from autograder.course import CourseError
from autograder.quiz.questions import read_json

BANKS = Path(__file__).parent / "banks"
EXAMPLE = (BANKS / "example.toml").read_text(encoding="utf-8")


def test_a_bank_is_read() -> None:
    bank = banks.load(BANKS / "example.toml")
    assert (bank.title, bank.use, bank.pass_mark) == ("Example", "graded", 0.8)
    q1, q2 = bank.questions
    assert (q1.letters, q1.right_letters, q1.points, q1.title) == ("ABCD", "ACD", 2, "Question 1")
    assert (q2.letters, q2.right_letters, q2.points, q2.kind) == ("AB", "B", 1, "one")
    assert bank.question("q2") == q2
    assert bank.question("q3") is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "Example"', "", "title is missing or empty"),
        ('use = "graded"', 'use = "exam"', "use is 'exam'"),
        ("pass_mark = 0.8", "pass_mark = 80", "pass_mark is 80"),
        ("pass_mark = 0.8", "pass_mark = true", "pass_mark is True"),
        ("pass_mark = 0.8", "passmark = 0.8", "'passmark' is not a key"),
        ('id = "q2"', 'id = "q1"', "question id 'q1' stands where 'q2' should"),
        ('id = "q1"\n', "", "question id None stands where 'q1' should"),
        ('kind = "one"', 'kind = "some"', "question q2: kind is 'some'"),
        ("points = 2", "points = 0", "question q1: points is 0"),
        ("points = 2", 'points = "2"', "question q1: points is '2'"),
        ("points = 2", "points = nan", "question q1: points is nan"),
        ("points = 2", "weight = 2", "question q1: 'weight' is not a key"),
        ('text = "Which of these does *serving* a model need?"', 'text = " "', "question q1: text is missing"),
        ('text = "It adapts"', "", "question q2, option A: text is missing"),
        ('text = "It adapts"', 'text = "It goes stale"', "question q2: two options have the same text"),
        ('text = "It adapts"', 'text = "It\\nadapts"', "question q2, option A: its text has more than one line"),
        ('feedback = "The world moves on."', "", "question q2, option B: feedback is missing"),
        ('right = false\nfeedback = "Its', 'right = "no"\nfeedback = "Its', "question q2, option A: right is 'no'"),
        ('right = false\nfeedback = "Its', 'right = true\nfeedback = "Its', "2 options are right"),
        ('right = true\nfeedback = "The', 'right = false\nfeedback = "The', "question q2: no option is right"),
        ("[[question.option]]", "[question.option]", "is not valid TOML"),
        (EXAMPLE, 'title = "T"\nuse = "graded"', "there is no [[question]]"),
        (EXAMPLE, 'title = "T"\nuse = "graded"\nquestion = [1]', "there is no [[question]]"),
        (EXAMPLE[EXAMPLE.rindex("[[question.option]]") :], "", "question q2: it needs two to 8"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in EXAMPLE
    path = tmp_path / "spoilt.toml"
    path.write_text(EXAMPLE.replace(old, new), encoding="utf-8")
    with pytest.raises(CourseError) as told:
        banks.load(path)
    assert str(told.value).startswith("spoilt.toml")
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_or_misplaced_bank_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no question bank"):
        banks.bank_for("07_no_such_lesson")
    (tmp_path / "00_x.toml").write_text(EXAMPLE, encoding="utf-8")
    with pytest.raises(CourseError, match="use = 'graded' where 'self-check' is asked for"):
        banks.bank_for("00_x", "self-check", folder=tmp_path)
    (tmp_path / "00_x.toml").write_bytes(b"\xff")
    with pytest.raises(CourseError, match="not valid TOML"):
        banks.bank_for("00_x", folder=tmp_path)


def test_banks_are_found_by_assignment_and_use() -> None:
    assert banks.bank_for("example", folder=BANKS).use == "graded"
    assert banks.bank_for("example", "self-check", folder=BANKS).questions[0].title == "Self-check 1"


def test_the_students_file_of_a_graded_bank_has_no_key_and_no_feedback(tmp_path: Path) -> None:
    bank = banks.load(BANKS / "example.toml")
    text = banks.questions_file(bank)
    assert set(re.findall(r'"(\w+)":', text)) == {
        *("title", "use", "pass_mark", "questions"),
        *("id", "kind", "points", "text", "options"),
    }
    assert not any(option.feedback in text for question in bank.questions for option in question.options)
    path = tmp_path / "questions.json"
    path.write_text(text, encoding="utf-8")
    read = read_json(path)
    assert [o.text for q in read.questions for o in q.options] == [o.text for q in bank.questions for o in q.options]
    assert all(o.right is None for q in read.questions for o in q.options)


def test_the_file_of_self_checks_carries_everything(tmp_path: Path) -> None:
    bank = banks.load(BANKS / "example.selfcheck.toml")
    path = tmp_path / "example.json"
    path.write_text(banks.questions_file(bank), encoding="utf-8")
    assert read_json(path) == bank
    assert json.loads(path.read_text(encoding="utf-8"))["questions"][0]["options"][0]["right"] is True


def test_the_markdown_of_a_question() -> None:
    q1, q2 = banks.load(BANKS / "example.toml").questions
    assert banks.markdown(q1) == (
        "## Question 1\n\n*Select all that apply, 2 points.*\n\nWhich of these does *serving* a model need?\n\n"
        "- **A.** A model\n- **B.** A printing press\n- **C.** Input data, such as `X`\n- **D.** An interpreter"
    )
    assert "*Pick one, 1 point.*" in banks.markdown(q2)


@pytest.mark.parametrize("path", sorted(banks.QUESTIONS.glob("*.toml")), ids=lambda path: path.name)
def test_every_bank_of_the_course_is_sound(path: Path) -> None:
    bank = banks.load(path)
    for question in bank.questions:
        reasons = [option.feedback for option in question.options]
        assert len(set(reasons)) == len(reasons), f"{question.id}: two options share their feedback"
