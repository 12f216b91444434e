"""The examiner: runs test cells in a process that the student's code cannot reach.

A test cell is ordinary code. What it defines or imports is its own; any other name stands for the student's object of
that name, which is asked for over a socket (:mod:`autograder.answering` answers). Plain data arrive as themselves, as
copies; everything else as a :class:`StudentObject`, which a test can call, ask for attributes and items, go through,
await, enter, and pass back. What such an object says of its equality, length or truth is no evidence, so a test that
asks for one of these is stopped with a sentence that names the rule. ``docs/writing-tests.md`` tells it to authors.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import gc
import inspect
import io
import itertools
import os
import random
import re
import shutil
import signal
import socket
import stat
import symtable
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from autograder import answering, leftovers, plain
from autograder.plain import Handle, PlainError, TooMuch, Wire
from autograder.runs import SENTENCES, CellRun, End, Frame, Limits

try:
    import resource
except ImportError:  # Windows
    resource = None

if TYPE_CHECKING:  # an examiner's process has no need of it
    from nbformat import NotebookNode

CLASSES = 200
"""Names of student's classes that one examiner keeps classes for."""

CALLS = 200_000
"""Questions that one test cell may ask the student's code."""

DATA = plain.LIMITS
"""What one answer may hold."""

ALL_DATA = 1_000_000_000
"""Bytes that all answers to one test cell may hold together."""

GRACE = 2.0  # s after the deadline until an examiner that does not stop is killed
TEXT = 10_000  # characters of a message
PRINTED = 20_000  # characters that a test may print
TYPE_NAME = 80

PLAIN = "None, a bool, a number, text, a NumPy array of these, or a list, tuple, dict or set of them"


# --- how a test can end ---------------------------------------------------------------------------


class Ended(BaseException):
    """Ends a test cell, whatever its ``except`` clauses catch; the first one decides."""

    def __init__(self, end: End, ename: str = "", evalue: str = "") -> None:
        super().__init__(evalue)
        self.end, self.ename, self.evalue = end, ename, evalue


class StudentError(Exception):
    """An exception of the student's code that has no built-in base but ``Exception``."""


class NoLength(TypeError):
    """The length of a student's object was asked for, perhaps only as a hint of how long a list will be."""


@dataclass(frozen=True)
class Raised:
    """What is known of an exception that the student's code raised: as told by that side, with the forms checked."""

    ename: str
    evalue: str
    frames: tuple[Frame, ...]
    in_cell: bool


_BUILT_IN: dict[str, type[BaseException]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException) and not issubclass(kind, BaseExceptionGroup)
}
_GENERAL = {"Exception": StudentError, "BaseException": StudentError}
_STOPS = {"StopIteration", "StopAsyncIteration", "GeneratorExit"}  # would end a loop of the test's as if all were well


def _exception(raised: Raised, base: str, args: tuple) -> BaseException:
    """An exception to raise in the test: of the built-in type, with the text that it had over there."""
    kind = _GENERAL.get(base) or _BUILT_IN[base]
    kind = type(kind.__name__, (kind,), {"__str__": lambda self: raised.evalue, "__module__": kind.__module__})
    exception = kind.__new__(kind)
    exception.args = args
    exception.raised_by_student = raised
    return exception


# --- the student's objects ------------------------------------------------------------------------


class StudentObject:
    """Stands for an object of the student's that is not plain data."""

    __slots__ = ("__channel", "__handle", "__weakref__")

    def __init__(self, channel: Channel, handle: Handle) -> None:
        object.__setattr__(self, "_StudentObject__channel", channel)
        object.__setattr__(self, "_StudentObject__handle", handle)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # asked for by Python and NumPy, not by a test
            raise AttributeError(f"a test cannot have the attribute {name} of {self}")
        return self.__channel.ask("attribute", self, name)

    def __getitem__(self, key: Any) -> Any:
        return self.__channel.ask("item", self, key)

    def __iter__(self) -> Iterator[Any]:
        return _through(self.__channel, self)

    def __next__(self) -> Any:
        return _next(self.__channel, self)

    def __await__(self) -> Any:
        return self.__channel.ask("await", self)
        yield  # makes this the iterator that ``await`` wants

    def __enter__(self) -> Any:
        return self.__channel.ask("enter", self)

    def __exit__(self, *_: object) -> bool:
        self.__channel.ask("exit", self)
        return False  # never the student's word: True would make a failed check unseen

    def __len__(self) -> NoReturn:
        raise NoLength(_rule("takes its length", self))

    def __repr__(self) -> str:
        handle = self.__handle
        return f"a {handle.name}" if handle.name.startswith("NumPy") else f"an object of type {handle.name}"

    def __format__(self, form: str) -> str:
        return repr(self) if not form else self.__channel.refuse("prints it as a number", self)

    def __hash__(self) -> int:
        return id(self)

    def __del__(self) -> None:
        self.__channel.released.append(self.__handle.number)


class StudentCallable(StudentObject):
    """Stands for a function, a class, or another object of the student's that can be called."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _channel(self).ask("call", self, args, kwargs)

    def __repr__(self) -> str:
        name = _handle(self).name
        return {"function": "a function", "type": "a class", "method": "a method"}.get(name) or super().__repr__()


def _channel(value: StudentObject) -> Channel:
    return object.__getattribute__(value, "_StudentObject__channel")


def _handle(value: StudentObject) -> Handle:
    return object.__getattribute__(value, "_StudentObject__handle")


def _next(channel: Channel, value: StudentObject) -> Any:
    found = channel.ask("next", value, at_end=_END)
    if found is _END:
        raise StopIteration
    return found


def _through(channel: Channel, value: StudentObject) -> Iterator[Any]:
    iterator = channel.ask("iterate", value)
    if not isinstance(iterator, StudentObject):
        channel.broken(Ended(End.ERROR, "ChannelError", _FORGED))
    while (found := channel.ask("next", iterator, at_end=_END)) is not _END:
        yield found


_END = object()
_CODES = {operation: code for code, operation in enumerate(answering.OPERATIONS)}
_FORGED = "Something in your code answered in the place of the notebook. Leave open files alone that are not yours."

_REFUSED = {
    "compares it": "eq ne lt le gt ge",
    "takes its truth": "bool",
    "looks for something in it": "contains",
    "turns it into a number": "int float complex index round trunc floor ceil",
    "turns it into bytes": "bytes",
    "turns it into an array": "array array_ufunc array_function",
    "computes with it": "add radd iadd sub rsub isub mul rmul imul matmul rmatmul truediv rtruediv floordiv rfloordiv "
    "mod rmod divmod rdivmod pow rpow lshift rlshift rshift rrshift and rand or ror xor rxor neg pos abs invert",
    "changes it": "setattr delattr setitem delitem",
    "copies it": "copy deepcopy reduce reduce_ex getstate",
    "takes it for a class": "instancecheck subclasscheck",
}

_PASSING = (
    "generator map filter zip enumerate reversed list_iterator tuple_iterator chain islice product "
    "dict_keys dict_values dict_items array deque UserList"
)
_ADVICE = {
    **dict.fromkeys(_PASSING.split(), "Make it a list: `list(…)`."),
    "MaskedArray": "It has masked values: fill them or leave them out.",
    "matrix": "Make it an array: `np.asarray(…)`.",
    "PosixPath": "Make it text: `str(…)`.",
}
"""What helps, by the name of the type."""

_COROUTINE = "Your code gave a coroutine where a value was expected: is an `await` missing, or an `async` too much?"


def _rule(does: str, value: StudentObject) -> str:
    """Why a test ends that takes a student's object for plain data: for the student and for the test's author."""
    name = _handle(value).name
    if name == "coroutine":
        return _COROUTINE
    called = {"type": "class"}.get(name, name)
    advice = f" {_ADVICE[name]}" if name in _ADVICE else ""
    return f"Your code gave {_article(called)} {called}; this test {does} and can use only {PLAIN}.{advice}"


def _article(name: str) -> str:
    return "an" if name[:1] in "aeioAEIO" else "a"


_CATCHES = (
    "This test catches an exception by a class of your code. It must catch it by a built-in base, such as ValueError."
)


def _refusing(does: str) -> Callable[..., NoReturn]:
    def refuse(self: StudentObject, *_: object, **__: object) -> NoReturn:
        _channel(self).refuse(does, self)

    return refuse


for _does, _names in _REFUSED.items():
    for _name in _names.split():
        setattr(StudentObject, f"__{_name}__", _refusing(_does))


# --- the channel ----------------------------------------------------------------------------------


class Channel:
    """Asks the student's side, within limits, and believes nothing of an answer but its form."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.number = 0
        self.released: list[int] = []
        self.classes: dict[tuple[str, bool], tuple[type[StudentObject], str]] = {}  # by what is told of a type
        self.known: dict[str, StudentObject] = {}  # what names stood for when this test asked, and still do
        self.tests: set[int] = set()  # indices of the cells that are tests
        self.files: dict[str, tuple[int, int]] = {}  # that the test names: time of change and size over there
        self.here: dict[str, tuple[tuple[int, int] | None, bytes]] = {}  # the same of our copies, and a digest
        self.dead: Ended | None = None
        self.begin(-1, 0.0)

    def begin(self, index: int, deadline: float) -> None:
        """Get ready for the test cell at ``index``, which ends at ``deadline``."""
        self.index, self.deadline = index, deadline
        self.calls = self.size = 0
        self.ended: Ended | None = self.dead
        self.known.clear()
        self.tests.add(index)

    def broken(self, ended: Ended) -> NoReturn:
        """End this test cell. What was wrong first counts, even if the test's code goes on."""
        self.ended = self.ended or ended
        if self.ended.end in (End.TIMEOUT, End.CRASH):
            self.dead = self.ended
        raise self.ended

    def refuse(self, does: str, value: StudentObject) -> NoReturn:
        """End this test cell because it took a student's object for plain data."""
        self.broken(Ended(End.ERROR, "NotPlain", _rule(does, value)))

    def name(self, name: str) -> Any:
        """The student's object of this name. Raises ``KeyError`` when there is none."""
        if self.ended is None and name in self.known:
            return self.known[name]
        value = self.ask("name", None, name)
        if isinstance(value, StudentObject):
            if _handle(value).kind == "module":
                text = f"This test uses `{name}`, a module that the notebook imported: import it in the test cell."
                self.broken(Ended(End.ERROR, "NotImported", text))
            self.known[name] = value
        return value

    def ask(self, operation: str, subject: StudentObject | None, *what: Any, at_end: Any = None) -> Any:
        """Ask one question, about an object or a name, and give the answer, or raise what the student's code raised."""
        if self.ended:
            raise self.ended
        self.calls += 1
        if self.calls > CALLS:
            self.broken(Ended(End.ERROR, "TooManyCalls", f"This test had to ask your code more than {CALLS:,} times."))
        if runs := self.files and operation in ("call", "next", "await", "enter", "exit"):
            self.put()
        how, answer = self.exchange(operation, subject, what)
        if runs:
            self.fetch()
        match how, answer:
            case "value", value:
                return value
            case "end", None if operation == "next":
                return at_end
            case "missing", _ if operation == "name":
                raise KeyError(what[0])
            case "raised", (str(name), list(bases), str(text), tuple(args), list(lines), bool(in_cell)):
                raise self.exception(name, bases, text, args, lines, in_cell)
            case "too much", str():
                self.too_much()
        self.broken(Ended(End.ERROR, "ChannelError", _FORGED))

    def exchange(self, operation: str, subject: StudentObject | None, what: tuple) -> tuple[str, Any]:
        """Send a request and read its answer. Answers to earlier requests may lie before it."""
        self.number += 1
        request = self.request(operation, subject, what)
        try:
            self.wire.send(request, self.deadline)
            for _ in range(CALLS):
                message = self.wire.receive(DATA, self.deadline)
                self.size += len(message)
                if self.size > ALL_DATA:
                    self.too_much()
                number, code = plain.front_of(message, answering.ANSWER)
                if number < self.number:
                    continue
                answer = plain.loads(message, DATA, self.proxy, front=answering.ANSWER.size)
                if code & answering.MORE:
                    code -= answering.MORE
                    answer, changed = self.pair(answer)
                    for name in changed:
                        if type(name) is str:
                            self.known.pop(name, None)
                if number > self.number or code >= len(answering.WAYS):
                    break
                return answering.WAYS[code], answer
        except TimeoutError:
            self.broken(Ended(End.TIMEOUT))
        except (EOFError, OSError):
            self.broken(Ended(End.CRASH))
        except TooMuch:
            self.too_much()
        except PlainError:
            pass
        self.broken(Ended(End.ERROR, "ChannelError", _FORGED))

    def pair(self, answer: Any) -> tuple[Any, list]:
        """What an answer says, and the names that it says have changed."""
        match answer:
            case (what, list(changed)):
                return what, changed
        raise PlainError("This is no pair.")

    def too_much(self) -> NoReturn:
        """End this test cell because the student's code gave more than may cross."""
        text = (
            f"Your code gave more data than a test takes: at most {DATA.size / 1e6:g} MB and {DATA.items:,} values at "
            f"once, nested at most {DATA.depth} levels deep, and {ALL_DATA / 1e9:g} GB in all."
        )
        self.broken(Ended(End.ERROR, "TooMuchData", text))

    def request(self, operation: str, subject: StudentObject | None, what: Any) -> bytes:
        """A request as bytes; in it, plain data of the test's and the student's own objects."""
        code, about = _CODES[operation], 0 if subject is None else _handle(subject).number
        if self.released:
            what, self.released = (what, self.released), []
            code += answering.MORE
        front = answering.REQUEST.pack(self.number, about, code)
        try:
            return plain.dumps(what, DATA, self.own, front=front, never=StudentObject)
        except TooMuch as problem:
            text = f"This test passes more to the student's code than may cross. {problem}"
        except PlainError as problem:
            text = f"This test passes what is not plain to the student's code. {problem}"
        self.broken(Ended(End.ERROR, "NotPlain", text))

    def own(self, value: Any) -> Handle:
        """The handle of a student's object that goes back to the student's code."""
        if isinstance(value, StudentObject):
            return _handle(value)
        what = "a function of its own" if isinstance(value, types.FunctionType) else f"a {plain.type_name(value)}"
        raise PlainError(f"It passes {what}; what goes in is {PLAIN}, and objects that the student's code gave.")

    def proxy(self, handle: Handle) -> StudentObject:
        """What stands in the test for an object of the student's."""
        kind, name = self._class(handle.name, handle.kind == "callable")
        return kind(self, Handle(handle.number, handle.kind, name))

    def _class(self, told: str, can_be_called: bool) -> tuple[type[StudentObject], str]:
        """The class for an object of a type that is told to have this name, and the name as it is shown.

        ``type(x).__name__`` is that name, for a test to print. No class is called like one of plain data: a test may
        ask for the name before it believes the rest.
        """
        if (found := self.classes.get((told, can_be_called))) is None:
            base = StudentCallable if can_be_called else StudentObject
            name = "".join(c for c in told if c.isprintable())[:TYPE_NAME].strip() or "object"
            shown = f"{name}, not plain" if name in plain.NAMES else name
            if len(self.classes) >= CLASSES:
                return base, name
            kind = type(shown, (base,), {"__slots__": (), "__module__": "__main__"})
            found = self.classes[told, can_be_called] = kind, name
        return found

    def exception(self, name: str, bases: list, text: str, args: tuple, lines: list, in_cell: bool) -> BaseException:
        """The exception to raise in the test for one that the student's code raised."""
        base = next((b for b in bases if type(b) is str and b in _BUILT_IN), "Exception")
        frames = tuple(self.frames(lines))
        shown = name[:TYPE_NAME] if re.fullmatch(r"\w+", name) and name not in _BUILT_IN else base
        text = text[:TEXT]
        if base in _STOPS:
            base, text = "RuntimeError", f"your code raised {base}"
        if shown == "AssertionError" and not frames:  # no check of the test's own
            shown, text = "StudentError", f"AssertionError: {text}"
        shown = "StudentError" if shown in _GENERAL or shown in SENTENCES else shown
        return _exception(Raised(shown, text, frames, in_cell), base, args)

    def frames(self, lines: list) -> Iterator[Frame]:
        """Those lines of a student's traceback that can be true: in cells before this one that are no tests."""
        for line in lines:
            match line:
                case (int(cell), int(number)) if 0 <= cell < self.index and cell not in self.tests and number > 0:
                    yield Frame(cell, number)

    def watch(self, code: types.CodeType) -> None:
        """Share the files that a test names: what either side has changed is copied to the other at each call."""
        names = set(filter(_is_file_name, _texts(code)))
        self.files = {name: self.files.get(name, (0, -1)) for name in sorted(names)}
        self.here = dict.fromkeys(names, (None, b"")) | self.here
        self.fetch()

    def fetch(self) -> None:
        """Copy the files that the student's side has changed."""
        if not self.files:
            return
        known = {name: (stamp, self.here[name][1] if _stamp(name) else b"") for name, stamp in self.files.items()}
        for name, found in self._about_files("files", known).items():
            match found:
                case ((int(changed), int(size)), (bytes() | None) as data) if name in self.files:
                    self.files[name] = changed, size
                    if data is not None:
                        Path(name).parent.mkdir(parents=True, exist_ok=True)
                        Path(name).write_bytes(data)
                        self.here[name] = _stamp(name), answering.digest_of(data)

    def put(self) -> None:
        """Copy the files that the test has changed to the student's side."""
        contents = {name: data for name in self.files if (data := self._changed(name)) is not None}
        if not contents:
            return
        for name, stamp in self._about_files("write", contents).items():
            match stamp:
                case (int(changed), int(size)) if name in contents:
                    self.files[name] = changed, size

    def _changed(self, name: str) -> bytes | None:
        """The contents of our copy of a file, if the test has changed it since both sides were last alike."""
        now, (known, digest) = _stamp(name), self.here[name]
        if now is None or (now == known and now[0] != answering.UNSETTLED):
            return None
        data = Path(name).read_bytes()
        self.here[name] = now, answering.digest_of(data)
        return data if self.here[name][1] != digest else None

    def _about_files(self, operation: str, what: dict[str, Any]) -> dict[Any, Any]:
        how, answer = self.exchange(operation, None, (what,))
        if how == "too much":
            self.too_much()
        if how != "value" or type(answer) is not dict:
            self.broken(Ended(End.ERROR, "ChannelError", _FORGED))
        return answer

    def end(self) -> None:
        """Tell the student's side that this test cell is over."""
        if self.dead is None:
            self.number += 1
            with contextlib.suppress(OSError, EOFError):
                self.wire.send(self.request("end", None, ()), time.monotonic() + GRACE)


def _texts(value: object) -> Iterator[str]:
    """All texts that stand in a piece of code, in functions within it too."""
    match value:
        case str():
            yield value
        case types.CodeType():
            for constant in value.co_consts:
                yield from _texts(constant)
        case tuple() | frozenset():
            for item in value:
                yield from _texts(item)


def _stamp(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return answering.stamp_of(found) if stat.S_ISREG(found.st_mode) else None


def _is_file_name(value: object) -> bool:
    if type(value) is not str or not re.fullmatch(r"[\w./-]{1,200}\.[A-Za-z]\w{0,9}", value):
        return False
    path = PurePosixPath(value)
    return not path.is_absolute() and ".." not in path.parts


# --- running test cells ---------------------------------------------------------------------------


class Names(dict):
    """Built-in names; any other name is looked up on the student's side, each time anew."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(vars(builtins))
        self.channel = channel
        self.from_given: set[str] = set()  # imported by a given cell, and no modules

    def __missing__(self, name: str) -> Any:
        if name in self.from_given:
            text = f"This test uses `{name}`, which a given cell imports: import it in the test cell."
            self.channel.broken(Ended(End.ERROR, "NotImported", text))
        if name.startswith("__") and name.endswith("__"):
            raise KeyError(name)
        return self.channel.name(name)


def foreign_names(source: str) -> set[str]:
    """The names that a test cell takes from elsewhere: it neither defines nor imports them, nor are they built in.

    Every one of them should be defined in a solution cell, a given cell or an earlier test cell: a function that a
    solution cell imports is one that a student can replace.
    """
    table = symtable.symtable(source, "<test>", "exec")
    own = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    used, tables = set(), [table]
    for scope in tables:
        top = scope is table
        used |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (top or s.is_global())}
        own |= {s.get_name() for s in scope.get_symbols() if s.is_declared_global() and s.is_assigned()}
        tables.extend(scope.get_children())
    return used - own - set(vars(builtins)) - {"__name__"}


class Bench:
    """Where test cells run, one after the other, with what they leave behind. Lives in the examiner's process."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.names = Names(channel)
        self.globals: dict[str, Any] = {"__name__": "__main__", "__builtins__": self.names}
        self.files: dict[str, int] = {}  # names under which test cells were compiled

    def given(self, source: str) -> None:
        """Import the modules that a given cell imports, for the tests below it to use."""
        with contextlib.suppress(SyntaxError, ValueError):
            for statement in ast.parse(source).body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    self._import(statement)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        found: dict[str, Any] = {}
        code = compile(ast.Module([statement], []), "<given>", "exec")
        with contextlib.suppress(Exception):
            exec(code, {"__name__": "__main__"}, found)
        for name, value in found.items():
            if isinstance(value, types.ModuleType):
                self.globals.setdefault(name, value)
            elif name != "__builtins__":
                self.names.from_given.add(name)

    def run(self, source: str, index: int, deadline: float) -> tuple[Any, ...]:
        """Run a test cell; what :func:`_reply` says of it, and what it printed."""
        self.channel.begin(index, deadline)
        printed = _Printed()
        problem: BaseException | None = None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(_Printed()):
            try:
                self._run(source, index)
            except BaseException as caught:
                problem = caught
        reply = self._reply(self.channel.ended or problem, problem)
        problem = None
        self.channel.end()
        return (*reply, printed.getvalue())

    def _run(self, source: str, index: int) -> None:
        name = f"<test cell {index}>"
        self.files[name] = index
        code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        self.channel.watch(code)
        result = eval(code, self.globals)
        if inspect.iscoroutine(result):
            asyncio.run(result)

    def _reply(self, verdict: BaseException | None, problem: BaseException | None) -> tuple[Any, ...]:
        """End, type, text and lines of a cell's end; the lines of the test come first, then the student's."""
        if verdict is None:
            return str(End.OK), "", "", [], False
        lines, in_test = self._lines(problem)
        if isinstance(verdict, Ended):
            return str(verdict.end), verdict.ename, verdict.evalue, lines, False
        raised = getattr(verdict, "raised_by_student", None)
        if isinstance(raised, Raised):
            lines += [(frame.cell, frame.line) for frame in raised.frames]
            ename, evalue, in_cell = raised.ename, raised.evalue, raised.in_cell
        else:
            ename, evalue, in_cell = *_words(verdict), in_test
        end = End.MEMORY if isinstance(verdict, MemoryError) else End.ERROR
        return str(end), ename, evalue, lines, in_cell

    def _lines(self, problem: BaseException | None) -> tuple[list[tuple[int, int]], bool]:
        lines, in_test = [], False
        if isinstance(problem, SyntaxError) and problem.filename in self.files:
            return [(self.files[problem.filename], problem.lineno or 1)], True
        trace = problem.__traceback__ if problem is not None else None
        while trace is not None:
            index = self.files.get(trace.tb_frame.f_code.co_filename)
            in_test = index is not None
            if index is not None:
                lines.append((index, trace.tb_lineno or 1))
            trace = trace.tb_next
        return lines, in_test


def _words(problem: BaseException) -> tuple[str, str]:
    """Type and text of an exception of the test's own."""
    if isinstance(problem, NoLength):
        return "NotPlain", str(problem)
    if isinstance(problem, TypeError) and str(problem).startswith("catching classes that do not inherit"):
        return "NotPlain", _CATCHES
    return type(problem).__name__, str(problem)[:TEXT]


class _Printed(io.StringIO):
    """What a test prints, up to a limit."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, PRINTED - self.tell())])
        return len(text)


def work(control: int, student: int, limits: Limits, folder: str) -> NoReturn:
    """The life of an examiner's process: run test cells as told over ``control``, until that is closed.

    ``student`` is the socket at whose other end ``answering.serve`` runs, ``folder`` an empty folder to work in.
    Called in a fresh fork in which no code of a student's ever ran.
    """
    try:
        _settle({0, 1, 2, control, student}, limits, folder)
        wire = Wire(control)
        bench = Bench(Channel(Wire(student)))
        while message := _next_message(wire):
            match plain.loads(message):
                case ("given", source):
                    bench.given(source)
                case ("run", source, index, deadline):
                    signal.setitimer(signal.ITIMER_REAL, max(0.01, deadline - time.monotonic()) + GRACE / 2)
                    reply = bench.run(source, index, deadline)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    wire.send(plain.dumps(reply))
    except BaseException:
        os.write(2, traceback.format_exc().encode())  # a fault of ours, for the log of the grader
        os._exit(1)
    os._exit(0)


def _next_message(wire: Wire) -> bytearray | None:
    try:
        return wire.receive()
    except (EOFError, OSError):
        return None


def _settle(fds: set[int], limits: Limits, folder: str) -> None:
    gc.freeze()  # what lies in memory from before the fork must not close files that are ours now
    for low, high in itertools.pairwise((-1, *sorted(fds), os.sysconf("SC_OPEN_MAX"))):
        if low + 1 < high:  # an empty range would mean all there are
            os.closerange(low + 1, high)
    sys.path[:] = [path for path in sys.path if os.path.isabs(path)]  # what lies in the folder is the student's
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # kills a test that goes on after its time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if resource is not None:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(folder)
    random.seed(0)
    np.random.seed(0)
    sys.stdin = io.StringIO()


# --- the grader's side ----------------------------------------------------------------------------


Start = Callable[[int, int, Limits, str], int]
"""Starts a process that calls :func:`work` with these arguments, and gives its id."""


class Examiner:
    """One examiner's process, for one life of a student's kernel. A context manager."""

    def __init__(self, fd: int, limits: Limits | None = None, *, start: Start | None = None) -> None:
        """Start the process. ``fd`` is the grader's end of the socket to the student's side; it is closed here.

        ``start`` starts the process from elsewhere, such as a zygote; without it this process forks.
        """
        self.limits = limits or Limits()
        self.folder = tempfile.mkdtemp(prefix="exam-", dir=leftovers.folder())
        here, there = socket.socketpair()
        self.wire: Wire | None = None
        try:
            self.own = start is None
            self.pid = (start or _fork)(there.fileno(), fd, self.limits, self.folder)
            self.wire = Wire(here.detach())
        finally:
            here.close()
            there.close()
            os.close(fd)

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def given(self, source: str) -> None:
        """Tell the examiner of a given cell, so that tests below it can use the modules that it imports."""
        if self.wire is not None:
            with contextlib.suppress(OSError, TimeoutError):
                self.wire.send(plain.dumps(("given", source)), time.monotonic() + GRACE)

    def examine(self, source: str, index: int, deadline: float) -> CellRun:
        """Run the test cell ``source``, which is cell ``index`` of the notebook, until ``deadline`` at most.

        The student's side must answer meanwhile; it is told when the cell has ended. After ``End.TIMEOUT`` and
        ``End.CRASH`` this examiner is of no more use, and neither is what it asked.
        """
        began = time.monotonic()
        if self.wire is None:
            return CellRun(index, End.CRASH)
        try:
            self.wire.send(plain.dumps(("run", source, index, deadline)), deadline + GRACE)
            reply = plain.loads(self.wire.receive(deadline=deadline + GRACE))
        except (TimeoutError, EOFError, OSError, PlainError):
            late = time.monotonic() >= deadline
            self.kill()
            return CellRun(index, End.TIMEOUT if late else End.CRASH, seconds=time.monotonic() - began)
        end, ename, evalue, lines, in_cell, printed = reply
        frames = tuple(Frame(cell, line) for cell, line in lines)
        outputs = list(_outputs(End(end), ename, evalue, printed))
        return CellRun(index, End(end), ename, evalue, frames, in_cell, outputs, seconds=time.monotonic() - began)

    def kill(self) -> None:
        """End the process at once."""
        if self.wire is None:
            return
        self.wire.close()
        self.wire = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)
        if self.own:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)

    def close(self) -> None:
        """End the process and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _fork(control: int, student: int, limits: Limits, folder: str) -> int:
    pid = os.fork()
    if pid == 0:
        work(os.dup(control), os.dup(student), limits, folder)
    return pid


def _outputs(end: End, ename: str, evalue: str, printed: str) -> Iterator[NotebookNode]:
    """What the graded notebook shows below a test: what it printed, and how it failed, without its source."""
    from nbformat import NotebookNode

    if printed:
        yield NotebookNode(output_type="stream", name="stdout", text=_utf8(printed))
    if end in (End.ERROR, End.MEMORY):
        text = evalue if ename in SENTENCES else f"{ename}: {evalue}" if evalue else ename
        yield NotebookNode(output_type="error", ename=_utf8(ename), evalue=_utf8(evalue), traceback=[_utf8(text)])


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
