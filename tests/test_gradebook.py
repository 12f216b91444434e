"""The gradebook: nbgrader's own rows, written whole or not at all, with what people entered left in place."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import pytest
from conftest import ASSIGNMENT
from nbformat import NotebookNode
from nbgrader.api import Gradebook, SubmittedAssignment
from sqlalchemy import event

from autograder import gradebook
from autograder.course import CourseError
from autograder.engine import RESULT, UNANSWERED, Graded, load_source
from autograder.gradebook import Sheet, Writer, open_gradebook, read_timestamp, write_submission
from autograder.verdicts import NotebookResult, Outcome, Verdict


def graded(course, share: float, unanswered: tuple[str, ...] = ()) -> dict[str, Graded]:
    """Results of both notebooks with the same share of the points for every question."""
    found = {}
    for name in course.notebooks(ASSIGNMENT):
        verdicts = []
        for place in load_source(course, ASSIGNMENT, name).graded:
            most = float(place.cell.metadata["nbgrader"]["points"])
            outcome = Outcome.PASSED if share == 1 else Outcome.FAILED
            verdicts.append(Verdict(place.name, "test", place.name, outcome, share * most, most))
        metadata = {RESULT: NotebookResult(name, tuple(verdicts)).to_dict(), UNANSWERED: list(unanswered)}
        found[name] = Graded.from_notebook(NotebookNode(cells=[], metadata=metadata))
    return found


@pytest.fixture
def book(small_course):
    with open_gradebook(small_course, ASSIGNMENT) as book:
        yield book


def test_what_formgrader_shows(small_course, book):
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1), datetime(2030, 1, 2))
    write_submission(book, ASSIGNMENT, "bob", graded(small_course, 0))
    whole = book.find_assignment(ASSIGNMENT)
    assert (whole.max_score, whole.num_submissions) == (11, 2)
    ada = book.find_submission(ASSIGNMENT, "ada")
    assert (ada.score, ada.max_score, ada.needs_manual_grade, ada.timestamp) == (11, 11, False, datetime(2030, 1, 2))
    assert book.find_submission(ASSIGNMENT, "bob").score == 0
    shown = {s["student"]: s["score"] for s in book.submission_dicts(ASSIGNMENT)}
    assert shown == {"ada": 11, "bob": 0}
    rows = book.notebook_submission_dicts("exercises", ASSIGNMENT)
    assert {row["student"]: row["failed_tests"] for row in rows} == {"ada": False, "bob": True}
    assert {s["id"]: s["score"] for s in book.student_dicts()} == {"ada": 11, "bob": 0}


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # from nbgrader's own add_submission
def test_a_gradebook_that_nbgrader_made_is_taken_as_it_is(small_course, book):
    """Rows that nbgrader's own ``add_submission`` made are found, not doubled."""
    book.add_student("ada", first_name="Ada")
    book.add_submission(ASSIGNMENT, "ada")
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))
    assert book.db.query(SubmittedAssignment).count() == 1
    submission = book.find_submission(ASSIGNMENT, "ada")
    assert submission.student.first_name == "Ada"
    assert sorted(len(n.grades) for n in submission.notebooks) == [2, 4]
    assert submission.score == 11


def test_what_people_entered_stays(small_course, book):
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 0))
    grade = book.find_grade("test_mean", "exercises", ASSIGNMENT, "ada")
    grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.5, False
    book.find_comment("mean", "exercises", ASSIGNMENT, "ada").manual_comment = "Nearly."
    book.db.commit()

    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 0))
    grade = book.find_grade("test_mean", "exercises", ASSIGNMENT, "ada")
    assert (grade.auto_score, grade.manual_score, grade.score, grade.needs_manual_grade) == (0, 1.5, 2, False)

    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))
    grade = book.find_grade("test_mean", "exercises", ASSIGNMENT, "ada")
    assert (grade.auto_score, grade.manual_score, grade.score) == (2, 1.5, 2)
    assert grade.needs_manual_grade  # the tests now say something else: a person looks again
    assert book.find_comment("mean", "exercises", ASSIGNMENT, "ada").comment == "Nearly."


def test_blank_cells_bear_nbgraders_words(small_course, book):
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 0, unanswered=("mean",)))
    assert book.find_comment("mean", "exercises", ASSIGNMENT, "ada").comment == "No response."
    assert book.find_comment("scale", "exercises", ASSIGNMENT, "ada").comment is None
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))
    assert book.find_comment("mean", "exercises", ASSIGNMENT, "ada").comment is None


def test_never_half_a_submission(small_course, book, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_comments", fail)
        with pytest.raises(KeyboardInterrupt):
            write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))
    assert book.students == []
    assert book.assignment_submissions(ASSIGNMENT) == []
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))
    assert book.find_submission(ASSIGNMENT, "ada").score == 11


def test_many_at_once_are_what_one_by_one_would_be(small_course, book):
    names = [f"s{i:03}" for i in range(gradebook.AT_ONCE + 3)]
    Writer(book, ASSIGNMENT).write([Sheet(name, graded(small_course, i % 2)) for i, name in enumerate(names)])
    shown = {s["student"]: s["score"] for s in book.submission_dicts(ASSIGNMENT)}
    assert shown == {name: 11 * (i % 2) for i, name in enumerate(names)}


def test_a_notebook_that_was_not_graded_keeps_what_it_has(small_course, book):
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1), datetime(2030, 1, 2))
    quiz = {"quiz": graded(small_course, 0)["quiz"]}
    write_submission(book, ASSIGNMENT, "ada", quiz)
    submission = book.find_submission(ASSIGNMENT, "ada")
    assert (submission.score, submission.timestamp) == (8, datetime(2030, 1, 2))


def test_the_writer_asks_a_fixed_number_of_questions(small_course, book):
    """However many submissions: what costs time is a statement, and the commit."""
    counts = []
    for size in (1, 30):
        statements = []

        def count(*arguments, seen=statements):
            seen.append(arguments[2].split()[0])

        writer = Writer(book, ASSIGNMENT)
        event.listen(book.engine, "before_cursor_execute", count)
        writer.write([Sheet(f"{size}-{i}", graded(small_course, 1)) for i in range(size)])
        event.remove(book.engine, "before_cursor_execute", count)
        counts.append(sorted(statements))
    assert counts[0] == counts[1] == ["INSERT"] * 5 + ["SELECT"] * 5


def test_a_locked_gradebook_is_told_in_a_sentence(small_course, book):
    book.db.remove()
    with book.engine.connect() as connection:  # goes back to the pool, and from there to the writer
        connection.connection.driver_connection.execute("PRAGMA busy_timeout = 0")
    holder = sqlite3.connect(small_course.root / "gradebook.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(CourseError, match=r"locked.*close other programs"):
            write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))
    finally:
        holder.close()
    write_submission(book, ASSIGNMENT, "ada", graded(small_course, 1))


def test_the_assignment_is_made_once_and_found_again(small_course):
    for _ in range(2):
        with open_gradebook(small_course, ASSIGNMENT):
            pass
    with Gradebook(small_course.gradebook_url) as book:
        assert [a.name for a in book.assignments] == [ASSIGNMENT]
        cell = book.find_source_cell("test_mean_hidden", "exercises", ASSIGNMENT)
        assert "mean([7]) == 7" in cell.source  # hidden tests are kept where only the instructor reads


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2030-05-01 12:00:00.000000 UTC", datetime(2030, 5, 1, 12)),
        ("2030-05-01T12:00:00+02:00", datetime(2030, 5, 1, 10)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_timestamps(tmp_path, text, time):
    (tmp_path / "timestamp.txt").write_text(text)
    assert read_timestamp(tmp_path) == time
    assert read_timestamp(tmp_path / "nowhere") is None
