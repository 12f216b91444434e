"""The notebook to run, made from the pristine source and nothing of a submission but its source text.

Rules, in the order in which they are applied:

1. A submitted cell stands for the pristine cell whose nbgrader name it bears, else whose id it bears, else whose
   released text it has word for word; a cell that lost all three stands for a missing solution cell when it defines
   the same functions and classes (or asks the same question) as that cell's stub.
2. Cells come in the order of the pristine notebook. Test cells and given cells are the pristine ones, whatever came
   in; missing ones are put back.
3. A solution cell gets the student's text. When it came in several times, the version counts that Restart-and-Run-All
   leaves behind for its tests: the last one above them that is neither empty nor the stub, or the last one of all
   where none stands above them. The other versions with text of their own run before it, as added cells.
4. Where a solution cell is missing or was left as released, and other cells of the student's define what it asks for,
   no stub undoes them (:func:`_elsewhere`): cells get merged, retyped in one, or typed into the test below.
5. A given code cell that the student edited runs as it was released; the edited version follows as an added cell.
6. Cells that the student added stay behind the known cell that they followed.

Whatever a cell of the student's is called, its text runs as the student's code and never in the place of a test.
"""

from __future__ import annotations

import ast
import copy
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from nbformat import NotebookNode, from_dict

from autograder import cells

ADDED = "added"
"""Key of a cell's metadata that says the student added it."""

IMPORTS = "imports"
"""Key of a test cell's metadata that lists the statements at the top level of its released text that import."""

STRANGER = "This file holds none of the cells of this assignment: is it the notebook of another one?"


@dataclass(frozen=True)
class Rebuilt:
    """The notebook to run and, for the student, what was repaired to make it.

    ``absent`` names the answer cells that were not there, and whose answer no other cell holds.
    """

    notebook: NotebookNode
    notes: tuple[str, ...]
    absent: tuple[str, ...] = ()


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
    """A submitted cell: its type and text, which known cell it stands for, the last known one above it, its number."""

    kind: str
    source: str
    stands_for: str | None
    after: str | None
    at: int


@dataclass(frozen=True)
class Remark:
    """A note on one cell: in words for one, in words for several, and what to put for ``{}`` in either."""

    one: str
    many: str
    called: str


def same_text(one: str, other: str) -> bool:
    """Whether two sources differ in nothing but blanks at line ends and empty lines at the ends."""
    return _plain(one) == _plain(other)


def rebuild(pristine: NotebookNode, release: NotebookNode, submitted: NotebookNode) -> Rebuilt:
    """The notebook to run. ``pristine`` is the source, ``release`` what students got, ``submitted`` what came back.

    Pure, and raises nothing for any ``submitted`` that :func:`autograder.reading.read_submission` returns.
    """
    known = known_cells(pristine, release)
    incoming, notes = _identify(known, submitted)
    elsewhere = _elsewhere(known, incoming, notes)
    counted = {cell.stands_for for found in elsewhere.values() for cell in found.holders}
    out: list[NotebookNode] = [_added(cell) for cell in incoming if cell.stands_for is None and cell.after is None]
    for i, place in enumerate(known):
        versions = [cell for cell in incoming if cell.stands_for == place.name]
        if place.name in elsewhere:
            out += elsewhere[place.name].cells(place)
        elif place.is_answer:
            out += _answer(place, versions, _first_test(known, i, incoming), notes)
        else:
            out += _given(place, versions, place.name in counted, notes)
        out += [_added(cell) for cell in incoming if cell.stands_for is None and cell.after == place.name]
    notebook = from_dict({"cells": out, "metadata": cells.METADATA, "nbformat": 4, "nbformat_minor": 5})
    _number_added(notebook)
    there = {cell.stands_for for cell in incoming} | set(elsewhere)
    absent = [place.name for place in known if place.is_answer and place.name not in there]
    ours = {place.name for place in known if place.is_answer or place.is_graded_test}
    said = [STRANGER] if ours and not ours & there else [*_told(notes), *_order(known, incoming)]
    return Rebuilt(notebook, tuple(said), tuple(absent))


def known_cells(pristine: NotebookNode, release: NotebookNode) -> list[Known]:
    """The pristine cells in order, each with its released text; both notebooks must have the same cells."""
    pairs = zip(pristine.cells, release.cells, strict=True)
    return [Known(cells.grade_id(cell) or cell["id"], cell, twin.source) for cell, twin in pairs]


def is_students(cell: NotebookNode) -> bool:
    """Whether a cell of a rebuilt notebook holds what the student wrote, and not what the course did."""
    return cells.is_solution(cell) or bool(cell.metadata.get(ADDED))


# --- which submitted cell is which


def _identify(known: list[Known], submitted: NotebookNode) -> tuple[list[Incoming], list[Remark]]:
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
        incoming.append(Incoming(cell.cell_type, cell.source, name, last, len(incoming)))
        last = name or last
    return incoming, notes


def _match_text(known: list[Known], submitted: NotebookNode, claimed: list[str | None]) -> list[Remark]:
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
                notes.append(Remark(*_LOST, f"`{twin.name}`"))
        if twin is not None:
            claimed[i] = twin.name
            del free[twin.name]
    return notes


def _defines(source: str, stub: str) -> bool:
    wanted = definitions(stub)
    return bool(wanted) and wanted <= definitions(source)


def definitions(source: str) -> set[str]:
    """Functions and classes that a cell defines, by their lines, so that a syntax error elsewhere does no harm.

    No pattern runs on over line ends: a cell may hold a hundred thousand of them.
    """
    found = set(re.findall(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", source, re.MULTILINE))
    asked = re.findall(r"^[ \t]*quiz\.ask\([ \t]*[\"'](\w+)[\"']", source, re.MULTILINE)
    return found | {f"ask {name}" for name in asked}


# --- answers in other cells than their own


@dataclass(frozen=True)
class Elsewhere:
    """What comes out for an answer cell whose answer other cells hold.

    ``given`` is what its stub holds besides, and runs first. ``text`` is the answer, or a comment where the cells that
    hold it run anyway. ``holders`` are those cells.
    """

    given: str
    text: str
    holders: tuple[Incoming, ...]

    def cells(self, place: Known) -> list[NotebookNode]:
        """The cells to run."""
        given = [_added(Incoming("code", self.given, None, None, 0))] if self.given else []
        return [*given, _pristine(place, self.text)]


def _elsewhere(known: list[Known], incoming: list[Incoming], notes: list[Remark]) -> dict[str, Elsewhere]:
    """For answer cells without an answer of their own: the other cells of the student's that hold it.

    A stub that was left is in the way only where it stops at NotImplementedError: any other may be worth points.
    """
    released = {place.name: place.released for place in known}
    fresh: dict[Incoming, set[str]] = {}
    found = {}
    for i, place in enumerate(known):
        mine = [cell for cell in incoming if cell.stands_for == place.name and cell.source.strip()]
        if not place.is_answer or not all(same_text(cell.source, place.released) for cell in mine):
            continue
        asked = _asked(place)
        if not asked or (mine and not _stops(place)):
            continue
        fresh = fresh or {c: definitions(c.source) - definitions(released.get(c.stands_for, "")) for c in incoming}
        others = {c: fresh[c] for c in incoming if c.kind == "code" and c.stands_for != place.name and fresh[c] & asked}
        how, holders = _held(known, i, asked, others, left=bool(mine))
        if how == "late":
            notes.append(Remark(*_BELOW, f"`{place.name}`"))
        elif how:
            notes.append(Remark(*_holds(known, holders), f"`{place.name}`"))
            answer = "\n".join(cell.source for cell in holders)
            text = f"# What `{place.name}` asks for is defined in another cell." if how == "runs" else answer
            found[place.name] = Elsewhere(_besides(place, asked, answer), text, tuple(holders))
    return found


def _held(
    known: list[Known], i: int, asked: set[str], others: dict[Incoming, set[str]], left: bool
) -> tuple[str, list[Incoming]]:
    """Which of the cells that define some of what the ``i``-th known cell asks for hold its answer, and how.

    ``"runs"``: they run before its tests, unless its stub undid them. ``"read"``: the one would run too late or not at
    all, so that it is read in the place of the cell. ``"late"``: it stands below the tests, as a cell of the student's
    own. ``""``: there is nothing to do. ``left`` says that the stub is still there.
    """
    where = _where(known, i, others)
    above, between = ([cell for cell in others if where[cell] == side] for side in ("above", "between"))
    whole = [cell for cell in others if asked <= others[cell]]
    if cells.has_role(known[i].cell, "grade"):  # a question: nothing is run, its letters are read wherever they stand
        return ("read", whole[-1:]) if whole else ("", [])
    if left and asked <= _union(others, between):
        return "", []  # they run after the stub
    if typed := [cell for cell in whole if where[cell] == "test"]:
        return "read", typed[:1]
    if asked <= _union(others, above + between):
        return "runs", above + between
    if apart := [cell for cell in whole if where[cell] == "apart"]:
        return "read", apart[:1]
    return ("late" if any(where[cell] == "below" for cell in whole) else ""), []


def _where(known: list[Known], i: int, others: Iterable[Incoming]) -> dict[Incoming, str]:
    """Where cells run, seen from the ``i``-th known one: ``"above"``, ``"between"`` it and its first test, in the place
    of that ``"test"``, ``"below"`` it, or ``"apart"``, under the name of a cell that comes later or never runs."""
    number = {place.name: j for j, place in enumerate(known)}
    test = next((j for j in range(i, len(known)) if known[j].is_graded_test), len(known))
    found = {}
    for cell in others:
        at = number.get(cell.stands_for or cell.after, -1)
        if at == test and cell.stands_for:
            found[cell] = "test"
        elif cell.stands_for and (at >= test or not _is_kept(known[at])):
            found[cell] = "apart"
        else:
            found[cell] = "below" if at >= test else "above" if at < i else "between"
    return found


def _is_kept(place: Known) -> bool:
    """Whether text of the student's under this cell's name runs."""
    return place.runs and not place.is_graded_test


def _asked(place: Known) -> set[str]:
    """What an answer cell asks for: what its stub leaves to do, else all that it defines."""
    names = definitions(place.released)
    if cells.has_role(place.cell, "grade"):
        return {name for name in names if name.startswith("ask ")}
    return {node.name for node in _body(place, _BLOCKS) if "NotImplementedError" in ast.unparse(node)} or names


def _besides(place: Known, asked: set[str], answer: str) -> str:
    """Imports, constants and finished helpers of a stub, but for those that the answer has itself."""
    if cells.has_role(place.cell, "grade"):
        return ""
    given = [node for node in _body(place, (*_BLOCKS, *_SINGLE)) if not {getattr(node, "name", None)} & asked]
    lines = [ast.unparse(node) for node in given]
    return "\n".join(line for line in lines if not _begins_like(line, answer))


def _begins_like(statement: str, source: str) -> bool:
    """Whether a source has a line that binds the same name: ``LIMIT =``, ``def half(``, ``import csv``."""
    head = re.match(r"(?:@.*\n)*((?:(?:async def|def|class|import|from) )?\w+)", statement)
    return bool(head and re.search(rf"^{re.escape(head[1])}\b", source, re.MULTILINE))


_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SINGLE = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def _body(place: Known, kinds: tuple[type[ast.stmt], ...]) -> list[ast.stmt]:
    """The statements of a stub that are of some kinds; none when it is no plain Python."""
    try:
        return [node for node in ast.parse(place.released).body if isinstance(node, kinds)]
    except SyntaxError:
        return []


def _stops(place: Known) -> bool:
    return cells.has_role(place.cell, "grade") or "NotImplementedError" in place.released


def _union(names: dict[Incoming, set[str]], chosen: Iterable[Incoming]) -> set[str]:
    return {name for cell in chosen for name in names[cell]}


def _first_test(known: list[Known], i: int, incoming: Iterable[Incoming]) -> float:
    """The number of the uppermost submitted test cell of the ``i``-th known cell; infinity for none."""
    below = known[i + 1 :]
    first = next((j for j, place in enumerate(below) if place.is_graded_test), len(below))
    end = next((j for j in range(first, len(below)) if below[j].is_answer), len(below))
    names = {place.name for place in below[first:end] if place.is_graded_test}
    return min((cell.at for cell in incoming if cell.stands_for in names), default=math.inf)


# --- what comes out for a known cell


def _answer(place: Known, versions: list[Incoming], test: float, notes: list[Remark]) -> list[NotebookNode]:
    """A solution cell or quiz cell with the student's text, after the versions that do not count.

    ``test`` is the number of its first test. What stands below it runs first, so that nothing above is undone.
    """
    called = f"`{place.name}`"
    own = [v for v in versions if v.source.strip() and not same_text(v.source, place.released)]
    own.sort(key=lambda v: v.at < test)
    if not versions:
        notes.append(Remark(*_MISSING, called))
    if len(versions) > 1 and own:
        below = any(v.at > test for v in own) and own[-1].at < test
        notes.append(Remark(*_versions(len(versions), below), called))
    chosen = own[-1] if own else None
    if chosen and chosen.kind != place.cell.cell_type:
        notes.append(Remark(*_kind(chosen.kind, place.cell.cell_type), called))
    return [*(_added(v) for v in own[:-1]), _pristine(place, chosen.source if chosen else place.released)]


def _given(place: Known, versions: list[Incoming], counted: bool, notes: list[Remark]) -> list[NotebookNode]:
    """A test cell or given cell as it was released, and the student's version of a given one after it.

    ``counted`` says that an answer typed into this cell was read as such.
    """
    edited = [v for v in versions if v.source.strip() and not same_text(v.source, place.released)]
    edited = [v for v in edited if not same_text(v.source, place.cell.source)]
    out = [_pristine(place, place.cell.source)]
    if place.is_graded_test:
        if found := _imports(place.released):
            out[0].metadata[IMPORTS] = list(found)  # at home a module that a test imports is there for the cells below
        if not versions:
            notes.append(Remark(*_MISSING_TEST, f"`{place.name}`"))
        if edited and not counted:
            lost = any(_own_code(v.source, place.released) for v in edited)
            notes.append(Remark(*(_LOST_CODE if lost else _CHANGED_TEST), f"`{place.name}`"))
        return out
    if not place.runs:
        return out + ([] if cells.has_role(place.cell, "locked") else [_added(v) for v in edited])
    if not versions:
        notes.append(Remark(*_MISSING_GIVEN, _called(place)))
    if edited:
        notes.append(Remark(*_CHANGED_GIVEN, _called(place)))
    return out + [_added(v) for v in edited]


def _own_code(source: str, released: str) -> bool:
    """Whether a text has lines of code that the released one has not."""
    there = {line.strip() for line in released.splitlines()}
    lines = (line.strip() for line in source.splitlines())
    return any(line and not line.startswith("#") and line not in there for line in lines)


@lru_cache(maxsize=1024)
def _imports(source: str) -> tuple[str, ...]:
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):  # a magic, perhaps
        return ()
    return tuple(ast.unparse(one) for one in statements if isinstance(one, ast.Import | ast.ImportFrom))


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


# --- what the student is told

_MISSING = (
    "The cell {} was missing; the empty one was put back.",
    "The cells {} were missing; the empty ones were put back.",
)
_MISSING_TEST = (
    "The test cell {} was missing; it was put back.",
    "The test cells {} were missing; they were put back.",
)
_MISSING_GIVEN = (
    "The given cell {} was missing; it was put back.",
    "The given cells {} were missing; they were put back.",
)
_CHANGED_TEST = (
    "The test cell {} had been changed; the original was run.",
    "The test cells {} had been changed; the originals were run.",
)
_LOST_CODE = (
    "The test cell {} had been changed; the original was run, and code of yours in it did not count.",
    "The test cells {} had been changed; the originals were run, and code of yours in them did not count.",
)
_CHANGED_GIVEN = (
    "The given cell {} had been changed; the original comes first, then yours.",
    "The given cells {} had been changed; the originals come first, then yours.",
)
_LOST = (
    "The cell {} had lost its name; it was known by what it defines.",
    "The cells {} had lost their names; they were known by what they define.",
)
_BELOW = (
    "What the cell {} asks for stands in a cell of yours below its tests, which comes too late for them: "
    "write it into the cell {}.",
    "What the cells {} ask for stands in cells of yours below their tests, which comes too late for them: "
    "write it into the cells {}.",
)


def _versions(count: int, below: bool) -> tuple[str, str]:
    which = "the last one with an answer above its first test" if below else "the last one with an answer"
    return (
        f"The cell {{}} was there {count} times; {which} counts.",
        f"The cells {{}} were there {count} times each; of each, {which} counts.",
    )


def _kind(came: str, wanted: str) -> tuple[str, str]:
    return (
        f"The cell {{}} was a {came} cell; it was read as {wanted}.",
        f"The cells {{}} were {came} cells; they were read as {wanted}.",
    )


def _holds(known: list[Known], holders: Collection[Incoming]) -> tuple[str, str]:
    """That cells of the student's hold what another one asks for."""
    names = {cell.stands_for for cell in holders}
    place = next((place for place in known if names == {place.name}), None)
    who, ends = "A cell of yours holds", "it counts."
    if len(holders) > 1:
        who, ends = "Cells of yours hold", "they count."
    elif place and place.is_graded_test:
        who, ends = f"The test cell `{place.name}` holds", "it counts, and the original test was run."
    elif place and place.is_answer:
        who = f"The cell `{place.name}` also holds"
    return f"{who} what the cell {{}} asks for; {ends}", f"{who} what the cells {{}} ask for; {ends}"


def _told(notes: Iterable[Remark]) -> list[str]:
    """One sentence for each kind of note, in the order in which the kinds came up."""
    kinds: dict[tuple[str, str], dict[str, None]] = {}
    for note in notes:
        kinds.setdefault((note.one, note.many), {})[note.called] = None
    return [
        (many if len(named) > 1 else one).replace("{}", _listed(list(named))) for (one, many), named in kinds.items()
    ]


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _order(known: list[Known], incoming: Iterable[Incoming]) -> list[str]:
    place = {k.name: i for i, k in enumerate(known) if k.runs}
    first: dict[str, None] = dict.fromkeys(c.stands_for for c in incoming if c.stands_for in place)
    order = [place[name] for name in first]
    moved = order != sorted(order)
    return ["Cells had been moved; they were put back in the order of the assignment."] * moved


@lru_cache(maxsize=4096)  # a class hands in the same cells again and again
def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip("\n").rstrip().splitlines())
