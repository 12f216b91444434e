"""What a kernel sends, as a notebook's outputs and a cell's end: what all ways to run a submission have in common.

Every message may be one that the student's code made up. A malformed one is left out, and nothing is taken beyond the
limits. Half characters (lone surrogates) pass: :func:`autograder.cells.dumps` replaces them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from nbclient.client import NotebookClient
from nbformat import NotebookNode

from autograder.runs import CellRun, End, Frame, Limits

SHOWN = ("execute_result", "display_data", "update_display_data", "error", "clear_output")
"""Kinds of messages that a notebook keeps, beside streams. A widget is nothing without its page."""

_FRAME = re.compile(r"Cell In\[(\d+)\], line (\d+)")
_HEAD = re.compile(r"^\s*(File|Cell In\[)", re.MULTILINE)  # of each frame in a traceback
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Outputs:
    """The outputs of one cell as they arrive, up to the limits; nbclient turns messages into outputs."""

    def __init__(self, limits: Limits, spent: int) -> None:
        """``spent`` is the number of characters that earlier cells of the notebook have put out."""
        self.cell = NotebookNode(cell_type="code", source="", metadata={}, outputs=[], execution_count=None)
        self.room = {"stdout": limits.stream_characters, "stderr": limits.stream_characters}
        self.left = max(0, limits.output_characters - spent)
        self.size = 0
        self.cut = False

    @cached_property
    def builder(self) -> NotebookClient:
        """nbclient's, made when there is something to build: that takes longer than to run most cells."""
        shell = NotebookNode(cells=[self.cell], metadata={})
        builder = NotebookClient(shell, store_widget_state=False, record_timing=False)
        builder.clear_before_next_output = False
        return builder

    def take(self, message: Mapping[str, Any]) -> None:
        """Keep what a message shows, as far as there is room."""
        kind = message.get("msg_type")
        try:
            if kind == "stream":
                self._stream(message["content"])
            elif kind in SHOWN:
                self._shown(message, kind)
        except Exception:  # nbclient's checks raise of all kinds
            pass

    def _shown(self, message: Mapping[str, Any], kind: str) -> None:
        size = len(str(message["content"]))
        if size > self.left - self.size:
            self.cut = True
            return
        self.size += size
        self.builder.process_message({**message, "header": {"msg_type": kind}, "parent_header": {}}, self.cell, 0)

    def _stream(self, content: Mapping[str, Any]) -> None:
        name, text = str(content.get("name", "stdout")), str(content.get("text", ""))
        kept = text[: max(0, min(self.room.get(name, 0), self.left - self.size))]
        self.cut |= len(kept) < len(text)
        if not kept:
            return
        self.room[name] -= len(kept)
        self.size += len(kept)
        outputs = self.cell.outputs
        if outputs and outputs[-1].output_type == "stream" and outputs[-1].name == name:
            outputs[-1].text += kept
        else:
            outputs.append(NotebookNode(output_type="stream", name=name, text=kept))

    def finished(self, count: int | None = None) -> list[NotebookNode]:
        """The outputs of the cell that ran as ``In[count]``, with a line that says so when some were left out."""
        if self.cut:
            text = "\n[The rest of this output was left out: it is too long.]\n"
            self.cell.outputs.append(NotebookNode(output_type="stream", name="stdout", text=text))
            self.cut = False
        for output in self.cell.outputs:
            if output.output_type == "execute_result":
                output["execution_count"] = count
        return list(self.cell.outputs)


def ended(
    index: int, reply: Mapping[str, Any], counts: Mapping[int, int], outputs: list[NotebookNode], seconds: float
) -> CellRun:
    """The end of the cell ``index`` that a kernel's reply tells of: only one that says ``ok`` is no error.

    ``counts`` gives, for each ``In[n]`` of this kernel, the index of the cell.
    """
    count = executed(reply)
    if reply.get("status") == "ok":
        return CellRun(index, End.OK, outputs=outputs, execution_count=count, seconds=seconds)
    ename, evalue, trace = str(reply.get("ename", "")), str(reply.get("evalue", "")), reply.get("traceback")
    trace = _ANSI.sub("", "\n".join(map(str, trace if isinstance(trace, list) else [])))
    found = [(int(n), int(line)) for n, line in _FRAME.findall(trace)]
    frames = tuple(Frame(counts[n], line) for n, line in found if n in counts)
    heads = _HEAD.findall(trace)
    end = End.MEMORY if ename.lstrip("_") in ("MemoryError", "ArrayMemoryError") else End.ERROR
    return CellRun(index, end, ename, evalue, frames, bool(heads and heads[-1] != "File"), outputs, count, seconds)


def executed(reply: Mapping[str, Any]) -> int | None:
    """The number under which a kernel says that a cell ran, ``None`` when it says none."""
    count = reply.get("execution_count")
    return count if type(count) is int else None
