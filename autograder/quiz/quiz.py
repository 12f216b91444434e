"""``Quiz``: shows a question below its cell and says what the cell answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autograder.quiz.answers import Answer, check, read_answer, read_value
from autograder.quiz.questions import SELF_CHECK, Bank, Question, read_json
from autograder.quiz.text import as_markdown, as_plain, statement


class Quiz:
    """The questions of a notebook, read from the JSON file beside it.

    ``path`` is relative to the notebook. A file that is missing or damaged is told in a sentence and stops
    nothing: a graded answer is read from the cell's source, and needs neither this file nor this class.
    """

    def __init__(self, path: str | Path) -> None:
        self._bank: Bank | None = None
        try:
            self._bank = read_json(Path(path))
        except OSError:
            _say(f"There is no file {path} beside this notebook: put it there to see the options. Letters typed count.")
        except ValueError:
            _say(f"The file {path} is damaged: fetch it again to see the options. Letters typed count.")

    def ask(self, id: str, answer: object = None, *more: object) -> None:
        """Show question ``id`` with the answer that stands in this cell, a string of letters (``""``: none yet).

        What is wrong with the call or the answer is displayed in one sentence and never raised, so that
        Run All reaches the end; hence ``more``, which only catches letters written as separate arguments.
        """
        source, cell_id = _cell()
        read = _read_value(answer, more, id) if source is None else read_answer(source, str(id))
        question = self._bank.question(str(id)) if self._bank else None
        if question is None:
            missing = f"There is no question {id} in this quiz: " if self._bank else ""
            _say(missing + statement(read))
            return
        self._show(question, check(read, question), cell_id)

    def _show(self, question: Question, answer: Answer, cell_id: str | None) -> None:
        self_check = self._bank is not None and self._bank.use == SELF_CHECK
        data: dict[str, Any] = {
            "text/plain": as_plain(question, answer, self_check),
            "text/markdown": as_markdown(question, answer, self_check),
        }
        # Only an editor that names the cell it runs has somebody to click. Everything else (a lesson executed for
        # a page, a test of the outputs) gets text alone, the same every time, and no widget that nobody can load.
        if cell_id is not None:
            from autograder.quiz.widget import view

            data |= view(question, answer, self_check, cell_id)
        _publish(data)


def _read_value(answer: object, more: tuple[object, ...], id: str) -> Answer:
    if more:
        return read_answer(f"quiz.ask({str(id)!r}, {answer!r}, {', '.join('0' for _ in more)})", str(id))
    return read_value(answer, str(id))


def _cell() -> tuple[str | None, str | None]:
    """Source and id of the cell that is running; ``None`` for what the editor does not tell."""
    from IPython import get_ipython

    shell = get_ipython()
    try:
        parent = shell.get_parent()
        return parent["content"]["code"], parent["metadata"].get("cellId")
    except (AttributeError, KeyError, TypeError):
        return None, None


def _say(sentence: str) -> None:
    _publish({"text/plain": sentence})


def _publish(data: dict[str, Any]) -> None:
    from IPython.display import display

    display(data, raw=True)
