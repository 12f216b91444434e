"""Lessons are committed executed: run each from its first cell to its last and write its outputs back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm.auto import tqdm

from autograder import cells
from autograder.course import Course, CourseError

LONGEST_CELL = 600  # s
QUIET = ["--IPKernelApp.log_level=40"]  # each start would warn that loopback is not encrypted


def execute(course: Course, names: Sequence[str] = ()) -> list[Path]:
    """Run the lessons whose names begin with one of ``names`` (all by default) and return their paths.

    A lesson is written only when every cell of it ran. Raises :class:`CourseError` that shows the cell and the
    exception when one did not, or when no lesson fits.
    """
    lessons = sorted((course.root / "notebooks").glob("*.ipynb"))
    chosen = [path for path in lessons if not names or path.name.startswith(tuple(names))]
    if not chosen:
        there = ", ".join(path.stem for path in lessons)
        raise CourseError(f"No lesson's name begins with {' or '.join(names)}: there are {there or 'none yet'}.")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # inherited by the kernels
    for path in tqdm(chosen, desc="lessons", disable=None):
        _execute(path)
    return chosen


def _execute(path: Path) -> None:
    notebook = cells.read(path)
    client = NotebookClient(notebook, timeout=LONGEST_CELL, kernel_name="python3", extra_arguments=QUIET)
    client.resources = {"metadata": {"path": str(path.parent)}}
    try:
        client.execute()
    except CellExecutionError as problem:
        raise CourseError(f"{path.name} does not run to its end; nothing was written.\n{problem}") from None
    cells.write(path, cells.normalise(notebook))
