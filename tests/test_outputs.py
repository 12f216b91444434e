"""What kernels send becomes outputs that a file can hold, whatever it is: in the sandbox and without one."""

from __future__ import annotations

import json

import nbformat
import pytest
from conftest import ASSIGNMENT

from autograder import cells, zygotes
from autograder.outputs import Outputs, ended
from autograder.run import grade_assignment
from autograder.runs import End, Limits

HALF = chr(0xD800)

STRANGE = [
    {},
    {"msg_type": [], "content": []},
    {"msg_type": "stream"},
    {"msg_type": "stream", "content": None},
    {"msg_type": "display_data", "content": {"data": [1], "metadata": None, "transient": 7}},
    {"msg_type": "display_data", "content": {"data": {"text/plain": 5, HALF: None}, "metadata": []}},  # nbclient checks
    {"msg_type": "execute_result", "content": {"data": {}, "metadata": {}, "execution_count": "x"}},
    {"msg_type": "error", "content": {"ename": {}, "evalue": [], "traceback": 5}},
    {"msg_type": "update_display_data", "content": {"data": {}, "transient": {"display_id": []}}},
    {"msg_type": "comm_open", "content": {"comm_id": [], "target_name": 5}},
    {"msg_type": "status", "content": {"execution_state": "idle"}},
]
"""Messages that no kernel sends."""


def stream(text: str, name: str = "stdout") -> dict:
    return {"msg_type": "stream", "content": {"name": name, "text": text}}


def test_malformed_messages_cost_nothing_but_themselves():
    collected = Outputs(Limits(), 0)
    collected.take(stream("before\n"))
    for message in STRANGE:
        collected.take(message)
    collected.take(stream("after\n"))
    collected.take({"msg_type": "display_data", "content": {"data": {"text/plain": "x"}, "metadata": {}}})
    found = collected.finished()
    assert "".join(output.get("text", "") for output in found) == "before\nafter\n"
    assert found[-1].data == {"text/plain": "x"}


def test_outputs_stay_within_the_limits_of_the_stream_and_of_the_notebook():
    limits = Limits(stream_characters=10, output_characters=100)
    collected = Outputs(limits, spent=85)
    for text in ("12345", "67890", "12345"):
        collected.take(stream(text))
    collected.take({"msg_type": "display_data", "content": {"data": {"text/plain": "y" * 50}, "metadata": {}}})
    collected.take(stream("z" * 9, "stderr"))
    assert collected.size == 15
    texts = [(output.name, output.text) for output in collected.finished()]
    assert texts[:2] == [("stdout", "1234567890"), ("stderr", "z" * 5)]
    assert "too long" in texts[2][1]


@pytest.mark.parametrize("reply", [{}, {"status": []}, {"status": "error", "ename": [], "evalue": {}, "traceback": 7}])
def test_only_a_reply_that_says_ok_is_one(reply):
    assert ended(3, {"status": "ok", "execution_count": 2}, {}, [], 0.1).end is End.OK
    assert ended(3, reply, {}, [], 0.1).end is End.ERROR


def test_half_characters_become_marks_where_a_notebook_becomes_text():
    output = nbformat.v4.new_output("stream", text=f"{HALF}|\N{PARTY POPPER}|{chr(0xDFFF)}")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output], id="a")])
    notebook.metadata["grading"] = {"notes": [HALF]}
    text = cells.dumps(notebook)
    assert json.loads(text.encode())["metadata"]["grading"]["notes"] == ["?"]
    assert cells.loads(text).cells[0].outputs[0].text == "?|\N{PARTY POPPER}|?"


ODD = {
    "mean": """
print("half", chr(0xD800))
from IPython.display import display, publish_display_data
publish_display_data({"text/html": chr(0xDFFF), "text/plain": 5})
class Odd:
    def _repr_mimebundle_(self, **kwargs): return {"text/plain": 5, chr(0xD800): [], "text/html": {}}
display(Odd())
def mean(values):
    return sum(values) / len(values)
""".strip(),
    "scale": "def scale(values, top):\n    raise ValueError(chr(0xD800))",
    "count": "raise type(chr(0xD800), (Exception,), {})(chr(0xDFFF))",
}


@pytest.mark.parametrize("forks", [True, False], ids=["sandbox", "one kernel"])
def test_a_class_survives_what_no_file_can_hold(small_course, hand_in, monkeypatch, forks):
    """With ``--unsafe`` on a system without a sandbox as well."""
    hand_in("ada")
    hand_in("odd", ODD)
    if not forks:
        monkeypatch.setattr(zygotes, "possible", lambda: False)
    ada, odd = grade_assignment(small_course, ASSIGNMENT, jobs=1, limits=Limits(unsafe=True))
    assert (ada.problem, odd.problem) == (None, None)
    assert ada.points == 11
    ends = {verdict.cell: str(verdict.outcome) for notebook in odd.notebooks for verdict in notebook.verdicts}
    assert ends | {"test_mean": "passed", "test_mean_hidden": "passed", "q1": "passed", "q2": "passed"} == ends
    assert {ends["test_scale"], ends["test_count"]} == {"error in your code"}
    text = (small_course.autograded / "odd" / ASSIGNMENT / "exercises.ipynb").read_text(encoding="utf-8")
    assert "half ?" in text
