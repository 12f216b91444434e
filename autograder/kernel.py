"""Running a rebuilt notebook: the student's cells in a sandbox, the tests in an examiner, an explicit end for each.

A cell that kills the kernel, or outlasts its time, costs itself: a fresh fork runs again what came before it, without
that cell, and goes on behind it. Not every end comes in the cell that caused it. Memory is charged to the cell that
started the processes which hold most of it. When several exercises crash, each cell that ran before the first crash is
left out in turn (a thread or a timer of its may have killed them all): if all the others then run to their end, that is
their verdict. A crash that comes once costs the cell that it comes in.

Both sides are forks of one zygote (:mod:`autograder.zygotes`), which every process that grades starts once. The
interface is a notebook in and one :class:`CellRun` per code cell out.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder import cells, leftovers, outputs, zygotes
from autograder.course import CourseError
from autograder.outputs import Outputs
from autograder.rebuild import IMPORTS, is_students
from autograder.runs import CellRun, End, Limits

try:
    from autograder import sandbox
    from autograder.examiner import Examiner
except ImportError:  # Windows
    sandbox = None

LAG = 4.0  # s that a kernel may take to end a cell in which it answered an examiner
CHUNK = 1 << 18
DRAINED = 100  # parts of raw output that may wait at the end of a cell


def run_notebook(notebook: NotebookNode, cwd: Path, limits: Limits | None = None) -> list[CellRun]:
    """Run the code cells of ``notebook`` in order, with the files of ``cwd`` beside them, and say how each ended.

    The notebook itself is left as it is; in the sandbox, so is ``cwd``. Cells behind the end of the time budget are
    ``End.NOT_RUN``. Whatever the cells do, this returns, within the budget and the seconds that a fork needs to start.
    Raises :class:`CourseError` where this machine offers too little protection, unless ``limits`` accept that.
    """
    limits = limits or Limits()
    if lacking := missing():
        if not limits.unsafe:
            raise CourseError(refusal(lacking))
        if not zygotes.possible():
            from autograder import onekernel

            return onekernel.run_notebook(notebook, cwd, limits)
    use = zygotes.current().offered
    whole = _Whole(notebook, cwd, limits, use)
    whole.run()
    return [whole.runs.get(index) or CellRun(index, End.NOT_RUN) for index in whole.todo]


class _Whole:
    """A notebook on its way through as many lives of a kernel as it takes, within one budget of time."""

    def __init__(self, notebook: NotebookNode, cwd: Path, limits: Limits, use: Sequence[str]) -> None:
        self.notebook, self.cwd, self.limits, self.use = notebook, cwd, limits, use
        self.todo = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        self.runs: dict[int, CellRun] = {}
        self.deadly: dict[int, End] = {}  # cells in which, or by which, a kernel ended
        self.deadline: float | None = None

    def run(self) -> None:
        """Until every cell has its end, or there is no more time."""
        while len(self.runs) < len(self.todo) and not self._over():
            self.deadly.update(self._life(self.deadly.keys(), self.runs))
        crashed = [index for index, end in self.deadly.items() if end is End.CRASH]
        if len({self._exercise(index) for index in crashed}) > 1:
            self._appeal(crashed[0])

    def _over(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _life(self, left_out: Collection[int], runs: dict[int, CellRun]) -> dict[int, End]:
        """One kernel, through all cells but some. Gives the cell that it ended by, and how, if it did end."""
        with Session(self.notebook, self.cwd, self.limits, self.use) as session:
            # the clock starts with the first cell: a slow start of Python is nobody's fault
            self.deadline = self.deadline or time.monotonic() + self.limits.notebook_seconds
            for index in self.todo:
                if index in left_out:
                    session.pass_over(index)
                    continue
                if self._over():
                    break
                run = session.run(index, min(self.deadline, time.monotonic() + self.limits.cell_seconds))
                if session.culprit not in (None, index):
                    runs[session.culprit] = replace(runs[session.culprit], end=End.MEMORY)
                    return {session.culprit: End.MEMORY}
                runs.setdefault(index, run)
                if session.ended is not None or run.end in (End.TIMEOUT, End.CRASH):
                    return {index: session.ended or run.end}
        return {}

    def _exercise(self, index: int) -> int:
        """The cell whose fault an end may be: for a test the solution cell above it, else the cell itself."""
        if not cells.is_test(self.notebook.cells[index]):
            return index
        return max((i for i in self.todo if i < index and cells.is_solution(self.notebook.cells[i])), default=index)

    def _appeal(self, first: int) -> None:
        """Look for one cell, not behind the ``first`` that crashed, without which none does.

        If there is one, what crashed elsewhere, or missed what crashed, ends as it does without that cell.
        """
        hopeless = {index for index, end in self.deadly.items() if end is not End.CRASH}
        for suspect in reversed([i for i in self.todo if i <= first and is_students(self.notebook.cells[i])]):
            gone = {i for i in self.todo if self._exercise(i) == suspect}
            runs: dict[int, CellRun] = {}
            ended = self._life(hopeless | gone, runs)
            if self._over():
                return
            if not ended:
                lost = {i for i, run in self.runs.items() if run.end is End.CRASH or run.ename == "NameError"}
                self.runs.update({i: run for i, run in runs.items() if i in lost and run.ename != "NameError"})
                return


def missing() -> list[str]:
    """The protections that submissions need and that this machine does not offer."""
    return _lacking(zygotes.current().offered) if zygotes.possible() else ["a sandbox"]


def _lacking(offered: Sequence[str]) -> list[str]:
    return [name for name in sandbox.ALL if name not in offered]


def require(limits: Limits | None) -> None:
    """Refuse before anything is touched: raises :class:`CourseError` where :func:`run_notebook` would."""
    if limits is not None and limits.unsafe:
        return
    if lacking := missing():
        raise CourseError(refusal(lacking))


def refusal(lacking: Sequence[str]) -> str:
    """Why nothing is graded where protections are missing."""
    return (
        f"This machine cannot shut submissions in: {', '.join(lacking)} cannot be had (`course check` tells more). "
        "Grade on a Linux that allows user namespaces, or accept the danger with `course grade NAME --unsafe`."
    )


def warning(limits: Limits) -> str | None:
    """The sentence for the report when submissions run with less protection than they need."""
    if not limits.unsafe or not (lacking := missing()):
        return None
    return f"This was graded on a machine without full protection ({', '.join(lacking)} missing), with `--unsafe`."


# --- one life of a student's kernel


class Session:
    """One fork for the student's cells and one for their tests, from start to kill. A context manager.

    ``ended`` is ``None`` while the student's process lives, else how it ended. When that was for memory, ``culprit`` is
    the cell that started the processes which held most of it; ``None`` for the one that was running.
    """

    def __init__(self, notebook: NotebookNode, cwd: Path, limits: Limits, use: Sequence[str] = ()) -> None:
        self.notebook, self.cwd, self.limits, self.use = notebook, cwd, limits, tuple(use)
        self.counts: dict[int, int] = {}  # In[n] of this kernel, and which cell that was
        self.spent = 0  # characters of output kept so far
        self.number = 0
        self.imports: list[str] = []  # of tests, not yet made on the student's side
        self.ended: End | None = None
        self.culprit: int | None = None
        self.lasts: list[tuple[int, int]] = []  # the number of the process that was last when a cell ended, that cell
        self.examiner: Examiner | None = None
        self.pid: int | None = None
        self.open = contextlib.ExitStack()

    def __enter__(self) -> Session:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self.zygote = zygotes.current()
        self.control, control = self._pair(socket.SOCK_STREAM)
        self.channel, channel = self._pair(socket.SOCK_STREAM)
        self.helm, helm = self._pair(socket.SOCK_SEQPACKET)
        self.raw: dict[int, str] = {}
        theirs = [control.fileno(), channel.fileno()]
        for name in ("stdout", "stderr"):
            reading, writing = os.pipe()
            self.open.callback(os.close, reading)
            os.set_blocking(reading, False)
            self.raw[reading] = name
            theirs.append(writing)
        folder = ""  # the sandbox has a home of its own
        if sandbox.NAMESPACES not in self.use:
            made = tempfile.TemporaryDirectory(prefix="home-", dir=leftovers.folder(), ignore_cleanup_errors=True)
            folder = self.open.enter_context(made)
        walls = {"memory": self.limits.memory, "cpu_seconds": int(self.limits.notebook_seconds) + 60}
        uses = _modules(self.notebook)
        request = {"do": "student", "uses": uses, "use": self.use, "cwd": str(self.cwd), "home": folder, "walls": walls}
        try:
            self.pid = self.zygote.ask(request, [*theirs, helm.fileno()])["pid"]
        finally:
            for end in (control, channel, helm):
                end.close()
            for fd in theirs[2:]:
                os.close(fd)
        self.helm.settimeout(zygotes.START)
        data, self.spaces, _, _ = socket.recv_fds(self.helm, 10_000, 2)
        for space in self.spaces:
            self.open.callback(os.close, space)
        told = json.loads(data or b'{"failed": "it ended at once"}')
        if "failed" in told:
            raise RuntimeError(f"No kernel could be started: {told['failed']}")
        self.feed = _Feed(self.control, 2 * self.limits.output_characters)

    def _pair(self, kind: int) -> tuple[socket.socket, socket.socket]:
        here, there = socket.socketpair(socket.AF_UNIX, kind)
        self.open.callback(here.close)
        return here, there

    def close(self) -> None:
        """Kill both processes with everything that the student's started."""
        if self.examiner is not None:
            self.examiner.close()
        if self.pid is not None:
            with contextlib.suppress(RuntimeError, OSError):
                self.zygote.ask({"do": "kill", "pid": self.pid})
            self.pid = None
        self.open.close()

    def run(self, index: int, deadline: float) -> CellRun:
        """Run the cell at ``index``, where it belongs; give up at ``deadline`` (of the monotonic clock)."""
        cell = self.notebook.cells[index]
        self.index = index
        if cells.is_test(cell):
            self.pass_over(index)
            return self._examine(cell.source, index, deadline)
        if not is_students(cell):
            self._examiner().given(cell.source)
        return self._run(cell.source, index, deadline)

    def pass_over(self, index: int) -> None:
        """Have what the released text of the cell at ``index`` imports, if it is a test, before anything runs next.

        A student who ran the notebook at home has these modules in all cells below it.
        """
        self.imports += self.notebook.cells[index].metadata.get(IMPORTS, ())

    def _run(self, source: str, index: int, deadline: float) -> CellRun:
        began = time.monotonic()
        collected = Outputs(self.limits, self.spent)
        reply = None
        if self._send({"do": "run", "source": source, "index": index}, deadline):
            reply = self._pump(collected, deadline)
        self.spent += collected.size
        seconds = time.monotonic() - began
        if reply is None:
            return CellRun(index, self.ended or End.TIMEOUT, outputs=collected.finished(), seconds=seconds)
        count = outputs.executed(reply)
        if count is not None:
            self.counts[count] = index
        run = outputs.ended(index, reply, self.counts, collected.finished(count), seconds)
        return replace(run, evalue=self._without_home(run.evalue))

    def _examine(self, source: str, index: int, deadline: float) -> CellRun:
        """Let the examiner run a test while the student's side answers, and keep what that prints meanwhile."""
        collected = Outputs(self.limits, self.spent)
        self._send({"do": "answer"}, deadline)
        over = threading.Event()
        printed = threading.Thread(target=self._pump, args=(collected, deadline + 2 * LAG, over), daemon=True)
        printed.start()
        run = self._examiner().examine(source, index, deadline)
        if run.end not in (End.TIMEOUT, End.CRASH):
            printed.join(LAG)
            if printed.is_alive() and self.ended is None:
                self.ended = End.TIMEOUT  # it will hear of no further cell
        over.set()
        printed.join()
        self.spent += collected.size
        end = self.ended if run.end is End.CRASH and self.ended is End.MEMORY else run.end
        shown = [*collected.finished(), *run.outputs]
        return replace(run, end=end, evalue=self._without_home(run.evalue), outputs=shown)

    def _examiner(self) -> Examiner:
        if self.examiner is None:
            fd = self.channel.detach()
            start = partial(_start_examiner, self.zygote, self.spaces, self.use)
            self.examiner = Examiner(fd, self.limits, start=start)
        return self.examiner

    def _send(self, request: dict[str, Any], deadline: float) -> bool:
        self.number += 1
        imports, self.imports = self.imports, []
        data = json.dumps({**request, "imports": imports, "number": self.number}).encode("utf-8", "replace")
        try:
            self.control.settimeout(max(0.01, deadline - time.monotonic()))
            self.control.sendall(len(data).to_bytes(4, "little") + data)
        except OSError:
            self._look_at_end()
            return False
        return True

    def _pump(self, collected: Outputs, deadline: float, over: threading.Event | None = None) -> dict[str, Any] | None:
        """Take what is sent and printed until the cell is done; its reply, ``None`` when there is none."""
        sources = [self.control, self.helm, *self.raw]
        while (left := deadline - time.monotonic()) > 0:
            if over is not None and over.is_set():
                return None
            readable, _, _ = select.select(sources, [], [], min(left, 0.05) if over is not None else left)
            for message in self.feed.messages() if self.control in readable else ():
                if "done" in message and message.get("number") == self.number:
                    self._take_raw(collected)
                    if type(message.get("last")) is int:
                        self.lasts.append((message["last"], self.index))
                    return message["done"] if isinstance(message["done"], dict) else {}
                collected.take(message)
            collected.cut |= self.feed.skipped
            if any(fd in readable for fd in self.raw):
                self._take_raw(collected, 1)
            if self.helm in readable or self.feed.closed:
                self._take_raw(collected)
                self._look_at_end()
                return None
        return None

    def _take_raw(self, collected: Outputs, most: int = DRAINED) -> None:
        """Take what was written to the descriptors 1 and 2 past Python: by libraries and by other programs."""
        for fd, name in self.raw.items():
            for _ in range(most):
                try:
                    data = os.read(fd, CHUNK)
                except BlockingIOError:
                    break
                if not data:
                    break
                collected.take(
                    {"msg_type": "stream", "content": {"name": name, "text": data.decode("utf-8", "replace")}}
                )

    def _look_at_end(self) -> None:
        """The student's process is gone: of what?"""
        self.ended = End.CRASH
        with contextlib.suppress(OSError, ValueError):
            self.helm.settimeout(1)
            if held := json.loads(self.helm.recv(10_000) or b"{}").get("memory"):
                self.ended = End.MEMORY
                self.culprit = self._who_started(held)

    def _who_started(self, held: list[tuple[int, int]]) -> int | None:
        """The cell whose processes hold most, of those told as number and bytes; the kernel itself has number 0."""
        sums: dict[int | None, int] = {}
        for pid, size in held:
            cell = next((cell for last, cell in self.lasts if 0 < pid <= last), None)
            sums[cell] = sums.get(cell, 0) + size
        return max(sums, key=lambda cell: sums[cell])

    def _without_home(self, text: str) -> str:
        """A message without the sandbox's own paths, which say nothing."""
        if sandbox.NAMESPACES not in self.use:
            return text
        return text.replace(f"{sandbox.HOME}/", "").replace(sandbox.HOME, ".")


def _modules(notebook: NotebookNode) -> list[str]:
    """The modules that cells of the course's own import: given cells and tests, never what a student wrote."""
    own = [c.source for c in notebook.cells if c.cell_type == "code" and not is_students(c)]
    return sorted({name for source in own for name in _IMPORT.findall(source)})


_IMPORT = re.compile(r"^\s*(?:import|from) ([\w.]+)", re.MULTILINE)


def _start_examiner(
    zygote: zygotes.Zygote,
    spaces: Sequence[int],
    use: Sequence[str],
    control: int,
    channel: int,
    limits: Limits,
    folder: str,
) -> int:
    request = {"do": "examiner", "limits": asdict(limits), "folder": folder, "use": use}
    return zygote.ask(request, [control, channel, *spaces])["pid"]


class _Feed:
    """Messages from a kernel: JSON objects, each with its length in front. What is too long is skipped."""

    def __init__(self, source: socket.socket, largest: int) -> None:
        self.source, self.largest = source, largest
        self.data = bytearray()
        self.left = 0  # bytes of a message that is skipped
        self.closed = self.skipped = False

    def messages(self) -> Iterator[dict[str, Any]]:
        """Those that have arrived as a whole."""
        self.skipped = False
        try:
            self.source.settimeout(0)
            part = self.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self.closed = not part
        self.data += part
        while True:
            if self.left:
                gone = min(self.left, len(self.data))
                del self.data[:gone]
                self.left -= gone
            if self.left or len(self.data) < 4:
                return
            size = int.from_bytes(self.data[:4], "little")
            if size > self.largest:
                self.left, self.skipped = size + 4, True
                continue
            if len(self.data) < 4 + size:
                return
            message = bytes(self.data[4 : 4 + size])
            del self.data[: 4 + size]
            with contextlib.suppress(ValueError, RecursionError):  # a message that the student's code made up
                if isinstance(found := json.loads(message), dict):
                    yield found
