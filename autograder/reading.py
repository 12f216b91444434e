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
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

LARGEST_FILE = 50_000_000  # bytes; a notebook full of figures has two or three million
MOST_CELLS = 2_000
MOST_FILES = 100
DEEPEST_FOLDER = 3  # an archive unpacked into its own folder puts notebooks one or two levels down
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
    ("<!doctype", "a web page"),
    ("<html", "a web page"),
    ("<?xml", "an XML file"),
)


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


def find_notebooks(folder: Path, names: Mapping[str, Collection[str]] | Iterable[str]) -> dict[str, Path]:
    """Which file of a submission stands for which expected notebook.

    ``names`` are the notebooks of the assignment, optionally each with the ``grade_id`` of its cells. The right
    name wins when that file holds such cells; otherwise the file that holds most of them, then a name like it
    (``Quiz.ipynb``, ``quiz (1).ipynb``, ``quiz-Copy1.ipynb``, ``ada_quiz.ipynb``). Names without any file are left
    out. Links are listed, never followed: reading one says so.
    """
    wanted = {n: set(ids) for n, ids in names.items()} if isinstance(names, Mapping) else {n: set() for n in names}
    inside = {path: _grade_ids(path) for path in _candidates(folder)}
    ranked = sorted(
        (_rank(path, folder, name, ids, inside[path]), name, path) for name, ids in wanted.items() for path in inside
    )
    found: dict[str, Path] = {}
    for rank, name, path in ranked:
        if rank[0] < _HOPELESS and name not in found and path not in found.values():
            found[name] = path
    return {name: found[name] for name in wanted if name in found}


def naming_notes(folder: Path, name: str, found: Mapping[str, Path]) -> list[str]:
    """Notes for the student about the file that was taken for notebook ``name``, and those that were not."""
    path = found.get(name)
    if path is None:
        return []
    notes = []
    if path != folder / f"{name}.ipynb":
        notes.append(f"The file was called `{path.relative_to(folder)}`; it was read as `{name}.ipynb`.")
    for other in _candidates(folder):
        if other not in found.values() and _alike(_stem(other), name):
            notes.append(f"There was also `{other.relative_to(folder)}`: it was not read.")
    return notes


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
    if marker := re.search(r"^(<{7} |>{7} )", text, re.MULTILINE):
        line = text.count("\n", 0, marker.start()) + 1
        raise Unreadable(f"`{name}` holds a Git conflict at line {line}: settle it and hand in again.")
    try:
        data, end = json.JSONDecoder(strict=False).raw_decode(text)
    except json.JSONDecodeError as problem:
        raise Unreadable(_where(problem, text, name)) from None
    except (ValueError, RecursionError):
        raise Unreadable(
            f"`{name}` is not a notebook that Jupyter wrote: its numbers or its nesting never end."
        ) from None
    if text[end:].strip(" \t\n\0"):
        line = text.count("\n", 0, end) + 1
        notes.append(f"There was text after the end of the notebook (line {line}); it was left out.")
    return data


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

_HOPELESS = 5


def _candidates(folder: Path) -> list[Path]:
    """Files that may be notebooks, the uppermost first, in a fixed order."""
    found = []
    for where, folders, files in os.walk(folder):
        depth = len(Path(where).relative_to(folder).parts)
        folders[:] = [f for f in sorted(folders) if not f.startswith((".", "__")) and depth < DEEPEST_FOLDER]
        found += [Path(where, f) for f in files if f.lower().endswith(SUFFIXES) and not f.startswith(".")]
    return sorted(found, key=lambda path: (len(path.parts), str(path)))[:MOST_FILES]


def _grade_ids(path: Path) -> set[str] | None:
    """The nbgrader names in a file, ``None`` when it cannot be read."""
    try:
        cells = read_submission(path)[0].cells
    except Unreadable:
        return None
    names = {cell.metadata["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell.metadata}
    return names | {cell["id"] for cell in cells if cell["id"]}


def _rank(
    path: Path, folder: Path, name: str, wanted: set[str], inside: set[str] | None
) -> tuple[int, float, int, str]:
    """How well a file fits a name; smaller is better: class, share of cells missing, depth, path."""
    exact = path == folder / f"{name}.ipynb"
    missing = 1 - len(wanted & (inside or set())) / len(wanted) if wanted else 1.0
    if exact and missing < 1:
        best = 0
    elif missing <= 0.5:
        best = 1
    elif exact and (inside is None or not wanted):
        best = 2
    elif _alike(_stem(path), name):
        best = 3
    elif missing < 1 or exact:
        best = 4
    else:
        best = _HOPELESS
    return best, missing, len(path.parts), str(path)


def _stem(path: Path) -> str:
    return path.name[: path.name.lower().index(".ipynb")]


def _alike(stem: str, name: str) -> bool:
    """Whether a file's name is the expected one but for case, a copy's number, or words before or after it."""
    words = re.split(r"[^a-z0-9]+", stem.lower())
    plain = [re.sub(r"^(copy|submission|final|version|v)?\d*$", "", word) for word in words]
    core = [word for word in plain if word]
    expected = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    spans = range(len(core) - len(expected) + 1)
    return any(core[i : i + len(expected)] == expected for i in spans) or "".join(core) == "".join(expected)
