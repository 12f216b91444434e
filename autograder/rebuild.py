"""The notebook to run, made from the pristine source and nothing of a submission but its source text.

Rules, in the order in which they are applied:

1. A submitted cell stands for the pristine cell whose nbgrader name it bears, else whose id it bears, else whose
   released text it has word for word; a cell that lost all three stands for a missing solution cell when it defines
   the same functions and classes (or asks the same question) as that cell's stub.
2. Cells come in the order of the pristine notebook. Test cells and given cells are the pristine ones, whatever came
   in; missing ones are put back.
3. A solution cell gets the student's text. When it came in several times, the last version that is neither empty nor
   the stub counts; the other versions with text of their own run before it, as added cells.
4. A given code cell that the student edited runs as it was released; the edited version follows as an added cell.
5. Cells that the student added stay behind the known cell that they followed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode, from_dict

from autograder import cells

ADDED = "added"
"""Key of a cell's metadata that says the student added it."""


@dataclass(frozen=True)
class Rebuilt:
    """The notebook to run and, for the student, what was repaired to make it."""

    notebook: NotebookNode
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """A cell of the pristine notebook: its name (nbgrader's, else its id), itself, and its released text."""

    name: str
    cell: NotebookNode
    released: str

    @property
    def is_answer(self) -> bool:
        """Whether the student's text belongs here."""
        return cells.has_role(self.cell, "solution")

    @property
    def is_graded_test(self) -> bool:
        """Whether the cell is graded and not the student's."""
        return cells.has_role(self.cell, "grade") and not self.is_answer

    @property
    def runs(self) -> bool:
        """Whether the cell is code."""
        return self.cell.cell_type == "code"


@dataclass(frozen=True)
class Incoming:
    """A submitted cell: its type and text, which known cell it stands for, and the last known one above it."""

    kind: str
    source: str
    stands_for: str | None
    after: str | None


def same_text(one: str, other: str) -> bool:
    """Whether two sources differ in nothing but blanks at line ends and empty lines at the ends."""
    return _plain(one) == _plain(other)


def rebuild(pristine: NotebookNode, release: NotebookNode, submitted: NotebookNode) -> Rebuilt:
    """The notebook to run. ``pristine`` is the source, ``release`` what students got, ``submitted`` what came back.

    Pure, and raises nothing for any ``submitted`` that :func:`autograder.reading.read_submission` returns.
    """
    known = known_cells(pristine, release)
    incoming, notes = _identify(known, submitted)
    out: list[NotebookNode] = [_added(cell) for cell in incoming if cell.stands_for is None and cell.after is None]
    for place in known:
        versions = [cell for cell in incoming if cell.stands_for == place.name]
        out += _answer(place, versions, notes) if place.is_answer else _given(place, versions, notes)
        out += [_added(cell) for cell in incoming if cell.stands_for is None and cell.after == place.name]
    _note_order(known, incoming, notes)
    notebook = from_dict({"cells": out, "metadata": cells.METADATA, "nbformat": 4, "nbformat_minor": 5})
    _number_added(notebook)
    return Rebuilt(notebook, tuple(notes))


def known_cells(pristine: NotebookNode, release: NotebookNode) -> list[Known]:
    """The pristine cells in order, each with its released text; both notebooks must have the same cells."""
    pairs = zip(pristine.cells, release.cells, strict=True)
    return [Known(cells.grade_id(cell) or cell["id"], cell, twin.source) for cell, twin in pairs]


# --- which submitted cell is which


def _identify(known: list[Known], submitted: NotebookNode) -> tuple[list[Incoming], list[str]]:
    names = {place.name for place in known}
    by_id = {place.cell["id"]: place.name for place in known}
    claimed: list[str | None] = []
    for cell in submitted.cells:
        name = cells.grade_id(cell)
        claimed.append(name if name in names else by_id.get(cell.get("id") or ""))
    notes = _match_text(known, submitted, claimed)
    incoming, last = [], None
    for cell, name in zip(submitted.cells, claimed, strict=True):
        if name is None and not cell.source.strip():
            continue
        incoming.append(Incoming(cell.cell_type, cell.source, name, last))
        last = name or last
    return incoming, notes


def _match_text(known: list[Known], submitted: NotebookNode, claimed: list[str | None]) -> list[str]:
    """Claim cells that lost name and id for known cells that nobody claimed; changes ``claimed``."""
    free = {place.name: place for place in known if place.name not in set(claimed)}
    notes = []
    for i, cell in enumerate(submitted.cells):
        if claimed[i] is not None or not cell.source.strip():
            continue
        twin = next((p for p in free.values() if same_text(p.released, cell.source)), None)
        if twin is None:
            twin = next((p for p in free.values() if p.is_answer and _defines(cell.source, p.released)), None)
            if twin is not None:
                notes.append(f"The cell `{twin.name}` had lost its name; it was known by what it defines.")
        if twin is not None:
            claimed[i] = twin.name
            del free[twin.name]
    return notes


def _defines(source: str, stub: str) -> bool:
    wanted = definitions(stub)
    return bool(wanted) and wanted <= definitions(source)


def definitions(source: str) -> set[str]:
    """Functions and classes that a cell defines, by their lines, so that a syntax error elsewhere does no harm."""
    found = set(re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", source, re.MULTILINE))
    return found | {f"ask {name}" for name in re.findall(r"^\s*quiz\.ask\(\s*[\"'](\w+)[\"']", source, re.MULTILINE)}


# --- what comes out for a known cell


def _answer(place: Known, versions: list[Incoming], notes: list[str]) -> list[NotebookNode]:
    """A solution cell or quiz cell with the student's text, after the versions that do not count."""
    own = [v for v in versions if v.source.strip() and not same_text(v.source, place.released)]
    if not versions:
        notes.append(f"The cell `{place.name}` was missing; the empty one was put back.")
    if len(versions) > 1 and own:
        notes.append(f"The cell `{place.name}` was there {len(versions)} times; the last one with an answer counts.")
    chosen = own[-1] if own else None
    if chosen and chosen.kind != place.cell.cell_type:
        notes.append(f"The cell `{place.name}` was a {chosen.kind} cell; it was read as {place.cell.cell_type}.")
    return [*(_added(v) for v in own[:-1]), _pristine(place, chosen.source if chosen else place.released)]


def _given(place: Known, versions: list[Incoming], notes: list[str]) -> list[NotebookNode]:
    """A test cell or given cell as it was released, and the student's version of a given one after it."""
    edited = [v for v in versions if v.source.strip() and not same_text(v.source, place.released)]
    edited = [v for v in edited if not same_text(v.source, place.cell.source)]
    out = [_pristine(place, place.cell.source)]
    if place.is_graded_test or not place.runs:
        if place.is_graded_test and not versions:
            notes.append(f"The test cell `{place.name}` was missing; it was put back.")
        if place.is_graded_test and edited:
            notes.append(f"The test cell `{place.name}` had been changed; the original was run.")
        return out + (
            [] if place.is_graded_test or cells.has_role(place.cell, "locked") else [_added(v) for v in edited]
        )
    if not versions:
        notes.append(f"The given cell {_called(place)} was missing; it was put back.")
    if edited:
        notes.append(f"The given cell {_called(place)} had been changed; the original comes first, then yours.")
    return out + [_added(v) for v in edited]


def _called(place: Known) -> str:
    """What to call a given cell: its nbgrader name, else its first line."""
    if cells.grade_id(place.cell):
        return f"`{place.name}`"
    first = next((line.strip() for line in place.released.splitlines() if line.strip()), "")
    return f"`{first[:60].replace('`', '')}`"


def _pristine(place: Known, source: str) -> NotebookNode:
    cell = copy.deepcopy(place.cell)
    cell["source"] = source
    cell.pop("attachments", None)
    if place.runs:
        cell["outputs"], cell["execution_count"] = [], None
    return cell


def _added(incoming: Incoming) -> NotebookNode:
    cell = {"cell_type": incoming.kind, "id": "", "metadata": {ADDED: True}, "source": incoming.source}
    if incoming.kind == "code":
        cell |= {"outputs": [], "execution_count": None}
    else:  # a picture pasted into the text does not come along, and a page with a dangling one cannot be made
        cell["source"] = incoming.source.replace("attachment:", "left-out:")
    return from_dict(cell)


def _number_added(notebook: NotebookNode) -> None:
    taken = {cell["id"] for cell in notebook.cells}
    number = 0
    for cell in notebook.cells:
        while not cell["id"]:
            number += 1
            if f"added-{number}" not in taken:
                cell["id"] = f"added-{number}"


def _note_order(known: list[Known], incoming: Iterable[Incoming], notes: list[str]) -> None:
    place = {k.name: i for i, k in enumerate(known) if k.runs}
    first: dict[str, None] = dict.fromkeys(c.stands_for for c in incoming if c.stands_for in place)
    order = [place[name] for name in first]
    if order != sorted(order):
        notes.append("Cells had been moved; they were put back in the order of the assignment.")


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip("\n").rstrip().splitlines())
