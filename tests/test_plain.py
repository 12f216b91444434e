"""Plain data: what goes in comes out; whatever the bytes, reading gives a value or a sentence, within its bounds."""

from __future__ import annotations

import collections
import datetime
import os
import socket
import struct
import threading
import time
import tracemalloc
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from http import HTTPStatus
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from autograder import plain
from autograder.plain import HEAD, Handle, Limits, PlainError, TooMuch, Wire, dumps, loads

FAST = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SMALL = Limits(size=20_000, items=500, depth=12, integer=64)

dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="<"),
    npst.unsigned_integer_dtypes(endianness="<"),
    npst.floating_dtypes(endianness="<", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="<", sizes=(64, 128)),
    npst.byte_string_dtypes(),
    npst.unicode_string_dtypes(endianness="<"),
    npst.datetime64_dtypes(endianness="<"),
    npst.timedelta64_dtypes(endianness="<"),
)
arrays = npst.arrays(dtypes, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
zones = st.none() | st.integers(-1439, 1439).map(lambda n: datetime.timezone(datetime.timedelta(minutes=n)))
exact = (
    st.fractions(-(10**9), 10**9, max_denominator=10**9)
    | st.decimals(-(10**30), 10**30, allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=zones).map(lambda moment: moment.replace(fold=0))  # which means nothing in such a zone
    | st.timedeltas()
)
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | exact,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
atoms = (
    keys
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())  # lone surrogates as well
    | arrays
    | arrays.filter(lambda a: a.size).map(lambda a: a.flat[0])
    | st.builds(slice, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers())
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
    | st.just(...)
)
values = st.recursive(
    atoms | st.lists(st.floats(), max_size=20) | st.lists(st.integers(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


def same(one: object, two: object) -> bool:
    """Whether two plain values are of the same types and hold the same."""
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, dict):
        return len(one) == len(two) and all(map(same, one, two)) and all(map(same, one.values(), two.values()))
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", two)
    if isinstance(one, complex):
        return same(one.real, two.real) and same(one.imag, two.imag)
    if isinstance(one, Decimal):
        return one.as_tuple() == two.as_tuple()
    if isinstance(one, datetime.datetime):
        return one == two and one.utcoffset() == two.utcoffset()
    return one == two


# --- what goes in comes out ---


@FAST
@given(values)
@example([0.1] * 100)
@example([2**63, *range(10)])
@example({1: {2: {3: [4, (5,)]}}})
def test_round_trip(value: object) -> None:
    message = dumps(value)
    assert same(loads(message), value)
    assert len(message) == HEAD.size + plain.sizes(message[: HEAD.size])


@pytest.mark.parametrize(
    "value", [np.arange(12.0).reshape(3, 4)[:, ::2], np.asfortranarray(np.eye(3)), np.ones(2, ">i4")]
)
def test_arrays_of_any_layout_arrive_as_ordinary_ones(value: np.ndarray) -> None:
    got = loads(dumps(value))
    assert np.array_equal(got, value)
    assert got.flags.c_contiguous
    assert got.flags.writeable
    assert got.dtype.isnative


class Pair(NamedTuple):
    left: int
    right: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.defaultdict(list, x=[1]), {"x": [1]}),
        (Pair(1, "a"), (1, "a")),
    ],
)
def test_the_containers_of_the_standard_library_arrive_as_what_they_hold(value: object, expected: object) -> None:
    assert same(loads(dumps(value)), expected)


# --- what crosses as what it holds ---


class Missing(dict):
    def __missing__(self, key: str) -> int:
        return 0


class Dotted(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class OwnDict(dict):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.__dict__ = self


class Money(float):
    __slots__ = ("_unit",)

    def __new__(cls, value: float) -> Money:
        return super().__new__(cls, value)

    def __str__(self) -> str:
        return "42"

    __repr__ = __str__


T = TypeVar("T")


class Typed(list, Generic[T]):
    pass


class Array(np.ndarray):
    def __array_finalize__(self, other: object) -> None:
        self._seen = True


def memmap(tmp_path_factory: pytest.TempPathFactory) -> np.memmap:
    return np.memmap(tmp_path_factory.mktemp("map") / "a.bin", dtype=np.float32, mode="w+", shape=(2, 3))


HELD = [
    (MappingProxyType({"a": [1]}), {"a": [1]}),
    (Missing(a=1), {"a": 1}),
    (Dotted(a=1), {"a": 1}),
    (OwnDict(a=1), {"a": 1}),
    (Money(-0.0), -0.0),
    (Typed([1, Money(2)]), [1, 2.0]),
    (type("Int", (int,), {})(2**70), 2**70),
    (type("Complex", (complex,), {})(1j), 1j),
    (type("Text", (str,), {})("a"), "a"),
    (type("Bytes", (bytes,), {})(b"ab"), b"ab"),
    (type("Tuple", (tuple,), {})([1, 2]), (1, 2)),
    (type("Set", (set,), {})([1]), {1}),
    (type("Frozen", (frozenset,), {})([1]), frozenset([1])),
    (IntEnum("Number", "ONE").ONE, 1),
    ([IntEnum("Number", "ONE").ONE] * 20, [1] * 20),
    ({StrEnum("Letter", "A").A: Enum("Old", {"N": "n"}, type=str).N}, {"a": "n"}),
    (HTTPStatus.OK, 200),
    (np.array([1.5]).view(Array), np.array([1.5])),
    (np.ma.masked_array([1, 2]), np.array([1, 2])),
    (np.ma.masked_array([1, 2], mask=[False, False]), np.array([1, 2])),
    (np.array([1, 2], np.longdouble), np.array([1.0, 2.0])),
    (np.longdouble("1e4000"), np.float64("inf")),
    (np.clongdouble(1 + 2j), np.complex128(1 + 2j)),
]


@pytest.mark.parametrize(("value", "expected"), HELD, ids=lambda value: plain.type_name(value))
def test_subclasses_that_add_nothing_arrive_as_what_they_hold(value: object, expected: object) -> None:
    assert same(loads(dumps(value)), expected)
    assert same(loads(dumps([{"a": value}])), [{"a": expected}])


def test_an_array_in_a_file_arrives_as_an_array(tmp_path_factory) -> None:
    assert same(loads(dumps(memmap(tmp_path_factory))), np.zeros((2, 3), np.float32))


HOLD = {
    int: st.integers(),
    float: st.floats(),
    complex: st.complex_numbers(),
    str: st.text(),
    bytes: st.binary(),
    list: st.lists(atoms, max_size=12),
    tuple: st.lists(atoms, max_size=12),
    dict: st.dictionaries(keys, atoms, max_size=4),
    set: st.sets(keys, max_size=4),
    frozenset: st.sets(keys, max_size=4),
}


@FAST
@given(st.sampled_from(list(HOLD)).flatmap(lambda kind: st.tuples(st.just(kind), HOLD[kind])))
def test_the_copy_is_exact(drawn: tuple[type, Any]) -> None:
    kind, value = drawn
    assert same(loads(dumps(type("Own", (kind,), {})(value))), kind(value))


# --- what is not plain ---


class Text(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Pretender:
    @property
    def __class__(self):
        return int

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __len__(self) -> int:
        raise AssertionError("nobody may ask")

    __iter__ = __bool__ = __int__ = __index__ = __float__ = __array__ = __reduce_ex__ = __repr__ = __len__


class LyingPair(Pair):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Pair.__hash__


def own(base: type, value: Any, **body: Any) -> Any:
    return type("Own", (base,), body)(value)


class Marked(float):
    pass


class Level(IntEnum):
    LOW = 1

    def label(self) -> str:
        return "low"


marked = Marked(1)
marked.unit = "s"

NOT_PLAIN = [
    Text("a"),
    own(list, [1], push=list.append),
    own(dict, {}, keys=lambda self: ["a"]),
    own(dict, {}, __getitem__=lambda self, key: 1),
    own(dict, {}, __contains__=lambda self, key: True),
    own(set, (), __iter__=lambda self: iter([1])),
    own(list, (), __len__=lambda self: 3),
    own(int, 1, __bool__=lambda self: False),
    own(int, 1, __class__=float),
    own(int, 1, __call__=lambda self: 3),
    own(float, 1, __rsub__=lambda self, other: 0.0),
    own(float, 1, unit="s"),
    own(float, 1, __slots__=("unit",)),
    own(np.ndarray, 1, __array_ufunc__=None),
    own(collections.Counter, "a"),
    marked,
    Enum("Kind", "A").A,
    IntFlag("Flags", "A").A,
    Level.LOW,
    LyingPair(1, "a"),
    Pretender(),
    Pretender,
    len,
    (n for n in ()),
    {}.keys(),
    iter([1]),
    bytearray(b"a"),
    Decimal("1E+1000"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Fraction(10**5000, 3),
    datetime.time(1),
    datetime.datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")),
    datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(microseconds=1))),
    PurePosixPath("a"),
    np.array([None]),
    np.array([None]).view(Array),
    np.array([[1]]).view(np.matrix),
    np.ma.masked_array([1, 2], mask=[0, 1]),
    np.ma.masked,
    np.zeros(2, "i4,f4"),
    np.zeros(1, "V3")[0],
    np.array(["a"], np.dtypes.StringDType()),
    np.zeros(1, np.dtype("f8", metadata={"a": 1})),
    np.dtype("f8"),
]


@pytest.mark.parametrize("value", NOT_PLAIN, ids=plain.type_name)
def test_nothing_else_is_plain(value: object) -> None:
    with pytest.raises(PlainError, match=r"A value of type .* is not plain data\."):
        dumps(value)
    kept = []

    def keep(found: object) -> Handle:
        kept.append(found)
        return Handle(len(kept), "object", plain.type_name(found))

    got = loads(dumps([1, {"a": value}], handle=keep))
    assert got == [1, {"a": Handle(1, "object", plain.type_name(value))}]
    assert kept[0] is value


@pytest.mark.parametrize(
    "whole",
    [
        {Text("a"): 1},
        {(1, Pretender()): 2},
        {Pretender()},
        {frozenset({len})},
        Missing({len: 1}),
        collections.Counter({len: 1}),
    ],
)
def test_a_container_with_a_key_that_is_not_plain_is_a_handle_as_a_whole(whole: object) -> None:
    kept = []

    def keep(found: object) -> Handle:
        kept.append(found)
        return Handle(7, "object", plain.type_name(found))

    assert loads(dumps((1, [whole], 2.5), handle=keep)) == (1, [Handle(7, "object", type(whole).__name__)], 2.5)
    assert kept[0] is whole


def test_a_handle_can_be_turned_into_something() -> None:
    message = dumps([len], handle=lambda found: Handle(3, "callable", "x"))
    assert loads(message, made_of=lambda handle: handle.number) == [3]


# --- bounds ---


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> list:
    value: list = []
    value.append(value)
    return value


BEYOND = [
    b"x" * 20_000,
    "x" * 20_000,
    np.zeros(20_000, np.uint8),
    np.zeros((20_000, 0)),
    [1.5] * 501,
    [None] * 501,
    dict.fromkeys(range(300)),
    set(range(501)),
    nested(13),
    endless(),
    2**600,
]


@pytest.mark.parametrize("value", BEYOND, ids=lambda value: type(value).__name__)
def test_too_much_is_neither_written_nor_read(value: object) -> None:
    if not (isinstance(value, np.ndarray) and not value.size):  # an array of nothing is refused by the reader alone
        with pytest.raises(TooMuch, match=r"^This .*\.$"):
            dumps(value, SMALL)
    try:
        message = dumps(value)
    except TooMuch:
        return  # nested in itself
    with pytest.raises(TooMuch, match=r"^This .*\.$"):
        loads(message, SMALL)


def message(tree: bytes, raw: bytes = b"") -> bytes:
    return HEAD.pack(len(tree), len(raw)) + tree + raw


def count(n: int) -> bytes:
    return struct.pack("<I", n)


def text(kind: int, value: str) -> bytes:
    return message(b"K" + bytes((kind,)) + count(len(value.encode())) + value.encode())


FORGED = {
    "text of no kind": text(5, "1"),
    "text of no number": text(0, "one"),
    "a number that is none": text(0, "sNaN"),
    "a number with an endless exponent": text(0, "1E+999999999"),
    "a number of too many digits": text(0, "1" * 1000),
    "digits of another script": text(0, "\u0661"),
    "a denominator of 0": text(1, "1/0"),
    "a thirteenth month": text(2, "2020-13-01"),
    "an hour too many": text(3, "2020-01-01T25:00:00"),
    "an hour without end": text(3, "2020-01-01T10:00:00+99:00"),
    "a span of too many days": text(4, "9999999999 0 0"),
    "nothing": b"",
    "no tag": message(b""),
    "unknown tag": message(b"?"),
    "something behind it": message(b"NN"),
    "raw bytes left over": message(b"N", b"x"),
    "cut short": message(b"i\0"),
    "a list that is announced only": message(b"l" + count(400)),
    "a huge list": message(b"l" + count(2**32 - 1)),
    "a huge packed list": message(b"Pld" + count(2**32 - 1)),
    "packed numbers of another kind": message(b"Plu" + count(1), b"\0" * 8),
    "a packed set": message(b"PSd" + count(1), b"\0" * 8),
    "a huge text": message(b"s" + count(2**32 - 1)),
    "text that is not UTF-8": message(b"s" + count(1) + b"\xff"),
    "a huge integer": message(b"I" + count(2**32 - 1)),
    "a list as a key": message(b"d" + count(1) + b"l" + count(0) + b"N"),
    "a key twice": message(b"d" + count(2) + b"NN" * 2),
    "an item twice": message(b"S" + count(2) + b"TT"),
    "an object array": message(b"A\x02|O\x01" + struct.pack("<q", 1), b"\0" * 8),
    "a structured array": message(b"A\x05i4,f4\x01" + struct.pack("<q", 1), b"\0" * 8),
    "a dtype that is code": message(b"A\x0e__import__('a')"[:17] + b"\0"),
    "a dtype of unknown unit": message(b"A\x07<m8[xx]\0", b"\0" * 8),
    "a dtype of no size": message(b"A\x03|S0\x01" + struct.pack("<q", 2**40)),
    "a huge dtype": message(b"A\x0b|S999999999\0"),
    "a negative shape": message(b"A\x03<f8\x02" + struct.pack("<qq", -1, -1), b"\0" * 8),
    "a shape that overflows": message(b"A\x03<f8\x03" + struct.pack("<qqq", 2**62, 2**62, 0)),
    "too many dimensions": message(b"A\x03<f8\xff" + struct.pack("<255q", *[1] * 255), b"\0" * 8),
    "letters beyond Unicode": message(b"A\x03<U1\x01" + struct.pack("<q", 1), b"\xff\xff\xff\xff"),
    "a scalar letter beyond Unicode": message(b"G\x03<U1", b"\xff\xff\xff\x7f"),
    "a range with no step": message(b"r" + b"i\0\0\0\0\0\0\0\0" * 3),
    "a range of texts": message(b"r" + (b"s" + count(0)) * 3),
    "a slice of lists": message(b"x" + (b"l" + count(0)) * 3),
    "a handle of unknown kind": message(b"H" + struct.pack("<QB", 1, 9) + count(0)),
    "deep": message((b"l" + count(1)) * 5000 + b"N"),
    "a head alone": HEAD.pack(1, 0),
    "a head that promises the world": HEAD.pack(2**32 - 1, 2**32 - 1),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged_messages_are_refused(what: str) -> None:
    with pytest.raises(PlainError, match=r"^This .*\.$"):
        loads(FORGED[what])


def test_bools_are_bools() -> None:
    got = loads(message(b"A\x03|b1\x01" + struct.pack("<q", 3), b"\0\1\2"))
    assert got.view(np.uint8).tolist() == [0, 1, 1]  # 2 would be a truth that equals no other


def read_bounded(data: bytes) -> None:
    """Read with small limits: a value or ``PlainError``, and no more memory than the limits account for."""
    tracemalloc.start()
    try:
        loads(data, SMALL)
    except PlainError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 5 * SMALL.size + 250 * SMALL.items


@FAST
@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    read_bounded(data)


tags = st.sampled_from(
    [bytes((tag,)) for tag in plain._READ]
    + [b"K" + bytes((kind,)) + count(3) + b"1/2" for kind in range(6)]
    + [count(1), count(2**31), b"\x03<f8\x01", b"\x03<U1", b"ld"]
)


@settings(FAST, max_examples=400)
@given(st.lists(tags | st.binary(max_size=9), max_size=40).map(b"".join), st.binary(max_size=64))
def test_arbitrary_trees(tree: bytes, raw: bytes) -> None:
    read_bounded(message(tree, raw))


@settings(FAST, max_examples=200)
@given(values, st.data())
def test_damaged_messages(value: object, data: st.DataObject) -> None:
    try:
        whole = bytearray(dumps(value, SMALL))
    except TooMuch:
        return
    for _ in range(3):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    read_bounded(bytes(whole))
    read_bounded(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


# --- the wire ---


@pytest.fixture
def wires():
    here, there = socket.socketpair()
    one, two = Wire(here.detach()), Wire(there.detach())
    yield one, two
    one.close()
    two.close()


def test_large_messages_pass_in_pieces(wires) -> None:
    one, two = wires
    value = np.arange(500_000)
    sender = threading.Thread(target=lambda: [one.send(dumps(n)) for n in (value, "next")])
    sender.start()
    assert np.array_equal(loads(two.receive()), value)
    assert loads(two.receive()) == "next"
    sender.join()


def test_what_is_announced_is_not_reserved(wires) -> None:
    one, two = wires
    os.write(one.socket.fileno(), HEAD.pack(90_000_000, 0) + b"N")
    one.close()
    tracemalloc.start()
    with pytest.raises(EOFError):
        two.receive()
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_waiting_ends_at_the_deadline_and_at_the_end(wires) -> None:
    one, two = wires
    one.send(HEAD.pack(2**31, 2**31))
    with pytest.raises(TooMuch):
        two.receive()
    os.write(one.socket.fileno(), b"ab")
    with pytest.raises(TimeoutError):
        two.receive(deadline=time.monotonic() + 0.05)
    with pytest.raises(TimeoutError):
        two.send(dumps(b"x" * 50_000_000), deadline=time.monotonic() + 0.05)
    one.close()
    with pytest.raises((EOFError, OSError)):
        two.receive()


# --- what stands before the value ---


def test_what_stands_before_the_value_comes_back() -> None:
    form = struct.Struct("<QB")
    message = plain.dumps([1, "a"], front=form.pack(7, 3))
    assert plain.front_of(message, form) == (7, 3)
    assert plain.loads(message, front=form.size) == [1, "a"]


@pytest.mark.parametrize("kept", range(9))
def test_too_little_before_the_value_is_no_message(kept: int) -> None:
    form = struct.Struct("<QB")
    message = plain.HEAD.pack(kept, 0) + form.pack(7, 3)[:kept]
    with pytest.raises(PlainError):
        plain.front_of(message, form)
    with pytest.raises(PlainError):
        plain.loads(message, front=form.size)


def test_what_is_known_not_to_be_plain_is_not_looked_at() -> None:
    class Number(int):
        pass

    seen: list[object] = []

    def handle(value: object) -> Handle:
        seen.append(value)
        return Handle(5, "object", "Number")

    assert plain.loads(plain.dumps([Number(3)], handle=handle)) == [3]
    assert plain.loads(plain.dumps([Number(3)], handle=handle, never=Number)) == [Handle(5, "object", "Number")]
    assert seen == [3]
