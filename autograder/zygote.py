"""The process that forks: it has imported what assignments use, and no code of a student's ever runs in it.

Each request over its socket makes one of two children. A *student* is sandboxed first, as the first process of a tree
of its own; then a real IPython kernel, made before the fork, runs cells and sends outputs as lines over a socket in
place of ZeroMQ. An *examiner* runs tests. One more child, made once, watches over the memory of the students'.

Before a fork nothing may fit a model, open an inference session or start a thread: what OpenMP keeps from a region run
in the parent hangs the child. :mod:`autograder.zygotes` starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import io
import itertools
import json
import logging
import os
import random
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import matplotlib.font_manager
import matplotlib.pyplot as plt
import matplotlib_inline.backend_inline
import numpy as np
import onnxruntime  # noqa: F401
import sklearn.calibration
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.utils
from ipykernel.compiler import get_tmp_directory
from ipykernel.ipkernel import IPythonKernel
from jupyter_client.session import Session
from traitlets.config import Config

import modelserving.models
import modelserving.plots  # noqa: F401
from autograder import answering, examiner, sandbox, watch
from autograder.environment import FONT_LISTS
from autograder.runs import Limits
from modelserving import datasets

HEAD = struct.Struct("<I")
ON_DEMAND = ("onnx", "skl2onnx", "tritonclient.http", "uvicorn")
"""Libraries of single assignments: the zygote imports one when the first notebook comes whose own cells name it."""

LARGEST_REQUEST = 60_000  # bytes; sources of cells go over the student's own socket
PART = 1 << 16  # characters of a stream in one message
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of glibc's mallopt
HELD = 0.1  # s that something printed may wait for more


def run() -> None:
    """What this process was started for: its arguments are its folder and the descriptors of its sockets."""
    main(Path(sys.argv[1]), *(socket.socket(fileno=int(fd)) for fd in sys.argv[2:]))


def main(home: Path, control: socket.socket, *doors: socket.socket) -> None:
    """Serve the grader at the other end of ``control``, until it is gone, and those that come to a door."""
    try:
        _hear_signals()
        _keep_freed_memory()
        _fill_caches()
        for data in (datasets.flights, datasets.weather, datasets.riders):
            data()  # kept by the library, and so shared by all forks
        kernel = _kernel()
        (home / "root").mkdir()
        offered = sandbox.offered(home / "root")
        sandbox.prepare()
        gc.collect()
        gc.freeze()  # a collection in a child would copy the pages of all that is here
        gc.enable()
        _Forks(home / "root", kernel).serve(control, doors, json.dumps({"offered": offered}).encode())
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os._exit(0)  # IPython would clear up what is not its own


class _Forks:
    """The children of this process, and the graders that ask for them."""

    def __init__(self, root: Path, kernel: IPythonKernel) -> None:
        self.root, self.kernel = root, kernel
        self.fonts = tuple(Path(matplotlib.get_cachedir()).glob(FONT_LISTS))
        self.students: dict[socket.socket, set[int]] = {}  # of each grader, by its socket
        self.examiners: set[int] = set()
        self.door, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.watcher = os.fork()
        if self.watcher == 0:
            try:
                _close_all_but([there.fileno()])
                watch.serve(there.detach())
            finally:
                os._exit(70)
        there.close()
        sandbox.adopt_orphans()

    def serve(self, control: socket.socket, doors: Sequence[socket.socket], greeting: bytes) -> None:
        """Fork as asked until the grader at the other end of ``control`` is gone; then end all children."""
        self._welcome(control, greeting)
        while control in self.students:
            ready, _, _ = select.select([*doors, *self.students], [], [])
            for grader in ready:
                if grader in doors:
                    self._welcome(grader.accept()[0], greeting)
                elif not self._heard(grader):
                    for pid in self.students.pop(grader):
                        self._kill(pid)
                    grader.close()
            self.examiners = {pid for pid in self.examiners if os.waitpid(pid, os.WNOHANG) == (0, 0)}
        for pid in itertools.chain(*self.students.values()):
            sandbox.kill_tree(pid)
        for pid in self.examiners:
            os.kill(pid, signal.SIGKILL)

    def _welcome(self, grader: socket.socket, greeting: bytes) -> None:
        self.students[grader] = set()
        with contextlib.suppress(OSError):
            grader.send(greeting)

    def _heard(self, grader: socket.socket) -> bool:
        """Do what a grader asks for; ``False`` when it is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(grader, LARGEST_REQUEST, 8)
        except OSError:
            return False
        if not data:
            return False
        request = json.loads(data)
        reply: dict[str, Any] = {}
        try:
            match request["do"]:
                case "student":
                    _import(request["uses"])
                    reply["pid"] = self._student(request, fds)
                    self.students[grader].add(reply["pid"])
                case "examiner":
                    reply["pid"] = _examiner(request, fds)
                    self.examiners.add(reply["pid"])
                case "kill" if request["pid"] in self.students[grader]:
                    self.students[grader].remove(request["pid"])
                    self._kill(request["pid"])
        except OSError as problem:
            reply = {"problem": str(problem)}
        for one in fds:
            os.close(one)
        try:
            grader.send(json.dumps(reply).encode())
        except OSError:
            return False
        return True

    def _student(self, request: dict[str, Any], fds: list[int]) -> int:
        uid = sandbox.next_uid()
        if pid := sandbox.fork(request["use"]):
            return pid
        try:
            door = self.door.detach()
            _close_all_but([*fds, door])
            walls = sandbox.Walls(self.root, Path(request["cwd"]), self.fonts, **request["walls"])
            _shut_in(request, walls, uid, fds, door)
            _Cells(*fds[:2], self.kernel).serve()
            os._exit(0)
        finally:
            os._exit(70)

    def _kill(self, student: int) -> None:
        """End a student's tree; what left it, where no namespace holds it together, has come to this process."""
        sandbox.kill_tree(student)
        sandbox.kill_children_but({self.watcher, *self.examiners, *itertools.chain(*self.students.values())})


def _import(names: Sequence[str]) -> None:
    for name in set(ON_DEMAND).intersection(names) - sys.modules.keys():
        importlib.import_module(name)
        gc.collect()
        gc.freeze()


def _hear_signals() -> None:
    """Take signals as a notebook's kernel does, even where the grader runs in the background, behind `nohup` say."""
    for kind in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(kind, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _keep_freed_memory() -> None:
    """Have the C library keep what is freed. Given back and asked for again, every page costs a fault and a zeroing.

    Tests make large arrays over and over: about half of an examiner's page faults came of that.
    """
    with contextlib.suppress(AttributeError):  # another C library than glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, size in ((_MMAP_THRESHOLD, 4 << 20), (_TRIM_THRESHOLD, 16 << 20), (_TOP_PAD, 1 << 20)):
            mallopt(parameter, size)


def _fill_caches() -> None:
    """Do what would otherwise take its time in each fork: find the fonts, draw, have scikit-learn look at an array."""
    sklearn.utils.check_array([[0.0]])  # it looks for data frames, and for that through all installed packages
    figure = plt.figure()
    figure.add_subplot().plot([0, 1], label="0")
    figure.legend()
    figure.savefig(io.BytesIO(), format="png")
    plt.close(figure)


# --- children


def _examiner(request: dict[str, Any], fds: list[int]) -> int:
    if pid := os.fork():
        return pid
    libc = ctypes.CDLL(None, use_errno=True)
    for space in fds[2:]:  # into the student's network: a test may ask a server that the student's code started
        libc.setns(space, 0)
    if sandbox.FILTER in request["use"]:
        sandbox.confine(Path(request["folder"]))
    tempfile.tempdir = request["folder"]  # the only place where it may write
    examiner.work(fds[0], fds[1], Limits(**request["limits"]), request["folder"])


def _close_all_but(kept: list[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    last = 2
    for fd in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(last + 1, fd)
        last = fd


def _shut_in(request: dict[str, Any], walls: sandbox.Walls, uid: int, fds: list[int], watcher: int) -> None:
    """Shut this process in, first of its tree, in which the student's code is to run, and have it watched."""
    _, _, out, err, helm_fd = fds
    use = request["use"]
    spaces: list[int] = []
    with socket.socket(fileno=helm_fd) as helm:
        try:
            if sandbox.NAMESPACES in use:  # while it is allowed to look
                kinds = ("net",) if os.geteuid() == 0 else ("user", "net")
                spaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
            else:
                os.chdir(request["cwd"])
            sandbox.enter(walls, use, uid)
            watch.register(watcher, helm_fd, walls.memory, sandbox.NAMESPACES in use)
        except OSError as problem:
            helm.send(json.dumps({"failed": str(problem)}).encode())
            os._exit(1)
        _world(sandbox.HOME if sandbox.NAMESPACES in use else request["home"])
        socket.send_fds(helm, [b'{"ready": true}'], spaces)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for fd in (*spaces, watcher, out, err):
        os.close(fd)
    if sandbox.NAMESPACES in use:
        sandbox.open_to_itself()


def _world(home: str) -> None:
    temporary = "/home/tmp" if home == sandbox.HOME else home
    os.environ |= {"HOME": home, "TMPDIR": temporary, "IPYTHONDIR": f"{home}/.ipython", "USER": "student"}
    tempfile.tempdir = None  # the zygote's own, which is not there
    matplotlib.get_cachedir = matplotlib.get_configdir = lambda: f"{home}/.cache/matplotlib"  # nor is Matplotlib's
    for name in [name for name in os.environ if name.startswith(("JUPYTER_", "MPLCONFIG"))]:
        del os.environ[name]


# --- the kernel


class _Lines(Session):
    """A Jupyter session whose messages go over a stream socket, as JSON with its length in front."""

    def attach(self, fd: int) -> None:
        """Send over ``fd`` from now on, as this process."""
        self.__dict__.update(line=socket.socket(fileno=fd), lock=threading.Lock(), owner=os.getpid())

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, parent: Any = None, **options: Any) -> Any:
        """Send a message in Jupyter's form; ``stream`` means nothing here."""
        if isinstance(msg_or_type, str):
            message = {"msg_type": msg_or_type, "content": content or {}, "metadata": options.get("metadata") or {}}
        else:
            message = {name: msg_or_type.get(name, {}) for name in ("msg_type", "content", "metadata")}
        self.put(message)
        return message

    def put(self, message: dict[str, Any]) -> None:
        """Send one JSON object."""
        if self.__dict__.get("owner") != os.getpid():
            return  # a process that the student's code forked, or the zygote
        data = json.dumps(message, default=_as_text).encode("utf-8", "replace")
        with self.__dict__["lock"]:
            self.__dict__["line"].sendall(HEAD.pack(len(data)) + data)


def _as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    if isinstance(value, np.generic):
        return value.item()
    return str(value)


class _Stream(io.TextIOBase):
    """Standard output or error of the notebook."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, session: _Lines, name: str, fd: int) -> None:
        self.session, self.name, self._fd = session, name, fd
        self.parts: list[str] = []
        self.size, self.since = 0, 0.0
        self.owner = os.getpid()
        self.lock = threading.RLock()
        self.buffer = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() != self.owner:
            os.write(self._fd, text.encode("utf-8", "replace"))
            return len(text)
        with self.lock:
            now = time.monotonic()
            if not self.parts:
                self.since = now
            self.parts.append(text)
            self.size += len(text)
            if self.size > PART or now - self.since > HELD:
                self.flush()
        return len(text)

    def flush(self) -> None:
        if os.getpid() != self.owner:
            return
        with self.lock:
            text, self.parts, self.size = "".join(self.parts), [], 0
        for start in range(0, len(text), PART):
            self.session.send(None, "stream", {"name": self.name, "text": text[start : start + PART]})

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


def _last_pid() -> int | None:
    """The number of the process that was started last in this tree, ``None`` where the system does not tell."""
    with contextlib.suppress(Exception), io.FileIO("/proc/loadavg") as file:
        return int(file.read(200).split()[-1])
    return None


def _kernel() -> IPythonKernel:
    sys.modules["debugpy"] = None  # nobody will attach a debugger, and it warns
    config = Config()
    config.HistoryManager.enabled = False  # it starts a thread
    config.HistoryManager.hist_file = ":memory:"
    kernel = IPythonKernel.instance(config=config, session=_Lines(key=b""), iopub_socket=None)
    del sys.modules["debugpy"]
    kernel.log = logging.getLogger("kernel")
    kernel.shell_channel_thread = SimpleNamespace(parent_thread=None)
    kernel.shell.display_pub.pub_socket = kernel.shell.displayhook.pub_socket = SimpleNamespace()
    kernel.shell.compile.get_code_name = _code_name
    kernel.shell.transform_cell = _Once(kernel.shell.transform_cell)
    kernel.shell.user_ns["exit"] = kernel.shell.user_ns["quit"] = sys.exit  # IPython's own would stop a little later
    _draw_inline(kernel.shell)
    asyncio.run(kernel.do_execute("1", silent=True))  # what the first cell would have to load
    return kernel


def _draw_inline(shell: Any) -> None:
    """Have figures appear in the notebook whatever a cell asks for (`%matplotlib qt`): there is no screen.

    Without this even `%matplotlib inline` raises: ipykernel looks for an application, which there is none of.
    """
    enable, use = shell.enable_matplotlib, matplotlib.use
    shell.enable_gui = lambda gui=None: None
    shell.enable_matplotlib = lambda gui=None: enable("inline")

    def use_if_possible(backend: str, *, force: bool = True) -> None:
        with contextlib.suppress(ImportError):  # only since pyplot is loaded already: at home this is no error
            use(backend, force=force)

    matplotlib.use = use_if_possible


def _code_name(raw_code: str, code: str, number: int) -> str:
    """The file name of a cell, as ipykernel makes it, by a hash that costs microseconds in place of milliseconds."""
    return f"{get_tmp_directory()}{os.sep}{zlib.crc32(raw_code.encode('utf-8', 'replace'))}.py"


class _Once:
    """IPython's transformer of cells, for a cell at a time: ipykernel asks it, and then IPython, for the same."""

    def __init__(self, transform: Callable[[str], str]) -> None:
        self.transform = transform
        self.forget()

    def forget(self) -> None:
        """Begin another cell: what one cell has changed may transform the next, of the same text, in another way."""
        self.known: tuple[str | None, str] = None, ""

    def __call__(self, raw_cell: str) -> str:
        if raw_cell != self.known[0]:
            self.known = raw_cell, self.transform(raw_cell)
        return self.known[1]


class _Cells:
    """Runs cells and answers examiners, in turn, as the grader says."""

    def __init__(self, control: int, channel: int, kernel: IPythonKernel) -> None:
        self.channel, self.kernel, self.shell = channel, kernel, kernel.shell
        self.session: _Lines = kernel.session
        self.once: _Once = self.shell.transform_cell
        self.session.attach(control)
        self.source = self.session.__dict__["line"].makefile("rb")
        self.cells: dict[int, int] = {}  # In[n], and which cell that was
        self.streams = _Stream(self.session, "stdout", 1), _Stream(self.session, "stderr", 2)
        sys.stdout, sys.stderr = self.streams
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
        signal.set_wakeup_fd(-1)
        sys.path.append("")  # last: files that came along can be imported, but shadow nothing above
        random.seed(0)
        np.random.seed(0)
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        matplotlib_inline.backend_inline._enable_matplotlib_integration()

    def serve(self) -> None:
        """Until the grader closes its end."""
        while len(head := self.source.read(HEAD.size)) == HEAD.size:
            request = json.loads(self.source.read(HEAD.unpack(head)[0]))
            self._import(request["imports"])
            if request["do"] == "run":
                reply = self._run(request["source"], request["index"])
            else:
                answering.serve(self.channel, self.shell.user_ns, self._cell_of)
                reply = {}
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)  # what a cell wound up is not to go off in another
            self._flush()
            self.session.put({"done": reply, "number": request["number"], "last": _last_pid()})

    def _flush(self) -> None:
        """Send what was printed. A cell may have put anything in the place of the streams, or closed them."""
        for stream in self.streams:
            with contextlib.suppress(BaseException):
                stream.flush()
            there = sys.__dict__.get(stream.name)
            with contextlib.suppress(BaseException):
                if there is not stream:
                    there.flush()
            with contextlib.suppress(BaseException):
                if not callable(getattr(there, "write", None)):
                    setattr(sys, stream.name, stream)  # IPython runs no cell without one

    def _import(self, statements: Sequence[str]) -> None:
        """Make the imports of a test, as far as they can be made, among the notebook's names."""
        for statement in statements:
            with contextlib.suppress(BaseException):
                exec(statement, self.shell.user_ns)

    def _run(self, source: str, index: int) -> dict[str, Any]:
        self.cells[self.shell.execution_count] = index
        self.once.forget()
        try:
            return self.loop.run_until_complete(self.kernel.do_execute(source, silent=False, allow_stdin=False))
        except BaseException as problem:
            return {"status": "error", "ename": type(problem).__name__, "evalue": str(problem), "traceback": []}

    def _cell_of(self, filename: str) -> int | None:
        number = self.shell.compile._filename_map.get(filename)
        return None if number is None else self.cells.get(number)
