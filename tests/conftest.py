"""A small course for the tests of grading: one assignment with a quiz and three exercises, graded in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import pytest
from building import cell, check, question, solution
from nbformat import NotebookNode

from autograder import cells
from autograder.course import Course
from autograder.release import release

ROOT = Path(__file__).parents[1]
ASSIGNMENT = "01_small"

BANK = """
title = "A small quiz"
use = "graded"

[[question]]
id = "q1"
kind = "all"
text = "Which numbers are even?"
[[question.option]]
text = "Two"
right = true
feedback = "Two is even."
[[question.option]]
text = "Three"
right = false
feedback = "Three is odd: see “Odd numbers”."
[[question.option]]
text = "Four"
right = true
feedback = "Four is even."

[[question]]
id = "q2"
kind = "one"
points = 2
text = "Which number is odd?"
[[question.option]]
text = "Seven"
right = true
feedback = "Seven is odd."
[[question.option]]
text = "Eight"
right = false
feedback = "Eight is even: see “Even numbers”."
"""

SOLUTIONS = {
    "mean": "def mean(values):\n    return sum(values) / len(values)",
    "scale": "def scale(values, top):\n    return [top * v / max(values) for v in values]",
    "count": "def count(values):\n    return {v: list(values).count(v) for v in values}",
}
"""Right answers to the exercises, as a student would write them."""

ANSWERS = {"q1": "AC", "q2": "A"}
"""Right answers to the quiz."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lessons and files with slow tests first, so that what takes a minute does not begin when all else is done.

    Files are handed to the workers in this order (``--no-loadscope-reorder``).
    """
    long = {item.path for item in items if item.path.suffix == ".ipynb" or item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


def exercises() -> NotebookNode:
    """The source of the exercises."""
    return nbformat.v4.new_notebook(
        cells=[
            cell("markdown", "# Small exercises\n\nFill in each function.", "head"),
            cell("code", "import math\nLIMIT = 10", "given"),
            cell("markdown", "## 1. The *mean*\n\nReturn the mean of `values`.", "mean-text", locked=True),
            solution("mean", SOLUTIONS["mean"]),
            check("test_mean", 2, "assert mean([1, 2, 3]) == 2, 'The mean of 1, 2, 3 is 2: divide by their number.'"),
            check(
                "test_mean_hidden",
                3,
                "",
                "assert math.isclose(mean([0.5, 1.5]), 1), 'Fractions count, too.'\nassert mean([7]) == 7",
            ),
            cell("markdown", "## 2. The scale\n\n```\n# not a heading\n```", "scale-text"),
            solution("scale", SOLUTIONS["scale"]),
            check("test_scale", 2, "assert scale([1, 2], LIMIT) == [5, 10], 'The largest value becomes the top.'"),
            cell("markdown", "## 3. Counting", "count-text"),
            solution("count", SOLUTIONS["count"]),
            check("test_count", 1, "assert count('aab') == {'a': 2, 'b': 1}\nlen(count('abc'))"),
        ],
        metadata=cells.METADATA,
    )


def quiz() -> NotebookNode:
    """The source of the quiz."""
    questions = []
    for name, points in (("q1", 1), ("q2", 2)):
        questions.append(cell("markdown", f"## Question {name[1:]}\n\nWhich?", f"{name}-text", locked=True))
        questions.append(question(name, points))
    start = cell("code", 'from autograder.quiz import Quiz\n\nquiz = Quiz("questions.json")', "start")
    return nbformat.v4.new_notebook(cells=[start, *questions], metadata=cells.METADATA)


@pytest.fixture(scope="session")
def small_template(tmp_path_factory) -> Path:
    """The small course, made once: sources, bank, configuration, release, gradebook; nothing handed in."""
    root = tmp_path_factory.mktemp("template") / "course"
    cells.write(root / "source" / ASSIGNMENT / "exercises.ipynb", exercises())
    cells.write(root / "source" / ASSIGNMENT / "quiz.ipynb", quiz())
    (root / "source" / ASSIGNMENT / "questions.json").write_text('{"questions": []}')
    banks = root / "autograder" / "questions"
    banks.mkdir(parents=True)
    (banks / f"{ASSIGNMENT}.toml").write_text(BANK)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    course = Course(root)
    release(course, ASSIGNMENT)
    return root


@pytest.fixture
def small_course(small_template, tmp_path) -> Course:
    """A copy of the small course for one test."""
    shutil.copytree(small_template, tmp_path / "course")
    return Course((tmp_path / "course").resolve())


@pytest.fixture
def hand_in(small_course) -> Callable[..., Path]:
    """``hand_in("ada")`` writes a submission of right answers to ``submitted/``; see :func:`_hand_in`."""

    def _hand_in(
        student: str,
        sources: Mapping[str, str] | None = None,
        change: Callable[[NotebookNode], None] | None = None,
    ) -> Path:
        """Write what a student hands in: the release with right answers, but ``sources`` by cell name instead.

        ``change`` may alter each notebook (``notebook.metadata.name`` says which) before it is written.
        """
        folder = small_course.submitted / student / ASSIGNMENT
        answers = SOLUTIONS | {q: cells.ask(q, letters) for q, letters in ANSWERS.items()} | dict(sources or {})
        for path in sorted((small_course.release / ASSIGNMENT).glob("*.ipynb")):
            notebook = cells.read(path)
            for one in notebook.cells:
                one.source = answers.get(cells.grade_id(one), one.source)
            if change is not None:
                notebook.metadata["name"] = path.stem
                change(notebook)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")
        shutil.copy(small_course.release / ASSIGNMENT / "questions.json", folder)
        return folder

    return _hand_in
