"""A notebook in one ordinary kernel, tests and all: for systems that have neither the zygote nor the sandbox.

Student code can reach its tests here, and everything that the person who grades can reach. ``course grade --unsafe`` is
the only way in. A cell that kills the kernel, or outlasts its time, costs itself: a fresh kernel runs again what came
before it, without that cell, and goes on behind it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from autograder.runs import CellRun, End, Frame, Limits

try:
    import resource
except ImportError:  # Windows
    resource = None

POLL = 0.05  # s between two looks at whether the kernel lives
IDLE = 4.0  # s that outputs may lag behind the reply
START = 60.0  # s that a kernel may take to start
MARKER = "COURSE_GRADING_RUN"
"""Environment variable by which the processes of a run are found again when they have left its process group."""

_SETUP = """\
exit = quit = __import__('sys').exit  # IPython's own would stop the kernel a little later, in another cell
__import__('random').seed(0)
__import__('numpy').random.seed(0)
__import__('sys').path.insert(0, '')  # last: files that came along can be imported, but shadow nothing above
"""
_FRAME = re.compile(r"Cell In\[(\d+)\], line (\d+)")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def run_notebook(notebook: NotebookNode, cwd: Path, limits: Limits | None = None) -> list[CellRun]:
    """Run the code cells of ``notebook`` in order, in the folder ``cwd``, and say how each ended.

    The notebook itself is left as it is. Cells behind the end of the time budget are ``End.NOT_RUN``. Whatever the
    cells do, this returns, within the budget and the seconds that a kernel needs to start. Raises ``RuntimeError``
    when no kernel can be started at all.
    """
    limits = limits or Limits()
    todo = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    runs: dict[int, CellRun] = {}
    deadly: set[int] = set()
    deadline: float | None = None  # the clock starts with the first cell: a slow start of Python is nobody's fault
    while len(runs) < len(todo):
        with Session(notebook, cwd, limits) as session:
            deadline = deadline or time.monotonic() + limits.notebook_seconds
            for index in todo:
                if index in deadly:
                    continue
                if time.monotonic() >= deadline:
                    runs.setdefault(index, CellRun(index, End.NOT_RUN))
                    continue
                run = session.run(index, min(deadline, time.monotonic() + limits.cell_seconds))
                runs.setdefault(index, run)
                if run.end in (End.TIMEOUT, End.CRASH):
                    deadly.add(index)
                    break
        if time.monotonic() >= (deadline or 0):
            runs = {index: runs.get(index, CellRun(index, End.NOT_RUN)) for index in todo}
    return [runs[index] for index in todo]


class Session:
    """One kernel from start to kill. A context manager."""

    def __init__(self, notebook: NotebookNode, cwd: Path, limits: Limits) -> None:
        self.notebook, self.cwd, self.limits = notebook, cwd, limits
        self.counts: dict[int, int] = {}  # In[n] of this kernel, and which cell that was
        self.spent = 0  # characters of output kept so far

    def __enter__(self) -> Session:
        self.home = Path(tempfile.mkdtemp(prefix="grade-"))  # short: a socket's path has at most 107 characters
        self.marker = uuid.uuid4().hex
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        manager = KernelManager(
            kernel_name="python3",
            transport="ipc" if os.name == "posix" else "tcp",
            connection_file=str(self.home / "kernel.json"),
        )
        if manager.transport == "ipc":
            manager.ip = str(self.home / "s")
        manager._kernel_spec = _kernel_spec()  # ours, whatever kernelspecs lie on this machine
        self.manager = manager
        manager.start_kernel(cwd=str(self.cwd), env=_environment(self.home, self.marker))
        self.pid: int = manager.provisioner.pid
        self.client: BlockingKernelClient = manager.client()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=START)
            self.client.execute(_SETUP, silent=True, store_history=False)
            self.client.get_shell_msg(timeout=START)
        except (RuntimeError, Empty) as problem:
            raise RuntimeError(f"No kernel could be started: {problem}") from problem
        _limit_memory(self.pid, self.limits.memory)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self.client.stop_channels()
        if hasattr(self, "pid"):
            kill_run(self.pid, self.marker)
        with contextlib.suppress(Exception):
            self.manager.shutdown_kernel(now=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, index: int, deadline: float) -> CellRun:
        """Run the cell at ``index``; give up at ``deadline`` (of the monotonic clock)."""
        began = time.monotonic()
        cell = NotebookNode(cell_type="code", source=self.notebook.cells[index].source, metadata={}, outputs=[])
        builder = NotebookClient(NotebookNode(cells=[cell], metadata={}), store_widget_state=False, record_timing=False)
        builder.clear_before_next_output = False
        collected = _Outputs(cell, builder, self.limits, self.spent)
        end, reply = self._execute(cell.source, collected, deadline)
        self.spent += collected.size
        if (count := cell.get("execution_count")) is not None:
            self.counts[count] = index
        seconds = time.monotonic() - began
        if end is End.ERROR:
            return self._error(index, reply, collected.finished(), count, seconds)
        return CellRun(index, end, outputs=collected.finished(), execution_count=count, seconds=seconds)

    def _execute(self, source: str, collected: _Outputs, deadline: float) -> tuple[End, dict[str, Any]]:
        sent = self.client.execute(source, store_history=True, allow_stdin=False, stop_on_error=False)
        reply: dict[str, Any] | None = None
        idle = False
        while not (reply and idle):
            now = time.monotonic()
            if now >= deadline:
                return (End.TIMEOUT, {}) if reply is None else _ended(reply)
            idle = self._outputs(sent, collected, now + POLL) or idle
            if reply is None and (reply := self._reply(sent)) is not None:
                deadline = time.monotonic() + IDLE
            if reply is None and not self.manager.is_alive():
                self._outputs(sent, collected, time.monotonic() + POLL)
                return End.CRASH, {}
        return _ended(reply)

    def _outputs(self, sent: str, collected: _Outputs, until: float) -> bool:
        """Take what was printed, until there is nothing more for now; whether the cell has said that it is done."""
        while (left := until - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=left)
            except Empty:
                return False
            if message["parent_header"].get("msg_id") == sent and collected.take(message):
                return True
        return False

    def _reply(self, sent: str) -> dict[str, Any] | None:
        with contextlib.suppress(Empty):
            while True:
                message = self.client.get_shell_msg(timeout=0)
                if message["parent_header"].get("msg_id") == sent:
                    return message["content"]
        return None

    def _error(
        self, index: int, reply: dict[str, Any], outputs: list[NotebookNode], count: int | None, seconds: float
    ) -> CellRun:
        ename, evalue = str(reply.get("ename", "")), str(reply.get("evalue", ""))
        trace = _ANSI.sub("", "\n".join(map(str, reply.get("traceback", []))))
        found = [(int(n), int(line)) for n, line in _FRAME.findall(trace)]
        frames = tuple(Frame(self.counts[n], line) for n, line in found if n in self.counts)
        # each frame of a traceback begins with "File …" or "Cell In[n], line m"
        heads = re.findall(r"^\s*(File|Cell In\[)", trace, re.MULTILINE)
        end = End.MEMORY if ename.lstrip("_") in ("MemoryError", "ArrayMemoryError") else End.ERROR
        return CellRun(index, end, ename, evalue, frames, bool(heads and heads[-1] != "File"), outputs, count, seconds)


class _Outputs:
    """The outputs of one cell as they arrive, up to the limits; nbclient turns messages into outputs."""

    def __init__(self, cell: NotebookNode, builder: NotebookClient, limits: Limits, spent: int) -> None:
        self.cell, self.builder, self.limits = cell, builder, limits
        self.room = {"stdout": limits.stream_characters, "stderr": limits.stream_characters}
        self.left = max(0, limits.output_characters - spent)
        self.size = 0
        self.cut = False

    def take(self, message: dict[str, Any]) -> bool:
        """Keep what a message shows; whether it says that the cell is done."""
        if message["msg_type"] == "stream":
            self._stream(message["content"])
            return False
        if message["msg_type"] in ("execute_result", "display_data", "update_display_data", "error"):
            size = len(str(message["content"]))
            if size > self.left - self.size:
                self.cut = True
                return False
            self.size += size
        try:
            self.builder.process_message(message, self.cell, 0)
        except CellExecutionComplete:
            return True
        except (KeyError, TypeError, AttributeError, ValueError, AssertionError):
            pass  # a message that the student's code made up
        return False

    def _stream(self, content: dict[str, Any]) -> None:
        name, text = str(content.get("name", "stdout")), str(content.get("text", ""))
        kept = text[: min(self.room.get(name, 0), self.left - self.size)]
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

    def finished(self) -> list[NotebookNode]:
        """The outputs, with a line that says so when some were left out."""
        if self.cut:
            text = "\n[The rest of this output was left out: it is too long.]\n"
            self.cell.outputs.append(NotebookNode(output_type="stream", name="stdout", text=text))
            self.cut = False
        return list(self.cell.outputs)


def _ended(reply: dict[str, Any] | None) -> tuple[End, dict[str, Any]]:
    """Only a reply that says ``ok`` is one; anything else is an error."""
    if reply and reply.get("status") == "ok":
        return End.OK, reply
    return End.ERROR, reply or {}


def _kernel_spec() -> KernelSpec:
    python = [sys.executable, "-P"]  # -P: no file of the student's is taken for a module that the kernel needs to start
    argv = [*python, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False"]
    return KernelSpec(argv=argv, display_name="grading", language="python")


def _environment(home: Path, marker: str) -> dict[str, str]:
    """What the kernel sees: nothing of the instructor's environment but where Python and its libraries are."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    folders = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    for folder in folders.values():
        os.makedirs(folder)
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **kept,
        **folders,
        **dict.fromkeys(threads, "1"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "JUPYTER_RUNTIME_DIR": str(home),
        "MPLCONFIGDIR": str(_font_cache(home)),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "NBGRADER_EXECUTION": "autograde",
        MARKER: marker,
    }


def _font_cache(home: Path) -> Path:
    """A Matplotlib folder that already knows the fonts: finding them anew takes seconds in every kernel."""
    import matplotlib

    cache, target = Path(matplotlib.get_cachedir()), home / "matplotlib"
    if not list(cache.glob("fontlist-*.json")):
        import matplotlib.font_manager  # writes it
    target.mkdir()
    for file in cache.glob("fontlist-*.json"):
        shutil.copyfile(file, target / file.name)
    return target


def _limit_memory(pid: int, size: int) -> None:
    """Bound the private memory of a process, and so of its children, each; where the system can (Linux)."""
    if resource is not None and hasattr(resource, "prlimit"):
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def kill_run(pid: int, marker: str) -> None:
    """Kill the kernel's process group, and what left it but still bears the run's mark."""
    if os.name != "posix":
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for _ in range(20):  # a process may have started another one while we looked
        strays = list(_marked(marker))
        for stray in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(stray, signal.SIGKILL)
        if not strays:
            return


def _marked(marker: str) -> Iterator[int]:
    """Ids of living processes with the run's mark in their environment (Linux; elsewhere none are found)."""
    wanted = f"{MARKER}={marker}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes():
                yield int(folder.name)
