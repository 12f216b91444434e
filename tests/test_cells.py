"""The committed form of notebooks."""

from __future__ import annotations

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import cells


def test_what_answers_a_guess_is_folded_up_until_it_is_run() -> None:
    sources = ["my_guess = None  # in µs", "x = 1", "gap(my_guess, x)"]
    before, after = new_code_cell("print(1)"), new_code_cell("x > 0", metadata={"jupyter": {"source_hidden": True}})
    text = new_markdown_cell("What it means.")
    guess, *answers = [new_code_cell(source) for source in sources]
    cells.normalise(new_notebook(cells=[before, guess, *answers, text, after]))
    assert [cell.metadata for cell in answers] == [{"jupyter": {"outputs_hidden": True}}] * 2
    assert [cell.metadata for cell in (before, guess, text, after)] == [{}] * 4
