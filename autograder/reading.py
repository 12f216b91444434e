"""Reading what students hand in: any file that holds a notebook's cells, whatever was done to it on the way.

Read all the same: a byte order mark, UTF-16 and the old one-byte encodings, Windows line ends, nbformat 1 to 3, missing
keys, doubled cell ids, text after the end, a file renamed by a browser. What cannot be read raises
:class:`Unreadable` with a reason for the student. Of the cells only their type, source text, id and nbgrader name
are kept: outputs, tags, attachments and all other metadata are left behind here.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

LARGEST_FILE = 50_000_000  # bytes; a notebook full of figures has two or three million
MOST_CELLS = 2_000
MOST_FILES = 100
DEEPEST_FOLDER = 6  # an archive puts notebooks a level or two down, one of the whole course or home folder five or six
SUFFIXES = (".ipynb", ".ipynb.txt", ".ipynb.json")  # browsers that do not know the type add the last part

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKS = (  # longer ones first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_KINDS = (
    ("PK\x03\x04", "a ZIP archive or an office document"),
    ("%PDF", "a PDF document"),
    ("\x1f\x8b", "a compressed file"),
    ("{\\rtf", "a rich-text document (RTF)"),
    ("<?xml", "an XML file"),
    ("<", "a web page"),  # which may begin with a comment
)
_PYTHON = re.compile(r"(#|%%?\w|@\w|\"\"\"|'''|(import|from|def|class|async def)\s+\w)")
"""How a script begins, and no JSON text does."""

_INSTEAD = {  # what is handed in instead of a notebook, by the end of its name
    "unpack it and hand in the .ipynb file": (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz"),
    "hand in the .ipynb file itself": (".html", ".htm", ".py", ".pdf", ".docx", ".md", ".txt"),
}


class Unreadable(Exception):
    """A submitted file that cannot be read. The message is for the student: the reason, and the line if any."""


def read_submission(path: Path) -> tuple[NotebookNode, list[str]]:
    """The notebook in a submitted file, and notes for the student about what was repaired.

    The notebook is nbformat 4.5; cells carry nothing but type, source, id (where it has one of its own) and, as
    ``metadata.nbgrader.grade_id``, nbgrader's name. Raises :class:`Unreadable` and nothing else, for any file.
    """
    text, notes = _text(read_bytes(path), path.name)
    data = _json(text, path.name, notes)
    found = [cell for cell in _raw_cells(data, path.name, notes) if isinstance(cell, dict)]
    if len(found) > MOST_CELLS:
        raise Unreadable(f"`{path.name}` has {len(found):,} cells; at most {MOST_CELLS:,} are read.")
    notebook = nbformat.v4.new_notebook(nbformat_minor=5)
    notebook["cells"] = [_cell(cell) for cell in found]  # set afterwards: cells without an id are not valid yet
    _drop_doubled_ids(notebook)
    return notebook, notes


@dataclass(frozen=True)
class Seen:
    """What choosing among a submission's files needs to know of one.

    ``names`` are the nbgrader names and ids of its cells, ``None`` when it cannot be read. ``texts`` are hashes of the
    sources of its code cells, blanks left out, and by name those of its other cells that have one.
    """

    names: frozenset[str] | None = None
    texts: frozenset[int] = frozenset()
    named: Mapping[str, int] = field(default_factory=dict)


Released = Mapping[str, Mapping[str, str]]
"""By the name of a notebook, the released texts of its code cells and answer cells by name."""


def look_through(folder: Path, names: Iterable[str]) -> dict[Path, Seen]:
    """The files of a submission that may stand for one of the notebooks ``names``; each is read once."""
    return {path: _seen(path) for path in _candidates(folder, names)}


def find_notebooks(
    folder: Path,
    names: Mapping[str, Collection[str]] | Iterable[str],
    released: Released | None = None,
    seen: Mapping[Path, Seen] | None = None,
) -> dict[str, Path]:
    """Which file of a submission stands for which expected notebook.

    ``names`` are the notebooks of the assignment, optionally each with the ``grade_id`` of its cells. The right
    name wins when that file holds such cells; otherwise the file that holds most of them, then a name like it
    (``Quiz.ipynb``, ``quiz (1).ipynb``, ``quiz-Copy1.ipynb``, ``ada_quiz.ipynb``). Of several copies the one with the
    highest number wins, and a file that holds nothing but what was ``released`` comes after those that hold more. Names
    without any file are left out. Links are listed, never followed: reading one says so.

    ``seen`` is what :func:`look_through` found, where that was called already.
    """
    wanted = {n: set(ids) for n, ids in names.items()} if isinstance(names, Mapping) else {n: set() for n in names}
    seen = look_through(folder, wanted) if seen is None else seen
    texts = {name: _hashes(cells) for name, cells in (released or {}).items()}
    ranked = sorted(
        (_rank(path, folder, name, ids, seen[path], texts.get(name, {})), name, path)
        for name, ids in wanted.items()
        for path in seen
    )
    found: dict[str, Path] = {}
    for rank, name, path in ranked:
        if rank[0] < _HOPELESS and name not in found and path not in found.values():
            found[name] = path
    return {name: found[name] for name in wanted if name in found}


def naming_notes(
    folder: Path,
    name: str,
    found: Mapping[str, Path],
    ids: Collection[str] = (),
    seen: Mapping[Path, Seen] | None = None,
) -> list[str]:
    """Notes for the student about the file that was taken for notebook ``name``, and those that were not.

    Named among the latter are files whose name is like this one, and whatever holds most of the cells ``ids``. Where
    nothing was taken, it is said what there was instead.
    """
    path = found.get(name)
    if path is None:
        return _instead(folder, name)
    seen = look_through(folder, [name]) if seen is None else seen
    notes = []
    if path != folder / f"{name}.ipynb":
        notes.append(f"The file was called `{path.relative_to(folder)}`; it was read as `{name}.ipynb`.")
    for other, what in seen.items():
        alike = _is_notebook(other.name) and _alike(_stem(other), name)
        if other not in found.values() and (alike or _missing(set(ids), what) <= 0.5):
            notes.append(f"There was also `{other.relative_to(folder)}`: it was not read.")
    return notes


def _instead(folder: Path, name: str) -> list[str]:
    """Notes about an archive, and about files that are called like the notebook and are none."""
    notes = []
    for path in sorted(_files(folder), key=lambda path: (len(path.parts), str(path))):
        for advice, ends in _INSTEAD.items():
            stem = path.name[: path.name.find(".")]
            if path.name.lower().endswith(ends) and (ends[0] == ".zip" or _alike(stem, name)):
                notes.append(f"There was `{path.relative_to(folder)}`: {advice}.")
    return notes[:3]


# --- from bytes to JSON


def read_bytes(path: Path) -> bytes:
    """What a submitted file holds. Links are not followed and pipes not waited for: they raise :class:`Unreadable`."""
    try:
        if stat.S_ISLNK(path.lstat().st_mode):
            raise Unreadable(f"`{path.name}` is a link to another file: hand in the file itself.")
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise Unreadable(f"`{path.name}` is not a file.")
            if found.st_size > LARGEST_FILE:
                size, most = found.st_size / 1e6, LARGEST_FILE / 1e6
                raise Unreadable(f"`{path.name}` has {size:.0f} MB; at most {most:.0f} MB are read: clear its outputs.")
            return file.read(LARGEST_FILE + 1)
    except OSError as problem:
        raise Unreadable(f"`{path.name}` cannot be opened ({problem.strerror or problem}).") from None


def _text(data: bytes, name: str) -> tuple[str, list[str]]:
    if not data.strip(b" \t\r\n\0"):
        raise Unreadable(f"`{name}` is empty: the upload was cut off, or the notebook was never saved.")
    notes = []
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding, text = "windows-1252", data.decode("cp1252", errors="replace")
    if encoding != "utf-8":
        called = "UTF-8 with a byte order mark" if encoding == "utf-8-sig" else encoding.upper()
        notes.append(f"The file's encoding is {called}; it was read as such.")
    if "\r" in text:
        notes.append("The file has Windows line ends; it was read all the same.")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, notes


def _unmarked(data: bytes) -> str:
    """UTF-16 without a mark shows in the NUL bytes beside the first character, which in JSON is ASCII."""
    head = data[:2]
    if len(head) == 2 and head[1] == 0 and head[0]:
        return "utf-16-le"
    if len(head) == 2 and head[0] == 0 and head[1]:
        return "utf-16-be"
    return "utf-8"


def _json(text: str, name: str, notes: list[str]) -> Any:
    text = text.lstrip("\ufeff \t\n\0")
    lowered = text[:20].lower()
    for start, kind in _OTHER_KINDS:
        if lowered.startswith(start.lower()):
            raise Unreadable(f"`{name}` is {kind}, not a notebook: hand in the .ipynb file itself.")
    if _PYTHON.match(text):
        raise Unreadable(f"`{name}` is Python source, not a notebook: hand in the .ipynb file itself.")
    _refuse_conflict(r"^(<{7} |>{7} )", text, name)
    try:
        data, end = json.JSONDecoder(strict=False).raw_decode(text)
    except json.JSONDecodeError as problem:
        _refuse_conflict(r"^={7}$", text, name)  # in a file that can be read it may underline a heading
        raise Unreadable(_where(problem, text, name)) from None
    except (ValueError, RecursionError):
        raise Unreadable(
            f"`{name}` is not a notebook that Jupyter wrote: its numbers or its nesting never end."
        ) from None
    if text[end:].strip(" \t\n\0"):
        line = text.count("\n", 0, end) + 1
        notes.append(f"There was text after the end of the notebook (line {line}); it was left out.")
    return data


def _refuse_conflict(pattern: str, text: str, name: str) -> None:
    if marker := re.search(pattern, text, re.MULTILINE):
        line = text.count("\n", 0, marker.start()) + 1
        raise Unreadable(f"`{name}` holds a Git conflict at line {line}: settle it and hand in again.")


def _where(problem: json.JSONDecodeError, text: str, name: str) -> str:
    if problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string"):
        lines = text.rstrip().count("\n") + 1
        return f"`{name}` is cut off: it ends in line {lines} in the middle of the notebook. Save and hand in again."
    return (
        f"`{name}` is not a valid notebook file: line {problem.lineno}, column {problem.colno} ({problem.msg}). "
        "It was changed outside Jupyter, or damaged on the way."
    )


# --- from JSON to cells


def _raw_cells(data: Any, name: str, notes: list[str]) -> list[Any]:
    """The list of cells, wherever this version of the format keeps it."""
    if not isinstance(data, dict):
        raise Unreadable(f"`{name}` holds JSON but no notebook.")
    if isinstance(data.get("cells"), list):
        return data["cells"]
    sheets = data.get("worksheets")
    if isinstance(sheets, list):
        notes.append("The file has an old format (nbformat 3 or older); it was read as nbformat 4.")
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for cells in lists if isinstance(cells, list) for cell in cells]
    raise Unreadable(f"`{name}` holds JSON but no notebook: it has no list of cells.")


def _cell(raw: Mapping[str, Any]) -> NotebookNode:
    kind, source = raw.get("cell_type"), _source(raw.get("source", raw.get("input")))
    if kind == "heading":  # nbformat 3
        level = raw.get("level")
        kind, source = "markdown", f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {source}"
    if kind in ("html", "text"):
        kind = "markdown"
    if kind not in ("code", "markdown", "raw"):
        kind = "code" if {"outputs", "execution_count", "input", "prompt_number"} & raw.keys() else "raw"
    own_id = raw.get("id")
    own_id = own_id if isinstance(own_id, str) and _CELL_ID.fullmatch(own_id) else ""
    # not nbformat's new_code_cell and the like: they check each cell against the schema, 30 ms for a submission
    cell = NotebookNode(id=own_id, cell_type=kind, metadata=NotebookNode(), source=source)
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    if name := _grade_id(raw):
        cell.metadata["nbgrader"] = {"grade_id": name}
    return cell


def _source(value: Any) -> str:
    """Source text from a string or a list of lines, with Unix line ends and only characters that UTF-8 can write."""
    text = "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
    if not isinstance(text, str):
        return ""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _grade_id(raw: Any) -> str | None:
    value = raw
    for key in ("metadata", "nbgrader", "grade_id"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def _drop_doubled_ids(notebook: NotebookNode) -> None:
    seen: set[str] = set()
    for cell in notebook.cells:
        if cell["id"] in seen:
            cell["id"] = ""
        seen.add(cell["id"])


# --- from files to expected names

_EXACT, _CONTENT, _UNREADABLE, _ALIKE, _UNTOUCHED, _NAME_ONLY, _WEAK, _HOPELESS = range(8)
"""How a file fits a name, best first. One that was handed out and never touched comes after all that hold answers, and
before those that share nothing with it but the name."""


def may_be_notebook(path: str, names: Collection[str]) -> bool:
    """Whether a file's name is that of a notebook; ``quiz`` and ``quiz.json`` are, where ``names`` has ``quiz``."""
    name = path.rpartition("/")[2]
    return _is_notebook(name) or name.removesuffix(".json") in names


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _files(folder: Path) -> Iterator[Path]:
    """Every file but hidden ones and those of editors and systems, not too deep down."""
    for where, folders, files in os.walk(folder):
        depth = len(Path(where).relative_to(folder).parts)
        folders[:] = [f for f in sorted(folders) if not f.startswith((".", "__")) and depth < DEEPEST_FOLDER]
        yield from (Path(where, f) for f in files if not f.startswith("."))


def _candidates(folder: Path, names: Iterable[str]) -> list[Path]:
    """Files that may be notebooks, the uppermost first, in a fixed order."""
    names = set(names)
    found = [path for path in _files(folder) if may_be_notebook(path.name, names)]
    return sorted(found, key=lambda path: (len(path.parts), str(path)))[:MOST_FILES]


def _seen(path: Path) -> Seen:
    try:
        cells = read_submission(path)[0].cells
    except Unreadable:
        return Seen()
    called = [(cell.metadata.get("nbgrader", {}).get("grade_id"), cell) for cell in cells]
    names = {name for name, _ in called if name} | {cell["id"] for cell in cells if cell["id"]}
    texts = {_hash(cell.source) for cell in cells if cell.cell_type == "code" and cell.source.strip()}
    others = [(name or cell["id"], cell) for name, cell in called if cell.cell_type != "code" and cell.source.strip()]
    return Seen(frozenset(names), frozenset(texts), {name: _hash(cell.source) for name, cell in others if name})


def _hash(source: str) -> int:
    return hash("".join(source.split()))


def _hashes(released: Mapping[str, str]) -> dict[str, int]:
    return {name: _hash(text) for name, text in released.items()}


def _is_untouched(seen: Seen, released: Mapping[str, int]) -> bool:
    """Whether a file holds cells that were handed out, and of code and answers nothing else."""
    known = set(released.values())
    same = all(released.get(name, text) == text for name, text in seen.named.items())
    return bool(seen.texts & known) and seen.texts <= known and same


def _missing(wanted: set[str], seen: Seen) -> float:
    """The share of a notebook's cells that a file has not."""
    return 1 - len(wanted & (seen.names or set())) / len(wanted) if wanted else 1.0


def _rank(
    path: Path, folder: Path, name: str, wanted: set[str], seen: Seen, released: Mapping[str, int]
) -> tuple[int, int, bool, tuple[int, ...], float, int, str]:
    """How well a file fits a name; smaller is better: class, copy's number, share of cells missing, depth, path."""
    exact = path == folder / f"{name}.ipynb"
    missing = _missing(wanted, seen)
    if exact and missing < 1:
        best = _EXACT
    elif missing <= 0.5:
        best = _CONTENT
    elif exact and (seen.names is None or not wanted):
        best = _UNREADABLE
    elif _alike(_stem(path), name):
        best = _ALIKE if not released or seen.texts & set(released.values()) else _NAME_ONLY
    elif missing < 1 or exact:
        best = _WEAK
    else:
        best = _HOPELESS
    settled = _UNTOUCHED if best < _UNTOUCHED and _is_untouched(seen, released) else best
    return settled, best, seen.names is None, _number(path, name), missing, len(path.parts), str(path)


def _number(path: Path, name: str) -> tuple[int, ...]:
    """The numbers behind a name, for sorting the highest first: ``quiz (10)`` before ``quiz (2)`` before ``quiz``."""
    behind = _stem(path).lower().rpartition(name.lower())[2]
    return (*(-int(number) for number in re.findall("[0-9]+", behind)), 1)


def _stem(path: Path) -> str:
    """A file's name without the end that makes it a notebook's."""
    end = path.name.lower().find(".ipynb")
    return path.name[:end] if end >= 0 else path.name.removesuffix(".json")


def _alike(stem: str, name: str) -> bool:
    """Whether a file's name is the expected one but for case, a copy's number, or words before or after it."""
    words = re.split(r"[^a-z0-9]+", stem.lower())
    plain = [re.sub(r"^(copy|submission|final|version|v)?\d*$", "", word) for word in words]
    core = [word for word in plain if word]
    expected = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    spans = range(len(core) - len(expected) + 1)
    return any(core[i : i + len(expected)] == expected for i in spans) or "".join(core) == "".join(expected)
