"""Reading submissions: everything that still holds cells is read, everything else says why not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import reading
from autograder.reading import Unreadable, find_notebooks, naming_notes, read_submission


def notebook(*sources: str, names: tuple[str, ...] = ()) -> dict:
    """A small notebook as JSON data; ``names`` are the nbgrader names of its first cells."""
    built = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    for cell, name in zip(built.cells, names, strict=False):
        cell.metadata["nbgrader"] = {"grade_id": name, "points": 100, "grade": True}
    return built


@pytest.fixture
def written(tmp_path):
    """``written(data)`` puts bytes, text or JSON data into ``quiz.ipynb``."""

    def _written(data) -> Path:
        path = tmp_path / "quiz.ipynb"
        if not isinstance(data, bytes):
            data = (data if isinstance(data, str) else json.dumps(data, indent=1)).encode()
        path.write_bytes(data)
        return path

    return _written


def sources(path: Path) -> list[str]:
    return [cell.source for cell in read_submission(path)[0].cells]


TEXT = json.dumps(notebook("größe = 1", "b"), indent=1, ensure_ascii=False)


@pytest.mark.parametrize(
    ("encoding", "mark", "said"),
    [
        ("utf-8", b"", None),
        ("utf-8", b"\xef\xbb\xbf", "byte order mark"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
        ("utf-16-be", b"", "UTF-16"),
        ("utf-32-le", b"\xff\xfe\0\0", "UTF-32"),
        ("latin-1", b"", "WINDOWS-1252"),
    ],
)
def test_every_encoding_is_read_and_named(written, encoding, mark, said):
    path = written(mark + TEXT.encode(encoding))
    assert sources(path) == ["größe = 1", "b"]
    notes = read_submission(path)[1]
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]


def test_windows_line_ends_in_file_and_in_sources(written):
    path = written(json.dumps(notebook("a = 1\r\nb = 2\rc"), indent=1).replace("\n", "\r\n"))
    assert sources(path) == ["a = 1\nb = 2\nc"]
    assert any("Windows line ends" in note for note in read_submission(path)[1])


def test_nbformat_3_with_headings_and_missing_keys(written):
    old = {
        "nbformat": 3,
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["Title"]},
                    {"cell_type": "code", "input": ["a\n", "b"], "metadata": {"nbgrader": {"grade_id": "mean"}}},
                    {"cell_type": "code"},
                ]
            }
        ],
    }
    read, notes = read_submission(written(old))
    assert [(cell.cell_type, cell.source) for cell in read.cells] == [
        ("markdown", "## Title"),
        ("code", "a\nb"),
        ("code", ""),
    ]
    assert read.cells[1].metadata == {"nbgrader": {"grade_id": "mean"}}
    assert "old format" in notes[0]


def test_nothing_but_source_type_id_and_name_is_kept(written):
    data = notebook("x", names=("mean",))
    data["metadata"] = {"kernelspec": {"name": "evil"}}
    data["cells"][0]["metadata"]["tags"] = ["skip-execution"]
    data["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "full marks"}]
    data["cells"].append({"cell_type": "markdown", "source": "![](attachment:a.png)", "attachments": {"a.png": {}}})
    read = read_submission(written(data))[0]
    assert read.metadata == {}
    assert read.cells[0].metadata == {"nbgrader": {"grade_id": "mean"}}
    assert read.cells[0].outputs == []
    assert "attachments" not in read.cells[1]


def test_doubled_ids_are_dropped_and_cells_of_unknown_kind_kept(written):
    data = notebook("a", "b")
    data["cells"][1]["id"] = data["cells"][0]["id"]
    data["cells"] += [{"cell_type": "strange", "source": "c"}, {"source": "d", "outputs": []}, "no cell", None]
    read = read_submission(written(data))[0]
    assert [cell.cell_type for cell in read.cells] == ["code", "code", "raw", "code"]
    assert read.cells[0]["id"]
    assert not read.cells[1]["id"]


def test_text_after_the_end_is_left_out_and_noted(written):
    path = written(json.dumps(notebook("a"), indent=1) + "\n}\n]")
    assert sources(path) == ["a"]
    assert "after the end" in read_submission(path)[1][0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\0\0\0", "is empty"),
        ("[1, 2]", "no notebook"),
        ('{"cells": 3}', "no list of cells"),
        ("PK\x03\x04 and so on", "ZIP archive"),
        ("<!DOCTYPE html><html>", "web page"),
        ("%PDF-1.7", "PDF"),
        ("\ufeff\n<!-- saved from url -->\n<html>", "web page"),
        ("{\\rtf1\\ansi {\\fonttbl}\n" + TEXT, "rich-text document"),
        ("# %%\ndef mean(values):\n    return 1", "Python source"),
        ("import numpy as np\n", "Python source"),
        ('"""Exercises."""\n', "Python source"),
        (TEXT[: len(TEXT) // 2], "cut off: it ends in line"),
        (TEXT.replace('"nbformat"', '"nbformat'), "line"),
        (TEXT.replace("[", "[\n<<<<<<< HEAD", 1), "Git conflict at line 6"),
        (TEXT.replace("[", "[\n=======", 1), "Git conflict at line 6"),
        ("[" * 200_000, "never end"),
        ('{"cells": [' + "9" * 10_000 + "]}", "never end"),
    ],
)
def test_what_cannot_be_read_says_why(written, data, said):
    with pytest.raises(Unreadable, match=said):
        read_submission(written(data))


def test_a_heading_underlined_like_a_conflict_is_read(written):
    path = written(json.dumps(notebook("a"), indent=1).replace('"a"', '"a\n=======\nb"'))  # a line end not escaped
    assert sources(path) == ["a\n=======\nb"]


def test_malformed_json_names_line_and_column(written):
    with pytest.raises(Unreadable, match=r"line 3, column 6"):
        read_submission(written('{\n "cells": [],\n "a" 1}'))


def test_links_pipes_folders_and_huge_files_are_not_read(tmp_path, monkeypatch):
    (tmp_path / "real.ipynb").write_text(TEXT)
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    for name, said in (("link", "link"), ("pipe", "not a file"), ("folder", "not a file|opened"), ("none", "opened")):
        with pytest.raises(Unreadable, match=said):
            read_submission(tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(reading, "LARGEST_FILE", 100)
    with pytest.raises(Unreadable, match="clear its outputs"):
        read_submission(tmp_path / "real.ipynb")


def test_too_many_cells_are_refused(written, monkeypatch):
    monkeypatch.setattr(reading, "MOST_CELLS", 2)
    with pytest.raises(Unreadable, match="3 cells"):
        read_submission(written(notebook("a", "b", "c")))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(max_size=300), st.integers(0, len(TEXT)).map(lambda n: TEXT.encode()[:n])))
def test_any_bytes_are_read_or_refused_in_a_sentence(written, data):
    try:
        read, _ = read_submission(written(data))
    except Unreadable as reason:
        assert str(reason).startswith("`quiz.ipynb` ")  # noqa: PT017 (both ends are right)
    else:
        nbformat.validate(nbformat.from_dict(read | {"nbformat_minor": 4, "cells": []}))


# --- files and names

NAMES = {"exercises": {"mean", "scale"}, "quiz": {"q1", "q2"}}


def put(folder: Path, name: str, *cells: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(*("x" for _ in cells), names=cells)))


@pytest.mark.parametrize(
    "name",
    [
        "quiz (1).ipynb",
        "Quiz.ipynb",
        "QUIZ.IPYNB",
        "quiz-Copy1.ipynb",
        "ada_quiz_submission.ipynb",
        "quiz.ipynb.txt",
        "quiz_final_v2.ipynb",
        "01_small/quiz.ipynb",
        "Users/ada/Desktop/course/release/01_small/quiz.ipynb",
        "quiz",
        "quiz.json",
        "01_small/quiz.json",
    ],
)
@pytest.mark.parametrize("content", [("q1", "q2"), ()])
def test_a_renamed_file_is_found_by_content_or_by_name(tmp_path, name, content):
    put(tmp_path, "exercises.ipynb", "mean", "scale")
    put(tmp_path, name, *content)
    found = find_notebooks(tmp_path, NAMES)
    assert found == {"exercises": tmp_path / "exercises.ipynb", "quiz": tmp_path / name}
    assert name in naming_notes(tmp_path, "quiz", found)[0]
    assert naming_notes(tmp_path, "exercises", found) == []


def test_the_right_name_wins_unless_its_file_is_something_else(tmp_path):
    put(tmp_path, "quiz.ipynb", "q1", "q2")
    put(tmp_path, "quiz (1).ipynb", "q1", "q2")
    found = find_notebooks(tmp_path, NAMES)
    assert found == {"quiz": tmp_path / "quiz.ipynb"}
    assert naming_notes(tmp_path, "quiz", found) == ["There was also `quiz (1).ipynb`: it was not read."]
    (tmp_path / "quiz.ipynb").write_text("{")
    assert find_notebooks(tmp_path, NAMES) == {"quiz": tmp_path / "quiz (1).ipynb"}


def test_swapped_names_are_told_apart_by_their_content(tmp_path):
    put(tmp_path, "quiz.ipynb", "mean", "scale")
    put(tmp_path, "exercises.ipynb", "q1", "q2")
    found = find_notebooks(tmp_path, NAMES)
    assert found == {"exercises": tmp_path / "quiz.ipynb", "quiz": tmp_path / "exercises.ipynb"}


def test_strangers_checkpoints_and_other_names_stay_out(tmp_path):
    put(tmp_path, "scratch.ipynb", "other")
    put(tmp_path, ".ipynb_checkpoints/quiz-checkpoint.ipynb", "q1", "q2")
    put(tmp_path, "__MACOSX/quiz.ipynb", "q1")
    assert find_notebooks(tmp_path, NAMES) == {}
    put(tmp_path, "QUIZ.JSON", "q1", "q2")
    put(tmp_path, "my quiz", "q1", "q2")
    assert find_notebooks(tmp_path, NAMES) == {}
    assert find_notebooks(tmp_path, ["scratch"]) == {"scratch": tmp_path / "scratch.ipynb"}


def test_an_unreadable_file_of_the_right_name_is_found_so_that_it_can_be_told(tmp_path):
    (tmp_path / "quiz.ipynb").write_text("{")
    assert find_notebooks(tmp_path, NAMES) == {"quiz": tmp_path / "quiz.ipynb"}


def test_files_with_these_cells_that_were_not_read_are_named_whatever_they_are_called(tmp_path):
    for name in ("quiz.ipynb", "ada.ipynb", "quiz.json", "Quiz (2).ipynb"):
        put(tmp_path, name, "q1", "q2")
    put(tmp_path, "notes.ipynb", "other")
    (tmp_path / "quiz").write_text("what I read for the quiz")
    found = find_notebooks(tmp_path, NAMES)
    assert found == {"quiz": tmp_path / "quiz.ipynb"}
    assert naming_notes(tmp_path, "quiz", found, NAMES["quiz"]) == [
        f"There was also `{name}`: it was not read." for name in ("Quiz (2).ipynb", "ada.ipynb", "quiz.json")
    ]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("quiz-v1.ipynb", "quiz-v2.ipynb"),
        ("quiz (2).ipynb", "quiz (10).ipynb"),
        ("quiz-Copy1.ipynb", "quiz-Copy2.ipynb"),
        ("ada_quiz.ipynb", "ada_quiz (1).ipynb"),
        ("quiz_v2.ipynb", "quiz_v2 (1).ipynb"),
        ("01_small_v9.ipynb", "01_small_v10.ipynb"),
        ("a quiz.ipynb", "quiz-final-3.ipynb"),
    ],
)
def test_of_several_copies_the_one_with_the_highest_number_is_read(tmp_path, older, newer):
    put(tmp_path, older, "q1", "q2")
    put(tmp_path, newer, "q1")  # a cell was deleted since
    found = find_notebooks(tmp_path, NAMES)
    assert found == {"quiz": tmp_path / newer}
    assert f"There was also `{older}`: it was not read." in naming_notes(tmp_path, "quiz", found, NAMES["quiz"])


RELEASED = {
    "quiz": {"start": "import math\n", "q1": 'quiz.ask("q1", "")', "q2": 'quiz.ask("q2", "")', "essay": "Write."}
}


def hand(
    folder: Path, name: str, *, added: str = "", essay: str = "Write.", lost: bool = False, **answers: str
) -> Path:
    """A quiz with the ``answers`` by name, and below it a cell of the student's own."""
    texts = RELEASED["quiz"] | answers
    made = [nbformat.v4.new_code_cell(text) for key, text in texts.items() if key != "essay"]
    made.append(nbformat.v4.new_markdown_cell(essay))
    for cell, key in zip(made, texts, strict=True):
        cell.metadata = {} if lost else {"nbgrader": {"grade_id": key}}
    made += [nbformat.v4.new_code_cell(added)]
    (folder / name).write_text(json.dumps(nbformat.v4.new_notebook(cells=made)))
    return folder / name


ANSWERED = {"q1": 'quiz.ask("q1", "A")'}
IDS = {"quiz": set(RELEASED["quiz"])}


@pytest.mark.parametrize("name", ["quiz-Copy1.ipynb", "quiz (1).ipynb", "ada_solution.ipynb"])
def test_a_file_as_it_was_handed_out_gives_way_to_one_with_answers(tmp_path, name):
    hand(tmp_path, "quiz.ipynb", start="import  math")
    answered = hand(tmp_path, name, **ANSWERED)
    found = find_notebooks(tmp_path, IDS, RELEASED)
    assert found == {"quiz": answered}
    assert naming_notes(tmp_path, "quiz", found)[-1] == "There was also `quiz.ipynb`: it was not read."


@pytest.mark.parametrize("own", [ANSWERED, {"added": "x = 1"}, {"essay": "I think"}, {"q1": "", "added": "1"}])
def test_a_file_with_anything_of_the_students_in_it_is_not_as_it_was_handed_out(tmp_path, own):
    exact = hand(tmp_path, "quiz.ipynb", **own)
    hand(tmp_path, "quiz (1).ipynb", **ANSWERED)
    assert find_notebooks(tmp_path, IDS, RELEASED) == {"quiz": exact}


def test_an_answered_copy_that_lost_its_names_wins_and_a_stranger_of_like_name_does_not(tmp_path):
    exact = hand(tmp_path, "quiz.ipynb")
    put(tmp_path, "quiz helpers.ipynb", "other")
    (tmp_path / "quiz (2).ipynb").write_text("{")
    assert find_notebooks(tmp_path, IDS, RELEASED) == {"quiz": exact}
    answered = hand(tmp_path, "quiz (1).ipynb", lost=True, **ANSWERED)
    assert find_notebooks(tmp_path, IDS, RELEASED) == {"quiz": answered}


def test_of_files_that_all_are_as_handed_out_the_right_name_wins(tmp_path):
    hand(tmp_path, "quiz (1).ipynb")
    exact = hand(tmp_path, "quiz.ipynb")
    assert find_notebooks(tmp_path, IDS, RELEASED) == {"quiz": exact}


def test_each_file_is_read_once(tmp_path, monkeypatch):
    for name in ("quiz.ipynb", "quiz (1).ipynb"):
        hand(tmp_path, name)
    read = []
    real = reading.read_submission
    monkeypatch.setattr(reading, "read_submission", lambda path: read.append(path) or real(path))
    seen = reading.look_through(tmp_path, IDS)
    found = find_notebooks(tmp_path, IDS, RELEASED, seen)
    naming_notes(tmp_path, "quiz", found, IDS["quiz"], seen)
    assert sorted(read) == sorted(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("01_small.zip", "unpack it and hand in the .ipynb file"),
        ("ada/work.tar.gz", "unpack it and hand in the .ipynb file"),
        ("quiz.html", "hand in the .ipynb file itself"),
        ("quiz (1).py", "hand in the .ipynb file itself"),
    ],
)
def test_where_there_is_no_notebook_it_is_said_what_there_was(tmp_path, name, advice):
    (tmp_path / "ada").mkdir()
    for file in (name, "helpers.py", "notes.txt"):
        (tmp_path / file).write_text("x")
    assert naming_notes(tmp_path, "quiz", {}) == [f"There was `{name}`: {advice}."]
