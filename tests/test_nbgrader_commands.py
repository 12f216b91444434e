"""nbgrader's own commands, as an instructor types them, on the small course: the scores that ``course grade`` gives."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ASSIGNMENT
from nbgrader.api import Gradebook

from autograder import cells
from autograder.course import Course
from autograder.run import grade_assignment

ODD = (
    "print('half', chr(0xD800))\nfrom IPython.display import publish_display_data\n"
    "publish_display_data({'text/html': chr(0xDFFF), 'text/plain': 5})\n"
    "def mean(values):\n    if values == [7]: raise ValueError(chr(0xD800))\n    return sum(values) / len(values)"
)
"""An answer that puts out what no file can hold, and a display that is none."""

UNPACKED = (
    "from helpers import total\nopen('data/x.csv').close()\n%run more.ipynb\n"
    "def mean(values):\n    return total(values) / len(values)"
)
"""An answer that needs the files beside its notebook."""

NBGRADER = Path(sys.executable).with_name("nbgrader")


def nbgrader(course: Course, *arguments: str, path: str = os.defpath) -> None:
    """Run a command of nbgrader in the course folder, with PATH as in a terminal where nothing is activated."""
    environment = os.environ | {"PATH": path}
    done = subprocess.run(
        [NBGRADER, *arguments], cwd=course.root, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]


def scores(url: str) -> dict[tuple[str, str], tuple]:
    """Every grade in a gradebook: score, automatic score, whether a person must look, and the words on blank cells."""
    with Gradebook(url) as book:
        found = {}
        for submission in book.assignment_submissions(ASSIGNMENT):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    found[submission.student.id, grade.name] = (grade.score, grade.auto_score, grade.needs_manual_grade)
                for comment in notebook.comments:
                    found[submission.student.id, f"{comment.name} comment"] = (comment.comment,)
        return found


def damage(hand_in) -> None:
    """Hand in, for several students, what nbgrader's own reader stumbles over."""
    hand_in("ada")
    folder = hand_in("bom")
    path = folder / "exercises.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    folder = hand_in("cut")
    path = folder / "exercises.ipynb"
    path.write_text(path.read_text()[:2000])
    folder = hand_in("copy")
    (folder / "quiz.ipynb").rename(folder / "quiz (1).ipynb")
    folder = hand_in("half")
    (folder / "quiz.ipynb").unlink()
    folder = hand_in("link")
    (folder / "notes.txt").symlink_to("/nowhere/at/all")
    os.mkfifo(folder / "pipe")
    hand_in("odd", {"mean": ODD})
    folder = hand_in("zip", {"mean": UNPACKED})
    (folder / "01_small" / "data").mkdir(parents=True)
    (folder / "exercises.ipynb").rename(folder / "01_small" / "exercises.ipynb")
    (folder / "01_small" / "helpers.py").write_text("def total(values):\n    return sum(values)\n")
    (folder / "01_small" / "more.ipynb").write_text('{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    (folder / "01_small" / "data" / "x.csv").write_text("1")
    (folder / "quiz.ipynb").rename(folder / "quiz")
    hand_in(
        "wrong", {"mean": "def mean(values):\n    return 2", "q1": 'quiz.ask("q1", "ABC")', "q2": 'quiz.ask("q2", "")'}
    )


@pytest.mark.slow
def test_both_drivers_give_the_same_scores_and_notebooks(small_course, hand_in):
    damage(hand_in)
    (small_course.root / "gradebook.db").unlink()
    nbgrader(small_course, "generate_assignment", ASSIGNMENT, "--force")
    nbgrader(small_course, "autograde", ASSIGNMENT)
    theirs = scores(small_course.gradebook_url)
    graded = {p.relative_to(small_course.root): cells.read(p) for p in small_course.autograded.rglob("*.ipynb")}
    assert not list(small_course.autograded.rglob("notes.txt"))  # what a link points to is not copied
    with Gradebook(small_course.gradebook_url) as book:
        assert not any(s["needs_manual_grade"] for s in book.submission_dicts(ASSIGNMENT))  # what formgrader shows
    nbgrader(small_course, "export", "--to", "grades.csv")
    assert "ada" in (small_course.root / "grades.csv").read_text()

    shutil.rmtree(small_course.autograded)
    (small_course.root / "gradebook.db").unlink()
    results = grade_assignment(small_course, ASSIGNMENT, jobs=1)
    assert scores(small_course.gradebook_url) == theirs
    assert {p.relative_to(small_course.root) for p in small_course.autograded.rglob("*.ipynb")} == set(graded)
    for path, notebook in graded.items():
        assert cells.read(small_course.root / path).metadata["grading"] == notebook.metadata["grading"], path
    points = {result.student: result.points for result in results}
    assert points == {
        "ada": 11,
        "bom": 11,
        "cut": 3,
        "copy": 11,
        "half": 8,
        "link": 11,
        "odd": 8,
        "zip": 11,
        "wrong": 2 + 2 + 1 + 0.5,
    }


@pytest.mark.slow
def test_an_honest_submission_scores_as_with_stock_nbgrader(small_course, hand_in):
    """Stock steps, stock reader: the exercises of honest work, right and wrong, get the same grades."""
    source = small_course.source / ASSIGNMENT / "exercises.ipynb"
    notebook = cells.read(source)
    notebook.cells[-1].source = notebook.cells[-1].source.split("\n")[0]  # stock takes a last value for the score
    cells.write(source, notebook)
    hand_in("ada")
    hand_in("bob", {"mean": "def mean(values):\n    return 0", "count": "def count(values):\n    return {}"})
    (small_course.root / "gradebook.db").unlink()
    (small_course.root / "nbgrader_config.py").rename(small_course.root / "ours.py")
    (small_course.root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'stock'\n")
    activated = os.pathsep.join([str(NBGRADER.parent), os.defpath])
    nbgrader(small_course, "generate_assignment", ASSIGNMENT, "--force", path=activated)
    nbgrader(small_course, "autograde", ASSIGNMENT, path=activated)
    stock = scores(small_course.gradebook_url)

    (small_course.root / "ours.py").replace(small_course.root / "nbgrader_config.py")
    shutil.rmtree(small_course.autograded)
    (small_course.root / "gradebook.db").unlink()
    grade_assignment(small_course, ASSIGNMENT, jobs=1)
    ours = scores(small_course.gradebook_url)
    exercises = [key for key in stock if not key[1].startswith("q")]
    assert len([key for key in exercises if key[1].startswith("test_")]) == 8
    assert {key: ours[key] for key in exercises} == {key: stock[key] for key in exercises}


@pytest.mark.slow
def test_export_lists_every_student(small_course, hand_in):
    hand_in("ada")
    hand_in("bob", {"mean": "def mean(values):\n    return 0"})
    grade_assignment(small_course, ASSIGNMENT, jobs=1)
    nbgrader(small_course, "export", "--to", "grades.csv")
    with (small_course.root / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {str(value) for row in rows for value in row.values()} >= {"ada", "bob"}


@pytest.mark.slow
def test_nbgraders_command_refuses_once_where_submissions_cannot_be_shut_in(small_course, hand_in):
    hand_in("ada")
    hand_in("bob")
    config = small_course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "from autograder import kernel\nkernel.missing = lambda: ['namespaces']\n")
    done = subprocess.run(
        [NBGRADER, "autograde", ASSIGNMENT], cwd=small_course.root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1
    assert done.stderr.count("namespaces cannot be had") == 1
    assert "Traceback" not in done.stderr
    assert not small_course.autograded.exists()
    config.write_text(config.read_text() + "c.Grade.unsafe = True\n")
    nbgrader(small_course, "autograde", ASSIGNMENT)
    noted = cells.read(small_course.autograded / "ada" / ASSIGNMENT / "exercises.ipynb").metadata["grading"]["notes"]
    assert "--unsafe" in noted[-1]
