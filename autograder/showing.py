"""Makes what a submission produced safe to show: bounded plain text, code as marked-up text, figures as data.

Everything here treats its input as hostile. Text comes back free of terminal codes, invisible direction marks and
lone surrogates, and no longer than asked; the templates escape it. HTML, SVG, JavaScript and LaTeX that a cell
produced are never passed on: their plain-text form is shown.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from nbconvert.filters.highlight import Highlight2HTML

from autograder.course import PASS_MARK
from autograder.verdicts import Outcome

MESSAGE_LIMIT = 4_000  # characters of what a test said
CODE_LIMIT = 20_000  # characters of one cell's source
OUTPUT_LIMIT = 4_000  # characters of one output
LINE_LIMIT = 200  # lines of any of them
OUTPUTS_LIMIT = 20  # outputs of one cell
FIGURE_LIMIT = 1_500_000  # bytes of one figure
PIXEL_LIMIT = 40_000_000  # of one figure: a small file can unpack to a picture that stops a browser

SYMBOLS = {
    Outcome.PASSED: "✓",
    Outcome.PARTLY: "◐",
    Outcome.FAILED: "✗",
    Outcome.ERROR: "!",
    Outcome.NOT_ATTEMPTED: "○",
    Outcome.OUT_OF_TIME: "◷",
    Outcome.OUT_OF_MEMORY: "▦",
    Outcome.CRASHED: "↯",
    Outcome.UNREADABLE: "?",
}
"""A sign beside the word of each outcome, so that colour is never the only difference."""

# ECMA-48: control sequences, operating system commands up to their end, and two-character escapes
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?")
# Unicode 9.9 "Bidirectional Class": marks that make text read otherwise than it is stored
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True)
class Output:
    """One output of a cell. ``kind`` is ``"text"``, ``"error"``, ``"figure"`` or ``"note"`` (a sentence of ours).

    ``text`` is plain text to be escaped (for a figure its caption, may be empty), ``src`` a figure's data address.
    """

    kind: str
    text: str
    src: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Work:
    """A student's cell: its place among the code cells (from 1), its source as marked-up text, its outputs."""

    number: int
    code: Markup
    outputs: tuple[Output, ...]


def plain(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """``text`` without anything that is not text, at most ``limit`` characters and 200 lines, saying what was left out.

    A carriage return acts as in a terminal: what stood on the line before it is overwritten.
    """
    length = len(text)
    shown = _TERMINAL.sub("", text[: 8 * limit]).replace("\r\n", "\n")  # enough to fill the limit between codes
    shown = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in shown.split("\n"))
    shown = _DIRECTION.sub(lambda mark: f"⟨U+{ord(mark[0]):04X}⟩", shown)
    shown = _CONTROL.sub("\ufffd", shown)
    cut = "\n".join(shown[:limit].split("\n")[:LINE_LIMIT])
    if len(cut) == len(shown) and length <= 8 * limit:
        return shown.strip("\n")
    return f"{cut.rstrip()}\n… shortened: {len(cut):,} of {max(length, len(shown)):,} characters are shown."


def sentence(text: str) -> Markup:
    """``text`` as escaped HTML in which what stands between backticks is marked as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(plain(text)))))


def one_line(text: str, limit: int = 200) -> str:
    """``text`` as a single line of at most ``limit`` characters, for names and headings."""
    words = " ".join(plain(text[:2_000], 2_000).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def columns(text: str) -> int:
    """How many columns of a terminal ``text`` takes: two for wide characters, none for combining ones."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@cache
def _highlighter() -> Highlight2HTML:
    return Highlight2HTML(pygments_lexer="ipython3", extra_formatter_options={"nowrap": True})


def code(source: str) -> Markup:
    """Python source as escaped HTML with a span for each kind of word, to be put in ``<pre><code>``.

    Pygments escapes what it marks up.
    """
    return Markup(_highlighter()(plain(source, CODE_LIMIT)).rstrip("\n"))


def work(cell: Mapping[str, Any], number: int) -> Work:
    """What to show of a code cell of a notebook (nbformat 4) that is the ``number``-th code cell in it."""
    return Work(number, code(cell["source"]), outputs(cell.get("outputs", ()), number))


def outputs(raw: Any, number: int) -> tuple[Output, ...]:
    """The outputs (nbformat 4) of code cell ``number``, bounded in number and size."""
    merged = _merge_streams(raw)
    shown = [o for o in (_output(output, number) for output in merged[:OUTPUTS_LIMIT]) if o]
    if len(merged) > OUTPUTS_LIMIT:
        shown.append(Output("note", f"{len(merged) - OUTPUTS_LIMIT} more outputs are not shown."))
    return tuple(_numbered(shown))


def _numbered(shown: list[Output]) -> list[Output]:
    """Tell several figures of one cell apart in their alternative texts."""
    figures = [o for o in shown if o.kind == "figure"]
    if len(figures) < 2:
        return shown
    place = {id(o): i for i, o in enumerate(figures, start=1)}
    return [replace(o, alt=f"{o.alt} ({place[id(o)]} of {len(figures)})") if id(o) in place else o for o in shown]


def _merge_streams(raw: Any) -> list[Mapping[str, Any]]:
    """Outputs with consecutive pieces of one stream joined, as a reader of the notebook sees them."""

    def stream(output: Mapping[str, Any]) -> str:
        return output.get("name", "stdout") if output["output_type"] == "stream" else ""

    merged: list[Mapping[str, Any]] = []
    for name, group in groupby(raw, key=stream):
        if name:
            text = "".join("".join(o["text"]) for o in group)
            merged.append({"output_type": "stream", "name": name, "text": text})
        else:
            merged.extend(group)
    return merged


def _output(output: Mapping[str, Any], number: int) -> Output | None:
    if output["output_type"] == "stream":
        return Output("text", plain(output["text"], OUTPUT_LIMIT))
    if output["output_type"] == "error":
        return Output("error", _error(output))
    data = output.get("data", {})
    caption = plain("".join(data.get("text/plain", "")), OUTPUT_LIMIT)
    for mime in _IMAGES:
        if mime in data:
            return _figure(mime, "".join(data[mime]), caption, number)
    return Output("text", caption) if caption else None


def _figure(mime: str, encoded: str, caption: str, number: int) -> Output:
    """A figure as a data address: decoded and encoded again, so that nothing but its bytes gets through."""
    try:
        raw = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw.startswith(_IMAGES[mime]):
        return Output("note", f"A figure of cell {number} is not a readable picture and is left out.")
    pixels = int.from_bytes(raw[16:20], "big") * int.from_bytes(raw[20:24], "big") if mime == "image/png" else 0
    if len(raw) > FIGURE_LIMIT or pixels > PIXEL_LIMIT:
        return Output("note", f"A figure of cell {number} is too large to be shown here.")
    src = f"data:{mime};base64,{base64.b64encode(raw).decode()}"
    caption = "" if caption.startswith("<") else caption  # "<Figure size 640x480 with 1 Axes>" tells nobody anything
    return Output("figure", caption, src, f"figure produced by your cell {number}")


def _error(output: Mapping[str, Any]) -> str:
    """An exception of the student's code: the parts of the traceback that lie in cells, and the last line.

    Frames inside libraries are left out: they name paths of the grading machine and help nobody.
    """
    frames = (plain(str(frame), OUTPUT_LIMIT) for frame in output.get("traceback", ())[:50])
    own = [frame for frame in frames if frame.lstrip().startswith(("Cell In[", "Input In "))]
    last = f"{output.get('ename', 'Error')}: {output.get('evalue', '')}".rstrip(": ")
    if own and own[-1].rstrip().rsplit("\n", 1)[-1].startswith(str(output.get("ename"))):
        return own[-1]  # a syntax error: its only frame ends with the message
    return plain("\n\n".join([*own, last]), OUTPUT_LIMIT)


def percent(value: float) -> str:
    """A share in per cent with one decimal, rounded down: 79.96 % never reads as the 80 % it does not reach."""
    return f"{int((value + 1e-9) * 1000) / 10:.1f}"


def points_text(value: float) -> str:
    """Points with at most two decimals: ``2``, ``0.67``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def assignment_title(assignment: str) -> str:
    """``"Assignment 01: build a model"`` for ``"01_build_a_model"``."""
    number, _, words = assignment.partition("_")
    return f"Assignment {number}: {words.replace('_', ' ')}" if words else assignment


@cache
def environment() -> jinja2.Environment:
    """The templates, with everything escaped that is not marked as safe by this package."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"plain": plain, "sentence": sentence, "one_line": one_line, "points": points_text}
    env.filters["percent"] = lambda value: percent(value).removesuffix(".0")
    env.globals |= {"symbols": {o.value: s for o, s in SYMBOLS.items()}, "pass_mark": PASS_MARK}
    return env


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing, in place of whatever stood there (a link is replaced, not followed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    os.replace(partial, path)
