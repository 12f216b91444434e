"""The clickable form of a question: state for ``widget.js``, shown where the editor runs widgets."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import anywidget
import mistune
import traitlets

from autograder.quiz.answers import Answer
from autograder.quiz.questions import HINTS, Question

HERE = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"
_render = mistune.create_markdown(escape=True)
_shown: dict[str, QuizWidget] = {}


class QuizWidget(anywidget.AnyWidget):
    """One question. ``question`` holds everything the browser shows; it never changes after the cell ran."""

    _esm = HERE / "widget.js"
    _css = HERE / "widget.css"
    question = traitlets.Dict().tag(sync=True)


def view(question: Question, answer: Answer, self_check: bool, cell_id: str) -> dict[str, Any]:
    """The display data of a widget for a question in a cell.

    The widget's id follows from cell and question: a notebook that is run again gets the same output, and a
    page that is loaded again finds its widget as long as the kernel lives.
    """
    model_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{cell_id}#{question.id}").hex
    _close(model_id)
    _shown[model_id] = QuizWidget(question=state(question, answer, self_check, cell_id), model_id=model_id)
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": model_id}}


def state(question: Question, answer: Answer, self_check: bool, cell_id: str) -> dict[str, Any]:
    """What the browser gets: for a graded question neither key nor feedback, since neither is there."""
    options = []
    for letter, option in zip(question.letters, question.options, strict=True):
        shown = {"letter": letter, "html": _inline(option.text)}
        options.append(shown | ({"right": option.right, "feedback": _inline(option.feedback)} if self_check else {}))
    return {
        "id": question.id,
        "cell": cell_id,
        "kind": question.kind,
        "title": question.title,
        "hint": HINTS[question.kind] + ("; a self-check, not graded" if self_check else ""),
        "html": _render(question.text),
        "options": options,
        "selfCheck": self_check,
        "problem": answer.problem or "",
        "letters": answer.letters,
    }


def _inline(markdown: str) -> str:
    """One paragraph of Markdown as HTML without its ``<p>``, to stand inside a label."""
    return _render(markdown).strip().removeprefix("<p>").removesuffix("</p>")


def _close(model_id: str) -> None:
    old = _shown.pop(model_id, None)
    if old is not None:
        old.layout.close()
        old.close()
