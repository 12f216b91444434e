"""Assignment 03 ends with a client that others wrote: it gets its predictions from every right solution's server."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import engine, samples
from autograder.course import Course

COURSE = Course(Path(__file__).resolve().parents[1])
NAME = "03_serve_it"
RIGHT = {s.name: s for s in samples.load_all(COURSE, NAME) if s.kind in ("reference", "alternative")}

SAID = """\
live: True   ready: True
model ready: True
input hour: INT64 [-1, 1]
input weather: FP32 [-1, 3]
JSON   log_odds [-0.5  0. ]
binary log_odds [-0.5  0. ]
"""


@pytest.mark.parametrize("name", RIGHT)
def test_tritonclient_is_answered(name: str, tmp_path: Path) -> None:
    submitted = samples.make(RIGHT[name], COURSE, tmp_path)
    graded = engine.grade_notebook(COURSE, NAME, "exercises", submitted / "exercises.ipynb")
    (client,) = (cell for cell in graded.notebook.cells if cell.id == "given_client")
    assert "".join(output.get("text", "") for output in client.outputs) == SAID


def test_a_server_of_stubs_is_not_answered_for(tmp_path: Path) -> None:
    """The library stands in for pieces in exercise 5, and nowhere in the last cells."""
    blank = next(s for s in samples.load_all(COURSE, NAME) if s.kind == "blank")
    submitted = samples.make(blank, COURSE, tmp_path)
    graded = engine.grade_notebook(COURSE, NAME, "exercises", submitted / "exercises.ipynb")
    (client,) = (cell for cell in graded.notebook.cells if cell.id == "given_client")
    assert [output.output_type for output in client.outputs] == ["error"]
