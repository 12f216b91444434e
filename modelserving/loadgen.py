"""MLPerf LoadGen, the field's own load generator, on an interpreter or a server (lesson 04).

    loadgen.single_stream(lambda rows: interpreter.run({"input": rows}), rows)
    loadgen.server("http://127.0.0.1:8000/v2/models/late/infer", bodies, rate=200, bound=0.02)

LoadGen (https://github.com/mlcommons/inference, V. J. Reddi et al., "MLPerf Inference Benchmark", ISCA 2020) says when
to ask and keeps the time; this module answers. Its scenarios: **SingleStream**, one query after the other, judged by
the 90th percentile of latency; **Server**, Poisson arrivals, valid when the 99th percentile keeps a bound; **Offline**,
everything at once, judged by samples a second.

The settings here fit into a notebook: seconds, where MLPerf's rules ask for ten minutes, a given model and data set, a
run that checks accuracy, and a review. So nothing that comes out of it is an MLPerf result or may be called one.
"""

from __future__ import annotations

import queue
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httptools
import numpy as np

from modelserving import load, load_client

SECONDS = 1.5  # a run lasts at least so long: about the least at which LoadGen's own checks make sense
QUERIES = 100  # and has at least so many queries
PILOT = 0.2  # s of trying out how fast it is, which LoadGen wants to be told
AT_ONCE = 32  # samples that Offline gives in one call
PER_SAMPLE = 4e-6  # s that LoadGen's binding takes for each sample, whatever answers
SEED = 0x5EED
TIMEOUT = 30.0  # s that a server has to answer
_one_at_a_time = threading.Lock()  # LoadGen keeps its state in global variables

Predict = Callable[[Any], Any]


@dataclass(frozen=True)
class Summary:
    """What LoadGen said of a run. Latencies are in s, ``rate`` is in samples/s."""

    scenario: str
    valid: bool
    reasons: tuple[str, ...]  # why it is not valid
    rate: float
    percentiles: dict[float, float]
    queries: int
    failed: int
    percentile: float | None = None  # the one that this scenario is judged by, in per cent
    bound: float | None = None  # s, that the percentile must keep in the Server scenario
    text: str = field(default="", repr=False)  # LoadGen's own summary

    def __str__(self) -> str:
        verdict = "VALID" if self.valid else "INVALID"
        lines = [f"LoadGen, {self.scenario}: {verdict}. {self.queries:,} queries, {self.rate:,.1f} samples/s"]
        if self.percentile is not None:
            reached = load.in_words(self.percentiles[self.percentile])
            limit = f", to be at most {load.in_words(self.bound)}" if self.bound else ""
            lines.append(f"p{self.percentile:g} of latency {reached}{limit}")
        supported = {q: value for q, value in self.percentiles.items() if self.queries * (100 - q) >= 100 * load.BEYOND}
        shown = (f"p{q:g} {load.in_words(value)}" for q, value in supported.items())
        lines += [f"latency: {', '.join(shown)}", *(f"  invalid: {reason}" for reason in self.reasons)]
        return "\n".join([*lines, "A short run to learn from, not an MLPerf result: its rules ask for far more."])

    __repr__ = __str__


def single_stream(predict: Predict | str, samples: Sequence[Any], *, seconds: float = SECONDS) -> Summary:
    """One query after the other: how long does a client wait who is alone?

    ``predict`` is called with one sample as a batch: ``samples[[i]]`` of an array, ``[samples[i]]`` of a list. As a URL
    it is asked by POST, and the samples are request bodies.
    """
    load.check(seconds=seconds)
    with _ready(predict, samples, 1) as (workers, samples):
        took = _pilot(workers[0], samples, 1)
        # more than the real latency, and LoadGen prepares too few queries, runs dry and says INVALID
        settings = {"single_stream_expected_latency_ns": max(1, int(took / 4 * 1e9))}
        return _run("SingleStream", settings, workers, samples, seconds, QUERIES, 1, 90.0, None)


def server(
    predict: Predict | str,
    samples: Sequence[Any],
    *,
    rate: float,
    bound: float,
    percentile: float = 99.0,
    workers: int = 8,
    seconds: float = SECONDS,
) -> Summary:
    """Queries arrive at random, ``rate`` a second: does the percentile keep the bound (s)?

    ``predict`` and ``samples`` are as for :func:`single_stream`; ``workers`` threads answer, each on a connection of
    its own. The run is as long as it takes until ten queries may exceed the percentile.
    """
    load.check(seconds=seconds, rate=rate, bound=bound, workers=workers)
    if not 50 <= percentile < 100:
        raise ValueError(f"The percentile lies between 50 and 100, not at {percentile:g}.")
    queries = max(QUERIES, round(load.BEYOND / (1 - percentile / 100)))
    settings = {
        "server_target_qps": rate,
        "server_target_latency_ns": int(bound * 1e9),
        "server_target_latency_percentile": percentile / 100,
    }
    with _ready(predict, samples, workers) as (calls, samples):
        return _run("Server", settings, calls, samples, seconds, queries, 1, percentile, bound)


def offline(
    predict: Predict | str,
    samples: Sequence[Any],
    *,
    batch: int = AT_ONCE,
    workers: int = 1,
    seconds: float = SECONDS,
) -> Summary:
    """Everything is there at once: how many samples a second?

    ``predict`` and ``samples`` are as for :func:`single_stream`, with ``batch`` samples in a call (a URL is asked for
    each). LoadGen hands over every sample as an object of Python. Where a sample takes less than some microseconds, it
    is these that are measured: let a sample be a batch of rows then, ``rows.reshape(-1, 128, 13)``.
    """
    load.check(seconds=seconds, batch=batch, workers=workers)
    with _ready(predict, samples, workers) as (calls, samples):
        took = _pilot(calls[0], samples, batch) / batch + workers * PER_SAMPLE
        # LoadGen makes one query of so many samples as it takes, by what it is told, to fill its time
        settings = {"offline_expected_qps": 1.5 * workers / took}
        return _run("Offline", settings, calls, samples, seconds, QUERIES, batch, None, None)


# --- LoadGen


def _library() -> Any:
    """LoadGen's binding, where there is one for this system."""
    try:
        import mlperf_loadgen
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "MLPerf LoadGen (mlcommons-loadgen) is not installed: it has no file for this system or this Python. "
            "`modelserving.load` measures the same without it."
        ) from None
    return mlperf_loadgen


def _run(
    scenario: str,
    settings: dict[str, Any],
    calls: Sequence[Predict],
    samples: Sequence[Any],
    seconds: float,
    queries: int,
    batch: int,
    percentile: float | None,
    bound: float | None,
) -> Summary:
    """Let LoadGen ask; each of ``calls`` answers in a thread of its own."""
    library = _library()
    asked = library.TestSettings()
    asked.scenario = getattr(library.TestScenario, scenario)
    asked.mode = library.TestMode.PerformanceOnly
    asked.min_duration_ms, asked.min_query_count = int(seconds * 1000), queries
    asked.qsl_rng_seed = asked.sample_index_rng_seed = asked.schedule_rng_seed = SEED
    for name, value in settings.items():
        setattr(asked, name, value)
    answers = _Answers(library, calls, samples, batch)
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="loadgen-") as folder, ExitStack() as ends:
        logs = library.LogSettings()
        logs.enable_trace = False  # it writes megabytes
        logs.log_output.outdir = folder
        system = library.ConstructSUT(answers.ask, lambda: None)
        ends.callback(library.DestroySUT, system)
        kept = len(samples)
        store = library.ConstructQSL(kept, kept, lambda indices: None, lambda indices: None)
        ends.callback(library.DestroyQSL, store)
        with answers:
            library.StartTestWithLogSettings(system, store, asked, logs, str(Path(folder, "audit.config")))
        text = Path(folder, "mlperf_log_summary.txt").read_text(encoding="utf-8")
    return parse(text, answers.asked, answers.failures, percentile, bound)


class _Answers:
    """Threads that answer LoadGen's queries. It counts failures, which LoadGen does not know."""

    def __init__(self, library: Any, calls: Sequence[Predict], samples: Sequence[Any], batch: int) -> None:
        self.library, self.samples, self.batch = library, samples, batch
        self.asked, self.failures = 0, []
        self._queries: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, args=[call], daemon=True) for call in calls]

    def ask(self, queries: list[Any]) -> None:
        """LoadGen asks; it wants this to return at once."""
        self.asked += len(queries)
        for start in range(0, len(queries), self.batch):
            self._queries.put(queries[start : start + self.batch])

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._queries.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, call: Predict) -> None:
        response = self.library.QuerySampleResponse
        while (queries := self._queries.get()) is not None:
            try:
                call(_take(self.samples, [query.index for query in queries]))
            except Exception as error:  # LoadGen waits for ever for what is not completed
                self.failures += [f"{type(error).__name__}: {error}"] * len(queries)
            self.library.QuerySamplesComplete([response(query.id, 0, 0) for query in queries])


_REASONS = {
    "Performance constraints satisfied": "the percentile of latency is above its bound",
    "Min duration satisfied": "it was over too soon, so it was faster than it said it would be",
    "Min queries satisfied": "it had too few queries",
    "Early stopping satisfied": "too many of the queries were above the bound, or there were too few to be sure",
}


def parse(
    text: str,
    queries: int,
    failures: Sequence[str] = (),
    percentile: float | None = None,
    bound: float | None = None,
) -> Summary:
    """LoadGen's summary as data. Raises ValueError when it is not one."""
    lines = dict(re.findall(r"^ *(\S[^:\n]*?)\s*: *(.*?) *$", text, flags=re.MULTILINE))
    if "Result is" not in lines:
        raise ValueError(f"LoadGen wrote no result: {' '.join(text.split())[:300] or 'nothing at all'}")
    found = re.findall(r"^([\d.]+)(?:th)? percentile latency \(ns\) *: *(\d+)", text, flags=re.MULTILINE)
    percentiles = dict(sorted({float(q): int(ns) / 1e9 for q, ns in found}.items()))
    reasons = [why for check, why in _REASONS.items() if lines.get(check, "").upper() == "NO"]
    if failures:
        reasons.insert(0, f"{len(failures):,} of {queries:,} predictions failed, first by {failures[0]}")
    rates = ("Completed samples per second", "Samples per second", "QPS w/ loadgen overhead")
    return Summary(
        scenario=lines["Scenario"],
        valid=lines["Result is"] == "VALID" and not failures,
        reasons=tuple(reasons),
        rate=next((float(lines[name]) for name in rates if name in lines), float("nan")),
        percentiles=percentiles,
        queries=queries,
        failed=len(failures),
        percentile=percentile if percentile in percentiles else None,
        bound=bound,
        text=text,
    )


# --- what answers


@contextmanager
def _ready(predict: Predict | str, samples: Sequence[Any], workers: int) -> Iterator[tuple[list[Predict], Any]]:
    """A callable for each worker, and the samples, in the form that they take."""
    if not len(samples):
        raise ValueError("There is no sample to ask about.")
    if not isinstance(predict, str):
        yield [predict] * workers, samples
        return
    load_client.reachable(predict)
    samples = load_client.requests(predict, list(samples))
    host, port, _ = load_client.address(predict)
    with ExitStack() as ends:
        clients = [ends.enter_context(closing(_Client(host, port))) for _ in range(workers)]
        yield [client.ask for client in clients], samples


class _Client:
    """A blocking client on one connection, which it opens anew when it is lost."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.socket: socket.socket | None = None

    def close(self) -> None:
        """Close the connection, if there is one; the next request opens another."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def ask(self, requests: Sequence[bytes]) -> None:
        """Send each and read its answer. Raises OSError when there is none, or one that is an error."""
        for request in requests:
            try:
                self._ask(request)
            except (OSError, httptools.HttpParserError):
                self.close()
                raise

    def _ask(self, request: bytes) -> None:
        if self.socket is None:
            self.socket = socket.create_connection(self.address, TIMEOUT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.complete, self.parser = False, httptools.HttpResponseParser(self)
        self.socket.sendall(request)
        while not self.complete:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.parser.feed_data(data)
        if not self.kept:
            self.close()
        status = self.parser.get_status_code()
        if load.word(status) != load.OK:
            body = " ".join(data.rpartition(b"\r\n\r\n")[2].decode("utf-8", "replace").split())
            raise OSError(f"status {status}: {body[: load_client.WORDS]}")

    def on_message_complete(self) -> None:
        """The answer is here (called by the parser)."""
        self.complete = self.parser.get_status_code() >= 200  # not 100 Continue and the like
        self.kept = self.parser.should_keep_alive()


def _take(samples: Any, indices: list[int]) -> Any:
    return samples[indices] if isinstance(samples, np.ndarray) else [samples[i] for i in indices]


def _pilot(call: Predict, samples: Any, batch: int) -> float:
    """The least time that a call took, in s, of some calls that warm it up. What it raises is raised."""
    took, ends = [], time.perf_counter() + PILOT
    while not took or time.perf_counter() < ends:
        indices = [(len(took) * batch + i) % len(samples) for i in range(batch)]
        began = time.perf_counter()
        call(_take(samples, indices))
        took.append(time.perf_counter() - began)
    return min(took)
