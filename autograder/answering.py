"""The student's side of the examination: answers questions about the notebook's objects, one at a time.

Runs in the process that ran the student's cells, among the student's code, which can change anything here. Nothing
depends on the truth of what is answered: the examiner reads it as plain data and judges it.

A request is ``(number, operation, handle or name, arguments…, released)``, an answer ``(number, how, what, changed)``,
where ``changed`` are the names that no longer stand for the object that the examiner was told of:

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
import itertools
import os
import threading
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from autograder import plain
from autograder.plain import Handle, Limits, PlainError, TooMuch, Wire

TEXT = 10_000  # characters of an exception's text
FRAMES = 50  # lines of a traceback

_BUILT_IN = {kind: name for name, kind in vars(builtins).items() if isinstance(kind, type)}
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
            number, operation, *rest, released = plain.loads(wire.receive(), made_of=_object)
            for handle in released:
                _objects.pop(handle, None)
            if operation == "end":
                _names.clear()
                return
            wire.send(_answer(number, operation, rest, namespace, cell_of))
    except (EOFError, OSError):
        _wires.pop(fd, None)


def _object(handle: Handle) -> Any:
    return _objects[handle.number]


def _answer(number: int, operation: str, rest: list, namespace: MutableMapping[str, Any], cell_of: CellOf) -> bytes:
    try:
        how, what = _do(operation, rest, namespace)
        if operation == "name" and how == "value":
            _names[rest[0]] = what
        return plain.dumps((number, how, what, _changed(namespace)), handle=_handle)
    except TooMuch as problem:
        return plain.dumps((number, "too much", str(problem), _changed(namespace)))
    except BaseException as problem:
        return plain.dumps((number, "raised", _told(problem, cell_of), _changed(namespace)), handle=_handle)


def _changed(namespace: MutableMapping[str, Any]) -> list[str]:
    changed = [name for name, value in _names.items() if namespace.get(name, _names) is not value]
    for name in changed:
        del _names[name]
    return changed


def _do(operation: str, rest: list, namespace: MutableMapping[str, Any]) -> tuple[str, Any]:
    match operation, rest:
        case "name", [name]:
            return ("value", namespace[name]) if name in namespace else ("missing", name)
        case "call", [function, args, kwargs]:
            return "value", function(*args, **kwargs)
        case "attribute", [value, name]:
            return "value", getattr(value, name)
        case "item", [value, key]:
            return "value", value[key]
        case "iterate", [value]:
            return "value", iter(value)
        case "next", [value]:
            try:
                return "value", next(value)
            except StopIteration:
                return "end", None
        case "await", [value]:
            return "value", _awaited(value)
        case "enter", [value]:
            return "value", type(value).__enter__(value)
        case "exit", [value]:
            type(value).__exit__(value, None, None, None)
            return "value", None
        case "files", [known]:
            return "value", dict(_files(known))
        case "write", [files]:
            return "value", {name: _written(name, data) for name, data in files.items()}
    raise ValueError(f"There is no operation {operation!r}.")


def _handle(value: Any) -> Handle:
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


def _files(known: dict[str, tuple[int, int]]) -> Iterable[tuple[str, tuple[tuple[int, int], bytes]]]:
    """Contents of those files that are there and differ from what the examiner knows (time of change and size)."""
    for name, stamp in known.items():
        path = Path(name)
        try:
            now = _stamp(path)
            if path.is_file() and now != tuple(stamp):
                if now[1] > Limits().size:
                    raise TooMuch(f"The file {name} is too large.")
                yield name, (now, path.read_bytes())
        except OSError:
            continue


def _written(name: str, data: bytes) -> tuple[int, int]:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    """Time of change and size of a file."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


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
