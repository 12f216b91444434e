"""Self-checks of the lessons: each wrong option names the part of the lesson that refutes it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from autograder import bank

LESSONS = Path(__file__).parents[1] / "notebooks"
BANKS = sorted(bank.QUESTIONS.glob("*.selfcheck.toml"))


def headings(path: Path) -> set[str]:
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return set(re.findall(r"^##+ (.+)$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("path", BANKS, ids=[path.name.split(".")[0] for path in BANKS])
def test_wrong_options_name_a_heading_of_the_lesson(path: Path) -> None:
    there = headings(LESSONS / f"{path.name.removesuffix('.selfcheck.toml')}.ipynb")
    for question in bank.load(path).questions:
        for letter, option in zip(question.letters, question.options, strict=True):
            named = [heading for heading in there if f"*{heading}*" in option.feedback]
            assert option.right or named, f"{question.id} {letter}: the feedback names no heading of the lesson"
