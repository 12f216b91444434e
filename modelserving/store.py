"""The log of a server: what was asked, what was answered, and what turned out to be true (lesson 06).

A :class:`Store` is one SQLite file. Predictions come in from a server, through a :class:`Journal`; labels come later,
sometimes much later, by the server's endpoint or from a file; a monitor reads both, while the server goes on writing.
What was committed survives the end of the process, ``kill -9`` included.

SQLite's write-ahead log: https://sqlite.org/wal.html. It needs a disk of this machine, not one of the network.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelserving.slots import Slots

Arrays = Mapping[str, np.ndarray]
Moment = float | str | date | np.datetime64
"""A point in time: seconds since 1970, ISO 8601 text, a date or datetime; without a time zone it is UTC."""

PATIENCE = 30.0  # seconds to wait while another process writes
CHUNK = 20_000  # requests read at a time: what is in memory twice is no more than that
LATEST = 2**62  # microseconds: later than any time

APPLICATION, SCHEMA = 0x6D736C67, 1  # marks the file as one of ours, and how its tables look
TABLES = """
CREATE TABLE layouts (  -- what a model's tensors look like: stored once, not with each request
    number INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    tensors TEXT NOT NULL,  -- JSON: whether tensors have a row for each row, then side, name, dtype and shape of each
    UNIQUE (model, version, tensors)
);
CREATE TABLE requests (  -- one row for each request that was answered
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,  -- microseconds since 1970, UTC
    layout INTEGER NOT NULL REFERENCES layouts,
    rows INTEGER NOT NULL,
    content BLOB NOT NULL  -- the tensors' elements, one tensor after the other
);
CREATE INDEX requests_by_id ON requests (id);
CREATE INDEX requests_by_time ON requests (layout, time);
CREATE TABLE labels (  -- one row for each label that came; none is ever overwritten
    number INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    row INTEGER NOT NULL,  -- of the request, from 0
    of INTEGER,  -- how many rows the sender took the request to have, where that was said
    value REAL NOT NULL,
    time INTEGER NOT NULL  -- when it arrived, as above
);
CREATE INDEX labels_by_id ON labels (id);
CREATE INDEX labels_by_time ON labels (model, time);
"""


class StoreError(OSError):
    """The file is no store, or cannot be read or written just now; the message is one sentence that says which."""


class WrongRows(ValueError):
    """Labels do not fit the prediction ``id`` that they are of: it has another number of rows."""

    def __init__(self, id: str, row: int, of: int | None, rows: int) -> None:
        said = f"{of} values came for it" if of is not None else f"a label came for row {row}, counted from 0"
        super().__init__(f"The prediction {id[:100]!r} has {rows} row{'s' * (rows != 1)}, and {said}.")
        self.id = id


@dataclass(slots=True)
class Record:
    """One request and its answer. Arrays by name; ``id`` names it later on, ``time`` is in microseconds since 1970."""

    model: str
    version: str
    inputs: Arrays
    outputs: Arrays
    id: str
    time: int


@dataclass(frozen=True)
class Served:
    """Predictions, a row for each row that was asked about, in the order of time. All arrays have n rows."""

    ids: np.ndarray  # object, str: of the request that the row came in
    rows: np.ndarray  # int64: which row of that request it was, from 0
    times: np.ndarray  # datetime64[us], UTC
    versions: np.ndarray  # object, str: of the model that answered
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, chosen: Any) -> Served:
        """The rows that a mask, a slice or an array of positions chooses."""
        inputs = {name: array[chosen] for name, array in self.inputs.items()}
        outputs = {name: array[chosen] for name, array in self.outputs.items()}
        return Served(self.ids[chosen], self.rows[chosen], self.times[chosen], self.versions[chosen], inputs, outputs)


@dataclass(frozen=True)
class Joined:
    """Predictions with what is known of the truth about them."""

    served: Served
    labels: np.ndarray  # float64 (n,): NaN where none is known
    arrived: np.ndarray  # datetime64[us] (n,): when the label that counts came; NaT where none is known
    unknown: list[str]  # ids that labels came for, and that no prediction has: kept, in case it comes later
    misfits: int  # labels for a row that the prediction of their id does not have

    @property
    def known(self) -> np.ndarray:
        """bool (n,): which rows have a label."""
        return ~np.isnan(self.labels)


@dataclass(frozen=True)
class Kept:
    """How many labels were kept, and how many different ids of them no prediction has so far."""

    labels: int
    unknown: int


class Store:
    """Predictions and labels in the file ``path``, which is made when there is none.

    May be used by several threads, and by several processes at once: one writes at a time, and readers never wait.
    ``with Store("log.db") as store`` closes it at the end. Raises :class:`StoreError`.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()  # one thread writes at a time
        self._layouts: dict[tuple, int] = {}
        with self._told():
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _prepare(self) -> None:
        """Make the tables in a file that is new; refuse one that is something else."""
        (made_by,) = self._writer.execute("PRAGMA application_id").fetchone()
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and made_by != APPLICATION:
            raise StoreError(f"{str(self.path)!r} is a database of another program.")
        self._writer.execute("PRAGMA journal_mode = WAL")  # a commit is one write at the end of a file
        self._writer.execute("PRAGMA synchronous = NORMAL")  # which the system has, whatever becomes of this process
        with self._writing() as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                for statement in filter(str.strip, TABLES.split(";\n")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
        (schema,) = self._writer.execute("PRAGMA user_version").fetchone()
        if schema != SCHEMA:
            raise StoreError(f"{str(self.path)!r} was written by another version of modelserving.")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors in a sentence that names the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"Cannot use {str(self.path)!r} as a log of predictions: {error}.") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it, or nothing."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            self._layouts.clear()  # some may have gone with it
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the store, whatever is written meanwhile, in a connection that waits for no writer."""
        with self._told(), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._writer.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What comes in

    def log(self, records: Iterable[Record]) -> None:
        """Keep predictions, all in one transaction: once this returns, they survive the end of the process."""
        packed = [(record, *pack(record)) for record in records]
        with self._told(), self._lock, self._writing() as connection:
            insert(
                connection,
                [
                    (record.id, record.time, self._layout(connection, key), rows, content)
                    for record, key, rows, content in packed
                ],
            )

    def _layout(self, connection: sqlite3.Connection, key: tuple) -> int:
        """The number of a layout, which is stored when it is new."""
        if (number := self._layouts.get(key)) is not None:
            return number
        model, version, *look = key
        row = (model, version, describe(*look))
        connection.execute("INSERT OR IGNORE INTO layouts (model, version, tensors) VALUES (?, ?, ?)", row)
        query = "SELECT number FROM layouts WHERE model = ? AND version = ? AND tensors = ?"
        (number,) = connection.execute(query, row).fetchone()
        if len(self._layouts) > 1000:  # a model whose tensors have ever new shapes must not fill the memory
            self._layouts.clear()
        self._layouts[key] = number
        return number

    def label(
        self,
        model: str,
        ids: Sequence[str],
        values: Sequence[float | Sequence[float | None]],
        times: Moment | Sequence[Moment] | None = None,
        rows: Sequence[int] | None = None,
    ) -> Kept:
        """Keep labels of ``model``'s predictions, all of them or, when one is wrong, none.

        A value is a number for a request of one row, and a list with a number for each row for one of several (None
        or NaN where it is not known yet); or, with ``rows``, a number for the row that stands there. ``times`` say when
        each arrived, by default now. A label whose id no prediction has is kept as well: it counts as soon as one has.
        Raises :class:`WrongRows` where a prediction has another number of rows, ValueError for what is no number.
        """
        ids = [str(one) for one in ids]
        if len(values) != len(ids) or (rows is not None and len(rows) != len(ids)):
            raise ValueError(f"There are {len(ids)} ids and {len(values)} values: each label needs both.")
        arriving: list[tuple] = []
        stamps = moments(times, len(ids))
        for place, (one, value, stamp) in enumerate(zip(ids, values, stamps, strict=True)):
            if rows is not None:
                arriving.append((one, whole(rows[place]), None, number(value), stamp))
            elif isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
                known = [(row, part) for row, part in enumerate(value) if not is_missing(part)]
                arriving += [(one, row, len(value), number(part), stamp) for row, part in known]
            else:
                arriving.append((one, 0, 1, number(value), stamp))
        with self._told(), self._lock:
            return self._label(model, arriving)

    def _label(self, model: str, arriving: list[tuple]) -> Kept:
        """Compare labels with predictions in a table of their own, so that writers wait as briefly as possible."""
        writer = self._writer
        writer.execute("CREATE TEMP TABLE IF NOT EXISTS arriving (id, row, of, value, time)")
        writer.execute("BEGIN")
        writer.execute("DELETE FROM arriving")
        writer.executemany("INSERT INTO arriving VALUES (?, ?, ?, ?, ?)", arriving)
        writer.execute("COMMIT")
        with self._writing() as connection:
            wrong = connection.execute(MISFIT, {"model": model}).fetchone()
            if wrong:
                raise WrongRows(*wrong)
            (unknown,) = connection.execute(UNKNOWN, {"model": model}).fetchone()
            connection.execute(
                "INSERT INTO labels (model, id, row, of, value, time) SELECT ?, id, row, of, value, time FROM arriving",
                (model,),
            )
        return Kept(len(arriving), unknown)

    # What is read

    def names(self) -> list[str]:
        """The models that the store has predictions of, sorted."""
        with self._reading() as connection:
            return [name for (name,) in connection.execute("SELECT DISTINCT model FROM layouts ORDER BY 1")]

    def models(self) -> dict[str, dict[str, int]]:
        """How many requests each version of each model has answered: ``{"delays": {"1": 1000}}``."""
        query = "SELECT model, version, count(*) FROM requests JOIN layouts ON layout = layouts.number GROUP BY 1, 2"
        found: dict[str, dict[str, int]] = {}
        with self._reading() as connection:
            for model, version, count in connection.execute(query):
                found.setdefault(model, {})[version] = count
        return found

    def predictions(
        self, model: str, version: str | None = None, since: Moment | None = None, until: Moment | None = None
    ) -> Served:
        """What ``model`` answered from ``since`` on and before ``until``; of all its versions, or of one.

        Where one version, or one request, has a tensor that others have not, those others have NaN or "" in it.
        Raises ValueError where requests have tensors of one name and of shapes that do not go together.
        """
        with self._reading() as connection:
            return self._predictions(connection, model, version, bound(since, -LATEST), bound(until, LATEST))[0]

    def _predictions(
        self, connection: sqlite3.Connection, model: str, version: str | None, since: int, until: int
    ) -> tuple[Served, np.ndarray]:
        """Predictions, and for each row the number of its request."""
        query = "SELECT number, version, tensors FROM layouts WHERE model = ? AND (? IS NULL OR version = ?) ORDER BY 1"
        parts: list[tuple[np.ndarray, ...]] = []
        tensors: list[dict[tuple[str, str], np.ndarray]] = []
        for layout, answered_by, described in connection.execute(query, (model, version, version)).fetchall():
            cursor = connection.execute(
                "SELECT number, id, time, rows, content FROM requests "
                "WHERE layout = ? AND time >= ? AND time < ? ORDER BY time, number",
                (layout, since, until),
            )
            while chunk := cursor.fetchmany(CHUNK):
                numbers, ids, times, rows, contents = (list(column) for column in zip(*chunk, strict=True))
                counts = np.array(rows)
                for count in np.unique(counts):
                    same = np.flatnonzero(counts == count)
                    tensors.append(unpack(json.loads(described), int(count), [contents[i] for i in same]))
                    each = partial(np.repeat, repeats=count)
                    parts.append(
                        (
                            each(np.array(numbers)[same]),
                            each(np.array(times)[same]),
                            np.tile(np.arange(count), len(same)),
                            each(np.array(ids, dtype=object)[same]),
                            np.full(len(same) * count, answered_by, dtype=object),
                        )
                    )
        if not parts:
            empty = np.empty(0, dtype=object)
            return Served(empty, np.empty(0, np.int64), np.empty(0, "datetime64[us]"), empty, {}, {}), np.empty(0, int)
        numbers, times, rows, ids, versions = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((rows, numbers, times))
        merged = merge(tensors, order)
        inputs, outputs = ({name: array for (at, name), array in merged.items() if at == side} for side in SIDES)
        stamps = times[order].astype("datetime64[us]")
        return Served(ids[order], rows[order], stamps, versions[order], inputs, outputs), numbers[order]

    def joined(
        self,
        model: str,
        version: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        as_of: Moment | None = None,
    ) -> Joined:
        """Predictions with their labels, as they were known at ``as_of``, or now.

        What was predicted, or arrived, after ``as_of`` is not seen. Of several labels for one row the one that arrived
        last counts: the others were corrected by it. A request that came twice under one id has its label twice.
        Labels that belong to no row of any prediction are counted if they arrived from ``since`` on.
        """
        seen = bound(as_of, LATEST)
        start, end = bound(since, -LATEST), min(bound(until, LATEST), seen + 1)
        with self._reading() as connection:
            served, numbers = self._predictions(connection, model, version, start, end)
            limits = {"model": model, "version": version, "start": start, "end": end, "seen": seen}
            found = columns(connection.execute(LABELS, limits), 4)
            strays = connection.execute(STRAYS, limits).fetchall()
        labels, arrived = np.full(len(served), np.nan), np.full(len(served), np.datetime64("NaT", "us"))
        if len(found[0]):
            first = np.flatnonzero(served.rows == 0)
            sorter = np.argsort(numbers[first])
            at = first[sorter[np.searchsorted(numbers[first], found[0], sorter=sorter)]] + found[1].astype(int)
            labels[at], arrived[at] = found[2], found[3].astype("datetime64[us]")  # of those in one place the last
        unknown = list(dict.fromkeys(one for one, known in strays if not known))
        return Joined(served, labels, arrived, unknown, sum(known for _, known in strays))


# Labels and predictions belong together by model and id. A label fits a request that has its row.

OF_MODEL = "requests r JOIN layouts y ON y.number = r.layout WHERE y.model = :model"
FITS = "(a.of IS NULL OR a.of = r.rows) AND a.row < r.rows"
KNOWN = f"EXISTS (SELECT 1 FROM {OF_MODEL} AND r.id = a.id)"
FITTING = f"EXISTS (SELECT 1 FROM {OF_MODEL} AND r.id = a.id AND {FITS})"
MISFIT = f"""
SELECT a.id, a.row, a.of, (SELECT r.rows FROM {OF_MODEL} AND r.id = a.id)
FROM arriving a WHERE {KNOWN} AND NOT {FITTING} LIMIT 1"""
UNKNOWN = f"SELECT count(DISTINCT a.id) FROM arriving a WHERE NOT {KNOWN}"
STRAYS = f"""
SELECT a.id, {KNOWN} FROM labels a
WHERE a.model = :model AND a.time >= :start AND a.time <= :seen AND NOT {FITTING} ORDER BY a.time, a.number"""
LABELS = f"""
SELECT r.number, a.row, a.value, a.time
FROM labels a JOIN requests r ON r.id = a.id JOIN layouts y ON y.number = r.layout
WHERE a.model = :model AND y.model = :model AND (:version IS NULL OR y.version = :version)
  AND r.time >= :start AND r.time < :end AND a.time <= :seen AND {FITS}
ORDER BY a.time, a.number"""


# Tensors to bytes and back

SIDES = ("in", "out")
TEXT = "OUS"  # kinds of numpy's types that hold text
LENGTH = 8  # bytes ahead of a tensor of text: how many it takes


def pack(record: Record) -> tuple[tuple, int, bytes]:
    """What distinguishes the layout of a record's tensors, its rows, and the tensors' elements as bytes.

    Tensors that all have the same first length are taken to have a row for each row; else the request is one row.
    """
    tensors = [*record.inputs.items(), *record.outputs.items()]
    firsts = {array.shape[:1] for _, array in tensors}
    by_row = len(firsts) == 1 and firsts != {()}
    rows = tensors[0][1].shape[0] if by_row else 1
    look = [(name, array.dtype, array.shape[by_row:]) for name, array in tensors]
    content = b"".join([text_bytes(a) if a.dtype.kind in TEXT else a.tobytes() for _, a in tensors])
    return (record.model, record.version, by_row, len(record.inputs), *look), rows, content


def describe(by_row: bool, inputs: int, *look: tuple[str, np.dtype, tuple[int, ...]]) -> str:
    """A layout in JSON: are tensors by row, and of each its side, name, dtype and shape, that of one row if they are.

    The arguments are what :func:`pack` gives, without model and version.
    """
    sides = [SIDES[place >= inputs] for place in range(len(look))]
    kinds = ["text" if dtype.kind in TEXT else dtype.str for _, dtype, _ in look]
    return json.dumps(
        [by_row, *((side, name, kind, shape) for side, kind, (name, _, shape) in zip(sides, kinds, look, strict=True))]
    )


def text_bytes(array: np.ndarray) -> bytes:
    """An array of text as JSON, with its length in bytes ahead of it."""
    flat = [one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in array.ravel().tolist()]
    content = json.dumps(flat).encode()
    return len(content).to_bytes(LENGTH, "little") + content


def unpack(described: list, rows: int, contents: list[bytes]) -> dict[tuple[str, str], np.ndarray]:
    """The tensors of requests that all have this layout and so many rows, by side and name, one after the other."""
    by_row, *tensors = described
    shapes = {(side, name): (rows, *shape) if by_row else (1, *shape) for side, name, _, shape in tensors}
    if any(kind == "text" for _, _, kind, _ in tensors):
        each = [unpack_one(tensors, shapes, content) for content in contents]
        return {key: np.concatenate([one[key] for one in each]) for key in shapes}
    record = np.dtype([(f"{place}", kind, shapes[side, name]) for place, (side, name, kind, _) in enumerate(tensors)])
    table = np.frombuffer(b"".join(contents), record) if record.itemsize else np.empty(len(contents), record)
    whole = {key: (len(contents) * shape[0], *shape[1:]) for key, shape in shapes.items()}
    return {key: table[f"{place}"].reshape(shape) for place, (key, shape) in enumerate(whole.items())}


def unpack_one(tensors: list, shapes: Mapping[tuple[str, str], tuple], content: bytes) -> dict:
    """The tensors of one request, some of which are text."""
    found, start = {}, 0
    for side, name, kind, _ in tensors:
        shape = shapes[side, name]
        if kind == "text":
            size = int.from_bytes(content[start : start + LENGTH], "little")
            array = np.empty(math.prod(shape), dtype=object)
            array[:] = json.loads(content[start + LENGTH : start + LENGTH + size])
            start += LENGTH + size
        else:
            array = np.frombuffer(content, kind, math.prod(shape), start)
            start += array.nbytes
        found[side, name] = array.reshape(shape)
    return found


def merge(parts: list[dict[tuple[str, str], np.ndarray]], order: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Tensors of several groups of requests put together, and brought into order."""
    merged = {}
    for key in dict.fromkeys(chain.from_iterable(parts)):
        have = [part[key] for part in parts if key in part]
        shapes = {array.shape[1:] for array in have}
        if len(shapes) > 1:
            raise ValueError(
                f"The tensor {key[1]!r} has rows of the shapes {', '.join(map(str, sorted(shapes)))}: "
                "read one version, or one stretch of time, in which all have one shape."
            )
        dtype = np.result_type(*{array.dtype for array in have})
        if len(have) < len(parts):
            dtype = np.result_type(dtype, np.float16) if dtype.kind in "biuf" else dtype
        blank = np.nan if dtype.kind == "f" else ""
        shape = shapes.pop()
        lengths = [len(next(iter(part.values()))) for part in parts]
        whole = np.concatenate(
            [
                part[key].astype(dtype, copy=False) if key in part else np.full((length, *shape), blank, dtype)
                for part, length in zip(parts, lengths, strict=True)
            ]
        )
        merged[key] = whole[order]
    return merged


def insert(connection: sqlite3.Connection, rows: list[tuple]) -> None:
    """Write requests, many in one statement: Python's lock changes hands at each, and a busy event loop wants it too.

    The numbers of rows are powers of two, so that there are few different statements, which SQLite keeps prepared.
    """
    start = 0
    while start < len(rows):
        count = 1 << min((len(rows) - start).bit_length() - 1, 9)
        connection.execute(inserting(count), list(chain.from_iterable(rows[start : start + count])))
        start += count


@cache
def inserting(count: int) -> str:
    """The statement that writes so many requests."""
    return f"INSERT INTO requests (id, time, layout, rows, content) VALUES {', '.join(['(?, ?, ?, ?, ?)'] * count)}"


def columns(rows: Iterable[tuple], count: int) -> list[np.ndarray]:
    """The columns of a table, each as an array."""
    found = list(rows)
    return [np.array([row[place] for row in found]) for place in range(count)]


# Times and numbers


def moment(value: Moment | None) -> int:
    """A point in time as microseconds since 1970, UTC; None is now. Raises ValueError for what is none."""
    try:
        if value is None:
            return time.time_ns() // 1000
        if isinstance(value, np.datetime64):
            if not np.isnat(value):
                return int(value.astype("datetime64[us]").astype(np.int64))
        elif isinstance(value, str | date):
            at = datetime.fromisoformat(value if isinstance(value, str) else value.isoformat())
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            return round(at.timestamp() * 1e6)
        elif isinstance(value, int | float | np.number) and not isinstance(value, bool):
            datetime.fromtimestamp(float(value), UTC)  # raises for what is no time, NaN included
            return round(float(value) * 1e6)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError(f"{str(value)[:50]!r} is no time: give seconds since 1970, or text such as 2013-01-31T12:00:00.")


def moments(values: Moment | Sequence[Moment] | None, count: int) -> list[int]:
    """So many points in time, from as many or from one for all."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M" and not np.isnat(values).any():
        found = values.astype("datetime64[us]").astype(np.int64).tolist()
    elif isinstance(values, Sequence | np.ndarray) and not isinstance(values, str):
        found = [moment(value) for value in values]
    else:
        found = [moment(values)] * count
    if len(found) != count:
        raise ValueError(f"There are {len(found)} times for {count} rows.")
    return found


def bound(value: Moment | None, default: int) -> int:
    """A point in time that limits what is read, or the default where there is no limit."""
    return default if value is None else moment(value)


def is_missing(value: Any) -> bool:
    """True for None and NaN."""
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def number(value: Any) -> float:
    """A label as a float; True is 1. Raises ValueError for what is no finite number."""
    if isinstance(value, int | float | np.number | np.bool_):
        try:
            if math.isfinite(found := float(value)):
                return found
        except OverflowError:
            pass
    raise ValueError(f"A label is a finite number, not {str(value)[:50]!r}.")


def whole(value: Any) -> int:
    """The number of a row. Raises ValueError for what is none."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= value < 2**31:
        return int(value)
    raise ValueError(f"Rows are counted from 0, not {str(value)[:50]!r}.")


def each_row(
    model: str,
    version: str,
    inputs: Arrays,
    outputs: Arrays,
    ids: Sequence[str] | None = None,
    times: Moment | Sequence[Moment] | None = None,
) -> list[Record]:
    """Arrays of n rows as n records of one row each, for :meth:`Store.log`: predictions that no server made.

    ``ids`` are made where none are given; ``times`` are n, or one for all, by default now.
    """
    count = len(next(iter(outputs.values())))
    named = Names() if ids is None else None
    stamps = moments(times, count)
    return [
        Record(
            model,
            version,
            {name: array[place : place + 1] for name, array in inputs.items()},
            {name: array[place : place + 1] for name, array in outputs.items()},
            named.new() if named else str(ids[place]),
            stamps[place],
        )
        for place in range(count)
    ]


# From a server


class Names:
    """Ids that nobody else makes: some random letters, drawn once, and a number that counts up."""

    def __init__(self) -> None:
        self._start, self._count = os.urandom(6).hex(), 0

    def new(self) -> str:
        """The next."""
        self._count += 1
        return f"{self._start}-{self._count}"


class Journal:
    """Writes to a store from an event loop, which never waits for the disk.

    All that comes while a transaction is being written goes into the next one (group commit), in a thread of its own.
    All state belongs to the loop's thread.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.names = store, Names()
        self._slots = Slots(1, "log")
        self._waiting: list[tuple[Record, asyncio.Future]] = []
        self._busy = False  # a transaction is being written, or about to be

    def write(self, record: Record) -> asyncio.Future:
        """Keep one record. The future is done once it is committed, and raises :class:`StoreError` if it cannot be."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append((record, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next)  # after what else this turn of the loop brings: it can come along
        return future

    def _next(self) -> None:
        self._slots.ask(self._start)

    def _start(self) -> None:
        group, self._waiting = self._waiting, []
        self._slots.run(partial(self._commit, group), partial(self._committed, group))

    def _commit(self, group: list[tuple[Record, asyncio.Future]]) -> list[Exception | None]:
        """What went wrong with each. This is what the thread does; it must not raise."""
        try:
            self.store.log([record for record, _ in group])
        except Exception as error:
            if len(group) == 1 or isinstance(error.__cause__, sqlite3.OperationalError):  # locked, or the disk is full
                return [error] * len(group)
            return [self._commit([one])[0] for one in group]  # one record's fault must not become all records'
        return [None] * len(group)

    def _committed(self, group: list[tuple[Record, asyncio.Future]], errors: list[Exception | None]) -> None:
        if self._waiting:
            self._next()
        else:
            self._busy = False
        for (_, future), error in zip(group, errors, strict=True):
            if future.done():  # its caller has gone
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    def close(self) -> None:
        """Let the thread end once it has written what it was given. A later record would start another."""
        self._slots.close()
