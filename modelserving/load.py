"""Load, and what it measured: when each request was meant to be sent, was sent, and was answered (lesson 04).

    result = load.measure(url, body, rate=200, seconds=10, timeout=1.0)
    print(result)

An **open loop** sends by a schedule, whatever the server does, as users do who know nothing of each other. Latency
counts from the moment at which a request was *meant* to be sent: whoever had to wait, for a server that froze or for a
free connection, waited. A **closed loop** has a number of clients, each of which sends its next request once it has the
answer to its last. When the server freezes, a closed loop stops asking, and so hardly notices: the *coordinated
omission* of G. Tene, "How NOT to measure latency", Strange Loop 2015.

Times are seconds, on one clock that starts with the run. Requests that failed are counted by reason, and neither their
latency nor their number goes into percentiles or throughput. While a run lasts, only plain numbers are stored;
everything else is worked out afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import itertools
import os
import platform
import sys
import time
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelserving.virtual import VirtualLoop

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

    from modelserving.load_client import Pool

Send = Callable[[], Awaitable[Any]]

OK, TIMEOUT, CONNECTION = "ok", "timeout", "connection"
VIRTUAL = "virtual time"  # in place of a date

BEYOND = 10  # samples that must lie beyond a percentile, for it to be more than an anecdote
EARLY = 0.02 if sys.platform == "win32" else 1.5e-3  # s before a moment from which on it is polled: timers are late
IDLE_PASS = 50e-6  # s; a pass of the event loop that takes longer did something, or another program did
BURST = 16  # requests that a late sender may send before it looks at what came in
LATE_SHARE, LATE_LEAST = 0.1, 1e-3  # the part of a reported latency, and the s, that may be the client's own lateness
FULL = 0.9  # of a core: a client that uses more was the bottleneck of a closed loop
COUNTS = ("clients", "connections", "workers", "batch")
PERCENTILES = (50, 90, 99, 99.9)


class TooFewSamples(ValueError):
    """A percentile beyond which too few samples lie to call it measured."""


# --- when to send


def constant(rate: float, seconds: float) -> np.ndarray:
    """``rate`` requests a second, evenly spread over ``seconds``: float64 (n,), in s from the start."""
    check(rate=rate, seconds=seconds)
    return np.arange(int(rate * seconds * (1 + 1e-12))) / rate


def poisson(rate: float, seconds: float, seed: int = 0) -> np.ndarray:
    """Arrivals of independent users, ``rate`` a second on average: float64 (n,), in s from the start.

    The gaps between them are exponentially distributed: a Poisson process. Equal seeds give equal arrivals.
    """
    check(rate=rate, seconds=seconds)
    expected = rate * seconds
    enough = int(expected + 10 * expected**0.5 + 10)
    times = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, enough))
    return times[times < seconds]


# --- what came of it


@dataclass(frozen=True)
class Conditions:
    """Under which a result was measured; without them it means nothing."""

    arrivals: str  # "constant", "poisson", "schedule" (any other moments) or "closed"
    seconds: float
    rate: float | None = None  # requests/s, of an open loop
    clients: int | None = None  # of a closed loop
    warm_up: float = 0.0  # s at the beginning that do not count
    timeout: float | None = None  # s from the intended moment, after which a request has failed
    connections: int | None = None  # most that were open at once; None: no such limit
    think_time: float = 0.0  # s between an answer and the same client's next request, in a closed loop
    seed: int | None = None
    target: str = ""
    when: str = ""  # its start, ISO 8601, or "virtual time"
    machine: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """What happened to each of n requests; all times in s from the start of the run, NaN for what did not happen.

    ``started`` is when the sender got to a request, ``sent`` when it went out: later, if it had to wait for a
    connection. ``outcome`` is ``"ok"``, ``"timeout"``, ``"connection"`` (refused or broken) or an HTTP status.
    """

    conditions: Conditions
    intended: np.ndarray
    sent: np.ndarray
    done: np.ndarray
    outcome: np.ndarray
    started: np.ndarray | None = None
    cpu: float | None = None  # s of processor time that the client used, its polling left out
    first_failure: str = ""  # what the server said in its first answer that was an error

    def __post_init__(self) -> None:
        for name in ("intended", "sent", "done", "started"):
            values = self.sent if name == "started" and self.started is None else getattr(self, name)
            object.__setattr__(self, name, np.asarray(values, dtype=float))
        object.__setattr__(self, "outcome", np.asarray(self.outcome, dtype=str))
        if len({len(self.intended), len(self.sent), len(self.done), len(self.started), len(self.outcome)}) > 1:
            raise ValueError("intended, sent, done, started and outcome have an entry for each request.")

    @property
    def measured(self) -> np.ndarray:
        """Bool (n,): which requests count, those meant to be sent after the warm-up."""
        return self.intended >= self.conditions.warm_up

    @property
    def answered(self) -> np.ndarray:
        """Bool (n,): which of them were answered well."""
        return self.measured & (self.outcome == OK)

    @property
    def latency(self) -> np.ndarray:
        """Of the successes, s: from the intended moment to the answer."""
        return (self.done - self.intended)[self.answered]

    @property
    def service(self) -> np.ndarray:
        """Of the successes, s: from sending to the answer. It is all that a closed loop sees."""
        return (self.done - self.sent)[self.answered]

    @property
    def lateness(self) -> np.ndarray:
        """Of the requests that count, s: from the intended moment to when the sender got to it. Its own fault."""
        return (self.started - self.intended)[self.measured]

    @property
    def queued(self) -> np.ndarray:
        """Of the requests that went out, s: how long they waited for a connection. Part of their latency."""
        waited = (self.sent - self.started)[self.measured]
        return waited[np.isfinite(waited)]

    @property
    def window(self) -> float:
        """Seconds that count: those after the warm-up, while requests were sent."""
        return self.conditions.seconds - self.conditions.warm_up

    @property
    def throughput(self) -> float:
        """Successes a second, counted where they end: after the warm-up and before the sending ends."""
        return self.goodput(np.inf)

    def goodput(self, deadline: float) -> float:
        """Successes a second whose latency was at most ``deadline`` s, counted where they end."""
        ended = (self.done >= self.conditions.warm_up) & (self.done <= self.conditions.seconds)
        good = (self.outcome == OK) & (self.done - self.intended <= deadline)
        return float(np.count_nonzero(good & ended) / self.window)

    @property
    def failures(self) -> Counter[str]:
        """How many of the requests that count failed, by reason."""
        reasons, counts = np.unique(self.outcome[self.measured & (self.outcome != OK)], return_counts=True)
        return Counter(dict(zip(reasons.tolist(), counts.tolist(), strict=True)))

    @property
    def timeouts(self) -> int:
        """How many had no answer within the time-out."""
        return self.failures[TIMEOUT]

    @property
    def failed(self) -> float:
        """The share of the requests that count which failed, 0 to 1; NaN when there was none."""
        count = int(self.measured.sum())
        return self.failures.total() / count if count else float("nan")

    def percentile(self, q: float) -> float:
        """The latency, in s, that ``q`` per cent of the successes did not exceed: the nearest rank, no average of two.

        Raises :class:`TooFewSamples` when fewer than ten samples lie beyond it.
        """
        return percentile(self.latency, q)

    def histogram(self) -> HdrHistogram:
        """The latencies in an HDR histogram, in **nanoseconds**, to three significant digits.

        Raises :class:`ModuleNotFoundError` where there is no ``hdrhistogram``.
        """
        try:
            from hdrh.histogram import HdrHistogram
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "A histogram needs the package hdrhistogram, which has no file for this system and is to be compiled: "
                "`uv pip install hdrhistogram`, with a C compiler. Percentiles do without it."
            ) from None
        values, counts = np.unique(np.rint(self.latency * 1e9).astype(np.int64).clip(min=0), return_counts=True)
        histogram = HdrHistogram(1, max(2, int(values.max(initial=2))), 3)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            histogram.record_value(value, count)
        return histogram

    @property
    def cpu_share(self) -> float | None:
        """How much of a core the client used, 0 to 1; None where it was not measured."""
        last = np.nanmax(np.append(self.done, self.conditions.seconds))
        return None if self.cpu is None else self.cpu / float(last)

    @property
    def client_bound(self) -> str | None:
        """Why the run is void, in a sentence, when the client was too slow for what it should measure; else None."""
        if self.conditions.arrivals == "closed":
            if self.cpu_share is not None and self.cpu_share > FULL:
                return f"The client used {self.cpu_share:.0%} of a core: it was the bottleneck, not the server."
            return None
        lasted = (self.done - self.intended)[self.measured]
        for q in (50, 90, 99):
            late, reported = _supported(self.lateness, q), _supported(lasted[np.isfinite(lasted)], q)
            if late is not None and reported is not None and late > max(LATE_LEAST, LATE_SHARE * reported):
                return (
                    f"1 request in {100 // (100 - q)} was sent {in_words(late)} late or more, a large part of the "
                    "latency that was measured: the client was too slow, or had no core to itself."
                )
        return None

    def __str__(self) -> str:
        """The report: what was measured, from when to when, what was left out, and what came of it."""
        return "\n".join(_report(self))

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The same figures as plain data, for a JSON file; None for a percentile that too few samples support."""
        return {
            "conditions": dataclasses.asdict(self.conditions),
            "void": self.client_bound,
            "requests": len(self.intended),
            "measured": int(self.measured.sum()),
            "answered": int(self.answered.sum()),
            "failures": dict(self.failures),
            "failed": None if np.isnan(self.failed) else self.failed,
            "first_failure": self.first_failure,
            "throughput": self.throughput,
            "latency_s": {f"p{q:g}": _supported(self.latency, q) for q in PERCENTILES}
            | {"max": float(self.latency.max()) if len(self.latency) else None},
            "service_s": {f"p{q:g}": _supported(self.service, q) for q in PERCENTILES},
            "lateness_s": {f"p{q:g}": _supported(self.lateness, q) for q in PERCENTILES},
            "client_cpu_s": self.cpu,
        }


def percentile(values: Sequence[float] | np.ndarray, q: float) -> float:
    """The smallest of ``values`` that at least ``q`` per cent (above 0, below 100) of them do not exceed.

    Raises :class:`TooFewSamples` when fewer than ten of them lie beyond it, ValueError for another ``q``.
    """
    if not 0 < q < 100:
        raise ValueError(f"A percentile lies between 0 and 100, not at {q:g}.")
    count = len(values)
    beyond = count * (100 - q) / 100
    if beyond < BEYOND * (1 - 1e-9):
        needed = int(np.ceil(BEYOND * 100 / (100 - q) - 1e-6))
        raise TooFewSamples(f"A p{q:g} needs {needed:,} samples, so that {BEYOND} lie beyond it; there are {count:,}.")
    rank = int(np.ceil(count * q / 100 - 1e-6))  # 99.9 % of 10,000 is 9,990, though not in binary fractions
    return float(np.partition(values, rank - 1)[rank - 1])


def _supported(values: np.ndarray, q: float) -> float | None:
    try:
        return percentile(values, q)
    except TooFewSamples:
        return None


# --- sending


class Log:
    """The plain numbers of a run while it lasts, in lists with an entry for each request.

    ``outcome`` is ``""`` as long as a request is under way. ``polled`` are the seconds that were spent waiting awake.
    """

    def __init__(self, intended: Iterable[float] = ()) -> None:
        self.intended = array("d", intended)
        self.unfinished = len(self.intended)
        self.started, self.sent, self.done = (array("d", [np.nan]) * self.unfinished for _ in range(3))
        self.outcome = [""] * self.unfinished
        self.polled = 0.0
        self.on_finish: Callable[[int], None] = lambda i: None
        self.broken: BaseException | None = None
        self._all_done = asyncio.Event()
        loop = asyncio.get_running_loop()
        virtual = isinstance(loop, VirtualLoop)
        self._early = 0.0 if virtual else EARLY
        # not loop.time() of a real one, which Windows counts in steps of 16 ms
        self._clock: Callable[[], float] = loop.time if virtual else time.perf_counter
        self.when = VIRTUAL if virtual else datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._zero = self._clock()

    def now(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._zero

    def add(self, intended: float) -> int:
        """One more request, at its intended moment: its number."""
        self.intended.append(intended)
        self.started.append(intended)
        self.sent.append(np.nan)
        self.done.append(np.nan)
        self.outcome.append("")
        self.unfinished += 1
        return len(self.outcome) - 1

    def finish(self, i: int, outcome: str) -> None:
        """Request ``i`` has ended. What comes after its first end does not count."""
        if self.outcome[i]:
            return
        self.done[i] = self._clock() - self._zero
        self.outcome[i] = outcome
        self.unfinished -= 1
        self.on_finish(i)
        if not self.unfinished:
            self._all_done.set()

    def give_up(self, error: BaseException) -> None:
        """The run makes no sense any more."""
        self.broken = error
        self._all_done.set()

    async def until(self, moment: float) -> None:
        """Sleep until ``moment``, and through its end awake, handling what comes in: timers are late."""
        clock, moment = self._clock, moment + self._zero
        now = clock()
        while (left := moment - now) > 0:
            if left > self._early:
                await asyncio.sleep(left - self._early)
                now = clock()
                continue
            unfinished = self.unfinished
            await asyncio.sleep(0)
            before, now = now, clock()
            if self.unfinished == unfinished and now - before < IDLE_PASS:
                self.polled += now - before

    async def all_done(self) -> None:
        """Wait until no request is under way. Raises what broke the run."""
        while self.unfinished and self.broken is None:
            self._all_done.clear()
            await self._all_done.wait()
        if self.broken is not None:
            raise self.broken

    def result(self, conditions: Conditions, cpu: float | None = None, first_failure: str = "") -> Result:
        """All of it, the conditions completed by when and where."""
        conditions = dataclasses.replace(conditions, when=self.when, machine=machine())
        times = [np.array(times) for times in (self.intended, self.sent, self.done)]
        return Result(conditions, *times, np.array(self.outcome, str), np.array(self.started), cpu, first_failure)


class Calls:
    """Requests that are calls of a coroutine function, at most ``connections`` of them at once."""

    def __init__(self, log: Log, send: Send, connections: int | None = None) -> None:
        self._log, self._send = log, send
        self._limit = asyncio.Semaphore(connections) if connections else contextlib.nullcontext()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def start(self, i: int) -> None:
        """Begin request ``i``."""
        self._tasks[i] = asyncio.create_task(self._call(i))

    def cancel(self, i: int) -> None:
        """End request ``i``, whose time is over."""
        self._log.finish(i, TIMEOUT)
        if i in self._tasks:
            self._tasks[i].cancel()

    def close(self) -> None:
        """End whatever is under way."""
        for task in self._tasks.values():
            task.cancel()

    async def _call(self, i: int) -> None:
        try:
            async with self._limit:
                self._log.sent[i] = self._log.now()
                self._log.finish(i, await outcome_of(self._send))
        except Exception as error:  # a mistake in `send`, not an answer
            self._log.give_up(error)
        finally:
            del self._tasks[i]


async def open_loop(
    send: Send,
    schedule: Sequence[float] | np.ndarray,
    *,
    timeout: float,
    warm_up: float = 0.0,
    connections: int | None = None,
    seconds: float | None = None,
) -> Result:
    """Call ``send`` at the moments of ``schedule`` (s from now, in order), however long its answers take.

    ``await send()`` gives an HTTP status, or anything else for a success, and raises OSError for a broken connection.
    ``timeout`` s after its intended moment a request has failed and is cancelled. With ``connections``, at most so many
    are under way at once; the others wait, which counts as their latency. ``seconds`` is how long the schedule lasts,
    where its last moment does not tell.
    """
    moments = np.asarray(schedule, dtype=float)
    if not (moments.ndim == 1 and len(moments) and moments[0] >= 0 and (np.diff(moments) >= 0).all()):
        raise ValueError("A schedule holds moments of 0 s or later, in order, and at least one.")
    span = seconds or float(moments[-1]) * len(moments) / max(1, len(moments) - 1) or timeout
    check(seconds=span, warm_up=warm_up, timeout=timeout, connections=connections)
    gaps = np.diff(moments)
    even = len(gaps) > 0 and np.ptp(gaps) < 1e-6 * span
    log = Log(moments)
    await keep_to(log, Calls(log, send, connections), timeout)
    arrivals = "constant" if even else "schedule"
    return log.result(Conditions(arrivals, span, len(moments) / span, None, warm_up, timeout, connections))


async def keep_to(log: Log, target: Calls | Pool, timeout: float) -> None:
    """Start each request of ``log`` at its intended moment, end those that take too long, and wait for the last.

    ``target.start(i)`` begins request ``i`` and returns at once, ``target.cancel(i)`` ends it; ``log`` is told of ends.
    """
    expiry = asyncio.create_task(expire(log, target, timeout))
    try:
        for i, moment in enumerate(log.intended):
            if log.now() < moment:
                await log.until(moment)
            elif i % BURST == 0:
                await asyncio.sleep(0)
            if log.broken is not None:
                break
            log.started[i] = log.now()
            if not log.outcome[i]:
                target.start(i)
        await log.all_done()
    finally:
        expiry.cancel()
        target.close()


async def expire(log: Log, target: Calls | Pool, timeout: float) -> None:
    """End every request that is not answered ``timeout`` s after its intended moment; goes on until cancelled."""
    i = 0
    while True:
        if i == len(log.outcome):
            await asyncio.sleep(timeout)  # a later request does not end before that
        elif log.outcome[i]:
            i += 1
        elif (left := log.intended[i] + timeout - log.now()) > 0:
            await asyncio.sleep(left)
        else:
            target.cancel(i)


async def closed_loop(
    send: Send,
    clients: int,
    seconds: float,
    *,
    timeout: float,
    warm_up: float = 0.0,
    think_time: float = 0.0,
) -> Result:
    """``clients`` at once call ``send`` for ``seconds`` s, each again when its last call has ended.

    ``send`` and ``timeout`` are as for :func:`open_loop`. Between two calls a client pauses for ``think_time`` s.
    """
    check(seconds=seconds, warm_up=warm_up, timeout=timeout, clients=clients, think_time=think_time)
    log = Log()

    async def client() -> None:
        while (now := log.now()) < seconds:
            i = log.add(now)
            log.sent[i] = now
            log.finish(i, await outcome_of(send, timeout))
            await asyncio.sleep(think_time)

    await asyncio.gather(*(client() for _ in range(clients)))
    return log.result(Conditions("closed", seconds, None, clients, warm_up, timeout, clients, think_time))


async def outcome_of(send: Send, timeout: float | None = None) -> str:
    """What comes of a call of ``send``, in a word: ``"ok"``, a status, ``"timeout"`` or ``"connection"``."""
    try:
        async with asyncio.timeout(timeout):
            return word(await send())
    except TimeoutError:
        return TIMEOUT
    except OSError:
        return CONNECTION


def word(answer: object) -> str:
    """The outcome that an answer is. A status other than 200 to 299 is a failure."""
    if isinstance(answer, str):
        return answer
    return str(answer) if type(answer) is int and not 200 <= answer < 300 else OK


# --- over HTTP


def measure(
    url: str | Sequence[str],
    body: bytes | Sequence[bytes] | None = None,
    *,
    rate: float | None = None,
    clients: int | None = None,
    seconds: float = 10.0,
    arrivals: str = "poisson",
    timeout: float = 1.0,
    warm_up: float | None = None,
    connections: int = 512,
    think_time: float = 0.0,
    seed: int = 0,
    headers: Mapping[str, str] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Result:
    """Put load on an HTTP server: an open loop of ``rate`` requests/s, or a closed one of ``clients``.

    ``body`` is sent by POST, as JSON unless ``headers`` say otherwise; several bodies are sent in turn; None asks by
    GET. Several URLs of one server, those of many models, are asked in turn: n URLs are n requests, with the bodies in
    turn. Arrivals are ``"poisson"`` or ``"constant"``. The client runs in a process of its own, so that it shares no
    lock with the caller, who may be the server or a notebook. Connections are kept and opened as needed, up to
    ``connections``; a request that finds none free waits, and the wait counts as its latency. ``warm_up`` is a tenth of
    ``seconds``, and 1 s at most, unless given. ``on_progress`` is called with the seconds gone by, some times a second.

    Raises ValueError for conditions that make no sense, and ConnectionError, in a sentence, when no server answers.
    """
    warm_up = min(1.0, seconds / 10) if warm_up is None else warm_up
    check(seconds=seconds, warm_up=warm_up, timeout=timeout, think_time=think_time)
    check(connections=connections, clients=clients, rate=rate)
    if (rate is None) == (clients is None):
        raise ValueError("Give a rate, for an open loop, or a number of clients, for a closed one.")
    if arrivals not in ("poisson", "constant"):
        raise ValueError(f'Arrivals are "poisson" or "constant", not {arrivals!r}.')
    from modelserving import load_client

    bodies = [body] if body is None or isinstance(body, bytes) else list(body)
    url, sent = (
        (url, load_client.requests(url, bodies, headers)) if isinstance(url, str) else several(url, bodies, headers)
    )
    job = load_client.Job(url, sent, seconds, timeout, connections, think_time)
    if rate is not None:
        moments = poisson(rate, seconds, seed) if arrivals == "poisson" else constant(rate, seconds)
        if not len(moments):
            raise ValueError(f"At {rate:g} requests/s no request falls into {seconds:g} s: give it more time.")
        job.schedule = moments
    else:
        job.clients, job.connections = clients, clients
    found = load_client.run(job, on_progress)
    conditions = Conditions(
        arrivals="closed" if clients else arrivals,
        seconds=seconds,
        rate=rate,
        clients=clients,
        warm_up=warm_up,
        timeout=timeout,
        connections=job.connections,
        think_time=think_time,
        seed=seed if rate is not None and arrivals == "poisson" else None,
        target=url,
        when=found.when,
        machine=machine(),
    )
    return Result(
        conditions, found.intended, found.sent, found.done, found.outcome, found.started, found.cpu, found.first_failure
    )


# --- small things


def several(
    urls: Sequence[str], bodies: Sequence[bytes | None], headers: Mapping[str, str] | None
) -> tuple[str, list[bytes]]:
    """The first of ``urls``, and a request for each, with ``bodies`` in turn.

    Raises ValueError when there is none, or when they are of more than one server.
    """
    from modelserving import load_client

    if len({load_client.address(url)[:2] for url in urls}) != 1:
        raise ValueError("Several URLs have to be of one server, host and port: measure servers one by one.")
    pairs = zip(urls, itertools.cycle(bodies), strict=False)  # the bodies never end
    return urls[0], [load_client.requests(url, [body], headers)[0] for url, body in pairs]


def check(**given: float | None) -> None:
    """Raises ValueError unless these conditions make sense together."""
    for name, value in given.items():
        if value is None:
            continue
        if name in COUNTS:
            fits, wanted = value >= 1 and value % 1 == 0, "a whole number, 1 or more"
        elif name in ("warm_up", "think_time"):
            fits, wanted = value >= 0, "0 or more"
        else:
            fits, wanted = value > 0, "above 0"
        if not (fits and np.isfinite(value)):
            raise ValueError(f"{name} must be {wanted}, not {value!r}.")
    if given.get("warm_up") and given["warm_up"] >= given["seconds"]:
        raise ValueError(f"A warm-up of {given['warm_up']:g} s leaves nothing of {given['seconds']:g} s to measure.")


def machine() -> str:
    """Where it ran, as far as it matters: nothing that names the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.system()}, {cores} cores, Python {platform.python_version()}"


def _report(result: Result) -> Iterator[str]:
    conditions, measured = result.conditions, int(result.measured.sum())
    if result.client_bound:
        yield f"VOID. {result.client_bound}"
    yield _described(conditions)
    if conditions.when == VIRTUAL:
        yield "in virtual time: no clock ran, and no machine was measured"
    elif conditions.when:
        began = datetime.datetime.fromisoformat(conditions.when)
        ended = began + datetime.timedelta(seconds=conditions.seconds)
        where = f", on {conditions.machine}" if conditions.machine else ""
        yield f"from {began:%Y-%m-%d %H:%M:%S} to {ended:%H:%M:%S}{where}"
    left_out = len(result.intended) - measured
    yield (
        f"{measured:,} requests measured, {result.answered.sum():,} answered, {result.failures.total():,} failed"
        + (f" ({result.failed:.2%})" if measured else "")
        + (f"; {left_out:,} of the first {conditions.warm_up:g} s left out as warm-up" if conditions.warm_up else "")
    )
    yield from (f"  failed: {count:,} by {_reason(why, conditions)}" for why, count in result.failures.most_common())
    if result.first_failure:
        yield f"  the first said: {result.first_failure}"
    after = " after the warm-up" if conditions.warm_up else ""
    yield f"throughput    {result.throughput:,.1f} successes/s, ended in the {result.window:g} s{after}"
    yield _line("latency", result.latency)
    if conditions.arrivals == "closed":
        yield "  a closed loop asks less while the server is slow: these latencies flatter it"
    else:
        yield _line("service time", result.service)
        yield "  of successes; latency from the intended moment, service time from sending: all that a closed loop sees"
        yield _line("lateness", result.lateness) + ", of the client itself, part of the latency"
    if len(result.queued) and result.queued.max() > LATE_LEAST and conditions.connections:
        waited, longest = int((result.queued > LATE_LEAST).sum()), in_words(result.queued.max())
        yield (
            f"  {waited:,} requests waited more than {in_words(LATE_LEAST)} for a connection to be made or free "
            f"(at most {conditions.connections:,} at once), up to {longest}: part of their latency"
        )
    if result.cpu is not None and len(result.intended):
        each = result.cpu / len(result.intended)
        yield f"client        {result.cpu_share:.0%} of a core, {in_words(each)} of processor time a request"


def _described(conditions: Conditions) -> str:
    to = f", to {conditions.target}" if conditions.target else ""
    if conditions.arrivals == "closed":
        think = f", {in_words(conditions.think_time)} of thinking between" if conditions.think_time else ""
        clients = "1 client" if conditions.clients == 1 else f"{conditions.clients:,} clients"
        return f"closed loop: {clients}{think}, for {conditions.seconds:g} s{to}"
    seed = f", seed {conditions.seed}" if conditions.seed is not None else ""
    kind = {"constant": "evenly spaced", "poisson": f"Poisson arrivals{seed}"}.get(conditions.arrivals, "by a schedule")
    return f"open loop: {conditions.rate:,.6g} requests/s, {kind}, for {conditions.seconds:g} s{to}"


def _line(name: str, values: np.ndarray) -> str:
    if not len(values):
        return f"{name:<13} none: there was no such request"
    found = {f"p{q:g}": _supported(values, q) for q in PERCENTILES}
    parts = [f"{q} {in_words(value)}" for q, value in found.items() if value is not None]
    missing = [q for q, value in found.items() if value is None]
    few = f"; too few for {', '.join(missing)}" if missing else ""
    return f"{name:<13} {', '.join([*parts, f'max {in_words(values.max())}'])}{few}"


def _reason(why: str, conditions: Conditions) -> str:
    if why == TIMEOUT:
        return (
            f"time-out ({in_words(conditions.timeout)} after the intended moment)" if conditions.timeout else "time-out"
        )
    return "a connection refused or broken" if why == CONNECTION else f"status {why}"


def in_words(seconds: float) -> str:
    """A time with three digits, in the unit that suits."""
    for least, factor, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if abs(seconds) >= least * 0.9995:
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 999.5 else f"{seconds * factor:,.0f} {unit}"
    return f"{seconds * 1e6:.3g} µs" if abs(seconds) > 5e-10 else "0 µs"
