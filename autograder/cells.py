"""What a cell is in nbgrader's terms, and the one form in which this course writes notebooks."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import orjson
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines, split_lines, strip_transient

from autograder.course import CourseError

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
"""Notebook metadata of every committed notebook: nothing in it depends on the machine that saved it."""

GUESS = re.compile(r"my_guess = None\b")
"""How a cell begins in which the reader commits to a number."""

NOISE = (
    "collapsed",
    "ExecuteTime",
    "execution",
    "jp-MarkdownHeadingCollapsed",
    "jupyter",
    "lines_to_end_of_cell_marker",
    "lines_to_next_cell",
    "scrolled",
    "trusted",
)
"""Keys of cell metadata that editors and converters leave behind and that mean nothing to a reader."""


def grade_id(cell: NotebookNode) -> str | None:
    """The nbgrader name of a cell, ``None`` for one that nbgrader does not know."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def has_role(cell: NotebookNode, role: str) -> bool:
    """Whether nbgrader's metadata says ``role`` (``"grade"``, ``"solution"``, ``"locked"``) of this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get(role, False))


def is_quiz(cell: NotebookNode) -> bool:
    """Whether this is the answer cell of a graded question: code that is solution and graded at once."""
    return cell.cell_type == "code" and has_role(cell, "grade") and has_role(cell, "solution")


def is_test(cell: NotebookNode) -> bool:
    """Whether this is a test cell: code that is graded and not the student's."""
    return cell.cell_type == "code" and has_role(cell, "grade") and not has_role(cell, "solution")


def is_solution(cell: NotebookNode) -> bool:
    """Whether this is a code cell that the student fills in and whose tests are in other cells."""
    return cell.cell_type == "code" and has_role(cell, "solution") and not has_role(cell, "grade")


def ask(question: str, letters: str = "") -> str:
    """Source of the answer cell of ``question`` with ``letters`` picked."""
    return f'quiz.ask("{question}", {json.dumps(letters)})'


def asked(source: str) -> str | None:
    """The id of the question that a code cell asks, ``None`` for a cell that is no single ``quiz.ask("ID", …)``."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return None
    match statements:
        case [ast.Expr(ast.Call(ast.Attribute(ast.Name("quiz"), "ask"), [ast.Constant(str(name)), *_]))]:
            return name
    return None


def content_id(cell: NotebookNode, taken: Iterable[str]) -> str:
    """An id for a cell that has none: eight hexadecimal digits from its content, unlike those ``taken``."""
    taken, seed = set(taken), f"{cell.cell_type}\n{cell.source}"
    while (name := hashlib.sha256(seed.encode()).hexdigest()[:8]) in taken:
        seed += "\n"
    return name


def settle_ids(notebook: NotebookNode) -> None:
    """Give every cell its stable id, in place: nbgrader's name where there is one, else the id it has.

    A missing id or one that an earlier cell has already is replaced by one made from the content.
    """
    taken = {name for cell in notebook.cells if (name := grade_id(cell))}
    for cell in notebook.cells:
        if name := grade_id(cell):
            cell["id"] = name
            continue
        if not cell.get("id") or cell["id"] in taken:
            cell["id"] = content_id(cell, taken)
        taken.add(cell["id"])


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Bring a notebook to the committed form, in place: fixed metadata, nbformat 4.5, stable ids, no editor's noise."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook["metadata"] = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for key in NOISE:
            cell.metadata.pop(key, None)
    for cell in answers_to_guesses(notebook):
        cell.metadata["jupyter"] = {"outputs_hidden": True}
    settle_ids(notebook)
    return notebook


def answers_to_guesses(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The code cells whose outputs would tell what a reader is asked to guess: from a guess to the next text.

    JupyterLab shows such an output folded up, and unfolds it when the cell is run.
    """
    guessing = False
    for cell in notebook.cells:
        if cell.cell_type != "code":
            guessing = False
        elif GUESS.match(cell.source):
            guessing = True
        elif guessing and cell.get("outputs"):
            yield cell


def dumps(notebook: NotebookNode) -> str:
    """The text of a notebook file: keys sorted, indented by one, with a line end at the end.

    It is the text that nbformat writes (but for the exponents of numbers, and null for NaN), in a tenth of the time:
    where lines are indented Python's own encoder is slow.
    """
    lines = split_lines(strip_transient(_copied(notebook)))
    try:
        text = orjson.dumps(lines, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # half characters, keys that are no text, whole numbers of more than 64 bits
        return whole_characters(nbformat.writes(notebook, version=4).rstrip("\n") + "\n")
    return _INDENTATION.sub(lambda found: found[0][::2], text) + "\n"


_INDENTATION = re.compile(r"^ +", re.MULTILINE)  # no line of JSON begins within a text


def _copied(notebook: NotebookNode) -> NotebookNode:
    """A copy, as deep as nbformat changes a notebook when it writes one."""
    copied = NotebookNode(notebook)
    copied["metadata"] = NotebookNode(notebook.metadata)
    copied["cells"] = [NotebookNode(cell) for cell in notebook.cells]
    for cell in copied.cells:
        cell["metadata"] = NotebookNode(cell.metadata)
        if "attachments" in cell:
            cell["attachments"] = {name: dict(bundle) for name, bundle in cell.attachments.items()}
        if "outputs" in cell:
            cell["outputs"] = [NotebookNode(output) for output in cell.outputs]
            for output in cell.outputs:
                if "data" in output:
                    output["data"] = NotebookNode(output.data)
    return copied


def whole_characters(text: str) -> str:
    """The same text with ``?`` for each half character (lone surrogate), which code can print and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read(path: Path) -> NotebookNode:
    """Read a notebook of the course itself (a submission goes through ``autograder.reading``).

    Raises :class:`CourseError` when there is none or when it is not a notebook.
    """
    try:
        return loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"There is no notebook {path}: check the name.") from None
    except (ValueError, AttributeError, OSError) as problem:
        raise CourseError(f"{path} cannot be read as a notebook ({problem}): restore it.") from None


def loads(text: str) -> NotebookNode:
    """A notebook from its JSON text. Unlike nbformat's reader it draws no random ids for cells that have none."""
    notebook = nbformat.from_dict(json.loads(text))
    if notebook.nbformat != 4:
        raise ValueError("not nbformat 4")
    return rejoin_lines(notebook)


def write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook in the committed form, with Unix line ends on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(notebook), encoding="utf-8", newline="\n")
