"""A cell tagged ``shows:MODULE.NAME`` holds the source of that very object: lesson and library never drift apart."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import nbformat
import pytest

LESSONS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
PREFIX = "shows:"


def shown_cells(path: Path) -> list[tuple[str, str]]:
    """Name and source of each cell that shows a piece of the library."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        (tag.removeprefix(PREFIX), cell.source)
        for cell in cells
        for tag in cell.metadata.get("tags", [])
        if tag.startswith(PREFIX)
    ]


def squeezed(source: str) -> list[str]:
    """The lines of a source, without blank ones and without space at line ends."""
    return [line.rstrip() for line in source.splitlines() if line.strip()]


def library_source(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    return inspect.getsource(getattr(importlib.import_module(module), attribute))


SHOWN = [(lesson.stem, name, source) for lesson in LESSONS for name, source in shown_cells(lesson)]


@pytest.mark.parametrize(("lesson", "name", "source"), SHOWN, ids=[f"{lesson}-{name}" for lesson, name, _ in SHOWN])
def test_shown_source_is_the_librarys(lesson: str, name: str, source: str) -> None:
    assert name.startswith("modelserving."), f"{lesson} shows {name}, which is not in the library"
    assert squeezed(source) == squeezed(library_source(name)), f"{lesson} shows {name} in words that are not its own"


def test_some_lesson_shows_something() -> None:
    assert SHOWN, "no cell of any lesson is tagged shows:modelserving.…"


def test_a_changed_line_is_noticed() -> None:
    name = "modelserving.models.interpret"
    assert squeezed(library_source(name)) != squeezed(library_source(name).replace("inputs", "rows"))
