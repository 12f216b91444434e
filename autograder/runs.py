"""What becomes of a code cell when a notebook runs, and the limits that it runs under."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the zygote has no need of it
    from nbformat import NotebookNode


class End(StrEnum):
    """How a cell ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Limits:
    """What a notebook may use: seconds of wall time, bytes of memory, characters of output.

    ``unsafe`` accepts a machine that cannot shut submissions in; the report says so then.
    """

    cell_seconds: float = 60.0
    notebook_seconds: float = 300.0
    memory: int = 4 << 30
    stream_characters: int = 100_000
    output_characters: int = 8_000_000
    unsafe: bool = False


SENTENCES = frozenset(("NotPlain", "NotImported", "TooManyCalls", "TooMuchData", "ChannelError"))
"""Types of what ends a test for a reason of the examiner's: the text is a whole sentence for the student."""


@dataclass(frozen=True)
class Frame:
    """A line of a traceback that lies in a cell: the cell's index in the notebook, and the line, from 1."""

    cell: int
    line: int


@dataclass(frozen=True)
class CellRun:
    """What became of one code cell.

    ``index`` is its place in the notebook's list of cells. ``ename`` and ``evalue`` are the exception's type and text
    after ``End.ERROR`` and ``End.MEMORY``; ``frames`` the lines of its traceback that lie in cells, outermost first.
    ``in_cell`` says that the innermost frame of the whole traceback is the last of ``frames``. ``seconds`` is wall
    time.
    """

    index: int
    end: End
    ename: str = ""
    evalue: str = ""
    frames: tuple[Frame, ...] = ()
    in_cell: bool = False
    outputs: list[NotebookNode] = field(default_factory=list)
    execution_count: int | None = None
    seconds: float = 0.0
