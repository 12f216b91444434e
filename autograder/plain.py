"""Plain data as bytes: the only thing that passes between the student's code and its examiner.

Plain are None, bool, int, float, complex, str, bytes, range, slice, Ellipsis, list, tuple, dict, set, frozenset,
Fraction, Decimal, date, datetime, timedelta, and NumPy arrays and scalars of numbers, text and times. What is read is
exactly of one of these types. What is written may be of a subclass that adds nothing to use (see :func:`held_as`): the
data that its base holds are written, by the base's own methods, so that nothing a class says of itself crosses. What is
not plain travels as a :class:`Handle`, which means something only to the side that made it.

A message is two lengths, a tree of tagged values, and the raw bytes of arrays. Reading runs none of the sender's code,
imports nothing, and is bounded by :class:`Limits` before anything is made: whatever the bytes are, the outcome is a
value or a :class:`PlainError`.
"""

from __future__ import annotations

import array
import collections
import datetime
import math
import re
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum, ReprEnum, StrEnum
from fractions import Fraction
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Generic, NoReturn

import numpy as np


class PlainError(ValueError):
    """What cannot be written or read as plain data; the text is a sentence."""


class TooMuch(PlainError):
    """Plain, but larger or deeper than the limits allow."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one message: its bytes, the values in it, how deeply they are nested, and the bytes of an integer."""

    size: int = 100_000_000
    items: int = 1_000_000
    depth: int = 50
    integer: int = 65_536


LIMITS = Limits()


@dataclass(frozen=True)
class Handle:
    """What stands for a value that is not plain: its number, what can be done with it, and the name of its type."""

    number: int
    kind: str
    name: str


HEAD = struct.Struct("<II")
"""Sizes of the two parts of a message, tree and raw bytes, which stand before them."""

KINDS = ("object", "callable", "module", "own module")
"""What a handle can be: the last is a module from a file of the student's."""

CHUNK = 1 << 18
"""Bytes that are sent or received at a time."""

LATE = 0.25
"""Seconds that a time-out may come late. What came after it is not taken for an answer in any case."""

_TIMEVAL = struct.Struct("@ll")
_COUNT = struct.Struct("<I")
_INT = struct.Struct("<q")
_FLOAT = struct.Struct("<d")
_COMPLEX = struct.Struct("<dd")
_HANDLE = struct.Struct("<QB")
_DTYPE = re.compile(r"\|b1|[<|][iu][1248]|<f[248]|<c(?:8|16)|\|S\d{1,9}|<U\d{1,9}|<[mM]8(?:\[\d{0,9}[A-Za-zμ]{1,2}\])?")
_DEEPEST_SHAPE = 32  # dimensions
_SHAPES = tuple(struct.Struct(f"<B{ndim}q") for ndim in range(_DEEPEST_SHAPE + 1))
_PACKED = {float: "d", int: "q"}  # lists of one of these travel as raw numbers
_SCALARS = {np.dtype(code).type for code in "?bhilqBHILQefdgFDGSUMm"}
_NARROWED = {"g": np.dtype("<f8"), "G": np.dtype("<c16")}  # long doubles differ from machine to machine
_BEHAVIOUR = ("__eq__", "__len__", "__iter__", "__getitem__", "__contains__", "__bool__", "__class__")
_SWAP = sys.byteorder != "little"


# --- what crosses as something simpler ------------------------------------------------------------


@dataclass(frozen=True)
class _AsText:
    """A type of the standard library whose values cross as ASCII text of one form, which bounds their length."""

    form: re.Pattern[str]
    text: Callable[[Any], str]
    made: Callable[[str], Any]


def _moment(value: datetime.datetime) -> str:
    """In ISO format; ``""`` for a time zone other than a fixed offset, as its rules do not cross."""
    known = value.tzinfo is None or type(value.tzinfo) is datetime.timezone
    return datetime.datetime.isoformat(value) if known else ""


_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?"
_ZONE = "[+-][0-9]{2}:[0-9]{2}"  # Python itself does not read every offset that has seconds or parts of one
_TEXTS: dict[type, _AsText] = {
    # finite and short: a test that turns 1E+999999999 into an integer would never end
    Decimal: _AsText(re.compile(r"-?[0-9]{1,999}(\.[0-9]{1,999})?([Ee][+-]?[0-9]{1,3})?"), Decimal.__str__, Decimal),
    Fraction: _AsText(
        re.compile("-?[0-9]{1,999}/[0-9]{1,999}"),
        lambda value: f"{value.numerator}/{value.denominator}",
        lambda text: Fraction(*map(int, text.split("/"))),
    ),
    datetime.date: _AsText(re.compile(_DAY), datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.datetime: _AsText(re.compile(f"{_DAY}T{_TIME}({_ZONE})?"), _moment, datetime.datetime.fromisoformat),
    datetime.timedelta: _AsText(
        re.compile("-?[0-9]{1,9} [0-9]{1,5} [0-9]{1,6}"),
        lambda value: f"{value.days} {value.seconds} {value.microseconds}",
        lambda text: datetime.timedelta(*map(int, text.split())),
    ),
}
_TEXT_KINDS = tuple(_TEXTS)

_COPY: dict[type, Callable[[Any], Any]] = {  # each gives an exact instance, from what the base's own methods find
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: list.copy,
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    dict: lambda value: dict(value) if type(value) is MappingProxyType else dict(dict.items(value)),
    set: lambda value: set.union(set(), value),
    frozenset: lambda value: frozenset(set.union(set(), value)),
    np.ndarray: lambda value: np.ndarray.view(value, np.ndarray),
}
_HOLDERS: dict[type, type] = {  # of libraries, with methods that a test can do without
    collections.Counter: dict,
    collections.OrderedDict: dict,
    collections.defaultdict: dict,
    MappingProxyType: dict,
    HTTPStatus: int,
    np.memmap: np.ndarray,
    np.ma.MaskedArray: np.ndarray,
}
_NO_USE = {object, Enum, ReprEnum, IntEnum, StrEnum, Generic}  # bases whose methods a subclass's data can do without
_HARMLESS = (
    "module qualname doc dict weakref slots annotations annotate annotate_func annotations_cache firstlineno "
    "static_attributes orig_bases parameters type_params class_getitem abstractmethods match_args "
    "init new init_subclass del repr str format dir sizeof missing getattr setattr delattr setitem delitem "
    "copy deepcopy reduce reduce_ex getnewargs getnewargs_ex getstate setstate array_finalize array_priority"
)  # special methods that do not decide how an instance compares, counts, iterates, computes or is called
_SPECIAL = frozenset(f"__{name}__" for name in _HARMLESS.split())


_line = type.__dict__["__mro__"].__get__


def held_as(kind: type) -> type | None:
    """The plain type as which values of this type are written, from what they hold; ``None`` for no such type.

    That is so for some types of libraries, for named tuples, and for subclasses of one plain type that define nothing
    public and no special method that matters in use: what one can do with their values, one can do with the copy. A
    class with methods of its own is there to be used, so its instances stay handles.
    """
    if kind in _HOLDERS:
        return _HOLDERS[kind]
    line = _line(kind)
    base = next(filter(_COPY.__contains__, line), None)
    if base is tuple and _is_named_tuple(kind):
        return tuple
    if base is None or any(_adds_use(one) for one in line if one is not base and one not in _NO_USE):
        return None
    return base


def is_subclass(kind: type) -> bool:
    """Whether values of a class are written as those of a plain type only because the class adds nothing to it."""
    known = kind in _WRITE or kind in _SCALARS or kind in _TEXTS or kind in _HOLDERS or _is_named_tuple(kind)
    return not known and held_as(kind) is not None


def _adds_use(kind: type) -> bool:
    """Whether a class defines anything that a test could call for, or that decides what its instances seem to be."""
    members = kind.__dict__.get("_member_map_", ())  # of an Enum
    names = (name for name in kind.__dict__ if name not in members)
    return any(name not in _SPECIAL if name.startswith("__") else not name.startswith("_") for name in names)


def _held(value: Any, base: type) -> Any:
    """A plain copy of what ``value`` holds; ``None`` where it holds more: attributes of its own, or masked values."""
    kind = type(value)
    if kind is np.ma.MaskedArray and np.any(np.ma.getmask(value)):
        return None
    if kind not in _HOLDERS and _has_attributes(value):
        return None
    return _COPY[base](value)


def _has_attributes(value: Any) -> bool:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return False
    return own is not value and any(not str(name).startswith("_") for name in own)


# --- what bounds writing and reading --------------------------------------------------------------


class _Bounded:
    """Counts values against the limits. Where each is written or read, the same is done without a call."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.most, self.deepest = limits.items, limits.depth
        self.items = 0

    def count(self, more: int) -> None:
        self.items += more
        if self.items > self.most:
            self.refuse(0)

    def refuse(self, depth: int) -> NoReturn:
        if depth > self.deepest:
            raise TooMuch(f"This is nested more than {self.deepest} levels deep.")
        raise TooMuch(f"This holds more than {self.most:,} values.")


# --- writing --------------------------------------------------------------------------------------


def dumps(
    value: object,
    limits: Limits | None = None,
    handle: Callable[[Any], Handle] | None = None,
    *,
    front: bytes = b"",
    never: type | None = None,
) -> bytes:
    """``value`` as a message. ``handle`` gives the handle of each value in it that is not plain.

    A mapping or set with a key that is not plain becomes a handle as a whole. What :func:`held_as` knows is written as
    what it holds. ``front`` are bytes that the message has before the value. Instances of ``never`` are not looked at:
    they are known not to be plain. Raises :class:`PlainError` for a value that is not plain when there is no
    ``handle``, :class:`TooMuch` beyond the limits.
    """
    writer = _Writer(limits or LIMITS, handle, never or type(None))
    writer.tree.append(front)
    writer.write(value, 0)
    lengths = [sum(map(len, part)) for part in (writer.tree, writer.raw)]
    if HEAD.size + sum(lengths) > writer.limits.size:
        raise TooMuch(f"This is more than {_megabytes(writer.limits.size)} of data.")
    return b"".join((HEAD.pack(*lengths), *writer.tree, *writer.raw))


class _InKey(Exception):
    """A value that is not plain stands where it would have to be compared."""


class _Writer(_Bounded):
    def __init__(self, limits: Limits, handle: Callable[[Any], Handle] | None, never: type) -> None:
        super().__init__(limits)
        self.handle, self.never = handle, never
        self.tree: list[bytes] = []
        self.raw: list[bytes | np.ndarray] = []
        self.size = self.keys = 0
        self.held: dict[int, tuple[type, type | None]] = {}  # by the id of a class, as its own hash can be anything

    def write(self, value: Any, depth: int) -> None:
        self.items += 1
        if self.items > self.most or depth > self.deepest:
            self.refuse(depth)
        kind = type(value)
        method = _WRITE.get(kind)
        if method is not None:
            method(self, value, depth)
        elif issubclass(kind, self.never):
            self.other(value)
        elif kind in _SCALARS:
            self.scalar(value)
        elif kind in _TEXTS:
            self.as_text(value)
        elif (base := self.base(kind)) is not None and (held := _held(value, base)) is not None:
            _WRITE[base](self, held, depth, *([value] if base in _PARTLY else []))
        else:
            self.other(value)

    def base(self, kind: type) -> type | None:
        if id(kind) not in self.held:
            self.held[id(kind)] = kind, held_as(kind)
        return self.held[id(kind)][1]

    def put(self, part: bytes) -> None:
        """Add to the tree what is small for each value: the limit on values bounds it, so it need not be measured."""
        self.tree.append(part)

    def grow(self, size: int) -> None:
        self.size += size
        if self.size > self.limits.size:
            raise TooMuch(f"This is more than {_megabytes(self.limits.size)} of data.")

    def blob(self, data: bytes) -> None:
        self.grow(len(data))
        self.raw.append(data)

    def other(self, value: Any) -> None:
        if self.keys:
            raise _InKey
        if self.handle is None:
            raise PlainError(f"{describe(value)} is not plain data.")
        handle = self.handle(value)
        name = handle.name[:200].encode("utf-8", "surrogatepass")
        self.put(b"H" + _HANDLE.pack(handle.number, KINDS.index(handle.kind)) + _COUNT.pack(len(name)) + name)

    def integer(self, value: int, depth: int) -> None:
        if -(1 << 63) <= value < 1 << 63:
            self.put(b"i" + _INT.pack(value))
            return
        size = value.bit_length() // 8 + 1
        if size > self.limits.integer:
            raise TooMuch(f"This holds an integer of more than {self.limits.integer:,} bytes.")
        self.grow(size)
        self.put(b"I" + _COUNT.pack(size) + value.to_bytes(size, "little", signed=True))

    def text(self, value: str, depth: int) -> None:
        self.grow(len(value))  # before a copy is made
        data = value.encode("utf-8", "surrogatepass")
        self.grow(len(data) - len(value))
        self.put(b"s" + _COUNT.pack(len(data)) + data)

    def data(self, value: bytes, depth: int) -> None:
        self.put(b"b" + _COUNT.pack(len(value)))
        self.blob(value)

    def sequence(self, value: Any, depth: int) -> None:
        tag = _TAGS[type(value)]
        if tag in b"lt" and len(value) > 8 and (code := _packable(value)):
            self.count(len(value))
            self.put(b"P" + tag + code.encode() + _COUNT.pack(len(value)))
            numbers = array.array(code, value)
            if _SWAP:
                numbers.byteswap()
            self.blob(numbers.tobytes())
            return
        self.put(tag + _COUNT.pack(len(value)))
        for item in value:
            self.write(item, depth + 1)

    def unordered(self, value: Any, depth: int, of: Any = None) -> None:
        self.whole(value if of is None else of, lambda: self.sequence(value, depth), keys=True)

    def mapping(self, value: dict, depth: int, of: Any = None) -> None:
        def write() -> None:
            self.put(b"d" + _COUNT.pack(len(value)))
            for key, item in value.items():
                if type(key) is str:
                    self.count(1)
                    self.text(key, depth + 1)
                else:
                    self.keys += 1
                    try:
                        self.write(key, depth + 1)
                    finally:
                        self.keys -= 1
                self.write(item, depth + 1)

        self.whole(value if of is None else of, write)

    def whole(self, value: Any, write: Callable[[], None], keys: bool = False) -> None:
        """Write a container, or, when a key in it is not plain, take back what was written and make it a handle."""
        before = len(self.tree), len(self.raw), self.size, self.keys
        self.keys += keys
        try:
            write()
        except _InKey:
            del self.tree[before[0] :], self.raw[before[1] :]
            self.size, self.keys = before[2:]
            self.other(value)
        self.keys = before[3]

    def steps(self, value: range | slice, depth: int) -> None:
        self.put(b"r" if type(value) is range else b"x")
        for part in (value.start, value.stop, value.step):
            if part is not None and type(part) is not int:
                raise PlainError("A slice of anything but integers is not plain data.")
            self.write(part, depth + 1)

    def array(self, value: np.ndarray, depth: int, of: Any = None) -> None:
        dtype = _little(value.dtype)
        if dtype is None or value.ndim > _DEEPEST_SHAPE:
            self.other(value if of is None else of)
            return
        size = value.size * dtype.itemsize
        self.grow(size)
        self.put(b"A" + _name(dtype) + _SHAPES[value.ndim].pack(value.ndim, *value.shape))
        self.raw.append(_bytes(value, dtype))

    def scalar(self, value: np.generic) -> None:
        single = np.array(value)
        dtype = _little(single.dtype)
        if dtype is None:
            self.other(value)
            return
        self.put(b"G" + _name(dtype))
        self.blob(_bytes(single, dtype))

    def as_text(self, value: Any) -> None:
        rule = _TEXTS[type(value)]
        try:
            text = rule.text(value)
        except ValueError:  # an integer of so many digits that Python does not write it
            text = ""
        if not rule.form.fullmatch(text):
            self.other(value)
            return
        self.grow(len(text))
        self.put(b"K" + bytes((_TEXT_KINDS.index(type(value)),)) + _COUNT.pack(len(text)) + text.encode())


@lru_cache(maxsize=256)
def _name(dtype: np.dtype) -> bytes:
    """The name of a plain dtype, such as ``<f4``, with its length in front."""
    name = dtype.str.encode()
    return bytes((len(name),)) + name


def _bytes(value: np.ndarray, dtype: np.dtype) -> bytes | np.ndarray:
    """The bytes of an array in a plain dtype; of a large one those that it lies in, if they are as they must be."""
    if value.dtype.char not in _NARROWED:
        value = value.astype(dtype, copy=False)
        large = value.nbytes > CHUNK and value.flags.c_contiguous
        return value.reshape(-1).view(np.uint8) if large else value.tobytes()
    with np.errstate(all="ignore"):  # a long double beyond the range of a double becomes infinite
        return value.astype(dtype).tobytes()


def _packable(value: Any) -> str | None:
    """The code of ``array.array`` under which all items of a list can be packed; ``None`` when there is none."""
    code = _PACKED.get(type(value[0]))
    if code is None or set(map(type, value)) != {type(value[0])}:
        return None
    if code == "q" and not -(1 << 63) <= min(value) <= max(value) < 1 << 63:
        return None
    return code


def _is_named_tuple(kind: type) -> bool:
    """Whether a class is as ``collections.namedtuple`` makes it, with no behaviour of its own."""
    own = kind.__mro__[:-2]
    return (
        kind.__mro__[-2:] == (tuple, object)
        and any("_fields" in base.__dict__ for base in own)
        and not any(name in base.__dict__ for base in own for name in _BEHAVIOUR)
    )


def _little(dtype: np.dtype) -> np.dtype | None:
    """A plain dtype in little-endian order; ``None`` for one that is not plain."""
    return _ordered(dtype) if dtype.metadata is None else None


@lru_cache(maxsize=256)
def _ordered(dtype: np.dtype) -> np.dtype | None:
    """The same for a dtype without metadata, of which equality and hash take no notice."""
    if dtype.kind not in "biufcSUmM":
        return None
    dtype = _NARROWED[dtype.char] if dtype.char in _NARROWED else dtype.newbyteorder("<")
    if not dtype.itemsize:  # text of no letters at all
        dtype = np.dtype(f"{dtype.str}"[:-1] + "1")
    return dtype if _DTYPE.fullmatch(dtype.str) else None


@lru_cache(maxsize=256)
def _named(name: bytes) -> np.dtype | None:
    """The plain dtype of this name, such as ``b"<f4"``; ``None`` where there is none."""
    text = name.decode("utf-8", "replace")
    try:
        dtype = np.dtype(text) if _DTYPE.fullmatch(text) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return dtype if dtype is not None and dtype.itemsize else None


_TAGS = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}
_WRITE: dict[type, Callable[[_Writer, Any, int], None]] = {
    type(None): lambda w, v, d: w.put(b"N"),
    bool: lambda w, v, d: w.put(b"T" if v else b"F"),
    int: _Writer.integer,
    float: lambda w, v, d: w.put(b"f" + _FLOAT.pack(v)),
    complex: lambda w, v, d: w.put(b"c" + _COMPLEX.pack(v.real, v.imag)),
    str: _Writer.text,
    bytes: _Writer.data,
    range: _Writer.steps,
    slice: _Writer.steps,
    type(...): lambda w, v, d: w.put(b"e"),
    list: _Writer.sequence,
    tuple: _Writer.sequence,
    set: _Writer.unordered,
    frozenset: _Writer.unordered,
    dict: _Writer.mapping,
    np.ndarray: _Writer.array,
}
_PARTLY = {set, frozenset, dict, np.ndarray}  # which are plain or not by what is in them


# --- reading --------------------------------------------------------------------------------------


def sizes(head: bytes | bytearray, limits: Limits | None = None) -> int:
    """How many bytes follow the head of a message. Raises :class:`TooMuch` when that is more than the limits allow."""
    limits = limits or LIMITS
    length = sum(HEAD.unpack(head))
    if HEAD.size + length > limits.size:
        raise TooMuch(f"This is more than {_megabytes(limits.size)} of data.")
    return length


def loads(
    message: bytes | bytearray,
    limits: Limits | None = None,
    made_of: Callable[[Handle], Any] | None = None,
    *,
    front: int = 0,
) -> Any:
    """The value of a message. ``made_of`` turns each handle in it into something; without it handles stay handles.

    ``front`` is how many bytes there are before the value (see :func:`front_of`). Raises :class:`PlainError` for bytes
    that are no message, :class:`TooMuch` for one beyond the limits.
    """
    limits = limits or LIMITS
    if len(message) < HEAD.size or sizes(message[: HEAD.size], limits) != len(message) - HEAD.size:
        raise PlainError("This is not a message of plain data.")
    reader = _Reader(memoryview(message).toreadonly(), limits, made_of)
    reader.at = front
    try:
        value = reader.read(0)
    except (struct.error, IndexError):
        raise PlainError("This message of plain data is cut short.") from None
    if reader.at != len(reader.tree) or reader.raw_at != len(message):
        raise PlainError("This is not a message of plain data.")
    return value


def front_of(message: bytes | bytearray, form: struct.Struct) -> tuple[Any, ...]:
    """What a message has before its value, in ``form``. Raises :class:`PlainError` where it is too short for that."""
    try:
        return form.unpack_from(message, HEAD.size)
    except struct.error:
        raise PlainError("This message of plain data is cut short.") from None


class _Reader(_Bounded):
    def __init__(self, message: memoryview, limits: Limits, made_of: Callable[[Handle], Any] | None) -> None:
        super().__init__(limits)
        self.message, self.made_of = message, made_of
        self.raw_at = HEAD.size + HEAD.unpack(message[: HEAD.size])[0]
        self.tree = bytes(message[HEAD.size : self.raw_at])
        self.at = 0

    def read(self, depth: int) -> Any:
        self.items += 1
        if self.items > self.most or depth > self.deepest:
            self.refuse(depth)
        tag = self.tree[self.at]
        self.at += 1
        method = _READ.get(tag)
        if method is None:
            raise PlainError("This is not a message of plain data.")
        return method(self, depth)

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.tree):
            raise PlainError("This message of plain data is cut short.")
        self.at, part = end, self.tree[self.at : end]
        return part

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        """What is packed in ``form`` comes next; raises ``struct.error`` where too little is left."""
        values = form.unpack_from(self.tree, self.at)
        self.at += form.size
        return values

    def blob(self, size: int) -> memoryview:
        end = self.raw_at + size
        if end > len(self.message):
            raise PlainError("This message of plain data is cut short.")
        self.raw_at, part = end, self.message[self.raw_at : end]
        return part

    def number(self) -> int:
        return self.unpack(_COUNT)[0]

    def integer(self) -> int:
        size = self.number()
        if size > self.limits.integer:
            raise TooMuch(f"This holds an integer of more than {self.limits.integer:,} bytes.")
        return int.from_bytes(self.take(size), "little", signed=True)

    def text(self) -> str:
        begin = self.at + _COUNT.size
        end = begin + self.number()
        if end > len(self.tree):
            raise PlainError("This message of plain data is cut short.")
        self.at = end
        try:
            return self.tree[begin:end].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise PlainError("This message holds text that is not UTF-8.") from None

    def length(self, least: int = 1) -> int:
        """The number of items of a container, each of which takes ``least`` bytes of what is left, or more."""
        length = self.number()
        if length * least > len(self.tree) - self.at:
            raise PlainError("This message of plain data is cut short.")
        if self.items + length > self.limits.items:
            raise TooMuch(f"This holds more than {self.limits.items:,} values.")
        return length

    def sequence(self, kind: type, depth: int) -> Any:
        items = [self.read(depth + 1) for _ in range(self.length())]
        if kind is list:
            return items
        value = _hashed(kind, items)
        if len(value) != len(items):
            raise PlainError("This message holds a set with an item twice.")
        return value

    def mapping(self, depth: int) -> dict:
        length = self.length(2)
        value = _hashed(dict, [(self.read(depth + 1), self.read(depth + 1)) for _ in range(length)])
        if len(value) != length:
            raise PlainError("This message holds a dict with a key twice.")
        return value

    def packed(self, depth: int) -> Any:
        kind, code = self.take(1), self.take(1)
        if kind not in (b"l", b"t") or code not in (b"d", b"q"):
            raise PlainError("This is not a message of plain data.")
        length = self.number()
        self.count(length)
        numbers = array.array(code.decode(), bytes(self.blob(8 * length)))
        if _SWAP:
            numbers.byteswap()
        return numbers.tolist() if kind == b"l" else tuple(numbers)

    def as_text(self, depth: int) -> Any:
        number, text = self.take(1)[0], self.text()
        rule = _TEXTS[_TEXT_KINDS[number]] if number < len(_TEXT_KINDS) else None
        try:
            if rule is not None and rule.form.fullmatch(text):
                return rule.made(text)
        except (ValueError, ArithmeticError):  # a thirteenth month, a denominator of 0
            pass
        raise PlainError("This message holds a number or a time that cannot be one.")

    def steps(self, kind: type, depth: int) -> range | slice:
        parts = [self.read(depth + 1) for _ in range(3)]
        if any(type(part) is not int and (part is not None or kind is range) for part in parts):
            raise PlainError("This message holds a range of something else than integers.")
        if kind is range and parts[2] == 0:
            raise PlainError("This message holds a range with a step of 0.")
        return kind(*parts)

    def dtype(self) -> np.dtype:
        begin = self.at + 1
        self.at = begin + self.tree[self.at]
        dtype = _named(self.tree[begin : self.at])
        if dtype is None:
            raise PlainError("This message holds an array of no plain dtype.")
        if dtype.itemsize > self.limits.size:
            raise TooMuch(f"This is more than {_megabytes(self.limits.size)} of data.")
        return dtype

    def array(self, depth: int) -> np.ndarray:
        dtype, ndim = self.dtype(), self.tree[self.at]
        if ndim > _DEEPEST_SHAPE:
            raise PlainError(f"This message holds an array of more than {_DEEPEST_SHAPE} dimensions.")
        _, *shape = self.unpack(_SHAPES[ndim])
        if shape and min(shape) < 0:
            raise PlainError("This message holds an array of negative size.")
        if math.prod([n or 1 for n in shape]) * dtype.itemsize > self.limits.size:
            raise TooMuch(f"This is more than {_megabytes(self.limits.size)} of data.")
        return self.values(dtype, tuple(shape))

    def values(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """An array of its own memory, and of valid values: a bool of 2 or a letter beyond Unicode misleads NumPy."""
        data = self.blob(math.prod(shape) * dtype.itemsize)
        if dtype.kind == "b":
            return (np.frombuffer(data, np.uint8) != 0).reshape(shape)
        if dtype.kind == "U" and len(data) and np.frombuffer(data, "<u4").max() > 0x10FFFF:
            raise PlainError("This message holds text that is not Unicode.")
        if not data.nbytes:
            return np.empty(shape, dtype)
        return np.frombuffer(data, dtype).reshape(shape).copy()

    def handle(self, depth: int) -> Any:
        number, kind = self.unpack(_HANDLE)
        if kind >= len(KINDS):
            raise PlainError("This is not a message of plain data.")
        handle = Handle(number, KINDS[kind], self.text()[:200])
        return handle if self.made_of is None else self.made_of(handle)


def _hashed(kind: type, items: list) -> Any:
    try:
        return kind(items)
    except TypeError:
        raise PlainError("This message holds a key that cannot be one.") from None


_READ: dict[int, Callable[[_Reader, int], Any]] = {
    ord("N"): lambda r, d: None,
    ord("T"): lambda r, d: True,
    ord("F"): lambda r, d: False,
    ord("i"): lambda r, d: r.unpack(_INT)[0],
    ord("I"): lambda r, d: r.integer(),
    ord("f"): lambda r, d: r.unpack(_FLOAT)[0],
    ord("c"): lambda r, d: complex(*r.unpack(_COMPLEX)),
    ord("s"): lambda r, d: r.text(),
    ord("b"): lambda r, d: bytes(r.blob(r.number())),
    ord("r"): lambda r, d: r.steps(range, d),
    ord("x"): lambda r, d: r.steps(slice, d),
    ord("e"): lambda r, d: ...,
    ord("l"): lambda r, d: r.sequence(list, d),
    ord("t"): lambda r, d: r.sequence(tuple, d),
    ord("S"): lambda r, d: r.sequence(set, d),
    ord("Z"): lambda r, d: r.sequence(frozenset, d),
    ord("d"): lambda r, d: r.mapping(d),
    ord("K"): _Reader.as_text,
    ord("P"): _Reader.packed,
    ord("A"): _Reader.array,
    ord("G"): lambda r, d: r.values(r.dtype(), ())[()],
    ord("H"): _Reader.handle,
}


NAMES = frozenset(kind.__name__ for kind in (*_WRITE, *_SCALARS, *_TEXTS))
"""Names of the types of which plain data are."""


# --- words ----------------------------------------------------------------------------------------


def type_name(value: object) -> str:
    """The name of a value's type, whatever the type says of itself."""
    kind = type(value)
    if kind is np.ndarray:
        return f"NumPy array of dtype {value.dtype}"[:80]
    return str(type.__dict__["__name__"].__get__(kind))[:80]


def describe(value: object) -> str:
    """What a value is, in a few words."""
    return f"A value of type {type_name(value)}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:g} MB"


# --- sending --------------------------------------------------------------------------------------


class Wire:
    """One end of a stream socket that carries messages. Closes what it is given when it is closed itself."""

    def __init__(self, fd: int) -> None:
        self.socket = socket.socket(fileno=fd)
        self.socket.setblocking(True)
        self.arrived = bytearray()
        self.waits = 0.0  # s that one call of it waits at most; 0 for ever

    def send(self, message: bytes, deadline: float | None = None) -> None:
        """Send a message. Raises ``TimeoutError`` at the deadline (monotonic clock), ``OSError`` on a dead end."""
        rest = memoryview(message)
        while rest:
            self._wait(deadline)
            try:
                rest = rest[self.socket.send(rest[:CHUNK]) :]
            except BlockingIOError:  # its own time is over: perhaps there is a little left
                continue

    def receive(self, limits: Limits | None = None, deadline: float | None = None) -> bytearray:
        """The next message, whole. Memory grows with what arrives, never with what was announced.

        Raises ``TimeoutError`` at the deadline, ``EOFError`` at the end, :class:`TooMuch` beyond the limits.
        """
        self._read(HEAD.size, deadline)
        try:
            size = HEAD.size + sizes(self.arrived[: HEAD.size], limits)
        except TooMuch:
            del self.arrived[: HEAD.size]
            raise
        self._read(size, deadline)
        if len(self.arrived) == size:
            message, self.arrived = self.arrived, bytearray()
        else:
            message = self.arrived[:size]
            del self.arrived[:size]
        if deadline is not None and time.monotonic() > deadline:
            raise TimeoutError
        return message

    def _read(self, size: int, deadline: float | None) -> None:
        while len(self.arrived) < size:
            self._wait(deadline)
            try:
                part = self.socket.recv(CHUNK)
            except BlockingIOError:
                continue
            except ConnectionError:
                part = b""
            if not part:
                raise EOFError("The other end was closed.")
            self.arrived += part

    def _wait(self, deadline: float | None) -> None:
        """Let the next call wait until the deadline, or a little longer; raises ``TimeoutError`` behind it.

        The kernel keeps the time: a time-out of Python's own costs three more system calls for every message.
        """
        left = 0.0 if deadline is None else deadline - time.monotonic()
        if deadline is not None and left <= 0:
            raise TimeoutError
        if not left <= self.waits <= left + LATE:
            self.waits = left
            seconds, part = divmod(left, 1)
            interval = _TIMEVAL.pack(int(seconds), int(1e6 * part) or int(0 < left < 1))  # 0 is for ever
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.socket.setsockopt(socket.SOL_SOCKET, option, interval)

    def close(self) -> None:
        """Close this end."""
        self.socket.close()
