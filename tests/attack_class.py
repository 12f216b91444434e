"""A class in which attackers sit beside honest people: its members, its course, and one run of the grader over it.

A member is a file in percent format, ``tests/attacks/NAME.py`` or ``tests/honest/NAME.py``, and hands in as ``NAME``.
Its docstring is TOML::

    what = "The function under test calls sys.displayhook(2)."   # one sentence
    row = "student function calls `sys.displayhook(2)`"          # the row of the table it stands for, if any
    answers = "right"         # the cells that are not given: right (default), or blank as released
    spoil = ["tags"]          # what was done to the files; see SPOIL
    limits = "small"          # the limits that it runs under, when it is meant to reach them; see LIMITS
    [verdicts]                # how each graded cell ends; not named: passed, or for blank ones not attempted
    test_mean = "failed"      # a list where more than one end is fair

Its cells are what was typed: ``# %% [exercises] mean`` replaces a cell, ``# %% [exercises] +after mean`` adds one
below, ``# %% [exercises markdown] +after mean`` adds text, and ``# %% [file] numpy.py`` lays a file beside the
notebooks. ``@COURSE@`` and the like stand for what an attacker could have guessed (see :func:`knowledge`). An attack
that gets at something says ``REACHED``, a word that its source does not hold.

Run as a program, this grades a class in a process that inherits whatever the grader leaves behind:
``python tests/attack_class.py ROOT --out FILE``.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import nobody
from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
MARKER = re.compile(r"^# %% \[(?P<where>\w+)(?P<text> markdown)?\] (?P<added>\+after )?(?P<cell>\S+)[ \t]*$", re.M)
HEAD = {"what", "row", "answers", "spoil", "limits", "verdicts"}

SOLUTIONS = {
    "save": 'def save(values):\n    with open("numbers.txt", "w") as file:\n'
    '        file.write("\\n".join(str(v) for v in values))',
    "tally": "class Tally:\n    def __init__(self):\n        self.counts = {}\n\n    def add(self, word):\n"
    "        self.counts[word] = self.counts.get(word, 0) + 1\n\n    def most(self):\n"
    "        return max(self.counts, key=self.counts.get)",
    "countdown": "def countdown(n):\n    while n > 0:\n        yield n\n        n -= 1",
    "root": "def root(x):\n    if x < 0:\n        raise ValueError('negative')\n    return x**0.5",
}
"""Right answers to the exercises that this course has on top of the small one."""

TESTS = {
    "save": (
        2,
        "save([3, 1, 2])\nwith open('numbers.txt') as file:\n    assert file.read().split() == ['3', '1', '2']",
    ),
    "tally": (
        2,
        "def test_tally():\n    tally = Tally()\n    for word in ['b', 'a', 'b']:\n        tally.add(word)\n"
        "    assert tally.most() == 'b', 'b came twice.'\n    assert tally.counts == {'b': 2, 'a': 1}\n\ntest_tally()",
    ),
    "countdown": (1, "assert list(countdown(3)) == [3, 2, 1], 'From n down to 1.'"),
    "root": (
        2,
        "assert root(4) == 2\ntry:\n    root(-1)\nexcept ValueError:\n    pass\n"
        "else:\n    raise AssertionError('A negative number has no root.')",
    ),
}
"""Points and test of each."""

LIMITS = {
    "ample": {},
    "small": {"cell_seconds": 5, "notebook_seconds": 40},
    "tight": {"cell_seconds": 5, "notebook_seconds": 9},
}
"""Seconds by name. Ample are those that courses have: nothing here comes near them, however slow the machine is.

Who is meant to be out of time has small ones. There, no cell but the endless ones takes a tenth of its five seconds,
and all that must be waited for takes less than half of the forty. Tight are those of who spends them by sleeping.
"""

MEMORY = 1 << 30
"""Bytes that each submission may use. The bombs take several times as much, the others less than half."""


@dataclass(frozen=True)
class Typed:
    """Text for cell ``cell`` of notebook ``where``, or below it, or for the file ``cell`` when ``where`` is "file"."""

    where: str
    cell: str
    source: str
    added: bool
    text: bool


@dataclass(frozen=True)
class Member:
    """One of the class. ``verdicts`` maps graded cells to the ends that are fair."""

    name: str
    honest: bool
    what: str
    row: str
    blank: bool
    spoil: tuple[str, ...]
    limits: str
    verdicts: dict[str, tuple[str, ...]]
    typed: tuple[Typed, ...]

    def fair(self, cell: str) -> tuple[str, ...]:
        """How a graded cell of this member may end."""
        return self.verdicts.get(cell) or (("not attempted",) if self.blank else ("passed",))


def members() -> list[Member]:
    """Everybody, by name."""
    found = [load(path) for folder in ("attacks", "honest") for path in (HERE / folder).glob("*.py")]
    return sorted(found, key=lambda member: member.name)


def load(path: Path) -> Member:
    """Read one member's file. Raises ``ValueError`` that names the file when its head is wrong."""
    text = path.read_text(encoding="utf-8")
    marks = list(MARKER.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)] * bool(marks)
    try:
        docstring = ast.get_docstring(ast.parse(text[: marks[0].start() if marks else len(text)]), clean=False)
        head = tomllib.loads(docstring or "")
        if strange := head.keys() - HEAD or {"what"} - head.keys():
            raise ValueError(f"wrong or missing: {strange}")
    except (SyntaxError, ValueError) as problem:
        raise ValueError(f"{path}: {problem}") from None
    typed = tuple(
        Typed(m["where"], m["cell"], text[m.end() : end].strip("\n"), bool(m["added"]), bool(m["text"]))
        for m, end in zip(marks, ends, strict=True)
    )
    verdicts = {c: (v,) if isinstance(v, str) else tuple(v) for c, v in head.get("verdicts", {}).items()}
    blank = head.get("answers", "right") == "blank"
    spoil = tuple(head.get("spoil", []))
    honest = path.parent.name == "honest"
    limits = head.get("limits", "ample")
    if limits not in LIMITS:
        raise ValueError(f"{path}: there are no limits called {limits!r}")
    return Member(path.stem, honest, head["what"], head.get("row", ""), blank, spoil, limits, verdicts, typed)


# --- the course ---


def build_course(root: Path, marker: str) -> None:
    """A released course in ``root``: the small one, four more exercises, and ``marker`` in the hidden tests."""
    import building
    import conftest

    from autograder import cells
    from autograder.course import Course
    from autograder.release import release

    notebook = conftest.exercises()
    for cell in notebook.cells:
        if cell["id"] == "test_mean_hidden":
            cell.source = cell.source.replace("mean([7]) == 7", f"mean([7]) == 7 and {marker!r}")
    for name, (points, test) in TESTS.items():
        hidden = f"assert root(9) == 3 and {marker!r}" if name == "root" else ""
        notebook.cells += [
            building.cell("markdown", f"## {name}", f"{name}-text"),
            building.solution(name, SOLUTIONS[name]),
            building.check(f"test_{name}", points, test, hidden),
        ]
    folder = root / "source" / conftest.ASSIGNMENT
    cells.write(folder / "exercises.ipynb", notebook)
    cells.write(folder / "quiz.ipynb", conftest.quiz())
    (folder / "questions.json").write_text('{"questions": []}')
    banks = root / "autograder" / "questions"
    banks.mkdir(parents=True)
    (banks / f"{conftest.ASSIGNMENT}.toml").write_text(conftest.BANK)
    shutil.copy(conftest.ROOT / "nbgrader_config.py", root)
    release(Course(root), conftest.ASSIGNMENT)


# --- a submission ---


@dataclass
class Upload:
    """A notebook on its way to a folder: the cells, then the text and the bytes of the file."""

    folder: Path
    name: str
    notebook: NotebookNode
    text: list[Callable[[str], str]] = field(default_factory=list)
    encode: Callable[[str], bytes] = str.encode
    write: bool = True


def hand_in(member: Member, root: Path, known: dict[str, str]) -> Path:
    """Write what ``member`` hands in below ``root``; returns the folder."""
    import conftest

    from autograder import cells

    answers = conftest.SOLUTIONS | SOLUTIONS | {q: cells.ask(q, letters) for q, letters in conftest.ANSWERS.items()}
    folder = root / "submitted" / member.name / conftest.ASSIGNMENT
    folder.mkdir(parents=True)
    release = root / "release" / conftest.ASSIGNMENT
    shutil.copy(release / "questions.json", folder)
    uploads = {}
    for path in sorted(release.glob("*.ipynb")):
        notebook = cells.read(path)
        for cell in notebook.cells:
            if not member.blank:
                cell.source = answers.get(cells.grade_id(cell), cell.source)
        for typed in member.typed:
            if typed.where == path.stem:
                _type(notebook, typed, filled(typed.source, known), member.name)
        uploads[path.stem] = Upload(folder, path.stem, notebook)
    for typed in member.typed:
        if typed.where == "file":
            (folder / typed.cell).parent.mkdir(parents=True, exist_ok=True)
            (folder / typed.cell).write_text(filled(typed.source, known) + "\n", encoding="utf-8")
    for spoil in member.spoil:
        SPOIL[spoil](uploads, known)
    for upload in uploads.values():
        if upload.write:
            text = json.dumps(upload.notebook, indent=1, ensure_ascii=False) + "\n"
            for change in upload.text:
                text = change(text)
            (upload.folder / f"{upload.name}.ipynb").write_bytes(upload.encode(text))
    return folder


def filled(source: str, known: dict[str, str]) -> str:
    """A text with what the attacker knows in the place of ``@NAMES@``."""
    return re.sub(r"@([A-Z]+)@", lambda found: known[found[1]], source)


def _type(notebook: NotebookNode, typed: Typed, source: str, who: str) -> None:
    from autograder import cells

    named = [i for i, cell in enumerate(notebook.cells) if typed.cell in (cells.grade_id(cell), cell["id"])]
    if not named:
        raise ValueError(f"{who}: there is no cell {typed.cell!r}")
    if typed.added:
        new = (nbformat.v4.new_markdown_cell if typed.text else nbformat.v4.new_code_cell)(source)
        notebook.cells.insert(named[0] + 1, new)
    else:
        notebook.cells[named[0]].source = source


def _by_name(uploads: dict[str, Upload], name: str, notebook: str = "exercises") -> NotebookNode:
    return next(cell for cell in uploads[notebook].notebook.cells if cell["id"] == name)


Spoil = Callable[[dict[str, Upload], dict[str, str]], None]
SPOIL: dict[str, Spoil] = {}
"""What can be done to the files, by name."""


def spoil(function: Spoil) -> Spoil:
    """Enter a function in :data:`SPOIL` under its own name."""
    SPOIL[function.__name__] = function
    return function


@spoil
def tags(uploads, known):
    """Tags that stock nbgrader, nbclient or nbconvert obey."""
    for upload in uploads.values():
        for cell in upload.notebook.cells:
            cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove_cell", "parameters"]


@spoil
def metadata(uploads, known):
    """Points, roles, verdicts and keys of the submission's own, and a kernel that is not there."""
    for upload in uploads.values():
        notebook = upload.notebook
        passed = {"outcome": "passed", "kind": "test", "title": "", "points": 99.0, "max_points": 99.0}
        notebook.metadata |= {
            "kernelspec": {"name": "evil", "display_name": "Evil", "language": "bash", "argv": ["/bin/false"]},
            "language_info": {"name": "bash"},
            "grading": {"notebook": upload.name, "verdicts": [passed | {"cell": "test_mean"}], "notes": []},
            "grading_key": "0" * 64,
            "prepared": {"notes": [], "problem": None, "missing": False},
            "unanswered": [],
        }
        for cell in notebook.cells:
            cell.metadata["added"] = True
            if "nbgrader" in cell.metadata:
                cell.metadata["nbgrader"] |= {"points": 99, "schema_version": 1, "max_score": 99, "checksum": "0"}


@spoil
def swapped_roles(uploads, known):
    """Tests that call themselves answers and answers that call themselves tests."""
    for cell in uploads["exercises"].notebook.cells:
        role = cell.metadata.get("nbgrader")
        if role:
            role |= {"grade": role["solution"], "solution": role["grade"], "locked": False}


@spoil
def softened_tests(uploads, known):
    """The test cells hold nothing that could fail; one is a Markdown cell, one is gone."""
    notebook = uploads["exercises"].notebook
    for cell in notebook.cells:
        if cell["id"].startswith("test_"):
            cell.source = "pass"
    _by_name(uploads, "test_scale")["cell_type"] = "markdown"
    notebook.cells.remove(_by_name(uploads, "test_count"))


@spoil
def attachments(uploads, known):
    """Attachments and outputs with a script in them."""
    for cell in uploads["exercises"].notebook.cells:
        if cell.cell_type == "markdown":
            cell["attachments"] = {"x.svg": {"image/svg+xml": "<svg onload='alert(1)'><script>alert(1)</script></svg>"}}
            cell.source += "\n\n![x](attachment:x.svg)"
        else:
            data = {"text/html": "<script>alert('forged')</script>", "application/javascript": "alert('forged')"}
            cell["outputs"] = [nbformat.v4.new_output("display_data", data)]


@spoil
def link_to_source(uploads, known):
    """Links to the instructor's files: the notebook itself, a file beside it, a folder."""
    folder = uploads["exercises"].folder
    os.symlink(f"{known['COURSE']}/source/01_small/exercises.ipynb", folder / "exercises.ipynb")
    os.symlink(f"{known['COURSE']}/gradebook.db", folder / "data.csv")
    os.symlink(known["COURSE"], folder / "course")
    uploads["exercises"].write = False


@spoil
def linked_data(uploads, known):
    """A right notebook beside links to files and folders of the instructor, one of them to itself."""
    folder = uploads["exercises"].folder
    os.symlink(f"{known['COURSE']}/source/01_small/exercises.ipynb", folder / "data.txt")
    os.symlink(known["COURSE"], folder / "course")
    os.symlink("loop", folder / "loop")
    os.link(f"{known['COURSE']}/nbgrader_config.py", folder / "hard.txt")
    (folder / "more").mkdir()
    os.symlink("..", folder / "more" / "up")


@spoil
def pipes(uploads, known):
    """Named pipes and a socket, one called like a notebook; who opens a pipe waits for ever."""
    folder = uploads["exercises"].folder
    for name in ("pipe", "quiz.ipynb", "data.csv", "timestamp.txt"):
        os.mkfifo(folder / name)
    uploads["quiz"].write = False


@spoil
def notebook_is_a_folder(uploads, known):
    """Folders called like the notebooks."""
    for upload in uploads.values():
        (upload.folder / f"{upload.name}.ipynb" / "deep").mkdir(parents=True)
        upload.write = False


@spoil
def sparse_giant(uploads, known):
    """A file of a terabyte that takes no room, beside the notebooks and in the place of one."""
    for name in ("quiz.ipynb", "data.bin"):
        with (uploads["quiz"].folder / name).open("wb") as file:
            file.truncate(1 << 40)
    uploads["quiz"].write = False


@spoil
def many_files(uploads, known):
    """Three thousand files, and folders forty deep."""
    folder = uploads["exercises"].folder
    for number in range(3000):
        (folder / f"{number}.txt").write_text("x")
    (folder / "/".join(["d"] * 40)).mkdir(parents=True)


@spoil
def odd_names(uploads, known):
    """File names that break shells, terminals, pages and decoders."""
    folder = os.fsencode(uploads["exercises"].folder)
    names = [
        b"\xff\xfe.txt",
        b"a\nb.txt",
        b"-rf",
        b"$(touch x).csv",
        b"<script>alert('file')</script>.ipynb",
        b"\x1b[2J.txt",
    ]
    for name in [*names, "\u202egnp.ipynb".encode(), b"..ipynb", b"%s%n.txt", b"x" * 255]:
        with open(os.path.join(folder, name.replace(b"/", b"_")), "wb") as file:
            file.write(b"{}")


@spoil
def deep_json(uploads, known):
    """Nesting that overflows a reader's stack."""
    uploads["exercises"].text.append(
        lambda text: text[: text.rindex("}")] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    )


@spoil
def deep_metadata(uploads, known):
    """Nesting that a reader survives and a writer might not."""
    nested: dict = {}
    for _ in range(400):
        nested = {"a": nested}
    _by_name(uploads, "mean").metadata["deep"] = nested
    uploads["exercises"].notebook.metadata["deep"] = nested


@spoil
def many_cells(uploads, known):
    """Three hundred thousand cells."""
    extra = ",".join(['{"cell_type":"code","source":"1","metadata":{},"outputs":[],"execution_count":null}'] * 300_000)
    uploads["exercises"].text.append(lambda text: text.replace('"cells": [', f'"cells": [{extra},', 1))


@spoil
def odd_values(uploads, known):
    """Values of types that nobody expects where they stand, NaN, and a number of a million digits."""
    notebook = uploads["exercises"].notebook
    notebook.cells[0]["source"] = {"a": [1, None]}
    notebook.cells[1]["metadata"] = []
    notebook.cells[2]["cell_type"] = ["code"]
    notebook.cells += [None, 7, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5, "metadata": "x"}]
    notebook.cells.append({"cell_type": "code", "source": ["a = 1", 2, None], "metadata": {"nbgrader": []}, "id": 3})
    notebook.metadata["nan"] = float("nan")


@spoil
def endless_number(uploads, known):
    """A number of a million digits."""
    uploads["exercises"].text.append(lambda text: text.replace('"nbformat": 4', f'"nbformat": {"9" * 1_000_000}'))


@spoil
def surrogates(uploads, known):
    """Half characters, NULs and terminal codes in sources and names."""
    uploads["exercises"].text.append(
        lambda text: text.replace("# Small exercises", "\\ud800 \\u0000 \\u001b[2J \\u202e")
    )


@spoil
def deep_source(uploads, known):
    """Sources that overflow a parser's stack."""
    _by_name(uploads, "mean").source = "mean = " + "(" * 100_000 + ")" * 100_000
    _by_name(uploads, "scale").source = "scale = " + "-" * 1_000_000 + "1"
    _by_name(uploads, "q1", "quiz").source = 'quiz.ask("q1", ' + "(" * 100_000 + '"AC"' + ")" * 100_001
    _by_name(uploads, "q2", "quiz").source = 'quiz.ask("q2", "A"' + "+''" * 300_000 + ")"


@spoil
def blank_lines(uploads, known):
    """Blank lines and spaces without end."""
    cell = _by_name(uploads, "mean")
    cell.source = "\n" * 300_000 + cell.source + "\n" * 300_000
    cell = _by_name(uploads, "scale")
    cell.source = cell.source + "\n" + " " * 300_000 + "\n"
    cell = nbformat.v4.new_code_cell("async" + " " * 300_000 + "\n" + "class" + "\n" * 300_000)
    uploads["exercises"].notebook.cells.insert(3, cell)


@spoil
def malformed(uploads, known):
    """A comma too many."""
    uploads["exercises"].text.append(lambda text: text.replace('"cells": [', '"cells": [,', 1))


@spoil
def truncated(uploads, known):
    """The upload broke off."""
    uploads["exercises"].text.append(lambda text: text[: len(text) // 2])


@spoil
def conflict(uploads, known):
    """A merge conflict in the file, not settled."""
    uploads["exercises"].text.append(
        lambda text: text.replace(' "cells"', '<<<<<<< HEAD\n "cells"\n=======\n>>>>>>> x', 1)
    )


@spoil
def utf16(uploads, known):
    """Saved in another encoding."""
    for upload in uploads.values():
        upload.encode = lambda text: text.encode("utf-16")


@spoil
def bom(uploads, known):
    """A byte order mark in front."""
    for upload in uploads.values():
        upload.text.append(lambda text: "\ufeff" + text)


@spoil
def crlf(uploads, known):
    """Windows line ends, in the sources too."""
    for upload in uploads.values():
        for cell in upload.notebook.cells:
            cell.source = cell.source.replace("\n", "\r\n")
        upload.text.append(lambda text: text.replace("\n", "\r\n"))


@spoil
def renamed(uploads, known):
    """As a browser names the second download."""
    for upload in uploads.values():
        upload.name += " (1)"


@spoil
def in_a_folder(uploads, known):
    """An archive, unpacked into its own folder."""
    for upload in uploads.values():
        upload.folder = upload.folder / "01_small"
        upload.folder.mkdir(exist_ok=True)


@spoil
def doubled(uploads, known):
    """The cell `mean` twice: first the stub's text, then the answer, with the same id."""
    notebook = uploads["exercises"].notebook
    cell = _by_name(uploads, "mean")
    first = json.loads(json.dumps(cell))
    first["source"] = "def mean(values):\n    return None  # first try"
    notebook.cells.insert(notebook.cells.index(cell), nbformat.from_dict(first))


@spoil
def gathered(uploads, known):
    """Answers in other cells than their own, each in another way."""
    notebook = uploads["exercises"].notebook
    blank = {cell["id"]: cell.source for cell in _released(known, "exercises").cells}
    mean, scale, count, save, tally = (_by_name(uploads, name) for name in ("mean", "scale", "count", "save", "tally"))
    mean.source += f"\n\n{scale.source}"
    notebook.cells.remove(scale)
    test = _by_name(uploads, "test_count")
    test.source, count.source = f"{count.source}\n\n{test.source}", blank["count"]
    notebook.cells.insert(notebook.cells.index(save), nbformat.v4.new_code_cell(save.source))
    save.source = blank["save"]
    copied = nbformat.from_dict(json.loads(json.dumps(tally)))
    copied["id"], copied.source = "", _by_name(uploads, "countdown").source
    notebook.cells[notebook.cells.index(_by_name(uploads, "countdown"))] = copied
    old = nbformat.from_dict(json.loads(json.dumps(_by_name(uploads, "root"))))
    old["id"], old.source = "", "def root(x):\n    return 0  # first try"
    notebook.cells.append(old)


@spoil
def copies(uploads, known):
    """An archive six folders deep with two copies and a notebook that they run; above it a blank one, and the quiz."""
    upload = uploads["exercises"]
    shutil.copy(f"{known['COURSE']}/release/01_small/exercises.ipynb", upload.folder)
    upload.folder, upload.name = upload.folder / "home/ada/course/release/01_small", "exercises (10)"
    old = json.loads(json.dumps(upload.notebook))
    for cell in old["cells"]:
        cell["source"] = "def mean(values):\n    return 0" if cell["id"] == "mean" else cell["source"]
    (upload.folder / "exercises (2).ipynb").write_text(json.dumps(old))
    more = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def largest(values):\n    return max(values)")])
    (upload.folder / "more.ipynb").write_text(json.dumps(more))
    (uploads["quiz"].folder / "quiz").write_text(json.dumps(uploads["quiz"].notebook))
    uploads["quiz"].write = False


def _released(known: dict[str, str], name: str) -> NotebookNode:
    from autograder import cells

    return cells.read(Path(known["COURSE"], "release", "01_small", f"{name}.ipynb"))


@spoil
def above_the_imports(uploads, known):
    """The first exercise was dragged to the top."""
    notebook = uploads["exercises"].notebook
    cell = _by_name(uploads, "mean")
    notebook.cells.remove(cell)
    notebook.cells.insert(0, cell)


@spoil
def reversed_cells(uploads, known):
    """Every cell in the opposite order."""
    uploads["exercises"].notebook.cells.reverse()


@spoil
def no_tests(uploads, known):
    """All test cells deleted."""
    notebook = uploads["exercises"].notebook
    notebook["cells"] = [cell for cell in notebook.cells if not cell["id"].startswith("test_")]


@spoil
def no_names(uploads, known):
    """Converted by a tool that drops ids and metadata."""
    for upload in uploads.values():
        for cell in upload.notebook.cells:
            cell["metadata"] = {}
            cell.pop("id")
        upload.notebook["nbformat_minor"] = 4


@spoil
def colab(uploads, known):
    """As Google Colab saves."""
    for upload in uploads.values():
        notebook = upload.notebook
        notebook.metadata = nbformat.from_dict(
            {
                "colab": {"provenance": [], "collapsed_sections": ["x"]},
                "kernelspec": {"name": "python3", "display_name": "Python 3"},
                "language_info": {"name": "python"},
                "accelerator": "GPU",
            }
        )
        notebook["nbformat_minor"] = 0
        for number, cell in enumerate(notebook.cells):
            cell.metadata["id"] = f"Xy{number}_aB-{number}"
            cell.metadata["colab"] = {"base_uri": "https://localhost:8080/", "height": 34}
            cell.pop("id")
            if cell.cell_type == "code":
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x\n"]}]
                cell["execution_count"] = number


@spoil
def vscode(uploads, known):
    """As VS Code saves, with the kernel of an environment of the student's."""
    for upload in uploads.values():
        upload.notebook.metadata["kernelspec"] = {
            "display_name": ".venv (3.12.3)",
            "language": "python",
            "name": "venv",
        }
        upload.notebook.metadata["language_info"]["version"] = "3.12.3"
        for cell in upload.notebook.cells:
            cell.metadata["vscode"] = {"languageId": "python"}
            if cell.cell_type == "code":
                cell["source"] = cell.source.splitlines(keepends=True)


@spoil
def no_outputs(uploads, known):
    """Outputs and counts deleted altogether."""
    for upload in uploads.values():
        for cell in upload.notebook.cells:
            cell.pop("outputs", None)
            cell.pop("execution_count", None)


@spoil
def text_behind(uploads, known):
    """Text after the end of the file."""
    for upload in uploads.values():
        upload.text.append(lambda text: text + "\n\n-- \nSent from my phone\n")


@spoil
def no_quiz(uploads, known):
    """The second notebook was forgotten."""
    uploads["quiz"].write = False


# --- the network of the host ---


class Canary:
    """Servers on the host's loopback that nobody should reach. A context manager; ``heard`` says what came."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.closing = False
        self.name = secrets.token_hex(6)
        self.folder = Path(tempfile.mkdtemp(prefix="canary-", dir="/tmp"))
        self.folder.chmod(0o755)

    def __enter__(self) -> Canary:
        self.sockets: list[socket.socket] = []
        tcp = self._open(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        self._open(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", self.port))
        with contextlib.suppress(OSError):
            self._open(socket.AF_INET6, socket.SOCK_STREAM, ("::1", self.port))
        self.path = str(self.folder / "socket")
        self._open(socket.AF_UNIX, socket.SOCK_STREAM, self.path)
        os.chmod(self.path, 0o777)
        self._open(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.name}")
        return self

    def _open(self, family: int, kind: int, address: object) -> socket.socket:
        server = socket.socket(family, kind)
        server.bind(address)
        if kind == socket.SOCK_STREAM:
            server.listen(200)
        self.sockets.append(server)
        threading.Thread(target=self._listen, args=(server, kind), daemon=True).start()
        return server

    def _listen(self, server: socket.socket, kind: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                if kind == socket.SOCK_DGRAM:
                    said = server.recv(10_000)
                    if self.closing:
                        return
                    self.heard.append(f"UDP: {said!r}")
                    continue
                caller, _ = server.accept()
                caller.settimeout(1)
                said = b""
                with contextlib.suppress(OSError):
                    said = caller.recv(10_000)
                    caller.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                self.heard.append(f"{server.family.name}: {said!r}")
                caller.close()

    def __exit__(self, *_: object) -> None:
        self.closing = True
        for server in self.sockets:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def knowledge(root: Path, canary: Canary, loot: Path) -> dict[str, str]:
    """What attackers have found out about the host: paths, ports and names."""
    return {
        "COURSE": str(root),
        "LOOT": str(loot),
        "PORT": str(canary.port),
        "SOCKET": canary.path,
        "ABSTRACT": canary.name,
        "PIDSPACE": os.readlink("/proc/self/ns/pid"),
    }


# --- one run ---


@dataclass
class Run:
    """What is left after a run: results by member, processes and files left behind, and what the grader said."""

    results: dict[str, dict]
    strays: list[str]
    litter: list[str]
    log: str
    seconds: float


def grade(root: Path, students: list[str] | None = None, jobs: int = 2, as_nobody: bool = False) -> Run:
    """Grade the class in ``root``, in a process of its own that inherits whatever the grader leaves running.

    ``as_nobody`` makes an ordinary user of that process, which root alone can.
    """
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as scratch:
        scratch = Path(scratch)
        scratch.chmod(0o777 if as_nobody else 0o755)
        (scratch / "tmp").mkdir()
        (scratch / "tmp").chmod(0o1777)
        out = scratch / "run.json"
        command = [sys.executable, str(HERE / "attack_class.py"), str(root), "--out", str(out), "--jobs", str(jobs)]
        command += ["--as-nobody"] * as_nobody
        environment = os.environ | {"TMPDIR": str(scratch / "tmp")}
        began = time.monotonic()
        with (scratch / "log").open("w+b") as log:
            done = subprocess.Popen(
                [*command, *(students or [])], env=environment, stdout=log, stderr=log, start_new_session=True
            )
            done.wait(timeout=1800)
            log.seek(0)
            said = log.read().decode("utf-8", "replace")
        if not out.exists():
            raise RuntimeError(f"The grader itself was ended (status {done.returncode}): {said[-3000:]}")
        found = json.loads(out.read_text())
        litter = sorted(path.name for path in (scratch / "tmp").iterdir())
        return Run(found["results"], found["strays"], litter, said, time.monotonic() - began)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("students", nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--as-nobody", action="store_true")
    asked = parser.parse_args()
    if asked.as_nobody:
        nobody.become()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans below come to this process
    part = asked.out.with_suffix(".part")
    pid = os.fork()
    if pid == 0:
        os.setsid()  # so that who signals the group of the grader does not signal the one who watches
        results = {}
        try:
            results = _grade(asked.root, asked.students, asked.jobs)
        finally:
            part.write_text(json.dumps(results))
        sys.exit()
    os.waitpid(pid, 0)
    strays = _strays()
    results = json.loads(part.read_text()) if part.exists() else {}
    asked.out.write_text(json.dumps({"results": results, "strays": strays}))


def _grade(root: Path, students: list[str], jobs: int) -> dict[str, dict]:
    import conftest

    from autograder.course import Course
    from autograder.report import write_reports
    from autograder.run import grade_assignment
    from autograder.runs import Limits

    course = Course(root)
    there = {path.parent.name for path in course.submitted.glob(f"*/{conftest.ASSIGNMENT}")}
    results = []
    for name, seconds in LIMITS.items():
        chosen = [m.name for m in members() if m.limits == name and m.name in (students or there)]
        if chosen:
            limits = Limits(memory=MEMORY, **seconds)
            results += grade_assignment(course, conftest.ASSIGNMENT, chosen, jobs=jobs, limits=limits)
    write_reports(course, conftest.ASSIGNMENT)
    return {
        result.student: {"problem": result.problem, "notebooks": [one.to_dict() for one in result.notebooks]}
        for result in results
    }


def _strays() -> list[str]:
    """What still runs below this process some seconds later; it is ended here."""
    for _ in range(150):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = list(_below(os.getpid()))
        if not left:
            return []
        time.sleep(0.2)
    named = [f"{pid}: {_command(pid)}" for pid in left]
    for _ in range(20):
        for pid in _below(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)
    return named


def _below(top: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(name))
    todo = [top]
    while todo:
        below = parents.get(todo.pop(), [])
        yield from below
        todo += below


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200]
    return "?"


if __name__ == "__main__":
    _main()
