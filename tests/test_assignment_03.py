"""Assignment 03 ends with a client that others wrote: it gets its predictions from every right solution's server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder import cells, engine, samples
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

WRONG = {
    "outputs that are a number": {"outputs": 5},
    "outputs of null": {"outputs": None},
    "an output that is a text": {"outputs": ["log_odds"]},
    "an output without a name": {"outputs": [{}]},
    "an output whose name is a list": {"outputs": [{"name": ["log_odds"]}]},
    "an output's parameters of null": {"outputs": [{"name": "log_odds", "parameters": None}]},
    "an output that the model lacks": {"outputs": [{"name": "risk"}]},
    "parameters of null": {"parameters": None},
    "parameters that are a list": {"parameters": []},
    "fewer hours than rows of weather": {},
}
"""What may be wrong beyond the exercises' own tests, by what is changed in a request."""


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


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """The names of the source: what is given, and its own solutions."""
    monkeypatch.chdir(tmp_path)  # a given cell writes its model there
    names: dict = {}
    for cell in cells.read(COURSE.source / NAME / "exercises.ipynb").cells:
        if cell.cell_type == "code" and not cell.id.startswith("test_") and cell.id != "given_client":
            exec(cell.source, names)
    return names


def test_the_given_model_blames_clients_for_what_is_theirs(given: dict) -> None:
    """What is given stands up to what the exercises teach: 400 for a request that is wrong, and never 500."""
    models = {"late": given["OwnModel"]("late", "late.onnx")}
    hour = {"name": "hour", "datatype": "INT64", "shape": [1, 1], "data": [7]}
    weather = {"name": "weather", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}

    def asked(**changes: object) -> int:
        body = json.dumps({"inputs": [hour, weather]} | changes).encode()
        return given["respond"]("POST", "/v2/models/late/infer", {}, body, models)[0]

    statuses = {what: asked(**change) for what, change in WRONG.items() if change}
    statuses["fewer hours than rows of weather"] = asked(inputs=[hour, weather | {"shape": [2, 3], "data": [1] * 6}])
    assert asked() == asked(outputs=[], parameters={"binary_data_output": True}) == 200
    assert statuses == dict.fromkeys(WRONG, 400)
