"""modelserving.store: what a server was asked and answered, and the labels that come later. Nothing of it is lost."""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import onnx_models
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_serve_command import serving
from wire import ask, tensor, write_models

from modelserving import protocol
from modelserving import store as store_module
from modelserving.interpreter import DATATYPES
from modelserving.protocol import ERRORS, ProtocolError, server_metadata
from modelserving.repository import Repository
from modelserving.server import Endpoint, Server, running
from modelserving.store import Record, Store, StoreError, WrongRows, each_row, moment

INFER, LABELS = "/v2/models/times/infer", "/v2/models/times/labels"


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store(tmp_path / "log.db") as store:
        yield store


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


def record(id: str, x: list[float], time: float = 0, model: str = "m", version: str = "1") -> Record:
    """A prediction of len(x) rows; the answer is twice the input."""
    array = np.array(x, np.float32)
    return Record(model, version, {"x": array}, {"y": 2 * array}, id, moment(time))


def row(*values: float, **more) -> dict:
    return {"inputs": [tensor("x", "FP32", [[value] * 3 for value in values])], **more}


# What comes in comes out


def test_predictions_come_back_by_row_in_the_order_of_time(store):
    store.log([record("b", [2, 3], time=20), record("a", [1], time=10)])
    store.log([record("c", [4], time=15)])
    served = store.predictions("m")
    assert served.ids.tolist() == ["a", "c", "b", "b"]
    assert served.rows.tolist() == [0, 0, 0, 1]
    assert served.times.astype("datetime64[s]").astype(int).tolist() == [10, 15, 20, 20]
    assert served.versions.tolist() == ["1"] * 4
    assert (served.inputs["x"].dtype, served.inputs["x"].tolist()) == (np.float32, [1, 4, 2, 3])
    assert served.outputs["y"].tolist() == [2, 8, 4, 6]
    chosen = served[served.ids == "b"]
    assert (len(chosen), chosen.inputs["x"].tolist(), chosen.rows.tolist()) == (2, [2, 3], [0, 1])


VALUES = {"b": [True, False], "O": ["é\n", ""], "f": [0.5, np.nan], "i": [-1, 7], "u": [0, 9]}


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_data_type_keeps_its_values_and_its_type(store, datatype):
    dtype = DATATYPES[datatype]
    array = np.array([VALUES[dtype.kind]] * 3, dtype)  # (3, 2)
    store.log([Record("m", "1", {"x": array}, {"y": array[:, 0]}, "a", 0)])
    served = store.predictions("m")
    assert (served.inputs["x"].dtype, served.inputs["x"].shape) == (dtype, (3, 2))
    np.testing.assert_array_equal(served.inputs["x"], array)
    np.testing.assert_array_equal(served.outputs["y"], array[:, 0])


def test_text_may_come_as_bytes(store):
    array = np.array([b"caf\xc3\xa9", b"\xff"], dtype=object)
    store.log([Record("m", "1", {"x": array}, {"y": np.zeros(2)}, "a", 0)])
    assert store.predictions("m").inputs["x"].tolist() == ["café", "\ufffd"]


def test_arrays_need_not_be_contiguous(store):
    array = np.arange(24, dtype=np.float32).reshape(6, 4)[::2, ::-1].T
    store.log([Record("m", "1", {"x": array}, {"y": array[:, 1]}, "a", 0)])
    np.testing.assert_array_equal(store.predictions("m").inputs["x"], array)


def test_a_request_whose_tensors_have_no_common_rows_is_one_row(store):
    two, three = np.arange(2.0), np.arange(3.0)
    store.log([Record("m", "1", {"a": two, "b": np.float64(7).reshape(())}, {"y": three}, i, 0) for i in "pq"])
    served = store.predictions("m")
    assert len(served) == 2
    assert served.inputs["a"].tolist() == [[0, 1]] * 2
    assert served.inputs["b"].tolist() == [7, 7]
    assert served.outputs["y"].tolist() == [[0, 1, 2]] * 2


def test_requests_without_rows_are_none(store):
    store.log([record("none", []), record("one", [1])])
    assert store.predictions("m").ids.tolist() == ["one"]
    assert store.models() == {"m": {"1": 2}}


def test_an_output_that_was_not_asked_for_is_nan(store):
    x = np.ones((1, 2), np.float32)
    more = {"y": np.array([3], np.int64), "word": np.array(["yes"], dtype=object)}
    store.log([Record("m", "1", {"x": x}, {"z": x[:, 0]}, "a", 0), Record("m", "1", {"x": x}, more, "b", 1)])
    outputs = store.predictions("m").outputs
    np.testing.assert_array_equal(outputs["z"], [1, np.nan])
    np.testing.assert_array_equal(outputs["y"], [np.nan, 3])
    assert outputs["word"].tolist() == ["", "yes"]


def test_shapes_that_do_not_go_together_are_told(store):
    for width in (2, 3):
        store.log([Record("m", str(width), {"x": np.ones((1, width))}, {"y": np.ones(1)}, "a", 0)])
    with pytest.raises(ValueError, match=r"'x' has rows of the shapes \(2,\), \(3,\): read one version"):
        store.predictions("m")
    assert store.predictions("m", "3").inputs["x"].shape == (1, 3)


def test_what_is_read_can_be_limited(store):
    store.log([record(str(i), [i], time=i, version=str(i % 2)) for i in range(10)])
    store.log([record("other", [1], model="n")])
    assert store.predictions("m", since=3, until=7).ids.tolist() == ["3", "4", "5", "6"]
    assert store.predictions("m", "1", until="1970-01-01T00:00:05Z").ids.tolist() == ["1", "3"]
    assert len(store.predictions("m", since=100)) == len(store.predictions("none")) == 0
    assert store.predictions("none").inputs == {}
    assert store.models() == {"m": {"0": 5, "1": 5}, "n": {"1": 1}}
    assert store.names() == ["m", "n"]


def test_more_than_is_read_at_a_time(store, monkeypatch):
    monkeypatch.setattr(store_module, "CHUNK", 7)
    x = np.arange(50, dtype=np.float32)
    store.log(each_row("m", "1", {"x": x}, {"y": -x}, times=np.arange(50)[::-1].tolist()))
    served = store.predictions("m")
    assert served.inputs["x"].tolist() == x[::-1].tolist()
    assert served.outputs["y"].tolist() == (-x[::-1]).tolist()
    assert len(set(served.ids)) == 50


def test_a_request_is_a_row_of_the_table_and_little_more_than_its_numbers(store):
    x = np.random.default_rng(0).normal(size=(2000, 20)).astype(np.float32)
    store.log(each_row("m", "1", {"x": x}, {"y": x[:, 0]}))
    size = store.path.stat().st_size + Path(f"{store.path}-wal").stat().st_size
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*), max(length(content)) FROM requests").fetchone() == (2000, 84)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert store.path.stat().st_size < 2000 * (84 + 120)
    assert size < 1e7


shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
kinds = st.sampled_from(["<f4", "<f8", "<i8", "|b1", "|u1", "object"])


MODELS = map(str, itertools.count())  # a model for each example, in one store: to make a file takes longer


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("shared") / "log.db") as store:
        yield store


@st.composite
def tensors(draw, rows: int | None) -> np.ndarray:
    shape = draw(shapes) if rows is None else (rows, *draw(st.lists(st.integers(1, 2), max_size=2)))
    kind = draw(kinds)
    count = int(np.prod(shape))
    if kind == "object":
        flat = np.empty(count, dtype=object)
        flat[:] = draw(st.lists(st.text(max_size=3), min_size=count, max_size=count))
        return flat.reshape(shape)
    raw = draw(st.binary(min_size=8 * count, max_size=8 * count))
    return (
        np.frombuffer(raw, np.uint8)[:count] % 2 == 0 if kind == "|b1" else np.frombuffer(raw, kind)[:count]
    ).reshape(shape)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_arrays_come_they_come_back(shared, data):
    rows = data.draw(st.one_of(st.none(), st.integers(1, 3)))
    arrays = {name: data.draw(tensors(rows)) for name in "abc"}
    name = next(MODELS)
    sent = [Record(name, "1", {"a": arrays["a"], "b": arrays["b"]}, {"c": arrays["c"]}, str(i), i) for i in range(2)]
    firsts = {array.shape[:1] for array in arrays.values()}
    by_row = len(firsts) == 1 and firsts != {()}
    shared.log(sent)
    served = shared.predictions(name)
    for name, array in arrays.items():
        want = np.concatenate([array if by_row else array[None]] * 2)
        got = {**served.inputs, **served.outputs}.get(name)
        if not len(served):
            assert not len(want)
        elif array.dtype == object:
            assert got.tolist() == want.tolist()
        else:
            assert (got.dtype, got.shape, got.tobytes()) == (want.dtype, want.shape, want.tobytes())


# Labels


def test_labels_find_their_predictions(store):
    store.log([record("a", [1], time=1), record("b", [2, 3, 4], time=2), record("c", [5], time=3)])
    kept = store.label("m", ["a", "b"], [10, [20, None, 40]], times=[100, 200])
    assert (kept.labels, kept.unknown) == (3, 0)
    joined = store.joined("m")
    np.testing.assert_array_equal(joined.labels, [10, 20, np.nan, 40, np.nan])
    assert joined.known.tolist() == [True, True, False, True, False]
    assert joined.served.outputs["y"].tolist() == [2, 4, 6, 8, 10]
    arrived = joined.arrived.astype("datetime64[s]")
    assert arrived[joined.known].astype(int).tolist() == [100, 200, 200]
    assert np.isnat(arrived[~joined.known]).all()
    assert (joined.unknown, joined.misfits) == ([], 0)


def test_a_later_correction_wins_whatever_the_order_in_which_they_were_written(store):
    store.log([record("a", [1]), record("b", [1])])
    store.label("m", ["a", "b"], [2, 2], times=20)
    store.label("m", ["a"], [1], times=10)
    store.label("m", ["b"], [3], times=20)  # at the same time: the one that was written last
    assert store.joined("m").labels.tolist() == [2, 3]
    np.testing.assert_array_equal(store.joined("m", as_of=15).labels, [1, np.nan])


def test_nothing_of_later_is_seen(store):
    store.log([record("a", [1], time=10), record("b", [2], time=30)])
    store.label("m", ["a", "x"], [7, 7], times=[20, 25])
    at = {when: store.joined("m", as_of=when) for when in (9, 10, 20, 25, 30)}
    assert [at[when].served.ids.tolist() for when in at] == [[], ["a"], ["a"], ["a"], ["a", "b"]]
    assert [at[when].known.tolist() for when in at] == [[], [False], [True], [True], [True, False]]
    assert [at[when].unknown for when in at] == [[], [], [], ["x"], ["x"]]


def test_a_label_may_come_before_its_prediction(store):
    assert store.label("m", ["a"], [5], times=1).unknown == 1
    assert store.joined("m").unknown == ["a"]
    store.log([record("a", [1], time=2)])
    joined = store.joined("m")
    assert (joined.labels.tolist(), joined.unknown) == ([5], [])


def test_a_label_that_came_before_and_does_not_fit_is_counted(store):
    store.label("m", ["a"], [[1, 2]])
    store.log([record("a", [1, 2, 3])])
    joined = store.joined("m")
    assert (joined.known.any(), joined.misfits, joined.unknown) == (False, 2, [])


def test_an_id_that_came_twice_has_its_label_twice(store):
    store.log([record("a", [1], time=1), record("a", [1], time=2)])
    store.label("m", ["a"], [4])
    assert store.joined("m").labels.tolist() == [4, 4]


def test_labels_are_of_one_model_and_may_be_read_by_version(store):
    store.log([record("a", [1]), record("a", [1], model="n"), record("b", [1], version="2")])
    store.label("m", ["a", "b"], [1, 2])
    assert not store.joined("n").known.any()
    assert store.joined("n").unknown == []
    assert store.joined("m", "2").labels.tolist() == [2]
    assert store.joined("m", "2").unknown == []


def test_rows_may_be_labelled_one_by_one(store):
    store.log([record("a", [1, 2])])
    store.label("m", ["a", "a"], [20, 10], rows=[1, 0])
    assert store.joined("m").labels.tolist() == [10, 20]


def test_strays_are_counted_from_when_they_arrived(store):
    store.log([record("two", [1, 2])])
    store.label("m", ["x", "y"], [1, 1], times=[10, 20])
    assert [store.joined("m", since=since).unknown for since in (None, 15, 25)] == [["x", "y"], ["y"], []]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(st.fixed_dictionaries({"id": st.text(max_size=3), "value": anything, "time": anything})))
def test_whatever_comes_as_labels_is_kept_or_refused(shared, entries):
    try:
        labels = protocol.decode_labels(json.dumps({"labels": entries}).encode())
        times = [0 if time is None else time for time in labels.times]
        kept = shared.label("anything", labels.ids, labels.values, times)
    except (ProtocolError, ValueError):
        return
    assert len(shared.joined("anything").unknown) >= (kept.labels > 0)


@pytest.mark.parametrize(
    ("values", "rows", "says"),
    [
        ([1], None, "The prediction 'two' has 2 rows, and 1 values came for it."),
        ([[1, 2, 3]], None, "The prediction 'two' has 2 rows, and 3 values came for it."),
        ([1], [2], "The prediction 'two' has 2 rows, and a label came for row 2, counted from 0."),
    ],
)
def test_labels_that_do_not_fit_are_refused_and_none_is_kept(store, values, rows, says):
    store.log([record("one", [1]), record("two", [1, 2])])
    both = rows and [0, *rows]
    with pytest.raises(WrongRows) as wrong:
        store.label("m", ["one", "two"], [5, *values], rows=both)
    assert (str(wrong.value), wrong.value.id) == (says, "two")
    assert not store.joined("m").known.any()
    store.label("m", ["one"], [6])  # and the store goes on
    assert store.joined("m").known.sum() == 1


@pytest.mark.parametrize("value", [None, "1", np.nan, np.inf, 10**400, {}, [["1"]], ["x"], 1j])
def test_what_is_no_number_is_refused(store, value):
    with pytest.raises(ValueError, match=r"finite number"):
        store.label("m", ["a", "b"], [1, value])
    assert store.joined("m").unknown == []


def test_other_mistakes_are_refused(store):
    with pytest.raises(ValueError, match="2 ids and 1 values"):
        store.label("m", ["a", "b"], [1])
    with pytest.raises(ValueError, match="3 times for 1"):
        store.label("m", ["a"], [1], times=[1, 2, 3])
    for row_number in (-1, 1.5, True, "0"):
        with pytest.raises(ValueError, match="counted from 0"):
            store.label("m", ["a"], [1], rows=[row_number])


@settings(max_examples=60, deadline=None)
@given(
    requests=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 3)), max_size=6),
    labels=st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.integers(0, 9), st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=3)
        ),
        max_size=8,
    ),
    first=st.booleans(),
    as_of=st.one_of(st.none(), st.integers(0, 9)),
)
def test_joined_is_what_a_plain_loop_finds(shared, requests, labels, first, as_of):
    """An oracle: labels one after the other, in the order in which they arrived, over predictions in a dictionary."""
    model = next(MODELS)
    records = [record(i, list(range(n)), time=t, model=model) for i, t, n in requests]
    if not first:
        shared.log(records)
    accepted = []
    for i, t, values in labels:
        try:
            shared.label(model, [i], [values], times=t)
            accepted.append((i, t, values))
        except WrongRows:
            assert first is False
            assert all(n != len(values) for j, _, n in requests if j == i)
    if first:
        shared.log(records)
    joined = shared.joined(model, as_of=as_of)
    end = 99 if as_of is None else as_of
    want = []
    for i, _, n in sorted((r for r in requests if r[1] <= end), key=lambda r: r[1]):
        values = [np.nan] * n
        for j, _, given_values in sorted((x for x in accepted if x[1] <= end), key=lambda x: x[1]):
            if j == i and len(given_values) == n:
                values = [old if new is None else new for old, new in zip(values, given_values, strict=True)]
        want += values
    np.testing.assert_array_equal(joined.labels, want)
    have = {i for i, _, _ in requests}
    assert set(joined.unknown) == {
        i for i, t, v in accepted if t <= end and i not in have and any(x is not None for x in v)
    }


# Times


@pytest.mark.parametrize(
    "value",
    [
        86400,
        86400.0,
        np.float32(86400),
        "1970-01-02",
        "1970-01-02T00:00:00",
        "1970-01-02T00:00:00Z",
        "1970-01-02T02:00:00+02:00",
        date(1970, 1, 2),
        datetime(1970, 1, 2),
        datetime(1970, 1, 2, tzinfo=UTC),
        datetime(1970, 1, 2, 2, tzinfo=timezone(timedelta(hours=2))),
        np.datetime64("1970-01-02"),
        np.datetime64("1970-01-02T00:00:00", "ns"),
    ],
)
def test_a_time_may_be_told_in_many_ways(value):
    assert moment(value) == 86400 * 10**6


@pytest.mark.parametrize("value", ["soon", "", float("nan"), float("inf"), 1e300, np.datetime64("NaT"), True, [], {}])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(ValueError, match="is no time"):
        moment(value)


# The file


def test_what_is_closed_and_opened_again_is_all_there(tmp_path):
    for i in range(3):
        with Store(tmp_path / "log.db") as store:
            store.log([record(f"p{i}", [i])])
            store.label("m", [f"p{i}"], [i])
            assert len(store.joined("m").served) == store.joined("m").known.sum() == i + 1


def test_a_file_that_is_no_store_is_left_as_it_is(tmp_path):
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("not a database, and longer than the head of one would be" * 20)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = text.read_bytes(), other.read_bytes()
    for path, says in ((text, "not a database"), (other, "of another program")):
        with pytest.raises(StoreError, match=says) as wrong:
            Store(path)
        assert str(path) in str(wrong.value)
    assert (text.read_bytes(), other.read_bytes()) == before
    with pytest.raises(StoreError, match="Cannot use"):
        Store(tmp_path / "none" / "log.db")


def test_a_store_of_a_later_version_is_refused(tmp_path):
    Store(tmp_path / "log.db").close()
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="another version"):
        Store(tmp_path / "log.db")


def test_others_read_while_somebody_writes(store):
    store.log([record("a", [1])])
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM requests")
    assert store.predictions("m").ids.tolist() == ["a"]  # nobody waits, and the transaction is not over
    other.execute("COMMIT")
    other.close()
    assert len(store.predictions("m")) == 0


def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(store):
    too_long = record("b", [1], version="3")
    too_long.time = 2**70
    with pytest.raises(OverflowError):
        store.log([record("a", [1], version="2"), too_long])
    assert store.models() == {}
    store.log([record("a", [1], version="2"), record("b", [1], version="3")])
    assert store.models() == {"m": {"2": 1, "3": 1}}


def test_many_threads_write_at_once(store):
    def work(name: str) -> None:
        for i in range(20):
            store.log([record(f"{name}{i}", [i], version=name)])
            store.label("m", [f"{name}{i}"], [i])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    joined = store.joined("m")
    assert (len(joined.served), joined.known.all()) == (80, True)


# Through the server


def test_the_server_keeps_what_it_answers_under_the_id_that_it_gives_back(folder, store):
    with running(folder, store=store, clock=lambda: 1000.5) as url:
        mine = ask(url, INFER, row(1, 2, id="mine"))
        theirs = [ask(url, INFER, row(3, **more)) for more in ({}, {"id": ""}, {"outputs": [{"name": "total"}]})]
        ask(url, "/v2/models/times/versions/1/infer", row(1, id="old"))
    assert mine.json["id"] == "mine"
    made = [reply.json["id"] for reply in theirs]
    assert len(set(made)) == 3
    assert all(made)
    served = store.predictions("times", "2")
    assert served.ids.tolist() == ["mine", "mine", *made]
    assert (served.times == np.datetime64("1970-01-01T00:16:40.5")).all()
    np.testing.assert_array_equal(served.inputs["x"][:, 0], [1, 2, 3, 3, 3])
    np.testing.assert_array_equal(served.outputs["total"], [9, 18, 27, 27, 27])
    np.testing.assert_array_equal(served.outputs["y"][:, 0], [3, 6, 9, 9, np.nan])
    assert store.models() == {"times": {"1": 1, "2": 4}}


def test_what_is_not_answered_is_not_kept(folder, store):
    with running(folder, store=store) as url:
        assert ask(url, INFER, b"{").status == 400
        assert ask(url, INFER, {"inputs": [tensor("x", "FP64", [[1, 2, 3]])]}).status == 400
        assert ask(url, "/v2/models/look_up/infer", {"inputs": [tensor("place", "INT64", [99])]}).status == 400
    assert store.models() == {}


def test_raw_tensors_and_text_are_kept_as_well(folder, store):
    with running(folder, store=store) as url:
        for datatype in DATATYPES:
            kind = DATATYPES[datatype].kind
            value = {"b": True, "O": "é"}.get(kind, 1)
            got = ask(
                url,
                f"/v2/models/echo_{datatype}/infer",
                {
                    "inputs": [tensor("x", datatype, [[value, value]])],
                    "parameters": {"binary_data_output": True},
                },
            )
            assert got.status == 200
    for datatype in DATATYPES:
        served = store.predictions(f"echo_{datatype}")
        assert served.inputs["x"].dtype == served.outputs["y"].dtype == DATATYPES[datatype]
        np.testing.assert_array_equal(served.inputs["x"], served.outputs["y"])


def test_labels_by_the_endpoint(folder, store):
    clock = iter(itertools.count(1000, 1000))
    with running(folder, store=store, clock=lambda: next(clock)) as url:
        assert "labels" in ask(url, "/v2").json["extensions"]
        ask(url, INFER, row(1, id="a"))  # at 1000
        ask(url, INFER, row(1, 2, id="b"))  # at 2000
        sent = [{"id": "a", "value": 5}, {"id": "b", "value": [1, None]}, {"id": "?", "value": True, "time": 1}]
        got = ask(url, LABELS, {"labels": sent})  # at 3000
        assert (got.status, got.json) == (200, {"kept": 3, "unknown": 1})
        late = {"id": "b", "value": [None, 2], "time": "1970-01-01T02:00:00Z"}
        assert ask(url, LABELS, {"labels": [late]}).json == {"kept": 1, "unknown": 0}
    joined = store.joined("times")
    assert joined.labels.tolist() == [5, 1, 2]
    assert joined.arrived.astype("datetime64[s]").astype(int).tolist() == [3000, 3000, 7200]
    assert joined.unknown == ["?"]


BAD_LABELS = [
    (b"{", "malformed", "not valid JSON"),
    ({}, "malformed", 'no "labels"'),
    ({"labels": []}, "malformed", 'no "labels"'),
    ({"labels": [1]}, "malformed", "list of objects"),
    ({"labels": [{"value": 1}]}, "malformed", '"id" of a label must be a text'),
    ({"labels": [{"id": 1, "value": 1}]}, "malformed", "must be a text"),
    ({"labels": [{"id": "a"}]}, "malformed", 'no "value"'),
    ({"labels": [{"id": "a", "value": None}]}, "wrong_value", "finite number"),
    ({"labels": [{"id": "a", "value": "1"}]}, "wrong_value", "finite number"),
    ({"labels": [{"id": "a", "value": {}}]}, "wrong_value", "finite number"),
    ({"labels": [{"id": "a", "value": [[1]]}]}, "wrong_value", "finite number"),
    ({"labels": [{"id": "a", "value": 1, "time": "soon"}]}, "wrong_value", "is no time"),
    ({"labels": [{"id": "a", "value": 1, "time": [1]}]}, "wrong_value", "is no time"),
    ({"labels": [{"id": "a", "value": [1, 2]}]}, "wrong_size", "has 1 row, and 2 values"),
]


def test_bad_labels_get_their_status_and_a_sentence_and_nothing_is_kept(folder, store):
    with running(folder, store=store) as url:
        ask(url, INFER, row(1, id="a"))
        for body, kind, says in BAD_LABELS:
            if isinstance(body, dict) and body.get("labels"):
                body = {"labels": [{"id": "a", "value": 1}, *body["labels"]]}
            got = ask(url, LABELS, body)
            assert (got.status, says in got.error) == (ERRORS[kind].status, True), (body, got.body)
        assert ask(url, LABELS).status == 405
        assert ask(url, "/v2/models/none/labels", {"labels": [{"id": "a", "value": 1}]}).status == 404
    assert not store.joined("times").known.any()


def test_labels_of_a_model_that_is_served_no_longer_are_kept(folder, store):
    store.log([record("a", [1], model="gone")])
    with running(folder, store=store) as url:
        assert ask(url, "/v2/repository/models/times/unload", b"").status == 200
        for name in ("gone", "times"):
            got = ask(url, f"/v2/models/{name}/labels", {"labels": [{"id": "a", "value": 1}]})
            assert got.status == 200
    assert store.joined("gone").labels.tolist() == [1]


def test_a_server_without_a_log_knows_nothing_of_it(folder):
    application = Server(Repository(folder))
    with running(application) as url:
        assert ask(url, "/v2").json == server_metadata()
        assert "labels" not in server_metadata()["extensions"]
        assert "id" not in ask(url, INFER, row(1)).json
        assert ask(url, LABELS, {"labels": [{"id": "a", "value": 1}]}).status == 404
        assert {type(endpoint) for endpoint in application._endpoints.values()} == {Endpoint}


def test_no_answer_goes_out_before_it_is_written_and_many_are_written_together(folder, store, monkeypatch):
    gate, writing, groups = threading.Event(), threading.Event(), []
    write = store.log

    def slow(records: list[Record]) -> None:
        groups.append(len(records))
        writing.set()
        assert gate.wait(10)
        write(records)

    monkeypatch.setattr(store, "log", slow)
    got = []
    application = Server(Repository(folder), store=store)
    with running(application) as url:
        threads = [threading.Thread(target=lambda: got.append(ask(url, INFER, row(1)))) for _ in range(20)]
        for thread in threads:
            thread.start()
        assert writing.wait(10)
        while len(application.journal._waiting) + sum(groups) < 20:  # until all have been predicted
            assert ask(url, "/v2/health/live").status == 200  # and the server is not held up
        assert got == []
        assert store.models() == {}
        gate.set()
        for thread in threads:
            thread.join()
    assert [reply.status for reply in got] == [200] * 20
    assert (sum(groups), len(groups)) == (20, 2)
    assert len(store.predictions("times")) == 20


def test_what_cannot_be_written_is_not_answered(folder, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(store_module, "PATIENCE", 0.05)
    path = tmp_path / "log.db"
    with Store(path) as store, running(folder, store=store) as url:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = ask(url, INFER, row(1, id="a")), ask(url, LABELS, {"labels": [{"id": "a", "value": 1}]})
        for reply in refused:
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
            assert reply.error == "The server's log cannot be written just now. Try again later."
            assert str(tmp_path) not in reply.error
        assert ask(url, "/v2/health/ready").status == 200
        other.execute("ROLLBACK")
        other.close()
        assert ask(url, INFER, row(1, id="b")).status == 200
        assert store.predictions("times").ids.tolist() == ["b"]
    assert "database is locked" in caplog.text


def test_one_record_that_cannot_be_written_does_not_keep_its_neighbours(folder, store, monkeypatch):
    real = store_module.pack

    def picky(one: Record):
        if one.id == "bad":
            raise StoreError("This one cannot be kept.")
        return real(one)

    monkeypatch.setattr(store_module, "pack", picky)
    gate, writing, got = threading.Event(), threading.Event(), {}
    write = store.log
    monkeypatch.setattr(store, "log", lambda records: (writing.set(), gate.wait(10), write(records)))
    application = Server(Repository(folder), store=store)
    with running(application) as url:
        names = ["first", "bad", "good", "fine"]
        threads = [
            threading.Thread(target=lambda name=name: got.update({name: ask(url, INFER, row(1, id=name)).status}))
            for name in names
        ]
        threads[0].start()
        assert writing.wait(10)
        for thread in threads[1:]:
            thread.start()
        while len(application.journal._waiting) < 3:
            assert ask(url, "/v2/health/live").status == 200
        gate.set()
        for thread in threads:
            thread.join()
    assert got == {"first": 200, "bad": 503, "good": 200, "fine": 200}
    assert sorted(store.predictions("times").ids) == ["fine", "first", "good"]


def test_a_server_with_a_log_may_be_run_again(folder, tmp_path):
    application = Server(Repository(folder), store=tmp_path / "log.db")  # a path will do
    for i in range(2):
        with running(application) as url:
            assert ask(url, INFER, row(1, id=str(i))).status == 200
    with Store(tmp_path / "log.db") as store:
        assert store.predictions("times").ids.tolist() == ["0", "1"]


# The process dies


def test_killed_between_prediction_and_label_nothing_that_was_answered_is_lost(tmp_path):
    """SIGKILL in the middle of traffic; everything that a client got an answer to is there, and takes its label."""
    models, log = tmp_path / "models", tmp_path / "log.db"
    onnx_models.put(models, "times", 1, onnx_models.times(2))
    answered: dict[str, float] = {}
    enough = threading.Event()

    def client(name: int, url: str) -> None:
        try:
            for i in itertools.count():
                value = 1000.0 * name + i
                reply = ask(url, INFER, row(value, id=f"{name}/{i}"))
                assert reply.status == 200
                answered[reply.json["id"]] = reply.json["outputs"][1]["data"][0]
                if len(answered) > 200:
                    enough.set()
        except (OSError, AssertionError, ValueError, KeyError):  # the server died while it answered
            enough.set()

    with serving(models, "--log", log) as (process, url, _):
        clients = [threading.Thread(target=client, args=(name, url)) for name in range(8)]
        for one in clients:
            one.start()
        assert enough.wait(60)
        process.kill()  # SIGKILL: no handler runs, nothing is closed
        process.wait()
        for one in clients:
            one.join()
    assert len(answered) > 200

    with Store(log) as store:
        served = store.predictions("times")
        kept = dict(zip(served.ids.tolist(), served.outputs["total"].tolist(), strict=True))
        assert {one: kept.get(one) for one in answered} == answered
        assert len(kept) == len(served)  # nothing twice
        for one, x in zip(served.ids, served.inputs["x"], strict=True):  # and nothing mixed up
            name, i = map(int, one.split("/"))
            assert x.tolist() == [1000 * name + i] * 3

    with serving(models, "--log", log) as (_, url, _):  # it starts again, and the labels come
        labels = [{"id": one, "value": total} for one, total in answered.items()]
        assert ask(url, LABELS, {"labels": labels}).json == {"kept": len(answered), "unknown": 0}
    with Store(log) as store:
        joined = store.joined("times")
        assert joined.known.sum() == len(answered)
        np.testing.assert_array_equal(joined.labels[joined.known], joined.served.outputs["total"][joined.known])


WRITER = """
import sys
from modelserving.store import Store
store = Store(sys.argv[1])
i = 0
while True:
    store.label("m", [str(i)], [[i] * 50])
    print(i, flush=True)
    i += 1
"""


def test_a_writer_that_is_killed_leaves_whole_transactions(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "log.db"], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(30)]
    process.kill()
    process.wait()
    process.stdout.close()
    with sqlite3.connect(tmp_path / "log.db") as connection:
        counts = dict(connection.execute("SELECT id, count(*) FROM labels GROUP BY id").fetchall())
    connection.close()
    assert {str(i) for i in told} <= counts.keys()
    assert set(counts.values()) == {50}


def test_a_monitor_in_another_process_reads_while_the_server_writes(tmp_path):
    models, log = tmp_path / "models", tmp_path / "log.db"
    onnx_models.put(models, "times", 1, onnx_models.times(2))
    code = "import sys, json; from modelserving.store import Store; print(json.dumps(Store(sys.argv[1]).models()))"
    with serving(models, "--log", log) as (_, url, _):
        for i in range(3):
            assert ask(url, INFER, row(i)).status == 200
            said = subprocess.run([sys.executable, "-c", code, log], capture_output=True, text=True, check=True).stdout
            assert json.loads(said) == {"times": {"1": i + 1}}
