"""The committed form of notebooks."""

from __future__ import annotations

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder import cells


def test_what_answers_a_guess_is_folded_up_until_it_is_run() -> None:
    said = [new_output("stream", text="1\n")]
    sources = ["my_guess = None  # in µs", "x = 1", "gap(my_guess, x)", "x > 0"]
    before = new_code_cell("print(1)", outputs=said)
    after = new_code_cell("x > 0", outputs=said, metadata={"jupyter": {"source_hidden": True}})
    text = new_markdown_cell("What it means.")
    guess, silent, *answers = [new_code_cell(source) for source in sources]
    for answer in answers:
        answer.outputs = said
    cells.normalise(new_notebook(cells=[before, guess, silent, *answers, text, after]))
    assert [cell.metadata for cell in answers] == [{"jupyter": {"outputs_hidden": True}}] * 2
    assert [cell.metadata for cell in (before, guess, silent, text, after)] == [{}] * 5
