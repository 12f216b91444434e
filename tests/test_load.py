"""The load generator: schedules, results and loops on a virtual clock, and the real client on stub servers.

What is checked of real runs holds on any machine: counts, order, and bounds that a busy machine widens no further.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx_models
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving import cli, load, load_client, load_command, server, virtual
from modelserving.load import Conditions, Result, closed_loop, constant, open_loop, poisson

STARTED: dict[str, subprocess.Popen] = {}
STUB = Path(__file__).parents[1] / "benchmarks" / "stub_server.py"
times = st.floats(1e-6, 1e3, allow_nan=False)


# --- schedules


@given(rate=st.floats(0.1, 5000), seconds=st.floats(0.1, 3))
@settings(deadline=None, max_examples=50)
def test_constant_arrivals_are_evenly_spread(rate, seconds):
    moments = constant(rate, seconds)
    assert len(moments) == pytest.approx(rate * seconds, abs=1 + 1e-6)
    assert ((moments >= 0) & (moments <= seconds)).all()
    assert np.allclose(np.diff(moments), 1 / rate)


def test_constant_arrivals_are_as_many_as_asked_for_in_spite_of_rounding():
    assert [len(constant(rate, 0.1)) for rate in (10, 30, 70, 290, 1000)] == [1, 3, 7, 29, 100]


@given(rate=st.floats(0.1, 5000), seconds=st.floats(0.1, 3), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=50)
def test_poisson_arrivals_are_ordered_and_repeatable(rate, seconds, seed):
    moments = poisson(rate, seconds, seed)
    assert (np.diff(moments) >= 0).all()
    assert ((moments >= 0) & (moments < seconds)).all()
    assert np.array_equal(moments, poisson(rate, seconds, seed))
    assert abs(len(moments) - rate * seconds) <= 6 * (rate * seconds) ** 0.5 + 6


def test_poisson_gaps_are_exponential_and_counts_as_spread_as_they_are_large():
    moments = poisson(1000, 100, seed=3)
    gaps = np.diff(moments)
    assert gaps.mean() == pytest.approx(1e-3, rel=0.02)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.02)
    assert (gaps > 2e-3).mean() == pytest.approx(np.exp(-2), rel=0.05)
    counts = np.histogram(moments, bins=1000, range=(0, 100))[0]
    assert counts.var() == pytest.approx(counts.mean(), rel=0.2)


@pytest.mark.parametrize("schedule", [constant, poisson])
@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1), (float("inf"), 1)])
def test_rates_and_times_that_make_no_sense_are_refused(schedule, rate, seconds):
    with pytest.raises(ValueError, match="must be above 0"):
        schedule(rate, seconds)


# --- percentiles


@given(st.lists(times, min_size=20, max_size=3000), st.floats(0.1, 99.9))
@settings(deadline=None)
def test_a_percentile_is_the_nearest_rank(values, q):
    beyond = len(values) * (100 - q) / 100
    if beyond < 10:
        with pytest.raises(load.TooFewSamples):
            load.percentile(values, q)
        return
    found = load.percentile(values, q)
    assert found in values
    rank = q / 100 * len(values)
    assert sum(value < found for value in values) < rank
    assert sum(value <= found for value in values) >= rank - 1e-6
    if abs(rank - round(rank)) > 1e-6:  # where rounding does not decide
        assert found == np.percentile(values, q, method="inverted_cdf")


@pytest.mark.parametrize(("q", "needed"), [(50, 20), (90, 100), (99, 1000), (99.9, 10_000), (99.99, 100_000)])
def test_a_percentile_needs_ten_samples_beyond_it(q, needed):
    values = np.arange(needed, dtype=float)
    assert load.percentile(values, q) == pytest.approx(q / 100 * needed - 1, abs=1e-6)
    with pytest.raises(load.TooFewSamples, match=f"p{q:g} needs {needed:,} samples.*there are {needed - 1:,}"):
        load.percentile(values[1:], q)


@pytest.mark.parametrize("q", [0, 100, -1, 101, float("nan")])
def test_what_is_no_percentile_is_refused(q):
    with pytest.raises(ValueError, match="between 0 and 100"):
        load.percentile(np.arange(1e4), q)


# --- results


def result(latency, outcome="ok", *, intended=None, late=0.0, queued=0.0, cpu=None, **conditions) -> Result:
    """A result made by hand: requests 10 ms apart, unless ``intended`` says otherwise."""
    n = len(latency)
    intended = np.arange(n) / 100 if intended is None else np.asarray(intended, float)
    started = intended + np.broadcast_to(late, n)
    given = {"arrivals": "constant", "seconds": max(n, 1) / 100, "rate": 100.0, "timeout": 1.0} | conditions
    outcomes = np.broadcast_to(outcome, n)
    return Result(Conditions(**given), intended, started + queued, intended + latency, outcomes, started, cpu)


def test_failures_are_counted_by_reason_and_are_neither_latency_nor_throughput():
    outcome = ["ok"] * 60 + ["503"] * 20 + ["timeout"] * 15 + ["connection"] * 5
    latency = np.where(np.array(outcome) == "ok", 0.001, 1e-6)  # failing is fast
    found = result(latency, outcome)
    assert found.failures == {"503": 20, "timeout": 15, "connection": 5}
    assert (found.timeouts, found.failed) == (15, 0.4)
    assert len(found.latency) == 60
    assert found.latency.min() == pytest.approx(0.001)
    assert found.throughput == pytest.approx(60)
    assert found.goodput(0.0005) == 0
    assert found.failures["no such reason"] == 0


def test_the_warm_up_is_left_out():
    found = result(np.where(np.arange(200) < 100, 1.0, 0.001), warm_up=1.0)
    assert (found.measured.sum(), found.window) == (100, 1.0)
    assert found.latency.max() < 0.002
    assert "100 requests measured" in str(found)
    assert "100 of the first 1 s left out" in str(found)


def test_throughput_counts_what_ends_in_time():
    """A server that answers 100 requests/s of 200 that come: the backlog that it answers later is no throughput."""
    n = 400
    intended = np.arange(n) / 200
    done = np.arange(1, n + 1) / 100
    found = result(done - intended, intended=intended, seconds=2.0, rate=200.0, timeout=9.0)
    assert found.answered.sum() == 400
    assert found.throughput == pytest.approx(100, rel=0.02)


@given(st.lists(st.tuples(times, st.sampled_from(["ok", "ok", "500", "timeout"])), min_size=1, max_size=300), times)
@settings(deadline=None)
def test_goodput_is_never_more_than_throughput_and_both_are_successes(requests, deadline):
    latency, outcome = zip(*requests, strict=True)
    found = result(np.array(latency), outcome, warm_up=0.005)
    assert 0 <= found.goodput(deadline) <= found.goodput(deadline * 2) <= found.throughput
    assert found.throughput * found.window <= outcome.count("ok") + 1e-6
    assert found.answered.sum() + found.failures.total() == found.measured.sum()
    assert (found.service <= found.latency + 1e-12).all()


def test_the_histogram_holds_the_latencies():
    pytest.importorskip("hdrh")
    latency = np.random.default_rng(0).lognormal(-6, 1, 5000)
    found = result(latency)
    histogram = found.histogram()
    assert histogram.get_total_count() == 5000
    for q in (50, 90, 99):
        assert histogram.get_value_at_percentile(q) / 1e9 == pytest.approx(found.percentile(q), rel=2e-3)
    assert result([]).histogram().get_total_count() == 0
    assert result([0.0]).histogram().get_max_value() <= 1


def test_where_there_is_no_histogram_a_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "hdrh.histogram", None)
    found = result(np.full(20, 0.25))
    with pytest.raises(ModuleNotFoundError, match="C compiler"):
        found.histogram()
    assert found.percentile(50) == pytest.approx(0.25)


def test_entries_have_one_length():
    with pytest.raises(ValueError, match="an entry for each request"):
        Result(Conditions("constant", 1.0, 2.0), [0.0, 0.5], [0.0, 0.5], [0.1], ["ok", "ok"])


def test_a_client_that_was_late_voids_the_run():
    latency = np.full(2000, 0.020)
    assert result(latency, late=1e-4).client_bound is None
    assert "sent 5 ms late" in result(latency, late=0.005).client_bound
    assert str(result(latency, late=0.005)).startswith("VOID. 1 request in 2 ")
    rarely = np.where(np.arange(2000) % 40 == 0, 0.015, 0.0)
    assert result(latency, late=rarely).client_bound.startswith("1 request in 100 ")
    assert result(latency[:500], late=rarely[:500]).client_bound is None  # that few support no p99
    assert result(latency + 1, late=0.005).client_bound is None  # nothing beside such a latency
    assert result(np.full(2000, 2e-4), late=1e-4).client_bound is None  # under a millisecond
    assert result(latency, "503", late=0.015).client_bound
    assert result([]).client_bound is None


def test_a_wait_for_a_connection_is_no_fault_of_the_client():
    found = result(np.full(2000, 0.5), queued=0.4)
    assert found.client_bound is None
    assert found.service == pytest.approx(0.1)
    assert "2,000 requests waited more than" in str(dataclass_with(found, connections=7))
    assert "at most 7 at once" in str(dataclass_with(found, connections=7))


def dataclass_with(found: Result, **changes) -> Result:
    conditions = Conditions(**{**vars(found.conditions), **changes})
    return Result(conditions, found.intended, found.sent, found.done, found.outcome, found.started)


def test_a_full_core_voids_a_closed_loop():
    closed = {"arrivals": "closed", "rate": None, "clients": 4}
    assert "95% of a core" in result(np.full(100, 0.001), cpu=0.9505, **closed).client_bound
    assert result(np.full(100, 0.001), cpu=0.5, **closed).client_bound is None
    assert result(np.full(100, 0.001), **closed).client_bound is None


def test_the_report_tells_all_and_no_more_than_samples_support():
    outcome = np.where(np.arange(1500) % 5 == 0, "503", "ok")
    text = str(result(np.full(1500, 0.002), outcome, target="http://here/", when="2026-01-02T03:04:05+00:00", seed=7))
    for part in (
        "from 2026-01-02 03:04:05 to 03:04:20",
        "1,500 requests measured, 1,200 answered, 300 failed (20.00%)",
        "300 by status 503",
        "throughput    80.0 successes/s",
        "p50 2 ms, p90 2 ms, p99 2 ms, max 2 ms; too few for p99.9",
        "to http://here/",
        "intended moment",
    ):
        assert part in text
    assert "VOID" not in text
    assert repr(result(np.full(30, 0.002))) == str(result(np.full(30, 0.002)))
    assert "mean" not in text
    assert "none: there was no such request" in str(result([]))
    assert "flatter" in str(result([0.1], arrivals="closed", rate=None, clients=1))


def test_figures_as_plain_data():
    found = json.loads(json.dumps(result(np.full(200, 0.002)).to_dict()))
    assert found["latency_s"] == {
        "p50": pytest.approx(0.002),
        "p90": pytest.approx(0.002),
        "p99": None,
        "p99.9": None,
    } | {"max": pytest.approx(0.002)}
    assert (found["answered"], found["void"], found["conditions"]["rate"]) == (200, None, 100.0)
    assert json.loads(json.dumps(result([]).to_dict()))["failed"] is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 µs"), (1.7e-18, "0 µs"), (1.5e-6, "1.5 µs"), (0.00123456, "1.23 ms"), (0.9999, "1 s"), (1234.6, "1,235 s")],
)
def test_times_in_words(seconds, words):
    assert load.in_words(seconds) == words


# --- loops, on a virtual clock


def frozen(start: float, end: float, service: float = 0.001):
    """A server that takes ``service`` s for any number of requests, and stands still between ``start`` and ``end``."""

    async def send() -> int:
        now = asyncio.get_running_loop().time()
        if start <= now < end:
            await asyncio.sleep(end - now)
        await asyncio.sleep(service)
        return 200

    return send


def test_an_open_loop_sees_a_freeze_that_a_closed_loop_misses():
    """100 requests/s for 100 s, and a freeze of 10 s: of all that users ask, a tenth meets it."""
    opened = virtual.run(open_loop(frozen(50, 60), constant(100, 100), timeout=20))
    assert len(opened.latency) == 10_000
    assert opened.percentile(99) == pytest.approx(9.0, abs=0.02)
    assert opened.percentile(50) == pytest.approx(0.001)
    assert opened.lateness.max() < 1e-9
    closed = virtual.run(closed_loop(frozen(50, 60), 1, 100, timeout=20, think_time=0.009))
    assert closed.percentile(99) == pytest.approx(0.001)
    assert closed.latency.max() == pytest.approx(10, abs=0.1)
    assert closed.conditions.clients == 1


@given(
    rate=st.integers(5, 100),
    start=st.floats(0, 10),
    length=st.floats(0, 10),
    service=st.floats(1e-4, 0.5),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=40)
def test_every_latency_is_exactly_what_a_user_waited(rate, start, length, service, seed):
    schedule = poisson(rate, 15, seed)
    if not len(schedule):
        return
    found = virtual.run(open_loop(frozen(start, start + length, service), schedule, timeout=100, seconds=15))
    waited = np.where((schedule >= start) & (schedule < start + length), start + length - schedule, 0)
    assert np.array_equal(found.intended, schedule)
    assert np.allclose(found.done - found.intended, waited + service, atol=1e-6)


def test_a_limit_on_what_is_under_way_counts_as_latency():
    """Two at once, 0.1 s each, so 20 requests/s, of which 40 come: the n-th waits for those before it."""

    async def send() -> None:
        await asyncio.sleep(0.1)

    found = virtual.run(open_loop(send, constant(40, 2), timeout=100, connections=2))
    n = np.arange(80)
    assert np.allclose(found.done, 0.1 * (n // 2 + 1) + 0.025 * (n % 2 > 0), atol=0.03)
    assert found.latency[-1] == pytest.approx(2.1, abs=0.1)
    assert found.service == pytest.approx(0.1)
    assert found.queued.max() == pytest.approx(2.0, abs=0.1)
    assert found.throughput == pytest.approx(20, rel=0.1)
    assert found.client_bound is None


def test_a_timeout_counts_from_the_intended_moment_and_cancels():
    cancelled = []

    async def send() -> None:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cancelled.append(asyncio.get_running_loop().time())
            raise

    found = virtual.run(open_loop(send, [0.0, 1.0, 2.0], timeout=0.5, connections=1))
    assert found.failures == {"timeout": 3}
    assert cancelled == pytest.approx([0.5, 1.5, 2.5])
    assert found.done == pytest.approx([0.5, 1.5, 2.5])
    assert len(found.latency) == 0
    waiting = virtual.run(open_loop(send, [0.0, 0.1], timeout=0.5, connections=1))
    assert waiting.failures == {"timeout": 2}
    assert waiting.done == pytest.approx([0.5, 0.6])


def test_what_a_call_gives_is_its_outcome():
    answers = iter([200, None, 204, 301, 404, 503, "whatever", OSError("gone"), ConnectionResetError(), TimeoutError()])

    async def send():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    found = virtual.run(open_loop(send, constant(10, 1), timeout=5))
    assert found.outcome.tolist() == ["ok"] * 3 + ["301", "404", "503", "whatever"] + ["connection"] * 2 + ["timeout"]


def test_a_mistake_in_the_call_ends_the_run():
    async def send():
        raise ZeroDivisionError("a mistake")

    for loop in (open_loop(send, constant(10, 100), timeout=1), closed_loop(send, 3, 100, timeout=1)):
        with pytest.raises(ZeroDivisionError, match="a mistake"):
            virtual.run(loop)


@given(clients=st.integers(1, 20), service=st.floats(0.01, 1), think=st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_a_closed_loop_obeys_littles_law(clients, service, think):
    """Clients = throughput times (service + think time), the interactive response time law."""

    async def send() -> None:
        await asyncio.sleep(service)

    seconds = 50 * (service + think)
    found = virtual.run(closed_loop(send, clients, seconds, timeout=10, think_time=think))
    assert np.allclose(found.latency, service)
    assert found.throughput * (service + think) == pytest.approx(clients, rel=0.05)
    assert np.array_equal(found.intended, found.sent)


def test_a_closed_loop_times_out_and_goes_on():
    async def send() -> None:
        await asyncio.sleep(5)

    found = virtual.run(closed_loop(send, 2, 10, timeout=1))
    assert found.failures == {"timeout": 20}


def test_a_closed_loop_ends_what_it_began():
    async def send() -> None:
        await asyncio.sleep(0.7)

    found = virtual.run(closed_loop(send, 1, 1.0, timeout=5))
    assert found.done.tolist() == pytest.approx([0.7, 1.4])
    assert found.throughput == 1


def test_a_schedule_tells_its_conditions():
    async def send() -> None:
        pass

    assert virtual.run(open_loop(send, constant(50, 3), timeout=1)).conditions.seconds == pytest.approx(3)
    found = virtual.run(open_loop(send, [0.0, 0.1, 0.5], timeout=1, seconds=2.0)).conditions
    assert (found.arrivals, found.rate, found.seconds) == ("schedule", 1.5, 2.0)


@pytest.mark.parametrize("schedule", [[], [1.0, 0.5], [-1.0, 0.0], [[0.0, 1.0]], [float("nan")]])
def test_what_is_no_schedule_is_refused(schedule):
    async def send() -> None:
        pass

    with pytest.raises(ValueError, match="A schedule holds moments"):
        virtual.run(open_loop(send, schedule, timeout=1))


def test_conditions_that_make_no_sense_are_refused():
    async def send() -> None:
        pass

    for conditions in ({"timeout": 0}, {"timeout": 1, "warm_up": -1}, {"timeout": 1, "warm_up": 9}):
        with pytest.raises(ValueError, match=r"timeout|warm_up|warm-up"):
            virtual.run(open_loop(send, constant(10, 1), **conditions))
    for clients in (0, -1, 1.5):
        with pytest.raises(ValueError, match="clients must be a whole number"):
            virtual.run(closed_loop(send, clients, 1, timeout=1))


def test_loops_run_in_real_time_too():
    async def send() -> None:
        await asyncio.sleep(0.01)

    found = asyncio.run(open_loop(send, constant(100, 0.2), timeout=30))
    assert len(found.latency) == 20
    assert found.latency.min() >= 0.009
    assert (found.started >= found.intended).all()
    assert len(asyncio.run(closed_loop(send, 2, 0.1, timeout=30)).latency) >= 2


# --- the virtual clock


def test_virtual_time_works_while_a_loop_runs_and_waits_for_nothing():
    async def sleep() -> float:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(7200))
        return asyncio.get_running_loop().time()

    async def notebook() -> float:
        return virtual.run(sleep())

    assert asyncio.run(notebook()) == 7200


def test_the_report_of_a_virtual_run_names_no_time_of_day():
    async def send() -> None:
        await asyncio.sleep(0.002)

    found = virtual.run(open_loop(send, constant(100, 20), timeout=1))
    assert found.conditions.when == load.VIRTUAL
    assert "in virtual time" in str(found)
    assert "\nfrom " not in str(found)


@pytest.fixture
def coarse_clock(monkeypatch):
    """asyncio believes that its clock is that of Windows, before Python 3.13, and rings so much early."""
    monkeypatch.setattr(time, "get_clock_info", lambda name: SimpleNamespace(resolution=0.015625))
    with contextlib.closing(asyncio.SelectorEventLoop()) as loop:
        assert loop._clock_resolution == 0.015625


def test_virtual_time_does_not_ring_early_on_a_coarse_clock(coarse_clock):
    async def sleep() -> list[float]:
        clock, found = asyncio.get_running_loop().time, []

        async def one(seconds: float) -> None:
            await asyncio.sleep(seconds)
            found.append(clock())

        await asyncio.gather(*(one(seconds) for seconds in (0.001, 0.012, 0.02, 5000.3)))
        return found

    assert virtual.run(sleep()) == pytest.approx([0.001, 0.012, 0.02, 5000.3], abs=1e-8)


def test_the_virtual_time_of_assignment_04_does_not_either(coarse_clock):
    source = Path(__file__).parents[1] / "source" / "04_measure_latency_and_throughput" / "exercises.ipynb"
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    given = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in cells}
    names: dict = {}
    for name in ("setup", "given_time", "given_service", "open_loop"):
        exec(given[name], names)
    found = names["rehearse"](names["open_loop"], [0.001 * i for i in range(100)], 5)
    assert all(0 <= came - 0.001 * i < 0.001 for i, came in found["reached"])


def test_virtual_time_tells_a_deadlock():
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(virtual.Deadlock, match="Every task waits"):
        virtual.run(wait())


def test_virtual_time_tells_a_task_that_polls_for_ever():
    async def poll() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(virtual.Deadlock, match="no time passes"):
        virtual.run(poll())


# --- over HTTP


@contextlib.contextmanager
def stub(*arguments: float) -> Iterator[str]:
    """A stub server in a process of its own; its URL."""
    command = [sys.executable, STUB, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        STARTED[url] = process
        yield url
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def seen(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/seen", timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def quick() -> Iterator[str]:
    """A stub that answers at once."""
    with stub() as url:
        yield url


def measure(url: str, **conditions) -> Result:
    """A short run that a busy machine does not fail."""
    return load.measure(url, b"{}", **{"seconds": 0.5, "timeout": 60.0, "warm_up": 0.0} | conditions)


def test_every_request_is_sent_once_and_answered():
    with stub(0.02) as url:
        found = measure(url, rate=200, seed=5)
        assert seen(url)["requests"] - 1 == len(found.intended) == len(found.latency)
    assert np.array_equal(found.intended, poisson(200, 0.5, 5))
    assert (found.intended <= found.started).all()
    assert (found.started <= found.sent).all()
    assert (found.sent < found.done).all()
    assert found.service.min() >= 0.01  # timers may be a little early
    assert found.conditions.target == url
    assert found.conditions.when
    assert found.cpu > 0
    assert "/root" not in str(found)


def test_a_freeze_is_seen_by_those_who_meant_to_ask_during_it():
    """A second of freeze: whoever meant to ask in its first half waited for half a second or more."""
    with stub(0.001, 1.0, 0.5) as url:
        found = measure(url, rate=200, seconds=2.0, arrivals="constant")
    assert (found.latency >= 0.5).sum() >= 80
    assert found.failures.total() == 0
    assert found.latency.max() >= 0.9


def test_a_closed_loop_keeps_its_number_of_clients():
    with stub(0.02) as url:
        found = measure(url, clients=3)
        assert seen(url)["connections"] <= 3 + 2  # one to try whether a server is there, and this one
    order = np.argsort(found.sent)
    under_way = np.arange(1, len(order) + 1) - np.searchsorted(np.sort(found.done), found.sent[order], side="right")
    assert under_way.max() <= 3
    assert (found.conditions.arrivals, found.conditions.clients, found.conditions.rate) == ("closed", 3, None)
    assert len(found.latency) <= 3 * (found.done.max() / 0.019 + 1)


def test_thinking_clients_pause(quick):
    found = measure(quick, clients=2, think_time=0.05)
    assert 2 <= len(found.latency) <= 2 * 11


def test_connections_are_opened_up_to_the_cap_and_the_wait_counts():
    with stub(0.05) as url:
        found = measure(url, rate=100, connections=2, arrivals="constant")  # it answers 40/s at most
        assert seen(url)["connections"] <= 2 + 2
    assert len(found.latency) == 50
    assert found.latency[-1] >= 0.5  # 50 requests on 2 connections of 0.05 s take 1.25 s
    assert found.queued.max() >= 0.5
    assert "at most 2 at once" in str(found)


@pytest.mark.parametrize(("path", "why"), [("/status/503", "503"), ("/status/301", "301"), ("/drop", "connection")])
def test_failures_over_http(quick, path, why):
    found = measure(quick + path, rate=100)
    assert found.failures == {why: len(found.intended)}
    assert (found.throughput, len(found.latency)) == (0, 0)
    assert (found.first_failure == '{"error": "as you wished"}') == (why != "connection")


def test_a_server_that_does_not_answer_times_out(quick):
    found = measure(quick + "/hang", rate=50, timeout=0.3)
    assert found.failures == {"timeout": len(found.intended)}
    assert (found.done - found.intended).min() >= 0.29
    closed = measure(quick + "/hang", clients=2, timeout=0.2)
    assert set(closed.failures) == {"timeout"}
    assert 2 <= len(closed.intended) <= 6


@pytest.mark.parametrize("path", ["/close", "/chunked", "/continue", "/status/201"])
def test_answers_of_any_kind_are_understood(quick, path):
    found = measure(quick + path, rate=100)
    assert found.outcome.tolist() == ["ok"] * len(found.intended)
    assert set(measure(quick + path, clients=2, seconds=0.2).outcome) == {"ok"}


def test_requests_are_sent_as_given():
    sent = load_client.requests("http://u:p@host:81/a?b=c", [b"one", None], {"content-type": "text/plain", "X": "y"})
    head, body = sent[0].split(b"\r\n\r\n")
    lines = [b"POST /a?b=c HTTP/1.1", b"Host: host:81", b"content-type: text/plain", b"Content-Length: 3", b"X: y"]
    assert sorted(head.split(b"\r\n")) == sorted(lines)
    assert body == b"one"
    assert sent[1].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"Content-Length" not in sent[1]


def test_bodies_take_turns():
    bodies = [b"a" * 10, b"b" * 100_000]
    with stub() as url:
        found = load.measure(url, bodies, rate=50, seconds=0.2, timeout=60.0, warm_up=0)
    assert found.failures.total() == 0


def test_several_urls_take_turns(quick):
    paths = ["/status/200", "/status/503", "/status/404"]
    found = measure([quick + path for path in paths], rate=100)
    assert found.outcome.tolist() == (["ok", "503", "404"] * len(found.intended))[: len(found.intended)]


def test_several_urls_are_of_one_server(quick):
    with pytest.raises(ValueError, match="one server"):
        measure([quick + "/status/200", "http://127.0.0.1:9/status/200"], rate=100)
    with pytest.raises(ValueError, match="one server"):
        measure([], rate=100)


def test_no_buffer_of_python_is_needed(quick, monkeypatch):
    """More than a pipe holds, written by a Python whose standard output writes what it can and drops the rest."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    found = load.measure(quick, b"{}", rate=20_000, seconds=0.5, timeout=0.1, warm_up=0)
    assert len(found.intended) > 5_000
    assert found.answered.sum() + found.failures.total() == len(found.intended)


def test_it_works_inside_a_running_event_loop(quick):
    async def notebook() -> Result:
        return measure(quick, rate=20)

    assert asyncio.run(notebook()).failures.total() == 0


def test_progress_is_told(quick):
    told = []
    measure(quick, rate=20, on_progress=told.append)
    assert told == sorted(told)
    assert told


def test_a_server_that_ends_meanwhile_fails_the_rest():
    with stub(0.01) as url:

        def end(elapsed: float) -> None:
            if elapsed > 0.3:
                STARTED[url].kill()

        found = measure(url, rate=100, seconds=1.0, on_progress=end)
    assert set(found.failures) == {"connection"}
    assert len(found.latency) + found.failures.total() == len(found.intended)
    assert found.first_failure
    assert found.done[found.outcome == "ok"].max() <= found.done.max()


def test_no_process_is_left_when_the_caller_changes_its_mind(quick):
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(quick, rate=10, seconds=60.0, on_progress=stop)
    clients = [child for child in psutil.Process().children() if "modelserving.load_client" in child.cmdline()]
    assert clients == []


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "Give a rate"),
        ({"rate": 1, "clients": 1}, "Give a rate"),
        ({"rate": -5}, "rate must be above 0"),
        ({"clients": 0}, "clients must be a whole number, 1 or more"),
        ({"rate": 5, "connections": 0}, "connections must be a whole number"),
        ({"rate": 5, "arrivals": "uniform"}, "Arrivals are"),
        ({"rate": 5, "warm_up": 2}, "leaves nothing"),
        ({"rate": 0.001}, "no request falls"),
        ({"rate": 5, "headers": {"a": "b\r\nc: d"}}, "line break"),
        ({"rate": 5, "headers": {"a": "→"}}, "cannot carry"),
    ],
)
def test_conditions_that_cannot_be_measured_under_are_refused(quick, conditions, words):
    with pytest.raises(ValueError, match=words):
        measure(quick, **conditions)


@pytest.mark.parametrize(
    "url", ["", "localhost:80", "ftp://a/", "http://", "http://a:99999/", "http://a:b/", "http://a/b c"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="A URL looks like"):
        measure(url, rate=5)


def test_encryption_is_not_spoken():
    with pytest.raises(ValueError, match="plain HTTP"):
        measure("https://127.0.0.1/", rate=5)


def test_no_server_is_a_sentence():
    with pytest.raises(
        ConnectionError, match=r"No server accepts connections at http://127.0.0.1:9: .* Is it running?"
    ):
        measure("http://127.0.0.1:9/", rate=5)


# --- the command


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    onnx_models.put(folder, "times", 1, onnx_models.times(2.0))
    with server.running(folder) as url:
        yield url


def command(capsys, *arguments: object) -> tuple[int, str, str]:
    """Exit status, output and error output."""
    status = cli.main(["load", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


SHORT = ("--seconds", 0.5, "--timeout", 60, "--warm-up", 0)


@pytest.mark.parametrize("path", ["", "/", "/v2", "/v2/models/times", "/v2/models/times/versions/1/infer"])
def test_the_command_asks_a_model_what_fits_it(capsys, models, path, tmp_path):
    figures = tmp_path / "figures.json"
    status, out, _ = command(capsys, models + path, "--rate", 60, *SHORT, "--json", figures)
    found = json.loads(figures.read_text())
    assert found["answered"] == found["requests"] > 0
    assert status == (1 if found["void"] else 0)
    assert "successes/s" in out


def test_the_command_draws_what_it_measured(capsys, models, tmp_path):
    drawn = tmp_path / "latency.svg"
    command(capsys, models, "--clients", 2, *SHORT, "--plot", drawn)
    text = drawn.read_text()
    assert "<title " in text
    assert "closed loop: 2 clients" in text
    assert 'role="img"' in text
    assert "fill: #ffffff" in text  # an opaque ground


def test_the_command_says_what_made_a_run_void(capsys, models, tmp_path):
    body = tmp_path / "body"
    body.write_text("no JSON")
    status, out, err = command(capsys, f"{models}/v2/models/times/infer", "--rate", 50, *SHORT, "--body", body)
    assert status == 1
    assert "by status 400" in out
    assert err.startswith("modelserving: No request was answered well")
    assert "not valid JSON" in err


def test_an_interrupted_run_ends_with_a_sentence(capsys, models, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "measure", interrupted)
    assert command(capsys, models) == (130, "", "modelserving: interrupted, so nothing was measured\n")


def test_any_other_address_is_asked_by_get(capsys, models, quick):
    for url in (f"{models}/v2/health/live", quick, f"{quick}/any/path"):
        status, out, _ = command(capsys, url, "--clients", 1, *SHORT)
        assert " 0 failed" in out
        assert status in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://127.0.0.1:9"], "No server accepts connections"),
        (["MODELS/v2/models/nope"], "There is no model 'nope'"),
        (["QUICK/v2"], "does not speak the Open Inference Protocol"),
        (["QUICK/v2/models/any"], "gives no metadata of a model"),
        (["MODELS", "--rate", "-1"], "rate must be above 0"),
        (["MODELS", "--rows", "0"], "1 row or more"),
        (["MODELS", "--header", "nonsense"], "A header looks like"),
        (["MODELS", "--plot", "plot.png"], "plot.svg"),
        (["MODELS", "--json", "no/such/folder/file"], "There is no folder"),
        (["MODELS", "--body", "no/such/file"], "No such file"),
        (["MODELS", "--warm-up", "20"], "leaves nothing"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(capsys, models, quick, arguments, words):
    status, out, err = command(capsys, *(text.replace("MODELS", models).replace("QUICK", quick) for text in arguments))
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_server_with_several_models_is_asked_about_one(monkeypatch):
    monkeypatch.setattr(load_command, "ask", lambda *_: [{"name": "b"}, {"name": "a"}, {"name": "a"}])
    with pytest.raises(ValueError, match="the server has a, b"):
        load_command.only_model("http://host")
    monkeypatch.setattr(load_command, "ask", lambda *_: [])
    with pytest.raises(ValueError, match="no model that is ready"):
        load_command.only_model("http://host")


def test_a_request_fits_every_kind_of_tensor():
    shapes = {"FP32": [-1, 3], "INT64": [2], "BOOL": [-1], "BYTES": [-1, -1], "FP64": [], "UINT8": [4, -1]}
    inputs = [{"name": kind, "datatype": kind, "shape": shape} for kind, shape in shapes.items()]
    found = {one["name"]: one for one in json.loads(load_command.fitting({"inputs": inputs}, 5))["inputs"]}
    made = {kind: one["shape"] for kind, one in found.items()}
    assert made == {"FP32": [5, 3], "INT64": [2], "BOOL": [5], "BYTES": [5, 1], "FP64": [], "UINT8": [4, 1]}
    assert all(len(one["data"]) == int(np.prod(one["shape"])) for one in found.values())
    assert found["BYTES"]["data"] == [""] * 5
    assert found["BOOL"]["data"] == [False] * 5
