"""Cells of nbgrader's kinds, for the notebooks that tests make up."""

from __future__ import annotations

from collections.abc import Sequence

import nbformat
from nbformat import NotebookNode

from autograder import cells


def cell(kind: str, source: str, cell_id: str, *, outputs: Sequence[NotebookNode] = (), **role) -> NotebookNode:
    """A ``"code"`` or ``"markdown"`` cell; nbgrader knows one with a ``role`` (``grade``, ``points``, …)."""
    made = getattr(nbformat.v4, f"new_{kind}_cell")(source, id=cell_id)
    if outputs:
        made.outputs = list(outputs)
    if role:
        whole = {"grade": False, "solution": False, "locked": False, "task": False} | role
        made.metadata["nbgrader"] = whole | {"schema_version": 3, "grade_id": cell_id}
    return made


def answer(name: str, source: str, outputs: Sequence[NotebookNode] = ()) -> NotebookNode:
    """The cell of an exercise that holds ``source``."""
    return cell("code", source, name, outputs=outputs, solution=True)


def solution(name: str, code: str) -> NotebookNode:
    """The same in the instructor's version: all but the first line of ``code`` is left out of the release."""
    head, body = code.split("\n", 1)
    return answer(name, f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION")


def check(name: str, points: float, visible: str, hidden: str = "") -> NotebookNode:
    """A test cell."""
    source = visible + (f"\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS" if hidden else "")
    return cell("code", source.strip("\n"), name, grade=True, locked=True, points=points)


def question(name: str, points: float, letters: str = "") -> NotebookNode:
    """The cell that answers a question of the quiz."""
    return cell("code", cells.ask(name, letters), name, grade=True, solution=True, points=points)
