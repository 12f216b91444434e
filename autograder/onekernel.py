"""A notebook in one ordinary kernel, tests and all: for systems that have neither the zygote nor the sandbox.

Student code can reach its tests here, and everything that the person who grades can reach. ``course grade --unsafe`` is
the only way in. A cell that kills the kernel, or outlasts its time, costs itself: a fresh kernel runs again what came
before it, without that cell, and goes on behind it.
"""

from __future__ import annotations

import contextlib
import os
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
from nbformat import NotebookNode

from autograder import leftovers, outputs
from autograder.environment import environment
from autograder.outputs import Outputs
from autograder.runs import CellRun, End, Limits

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
get_ipython().kernel.session.pack = (  # its own cannot send half characters
    lambda content, dumps=__import__('json').dumps, default=__import__('jupyter_client.jsonutil').jsonutil.json_default:
        dumps(content, default=default).encode()
)
__import__('sys').path.append('')  # last: files that came along can be imported, but shadow nothing above
"""


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
        self.home = Path(tempfile.mkdtemp(dir=leftovers.folder()))  # short: a socket's path has at most 107 characters
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
        manager.start_kernel(cwd=str(self.cwd), env={**environment(self.home), MARKER: self.marker})
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
        collected = Outputs(self.limits, self.spent)
        end, reply = self._execute(self.notebook.cells[index].source, collected, deadline)
        self.spent += collected.size
        seconds = time.monotonic() - began
        if reply is None:
            return CellRun(index, end, outputs=collected.finished(), seconds=seconds)
        count = outputs.executed(reply)
        if count is not None:
            self.counts[count] = index
        return outputs.ended(index, reply, self.counts, collected.finished(count), seconds)

    def _execute(self, source: str, collected: Outputs, deadline: float) -> tuple[End, dict[str, Any] | None]:
        """How a cell ended, and the kernel's reply, if there is one: it tells more."""
        sent = self.client.execute(source, store_history=True, allow_stdin=False, stop_on_error=False)
        reply: dict[str, Any] | None = None
        idle = False
        while not (reply and idle):
            now = time.monotonic()
            if now >= deadline:
                return End.TIMEOUT, reply
            idle = self._outputs(sent, collected, now + POLL) or idle
            if reply is None and (reply := self._reply(sent)) is not None:
                deadline = time.monotonic() + IDLE
            if reply is None and not self.manager.is_alive():
                self._outputs(sent, collected, time.monotonic() + POLL)
                return End.CRASH, None
        return End.OK, reply

    def _outputs(self, sent: str, collected: Outputs, until: float) -> bool:
        """Take what was printed, until there is nothing more for now; whether the cell has said that it is done."""
        while (left := until - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=left)
            except Empty:
                return False
            if message["parent_header"].get("msg_id") != sent:
                continue
            if message["msg_type"] == "status" and message["content"] == {"execution_state": "idle"}:
                return True
            collected.take(message)
        return False

    def _reply(self, sent: str) -> dict[str, Any] | None:
        with contextlib.suppress(Empty):
            while True:
                message = self.client.get_shell_msg(timeout=0)
                if message["parent_header"].get("msg_id") == sent:
                    return message["content"] if isinstance(message["content"], dict) else {}
        return None


def _kernel_spec() -> KernelSpec:
    python = [sys.executable, "-P"]  # -P: no file of the student's is taken for a module that the kernel needs to start
    argv = [*python, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False"]
    return KernelSpec(argv=argv, display_name="grading", language="python")


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
