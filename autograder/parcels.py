"""A folder as data: what a worker needs of a course or of a submission, so that it need not see the folder itself.

A parcel brings back what the grader looks at: files with their contents, a link as a link that leads nowhere, a pipe
as a pipe, and a file too large to be read as an empty one of that size.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from autograder import engine, reading
from autograder.course import Course

MOST_ENTRIES = 2_000
MOST_BYTES = 4 * reading.LARGEST_FILE  # of all notebooks of one submission

Kind = Literal["file", "large", "link", "other"]


@dataclass(frozen=True)
class Entry:
    """One file: its path relative to the folder, with ``/``; ``size`` in bytes; ``data`` where it is sent."""

    path: str
    kind: Kind
    size: int = 0
    data: bytes = b""


@dataclass(frozen=True)
class Parcel:
    """The files of a folder, in the order of their paths."""

    entries: tuple[Entry, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in it, in hexadecimal."""
        digest = hashlib.sha256()
        for entry in self.entries:
            digest.update(f"\0{entry.path}\0{entry.kind}\0{entry.size}\0".encode("utf-8", "surrogatepass"))
            digest.update(entry.data)
        return digest.hexdigest()

    def unpack(self, folder: Path) -> Path:
        """Write the files into ``folder``, made where it is missing, and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        for entry in self.entries:
            path = folder / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry.kind == "link":
                path.symlink_to("nowhere")
            elif entry.kind == "other" and hasattr(os, "mkfifo"):
                os.mkfifo(path)
            else:
                with path.open("wb") as file:
                    file.write(entry.data)
                    file.truncate(entry.size)
        return folder


def pack_course(course: Course, assignment: str) -> Parcel:
    """The source of an assignment and its question bank, in the layout of a course folder; links are followed."""
    source = course.source / assignment
    found = [(path.relative_to(course.root).as_posix(), path) for path in _walk(source) if path.is_file()]
    questions = engine.bank_folder(course, assignment) / f"{assignment}.toml"
    if questions.is_file():
        found.append((f"autograder/questions/{questions.name}", questions))
    return Parcel(tuple(Entry(name, "file", len(data := path.read_bytes()), data) for name, path in found))


def pack_submission(folder: Path, names: Collection[str] = ()) -> Parcel:
    """What a student handed in. Links are not followed, and nothing larger than the grader reads is read.

    ``names`` are the notebooks of the assignment, whose files may lack the ending.

    Raises ``OSError`` when a file cannot be read.
    """
    entries, notebooks, others = [], 0, 0
    for path in _walk(folder, names):
        found = path.lstat()
        name, size = path.relative_to(folder).as_posix(), found.st_size
        if stat.S_ISLNK(found.st_mode):
            entries.append(Entry(name, "link"))
            continue
        if not stat.S_ISREG(found.st_mode):
            entries.append(Entry(name, "other"))
            continue
        if reading.may_be_notebook(name, names):
            read = size <= reading.LARGEST_FILE and notebooks + size <= MOST_BYTES
            notebooks += size * read
        else:
            read = others + size <= engine.MOST_BYTES
            others += size
        data = _read(path, size) if read else b""
        entries.append(Entry(name, "file" if read else "large", len(data) if read else size, data))
    return Parcel(tuple(entries))


def _read(path: Path, most: int) -> bytes:
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        return file.read(most)


def _walk(folder: Path, names: Collection[str] = ()) -> Iterator[Path]:
    """Every file below a folder that is not an editor's or Python's copy of another, sorted; links are not entered."""
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in ("__pycache__", ".ipynb_checkpoints"))
        linked = [f for f in folders if Path(where, f).is_symlink()]
        found += [Path(where, f) for f in (*files, *linked)]
        if len(found) > MOST_ENTRIES:
            break
    kept = sorted(found, key=lambda path: (not reading.may_be_notebook(path.name, names), len(path.parts), str(path)))
    return iter(sorted(kept[:MOST_ENTRIES], key=lambda path: (len(path.parts), str(path))))
