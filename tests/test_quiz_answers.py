"""Letters are read from a cell's source, whatever stands there, and the cell is never run."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder import bank as banks
from autograder.quiz import Quiz
from autograder.quiz.answers import check, read_answer, read_value

BANKS = Path(__file__).parent / "banks"
GRADED = banks.load(BANKS / "example.toml")
Q1, Q2 = GRADED.questions


@pytest.mark.parametrize(
    ("source", "letters"),
    [
        ('quiz.ask("q1", "AC")', "AC"),
        ("quiz.ask('q1', 'CA')", "AC"),
        ('quiz.ask("q1", "a, c")', "AC"),
        ('quiz.ask("q1", "A C;D")', "ACD"),
        ('quiz.ask("q1", "AACA")', "AC"),
        ('quiz.ask("q1", "Ａ，Ｃ")', "AC"),
        ('quiz.ask("q1", "A" "C")', "AC"),
        ('quiz.ask("q1", """\nA\nC\n""")', "AC"),
        ('quiz.ask("q1", answer="A")', "A"),
        ('quiz.ask(answer="A", id="q1")', "A"),
        ('# quiz.ask("q1", "B")\nquiz.ask("q1", "A")  # sure', "A"),
        ('Quiz("questions.json").ask("q1", "D");', "D"),
        ('  quiz.ask("q1", "A")', "A"),
        ('\ufeffquiz.ask("q1", "A")\r\n', "A"),
        ('quiz.ask("q1", "A")\nquiz.ask("q2", "B")', "A"),
        ('%%time\nquiz.ask("q1", "AC")', "AC"),
        ('%load_ext autoreload\n  !ls\n?quiz\nquiz.ask?\nquiz.ask("q1", "AC")\n%time', "AC"),
        ('%%time\nquiz.ask("q1", """\nA\nC""")', "AC"),
        ('quiz.ask("q1", f"AC")', "AC"),
        ('quiz.ask("q1", f"A" "C")', "AC"),
        ('quiz.ask("q1", "AND")', "ADN"),
    ],
)
def test_honest_spellings_are_read(source: str, letters: str) -> None:
    answer = read_answer(source, "q1")
    assert (answer.letters, answer.problem, answer.blank) == (letters, None, False)


@pytest.mark.parametrize("source", ['quiz.ask("q1", "")', 'quiz.ask("q1", " , ")'])
def test_an_empty_answer_is_blank_and_no_problem(source: str) -> None:
    answer = read_answer(source, "q1")
    assert answer.blank
    assert answer.problem is None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", "has no answer to q1"),
        ('ask("q1", "A")', "has no answer to q1"),
        ('quiz.ask("q2", "A")', "answers “q2” and not q1"),
        ('quiz.ask("q1")', "The call has no answer"),
        ('quiz.ask("q1", A)', "“A” stands without quotes"),
        ('quiz.ask("q1", "A", "C")', "has 3 arguments"),
        ('quiz.ask("q1", "A" + "C")', "nothing computed"),
        ('quiz.ask("q1", f"{1}")', "nothing computed"),
        ('quiz.ask("q1", ["A"])', "nothing computed"),
        ('quiz.ask("q1", 3)', "of type int and not text"),
        ('quiz.ask("q1", b"A")', "of type bytes and not text"),
        ('quiz.ask("q1", None)', "is nothing and not text"),
        ('quiz.ask("q1", "A1")', "“1” is not a letter"),
        ('quiz.ask("q1", "ß")', "“ß” is not a letter"),
        ('quiz.ask("q1", "А")', "“А” is not a letter of an option but a Cyrillic one that looks like it"),
        ('quiz.ask("q1", "AΒ")', "“Β” is not a letter of an option but a Greek one"),
        ('quiz.ask("q1", "A and C")', "“A and C” holds more than letters: write the letters only, like AC."),
        ('quiz.ask("q1", "a, c or d")', "“a, c or d” holds more than letters"),
        ('%%time\nquiz.ask("q1", “A”)', "Line 2 is not valid Python"),
        ('quiz.ask("q1", "\\x00")', "“\\u0000” is not a letter"),
        ('quiz.ask("q1", "A")\nquiz.ask("q1", "C")', "answers q1 2 times"),
        ('x = 1\nquiz.ask("q1", “A”)', "Line 2 is not valid Python"),
        ('quiz.ask("q1", "A"', "Line 1 is not valid Python"),
        ("\0", "Python"),
        ("(" * 5000 + ")" * 5000, "Python"),
        ("#" * 200_000, "too long"),
    ],
)
def test_malformed_answers_get_a_sentence(source: str, words: str) -> None:
    answer = read_answer(source, "q1")
    assert answer.letters == ""
    assert not answer.blank
    assert answer.problem is not None
    assert words in answer.problem
    assert answer.problem.endswith(".")
    assert len(answer.problem) < 200


@pytest.mark.parametrize("source", ["", "  \n", "# nothing here"])
def test_an_emptied_cell_is_blank_and_told(source: str) -> None:
    answer = read_answer(source, "q1")
    assert answer.blank
    assert answer.problem is not None
    assert "empty" in answer.problem


def test_letters_are_checked_against_the_question() -> None:
    assert check(read_value("ACD", "q1"), Q1).letters == "ACD"
    unknown = check(read_value("AX", "q1"), Q1)
    assert (unknown.letters, unknown.problem) == ("", "“X” is no option of q1: the options are A to D.")
    assert check(read_value("XYA", "q1"), Q1).problem == "“X” and “Y” are no options of q1: the options are A to D."
    assert check(read_value("AB", "q2"), Q2).problem == "q2 takes one letter and got A, B: keep one of them."
    assert check(read_value("bb", "q2"), Q2).letters == "B"


code = st.text(alphabet=st.characters(codec="utf-8")) | st.builds(
    'quiz.ask("q1", {})'.format, st.text() | st.text().map(repr) | st.binary().map(repr) | st.integers().map(str)
)


@given(code)
@example('quiz.ask("q1", exec("raise SystemExit"))')
@example("raise SystemExit")
@example('quiz.ask("q1", "\\ud800")')
def test_any_source_gets_letters_or_a_sentence_or_is_blank(source: str) -> None:
    answer = check(read_answer(source, "q1"), Q1)
    assert bool(answer.letters) + bool(answer.problem or answer.blank) == 1
    assert set(answer.letters) <= set("ABCD")
    assert list(answer.letters) == sorted(set(answer.letters))
    (answer.problem or "").encode()  # can be written to a file


def test_reading_runs_nothing(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    source = f'__import__("pathlib").Path({str(witness)!r}).touch()\nquiz.ask("q1", "A")'
    assert read_answer(source, "q1").letters == "A"
    assert not witness.exists()


# What `ask` shows, in a kernel as nbclient and nbval run it: without an editor, so without a widget.


def _run(folder: Path, *sources: str, bank: banks.Bank = GRADED) -> list[list[dict]]:
    (folder / "questions.json").write_text(banks.questions_file(bank), encoding="utf-8")
    start = 'from autograder.quiz import Quiz\nquiz = Quiz("questions.json")'
    notebook = new_notebook(cells=[new_code_cell(s) for s in (start, *sources)])
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, timeout=60).execute()
    nbformat.validate(notebook)
    return [[output["data"] for output in cell.outputs] for cell in notebook.cells[1:]]


def test_graded_questions_show_the_answer_and_no_verdict(tmp_path: Path) -> None:
    shown = _run(tmp_path, 'quiz.ask("q1", "")', 'quiz.ask("q1", "AB")', 'quiz.ask("q2", "AB")', 'quiz.ask("q1")')
    blank, answered, twice, missing = [data["text/plain"] for (data,) in shown]
    assert blank.startswith("Question 1 (select all that apply): No answer when this cell last ran.")
    assert "Write letters between the quotes" in blank
    assert answered == (
        "Question 1 (select all that apply): Answer when this cell last ran: A, B. "
        "What counts are the letters in the cell."
    )
    assert "q2 takes one letter and got A, B" in twice
    assert "The call has no answer" in missing
    for (data,) in shown:
        assert set(data) == {"text/plain", "text/markdown"}
        assert not any(word in json.dumps(data).lower() for word in ("right", "wrong", "training gives"))


def test_self_checks_say_so_and_give_reasons_for_what_was_picked(tmp_path: Path) -> None:
    bank = banks.load(BANKS / "example.selfcheck.toml")
    sources = ['quiz.ask("s1", "")', 'quiz.ask("s1", "AB")', 'quiz.ask("s1", "AC")', 'quiz.ask("s2", "B")']
    blank, wrong, partly, right = [data["text/plain"] for (data,) in _run(tmp_path, *sources, bank=bank)]
    assert "not graded" in blank
    assert "printing press" not in blank  # it stands in the cell above
    assert "✓" not in blank
    assert "- A ✓ right: Training gives it.\n- B ✗ wrong: Predictions are sent, not printed." in wrong
    assert "Not right yet" in wrong
    assert "executes" not in wrong  # the reason of an option that was not picked
    assert "Right so far; something is missing." in partly
    assert "That is right." in right


def test_nothing_stops_run_all(tmp_path: Path) -> None:
    sources = ['quiz.ask("q9", "A")', 'quiz.ask("q1", "A", "B")', 'Quiz("elsewhere.json").ask("q1", "A")']
    unknown, many, (no_file, answer) = _run(tmp_path, *sources)
    assert unknown[0]["text/plain"].startswith("There is no question q9")
    assert "has 3 arguments" in many[0]["text/plain"]
    assert no_file["text/plain"].startswith("There is no file elsewhere.json beside this notebook")
    assert answer["text/plain"] == "Answer when this cell last ran: A."


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 1}', '{"questions": [3]}', "\ufeff"])
def test_a_damaged_file_of_questions_is_told(tmp_path: Path, text: str, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "questions.json"
    path.write_text(text, encoding="utf-8")
    Quiz(path).ask("q1", "A")
    assert "is damaged" in capsys.readouterr().out


def test_the_widget_has_one_id_per_cell_and_question_and_no_key() -> None:
    from autograder.quiz import widget

    blank = read_value("", "q1")
    views = [widget.view(q, blank, False, cell)[widget.VIEW]["model_id"] for q, cell in [(Q1, "a"), (Q1, "a")]]
    assert views[0] == views[1]
    assert widget.view(Q2, blank, False, "a")[widget.VIEW]["model_id"] != views[0]
    told = json.dumps(widget.state(banks.load(BANKS / "example.toml").questions[0], blank, False, "a"))
    assert "Training gives it" not in told
    assert '"right"' not in told
    assert "<code>X</code>" in told


def test_html_in_a_question_stays_text_in_the_widget() -> None:
    from autograder.quiz import widget

    question = banks.Question("q1", "one", "<script>x</script>", (banks.Option("<b>A</b>"), banks.Option("B")))
    told = widget.state(question, read_value("", "q1"), False, "a")
    assert "<script>" not in told["html"]
    assert told["options"][0]["html"] == "&lt;b&gt;A&lt;/b&gt;"
