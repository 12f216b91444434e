"""The student's side of the examination: answers questions about the notebook's objects, one at a time.

Runs in the process that ran the student's cells, among the student's code, which can change anything here. Nothing
depends on the truth of what is answered: the examiner reads it as plain data and judges it.

A request is a number, an object's (0 for none) and an operation (:data:`REQUEST`), and as plain data what else that
takes. An answer is the same number and how it went (:data:`ANSWER`), and as plain data what came of it. With
:data:`MORE` the data are a pair: in a request, with the numbers of objects that are needed no longer; in an answer,
with the names that no longer stand for the object that the examiner was told of. An answer can be:

============= =========================================================================================
``value``     plain data, with handles in it for what is not plain
``raised``    type, its built-in bases, text, arguments and lines of an exception
``missing``   there is no such name
``end``       an iterator has no more items
``too much``  the value is larger or deeper than what may cross
============= =========================================================================================
"""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from autograder import plain
from autograder.plain import Handle, Limits, PlainError, TooMuch, Wire

TEXT = 10_000  # characters of an exception's text
FRAMES = 50  # lines of a traceback
YOUNG = 20_000_000  # ns in which a file can change twice and bear one time: file systems take that of the last tick
UNSETTLED = 0  # stands for such a time

OPERATIONS = (
    "name",
    "call",
    "attribute",
    "item",
    "iterate",
    "next",
    "await",
    "enter",
    "exit",
    "files",
    "write",
    "end",
)
WAYS = ("value", "raised", "missing", "end", "too much")
REQUEST = struct.Struct("<QQB")
"""Number of a request, number of the object that it is about, index of its operation."""

ANSWER = struct.Struct("<QB")
"""Number of the request that is answered, index of the way in which it ended."""

MORE = 0x80
"""Added to the last of these."""

_BUILT_IN = {kind: kind.__name__ for kind in vars(builtins).values() if isinstance(kind, type)}
_objects: dict[int, Any] = {}  # what handles stand for; lives as long as the process
_names: dict[str, Any] = {}  # that this test was told of, and what they stood for
_wires: dict[int, Wire] = {}
_numbers = itertools.count(1)
_HERE = __file__

CellOf = Callable[[str], int | None]


def serve(fd: int, namespace: MutableMapping[str, Any], cell_of: CellOf = lambda filename: None) -> None:
    """Answer requests that come over the socket ``fd`` until the examiner is done or gone.

    ``namespace`` holds the notebook's names. ``cell_of`` gives the index of the cell whose code was compiled under a
    file name, ``None`` for any other code. ``fd`` stays open.
    """
    wire = _wires.get(fd) or _wires.setdefault(fd, Wire(os.dup(fd)))  # kept: the next request may have arrived in it
    try:
        while True:
            message = wire.receive()
            number, subject, code = plain.front_of(message, REQUEST)
            what = plain.loads(message, made_of=_object, front=REQUEST.size)
            if code & MORE:
                code -= MORE
                what, released = what
                for handle in released:
                    _objects.pop(handle, None)
            if OPERATIONS[code] == "end":
                _names.clear()
                return
            wire.send(_answer(number, OPERATIONS[code], _objects.get(subject), what, namespace, cell_of))
    except (EOFError, OSError):
        _wires.pop(fd, None)


def _object(handle: Handle) -> Any:
    return _objects[handle.number]


def _answer(
    number: int, operation: str, subject: Any, rest: tuple, namespace: MutableMapping[str, Any], cell_of: CellOf
) -> bytes:
    try:
        how, what = _do(operation, subject, rest, namespace)
        if operation == "name" and how == "value":
            _names[rest[0]] = what
        return _message(number, how, what, _changed(namespace))
    except TooMuch as problem:
        return _message(number, "too much", str(problem), _changed(namespace))
    except BaseException as problem:
        return _message(number, "raised", _told(problem, cell_of), _changed(namespace))


def _message(number: int, how: str, what: Any, changed: list[str]) -> bytes:
    code = WAYS.index(how)
    if changed:
        return plain.dumps((what, changed), handle=_handle, front=ANSWER.pack(number, code + MORE))
    return plain.dumps(what, handle=_handle, front=ANSWER.pack(number, code))


def _changed(namespace: MutableMapping[str, Any]) -> list[str]:
    changed = [name for name, value in _names.items() if namespace.get(name, _names) is not value]
    for name in changed:
        del _names[name]
    return changed


def _do(operation: str, subject: Any, rest: tuple, namespace: MutableMapping[str, Any]) -> tuple[str, Any]:
    match operation, rest:
        case "name", [name]:
            return ("value", namespace[name]) if name in namespace else ("missing", name)
        case "call", [args, kwargs]:
            return "value", _made(subject, subject(*args, **kwargs))
        case "attribute", [name]:
            return "value", getattr(subject, name)
        case "item", [key]:
            return "value", subject[key]
        case "iterate", []:
            return "value", iter(subject)
        case "next", []:
            try:
                return "value", next(subject)
            except StopIteration:
                return "end", None
        case "await", []:
            return "value", _awaited(subject)
        case "enter", []:
            return "value", type(subject).__enter__(subject)
        case "exit", []:
            type(subject).__exit__(subject, None, None, None)
            return "value", None
        case "files", [known]:
            return "value", dict(_files(known))
        case "write", [files]:
            return "value", {name: _written(name, data) for name, data in files.items()}
    raise ValueError(f"There is no operation {operation!r}.")


def _made(function: Any, value: Any) -> Any:
    """What a call gave. What a test makes of a student's class is an object, even where it holds plain data only.

    A test makes one in order to use it: ``Stock(apples=3)["pears"]`` is for its ``__missing__``.
    """
    return _handle(value) if type(value) is function and plain.is_subclass(function) else value


def _handle(value: Any) -> Handle:
    if type(value) is Handle:
        return value
    number = next(_numbers)
    _objects[number] = value
    return Handle(number, _kind(value), plain.type_name(value))


def _kind(value: Any) -> str:
    if type(value) is ModuleType:
        file = getattr(value, "__file__", None)
        own = isinstance(file, str) and Path(file).absolute().is_relative_to(Path.cwd())
        return "own module" if own else "module"
    return "callable" if callable(value) else "object"


def _awaited(value: Any) -> Any:
    """What an awaitable gives: in the thread's event loop, or, where that is already running, in one of its own."""

    async def wait() -> Any:
        return await value

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _loop().run_until_complete(wait())
    outcome: list[tuple[bool, Any]] = []

    def run() -> None:
        try:
            outcome.append((True, asyncio.run(wait())))
        except BaseException as problem:
            outcome.append((False, problem))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    fine, result = outcome[0]
    if not fine:
        raise result
    return result


def _loop() -> asyncio.AbstractEventLoop:
    try:
        loop = asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        loop = None
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


def _files(
    known: dict[str, tuple[tuple[int, int], bytes]],
) -> Iterable[tuple[str, tuple[tuple[int, int], bytes | None]]]:
    """Stamps of those files whose stamp is not the one that the examiner knows, or settles nothing; and their contents.

    ``None`` for contents whose digest the examiner knows.
    """
    for name, (stamp, digest) in known.items():
        path = Path(name)
        try:
            now = stamp_of(path.stat())
            if path.is_file() and (now != tuple(stamp) or now[0] == UNSETTLED):
                if now[1] > plain.LIMITS.size:
                    raise TooMuch(f"The file {name} is too large.")
                data = path.read_bytes()
                yield name, (now, None if digest_of(data) == digest else data)
        except OSError:
            continue


def _written(name: str, data: bytes) -> tuple[int, int]:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return stamp_of(path.stat())


def stamp_of(found: os.stat_result) -> tuple[int, int]:
    """Time of change and size of a file; :data:`UNSETTLED` in place of a time that a further change could bear too.

    The time is that of the inode, which nobody sets: ``os.utime`` and ``shutil.copy2`` set the one of the contents.
    """
    settled = time.time_ns() - found.st_ctime_ns > YOUNG
    return found.st_ctime_ns if settled else UNSETTLED, found.st_size


def digest_of(data: bytes) -> bytes:
    """What tells the contents of a file from others."""
    return hashlib.sha256(data).digest()


# --- exceptions -----------------------------------------------------------------------------------


def _told(problem: BaseException, cell_of: CellOf) -> tuple[str, list[str], str, tuple, list[tuple[int, int]], bool]:
    """Type, built-in bases from near to far, text, arguments, lines in cells, and whether the last line is in one."""
    kind = type(problem)
    bases = [_BUILT_IN[base] for base in type.mro(kind) if base in _BUILT_IN and base is not object]
    frames, in_cell = _lines(BaseException.__traceback__.__get__(problem), cell_of)
    return plain.type_name(problem), bases, _text(problem), _arguments(problem), frames[-FRAMES:], in_cell


def _text(problem: BaseException) -> str:
    try:
        return "".join([str(problem)[:TEXT]])
    except BaseException as another:
        return f"(its text cannot be had: {type(another).__name__})"


def _arguments(problem: BaseException) -> tuple:
    try:
        arguments = BaseException.args.__get__(problem)
        plain.dumps(arguments, Limits(TEXT, 100, 3))
    except (PlainError, AttributeError):
        return ()
    return arguments


def _lines(trace: TracebackType | None, cell_of: CellOf) -> tuple[list[tuple[int, int]], bool]:
    lines, in_cell = [], False
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name != _HERE:
            cell = cell_of(name)
            in_cell = cell is not None
            if cell is not None and trace.tb_lineno:
                lines.append((cell, trace.tb_lineno))
        trace = trace.tb_next
    return lines, in_cell
