"""MLPerf LoadGen on a callable and on a server: what it asks, what it says, and what this makes of it."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from test_load import quick, seen, stub  # noqa: F401  (quick is a fixture)

from modelserving import loadgen

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)
library = pytest.mark.skipif(
    not pytest.importorskip("importlib.util").find_spec("mlperf_loadgen"), reason="no LoadGen for this system"
)


def nap(rows: np.ndarray) -> np.ndarray:
    time.sleep(0.002)
    return rows.sum(axis=1)


# --- its summary


SUMMARY = """
================================================
MLPerf Results Summary
================================================
SUT name : PySUT
Scenario : Server
Mode     : PerformanceOnly
Completed samples per second    : 294.96
Result is : INVALID
  Performance constraints satisfied : Yes
  Min duration satisfied : Yes
  Min queries satisfied : NO
  Early stopping satisfied: NO

================================================
Additional Stats
================================================
Scheduled samples per second : 295.21
50.00 percentile latency (ns)   : 1265406
90.00 percentile latency (ns)   : 2389626
99.00 percentile latency (ns)   : 6758801
99.90 percentile latency (ns)   : 7769075
"""


def test_the_summary_is_read():
    found = loadgen.parse(SUMMARY, 445, percentile=99.0, bound=0.01)
    assert (found.scenario, found.valid, found.rate, found.queries) == ("Server", False, 294.96, 445)
    assert found.percentiles == {50.0: 0.001265406, 90.0: 0.002389626, 99.0: 0.006758801, 99.9: 0.007769075}
    assert [reason.split(":")[0] for reason in found.reasons] == [
        "it had too few queries",
        "too many of the queries were above the bound, or there were too few to be sure",
    ]
    text = str(found)
    assert text.startswith("LoadGen, Server: INVALID. 445 queries, 295.0 samples/s")
    assert "p99 of latency 6.76 ms, to be at most 10 ms" in text
    assert "not an MLPerf result" in text
    assert "p99.9" not in text  # 445 queries do not support it


def test_failures_make_a_run_invalid_though_loadgen_does_not_know_of_them():
    valid = SUMMARY.replace("INVALID", "VALID").replace("NO\n", "Yes\n")
    assert loadgen.parse(valid, 445).valid
    found = loadgen.parse(valid, 445, ["ValueError: no"] * 3)
    assert (found.valid, found.failed) == (False, 3)
    assert found.reasons == ("3 of 445 predictions failed, first by ValueError: no",)


@pytest.mark.parametrize("text", ["", "Samples per second: 3\n", "garbage"])
def test_what_is_no_summary_is_refused(text):
    with pytest.raises(ValueError, match="LoadGen wrote no result"):
        loadgen.parse(text, 0)


# --- runs


@library
def test_single_stream_asks_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    at_once, most, asked = 0, 0, []
    lock = threading.Lock()

    def predict(rows: np.ndarray) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        nap(rows)
        asked.append(rows)
        at_once -= 1

    found = loadgen.single_stream(predict, ROWS)
    assert most == 1
    assert len(asked) >= found.queries >= loadgen.QUERIES
    assert {rows.shape for rows in asked} == {(1, 2)}
    assert {tuple(rows[0]) for rows in asked} == set(map(tuple, ROWS))
    assert found.scenario == "SingleStream"
    assert found.percentile == 90
    assert found.percentiles[50.0] >= 0.001
    assert found.rate <= 1 / 0.001
    assert list(tmp_path.iterdir()) == []  # its files go elsewhere


@library
def test_server_is_valid_below_its_bound_and_invalid_above():
    generous = loadgen.server(nap, ROWS, rate=200, bound=60.0, percentile=90.0, workers=2)
    assert generous.valid
    assert generous.reasons == ()
    strict = loadgen.server(nap, ROWS, rate=200, bound=1e-4, percentile=90.0, workers=2)
    assert not strict.valid
    assert "the percentile of latency is above its bound" in strict.reasons
    assert (strict.bound, strict.percentile) == (1e-4, 90.0)
    assert min(strict.queries, generous.queries) >= 100


@library
def test_offline_gives_batches():
    sizes = []

    def predict(rows: np.ndarray) -> None:
        sizes.append(len(rows))
        nap(rows)

    found = loadgen.offline(predict, ROWS, batch=5, seconds=0.5)
    assert found.scenario == "Offline"
    assert max(sizes) == 5
    assert found.rate <= 5 / 0.001
    assert sum(sizes) >= found.queries


@library
def test_a_list_of_samples_is_given_as_lists():
    kinds = set()

    def predict(samples: list[str]) -> None:
        kinds.add((type(samples), *samples))
        nap(np.zeros((1, 1)))

    loadgen.single_stream(predict, ["a", "b"], seconds=0.3)
    assert kinds == {(list, "a"), (list, "b")}


@library
def test_failures_later_on_are_told():
    calls = 0

    def predict(rows: np.ndarray) -> None:
        nonlocal calls
        nap(rows)
        calls += 1
        if calls > 200:
            raise RuntimeError("it broke")

    found = loadgen.single_stream(predict, ROWS)
    assert not found.valid
    assert found.failed > 0
    assert found.reasons[0].endswith("predictions failed, first by RuntimeError: it broke")


@library
def test_a_prediction_that_fails_at_once_is_raised():
    def predict(rows: np.ndarray) -> None:
        raise ZeroDivisionError("always")

    with pytest.raises(ZeroDivisionError, match="always"):
        loadgen.single_stream(predict, ROWS)


@library
def test_a_server_is_asked_over_http():
    with stub(0.002) as url:
        found = loadgen.single_stream(url, [b"{}", b"[]"], seconds=0.5)
        assert found.failed == 0
        assert found.percentiles[50.0] >= 0.0005
        assert seen(url)["requests"] > found.queries
        assert seen(url)["connections"] <= 2 + 2  # kept; one to try whether it is there, and those that ask what it saw
        served = loadgen.server(url, [b"{}"], rate=200, bound=60.0, percentile=90.0, seconds=0.5)
        assert served.valid


@library
@pytest.mark.parametrize("path", ["/close", "/chunked", "/continue"])
def test_answers_of_any_kind_are_understood(quick, path):  # noqa: F811
    assert loadgen.single_stream(quick + path, [b"{}"], seconds=0.2).failed == 0


@pytest.mark.parametrize(("path", "words"), [("/status/503", "status 503: .*as you wished"), ("/drop", "reset|closed")])
def test_a_server_that_refuses_is_told(quick, path, words):  # noqa: F811
    with pytest.raises(OSError, match=words):
        loadgen.single_stream(quick + path, [b"{}"])


# --- what makes no sense


def test_no_server_no_samples_no_sense():
    with pytest.raises(ConnectionError, match="No server accepts connections"):
        loadgen.single_stream("http://127.0.0.1:9/", [b"{}"])
    with pytest.raises(ValueError, match="no sample"):
        loadgen.offline(nap, [])
    with pytest.raises(ValueError, match="seconds must be above 0"):
        loadgen.single_stream(nap, ROWS, seconds=0)
    with pytest.raises(ValueError, match="rate must be above 0"):
        loadgen.server(nap, ROWS, rate=0, bound=1)
    with pytest.raises(ValueError, match="percentile lies between"):
        loadgen.server(nap, ROWS, rate=1, bound=1, percentile=100)
    with pytest.raises(ValueError, match="batch must be a whole number"):
        loadgen.offline(nap, ROWS, batch=0)


def test_where_there_is_no_loadgen_a_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    with pytest.raises(ModuleNotFoundError, match="no file for this system"):
        loadgen.single_stream(nap, ROWS)


def test_nothing_is_written_beside_the_tests():
    assert list(Path(__file__).parent.glob("mlperf_log*")) == []
