"""Every lesson and every source notebook has a twin in percent format under ``text/``; both are kept equal.

Either of a pair may be edited. Which one was is told by content: the text carries the hash of what the two
last agreed on. :func:`sync` brings the other along, keeps cell ids, outputs and execution counts, and writes
the question cells and ``questions.json`` files that come from the question banks.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder import bank, cells
from autograder.bank import Bank
from autograder.course import Course, CourseError
from autograder.quiz.questions import GRADED, SELF_CHECK

Side = Literal["text", "notebook"]

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   twin:
#     agreed: {agreed}
# ---

"""
"""Head of a text twin. ``agreed`` is the hash of the content that notebook and text shared when last in step."""

ALIKE = 0.6
"""Similarity (0 to 1, difflib's ratio) from which a changed cell counts as the old one and keeps its id."""


@dataclass(frozen=True)
class Pair:
    """A notebook and its text twin. ``executed`` says whether the notebook is committed with outputs."""

    notebook: Path
    text: Path
    executed: bool


@dataclass(frozen=True)
class Change:
    """A file that differs from what it should be; ``text`` is the content it should have."""

    path: Path
    text: str


def pairs(course: Course) -> list[Pair]:
    """All pairs of the course of which at least one half exists, lessons first."""
    return [
        *_pairs(course.root / "notebooks", course.root / "text" / "notebooks", executed=True),
        *_pairs(course.source, course.root / "text" / "source", executed=False),
    ]


def _pairs(notebooks: Path, texts: Path, executed: bool) -> list[Pair]:
    names = {p.relative_to(notebooks).with_suffix("") for p in notebooks.rglob("*.ipynb")}
    names |= {p.relative_to(texts).with_suffix("") for p in texts.rglob("*.py")}
    return [
        Pair(notebooks / f"{name}.ipynb", texts / f"{name}.py", executed)
        for name in sorted(names)
        if ".ipynb_checkpoints" not in name.parts
    ]


# --- text and notebook, one from the other -------------------------------------------------------


def to_text(notebook: NotebookNode) -> str:
    """The percent text of a notebook, with its header."""
    body = _body(notebook)
    return HEADER.format(agreed=_digest(body)) + body


def _body(notebook: NotebookNode) -> str:
    bare = nbformat.v4.new_notebook(metadata={"jupytext": {"notebook_metadata_filter": "-all"}})
    bare["cells"] = _plain_cells(notebook)
    body = jupytext.writes(bare, fmt={"extension": ".py", "format_name": "percent"})
    return _without_header(body)


def from_text(text: str) -> NotebookNode:
    """The cells of a percent text as a notebook without outputs; its ids mean nothing yet."""
    notebook = jupytext.reads(_without_header(text), fmt={"extension": ".py", "format_name": "percent"})
    return nbformat.v4.new_notebook(cells=_plain_cells(notebook))


def _plain_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Copies of the cells with source and telling metadata only; ids are their numbers."""
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }
    return [
        make[cell.cell_type](
            cell.source.rstrip("\n"),
            metadata={key: value for key, value in cell.metadata.items() if key not in cells.NOISE},
            id=str(number),
        )
        for number, cell in enumerate(notebook.cells)
    ]


def _without_header(text: str) -> str:
    return re.sub(r"\A\ufeff?# ---\n.*?\n# ---\n", "", text.replace("\r\n", "\n"), flags=re.DOTALL).lstrip("\n")


def _agreed(text: str) -> str | None:
    found = re.search(r"^#\s+agreed: ([0-9a-f]+)$", text.split("\n# ---\n")[0], flags=re.MULTILINE)
    return found.group(1) if found else None


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


# --- keeping what the text does not hold ---------------------------------------------------------


def carry_over(new: NotebookNode, old: NotebookNode) -> NotebookNode:
    """Give the cells of ``new`` the ids, outputs and execution counts of the cells of ``old`` they came from.

    A cell is found by its nbgrader name, else by equal source (also when it moved), else by similar source
    near its old place, else by its neighbours. Outputs stay only where the code means the same as before.
    """
    for cell, origin in zip(new.cells, _origins(new.cells, old.cells), strict=True):
        cell["id"] = origin.get("id", "") if origin else ""
        if origin and cell.cell_type == "code" and _same_code(cell.source, origin.source):
            cell["outputs"] = origin.get("outputs", [])
            cell["execution_count"] = origin.get("execution_count")
        if origin and "attachments" in origin:
            cell["attachments"] = origin["attachments"]
    cells.settle_ids(new)
    return new


def _origins(new: Sequence[NotebookNode], old: Sequence[NotebookNode]) -> list[NotebookNode | None]:
    """For each new cell the old cell it came from, ``None`` for a new one; no old cell is used twice."""
    found: list[int | None] = [None] * len(new)
    free = set(range(len(old)))

    def settle(position: int, origin: int) -> None:
        found[position] = origin
        free.discard(origin)

    by_name = {name: i for i, cell in enumerate(old) if (name := cells.grade_id(cell))}
    for position, cell in enumerate(new):
        if (origin := by_name.get(cells.grade_id(cell), -1)) in free:
            settle(position, origin)
    rows = [[(c.cell_type, c.source) for c in side] for side in (new, old)]
    for block in difflib.SequenceMatcher(None, *rows, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            if found[block.a + step] is None and block.b + step in free:
                settle(block.a + step, block.b + step)
    for likeness in (1.0, ALIKE):
        for position, cell in enumerate(new):
            candidates = [i for i in sorted(free) if old[i].cell_type == cell.cell_type]
            if found[position] is None and candidates:
                ratio, _, origin = max((_alike(cell, old[i]), -abs(i - position), i) for i in candidates)
                if ratio >= likeness:
                    settle(position, origin)
    for position, cell in enumerate(new):  # rewritten in place: the cells above and below still stand
        above = found[position - 1] if position else -1
        below = found[position + 1] if position + 1 < len(new) else len(old)
        between = None if found[position] is not None or above is None else above + 1
        if between in free and below == between + 1 and old[between].cell_type == cell.cell_type:
            settle(position, between)
    return [None if origin is None else old[origin] for origin in found]


def _alike(one: NotebookNode, other: NotebookNode) -> float:
    return difflib.SequenceMatcher(None, one.source, other.source, autojunk=False).ratio()


def _same_code(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except SyntaxError:  # magics; then only equal text is equal code
        return False


# --- which side was edited -----------------------------------------------------------------------


def agree(pair: Pair, take: Side | None = None) -> NotebookNode:
    """The notebook that both halves of ``pair`` should show, in the committed form.

    ``take`` settles a conflict. Raises :class:`CourseError` when both halves were edited differently.
    """
    text = pair.text.read_text(encoding="utf-8") if pair.text.exists() else None
    old = cells.read(pair.notebook) if pair.notebook.exists() else None
    side = take if take and text is not None and old is not None else _edited(pair, text, old)
    notebook = old if side == "notebook" else carry_over(from_text(text), old or nbformat.v4.new_notebook())
    cells.normalise(notebook)
    if not pair.executed:
        _clear(notebook)
    return notebook


def _edited(pair: Pair, text: str | None, old: NotebookNode | None) -> Side:
    if text is None or old is None:
        return "notebook" if text is None else "text"
    in_text, in_notebook, agreed = _digest(_body(from_text(text))), _digest(_body(old)), _agreed(text)
    if in_text == in_notebook or agreed == in_text:
        return "notebook"
    if agreed == in_notebook:
        return "text"
    if agreed is None:  # a text written whole by hand: nothing but its date tells whether it is the newer one
        return "text" if pair.text.stat().st_mtime >= pair.notebook.stat().st_mtime else "notebook"
    raise CourseError(
        f"Both {pair.text.name} and {pair.notebook.name} were edited since they last agreed: keep one with "
        "`course sync --take text` or `course sync --take notebook` after looking at both."
    )


def _clear(notebook: NotebookNode) -> None:
    """Sources are committed without outputs: what ran there may show a key."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell["outputs"], cell["execution_count"] = [], None
            if cells.is_quiz(cell):
                cell["source"] = cells.ask(cells.grade_id(cell))


# --- questions -----------------------------------------------------------------------------------


def with_questions(notebook: NotebookNode, questions: Bank) -> NotebookNode:
    """Put the text of each question in front of the cell that asks it, in place, and return the notebook.

    A question cell is the Markdown cell with id ``ID-text`` or tag ``question`` directly above; one is added
    where there is none. Raises :class:`CourseError` when the cells and the bank have different questions.
    """
    result: list[NotebookNode] = []
    seen: list[str] = []
    for cell in notebook.cells:
        name = cells.asked(cell.source) if cell.cell_type == "code" else None
        if name is not None and (question := questions.question(name)) is not None:
            seen.append(name)
            old = result.pop() if result and _is_question(result[-1], name) else None
            result.append(_question_cell(name, bank.markdown(question), old, questions.use == GRADED))
        elif name is not None:
            raise CourseError(f"A cell asks question {name!r}, which its bank “{questions.title}” does not have.")
        result.append(cell)
    if seen != [question.id for question in questions.questions]:
        raise CourseError(
            f"The cells ask {', '.join(seen)}, but the bank “{questions.title}” has "
            f"{', '.join(q.id for q in questions.questions)}: ask each once, in this order."
        )
    notebook["cells"] = result
    return notebook


def _is_question(cell: NotebookNode, name: str) -> bool:
    tagged = "question" in cell.metadata.get("tags", [])
    return cell.cell_type == "markdown" and (cell.get("id") == f"{name}-text" or tagged)


def _question_cell(name: str, source: str, old: NotebookNode | None, graded: bool) -> NotebookNode:
    cell = old or nbformat.v4.new_markdown_cell()
    cell["id"], cell["source"] = f"{name}-text", source
    cell["metadata"]["tags"] = ["question"]
    if graded:
        cell["metadata"]["nbgrader"] = {
            "grade": False,
            "grade_id": f"{name}-text",
            "locked": True,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }
    return cell


def _bank_of(pair: Pair, notebook: NotebookNode) -> Bank | None:
    if not any(cell.cell_type == "code" and cells.asked(cell.source) for cell in notebook.cells):
        return None
    if pair.executed:
        return bank.bank_for(pair.notebook.stem, use=SELF_CHECK)
    return bank.bank_for(pair.notebook.parent.name, use=GRADED)


def _questions_path(pair: Pair) -> Path:
    folder = pair.notebook.parent
    return folder / "questions" / f"{pair.notebook.stem}.json" if pair.executed else folder / "questions.json"


# --- the whole course ----------------------------------------------------------------------------


def changes(course: Course, take: Side | None = None) -> tuple[list[Change], list[str]]:
    """What :func:`sync` would write (twins, question cells, ``questions.json`` files), and what it cannot settle.

    Writes nothing. The second list holds a sentence for each pair that is in conflict or whose questions are wrong.
    """
    found: list[Change] = []
    problems: list[str] = []
    for pair in pairs(course):
        try:
            found += _changes(pair, take)
        except CourseError as problem:
            problems.append(f"{pair.text.relative_to(course.root)}: {problem}")
    return found, problems


def _changes(pair: Pair, take: Side | None) -> list[Change]:
    notebook = agree(pair, take)
    expected = {}
    if (questions := _bank_of(pair, notebook)) is not None:
        with_questions(notebook, questions)
        expected[_questions_path(pair)] = bank.questions_file(questions)
    expected |= {pair.notebook: cells.dumps(notebook), pair.text: to_text(notebook)}
    return [
        Change(path, text) for path, text in expected.items() if not path.exists() or path.read_bytes() != text.encode()
    ]


def sync(course: Course, take: Side | None = None, say: Callable[[str], None] = print) -> list[Change]:
    """Bring every pair and every question file into step; returns what was written.

    What can be settled is written; then :class:`CourseError` is raised for what cannot.
    """
    found, problems = changes(course, take)
    for change in found:
        change.path.parent.mkdir(parents=True, exist_ok=True)
        change.path.write_text(change.text, encoding="utf-8", newline="\n")
        say(f"wrote {change.path.relative_to(course.root)}")
    if problems:
        raise CourseError("\n".join(problems))
    return found


def check(course: Course) -> None:
    """Raises :class:`CourseError` that names every file that :func:`sync` would write."""
    found, problems = changes(course)
    stale = [f"{change.path.relative_to(course.root)} is stale: run `course sync`." for change in found]
    if stale or problems:
        raise CourseError("\n".join(stale + problems))
