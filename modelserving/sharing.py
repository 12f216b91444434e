"""Several models on one accelerator: who waits for whom (lesson 08).

    models = [Tenant("search", 0.005, arrivals=load.poisson(60, 30)), Tenant("reports", 0.04, arrivals=Closed(1))]
    outcome = simulate(GPU, TimeSlices(), models, seconds=30)

A simulation, in virtual time: a request needs so many seconds of the device alone, and could use so much of its width
meanwhile. What the device adds to that, the length of a slice, a change of context, neighbours that are in each
other's way, are the numbers of :class:`Device`; ``device.assumptions()`` tells where each comes from. Those of
``calibrate(recording)`` were measured, with one core of a processor as the accelerator. Those of ``GPU`` are
assumptions: no GPU was at hand when this was written. Equal arguments give equal outcomes.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from modelserving.load import percentile

RECORDINGS = Path(__file__).with_name("data") / "recordings"
DONE = 1e-9  # s of work that are left of a request when it counts as done: sums of slices are not exact

# --- what is shared, and by whom


@dataclass(frozen=True)
class Closed:
    """Clients that each wait for their answer, think for ``think`` s (exponential, its mean), and ask again."""

    clients: int = 1
    think: float = 0.0


ONE_CLIENT = Closed()


@dataclass(frozen=True, eq=False)
class Tenant:
    """A model and those who ask it.

    ``seconds``: what a request takes alone on the whole device. ``width``: the share of the device that it can use
    meanwhile (above 0, 1 at most). ``memory``: bytes that the model takes as long as it is there. ``arrivals``:
    moments in s, as :func:`modelserving.load.poisson` gives them, or :class:`Closed`. A tenant's requests run one after
    another.
    """

    name: str
    seconds: float
    width: float = 1.0
    memory: int = 0
    arrivals: np.ndarray | Closed = ONE_CLIENT

    def __post_init__(self) -> None:
        if not (0 < self.seconds < math.inf and 0 < self.width <= 1):
            raise ValueError(f"{self.name}: seconds lie above 0, and width above 0 and at 1 at most.")


@dataclass(frozen=True)
class Device:
    """An accelerator. ``sources`` tells, for each number, where it comes from."""

    name: str
    memory: int  # bytes
    slice: float  # s that a tenant runs before the next one may
    switch: float  # s that are lost when another tenant's context comes on
    overlap: float  # how much slower all get for each further one that runs at the same time: 0.1 is 10 %
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    def assumptions(self) -> list[str]:
        """What a simulation with this device takes for granted: a sentence each, with its source."""
        numbers = {
            "memory": f"It has {self.memory / 1e9:.3g} GB of memory; a model that does not fit is not served.",
            "slice": f"A time slice lasts {self.slice * 1e3:.3g} ms.",
            "switch": f"A change of context costs {self.switch * 1e6:.3g} µs in which nobody computes.",
            "overlap": f"Streams that overlap slow all down by {self.overlap:.0%} for each beyond the first.",
        }
        said = [f"{text} Source: {self.sources.get(name, 'none, chosen freely')}." for name, text in numbers.items()]
        return [f"The device: {self.name}.", *said, *ALWAYS]


ALWAYS = (
    "Time slices: one tenant has the device to itself; what its request cannot use of it stays idle. "
    "Source: NVIDIA, CUDA Multi-Process Service, which exists to change that.",
    "Streams: requests of different tenants overlap, each as fast as alone while their widths fit side by side; beyond "
    "that all slow down alike. Source: as before; that they share evenly is a simplification.",
    "Partitions: a tenant has its share of the device and of its memory to itself, and feels nobody. Any share can be "
    "cut. Source: NVIDIA, Multi-Instance GPU User Guide, where shares come in sevenths and eighths.",
    "A request takes the same time whenever it runs alone; transfers, launches and the processor's part are in it.",
)
"""What every simulation assumes, whatever the device."""

GPU = Device(
    "a GPU, simulated; its numbers are assumptions",
    memory=24_000_000_000,
    slice=2e-3,
    switch=100e-6,
    overlap=0.1,
    sources={
        "memory": "NVIDIA, data sheet of the A30, which can be cut in four of 6 GB (an L4, of 24 GB too, cannot)",
        "slice": "chosen for the course, as what users report of 'short' in nvidia-smi compute-policy --set-timeslice; "
        "NVIDIA documents the setting without times",
        "switch": "chosen for the course; NVIDIA publishes no figure",
        "overlap": "chosen for the course; it depends on what the models ask of caches and memory",
    },
)

# --- how it is shared


@dataclass(frozen=True)
class Exclusive:
    """Each tenant has a device of its own."""


@dataclass(frozen=True)
class InTurn:
    """One process serves all models: the request that came first runs to its end, then the next."""


@dataclass(frozen=True)
class TimeSlices:
    """A process for each tenant: those with work take turns, a slice each."""


@dataclass(frozen=True)
class Streams:
    """Requests of different tenants run at the same time, as far as the device is wide enough."""


@dataclass(frozen=True)
class Partitions:
    """The device is cut in pieces: ``shares`` by tenant, none above 1 in sum. Without shares all pieces are equal."""

    shares: Mapping[str, float] | None = None


Strategy = Exclusive | InTurn | TimeSlices | Streams | Partitions


# --- what came of it


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the tenants got. ``latency`` are s by tenant, from arrival to answer, of requests that were answered."""

    strategy: str
    seconds: float
    latency: dict[str, np.ndarray]
    refused: dict[str, int]  # requests to a model that had no room
    unanswered: dict[str, int]  # that still waited at the end: they pile up where more comes than can be done
    utilisation: float  # of the devices, 0 to 1: the part of them that computed
    devices: int = 1

    @property
    def throughput(self) -> dict[str, float]:
        """Answers a second, by tenant."""
        return {name: len(values) / self.seconds for name, values in self.latency.items()}

    def percentile(self, name: str, q: float) -> float:
        """A tenant's latency, in s, that ``q`` per cent of its answers did not exceed.

        Raises :class:`modelserving.load.TooFewSamples` when too few lie beyond it to call it measured.
        """
        return percentile(self.latency[name], q)

    def __str__(self) -> str:
        """A line for each tenant."""
        lines = [f"{self.strategy}, {self.devices} device{'s' * (self.devices > 1)}, {self.utilisation:.0%} used"]
        for name, values in self.latency.items():
            times = "no answer"
            if len(values):
                middle, high = np.percentile(values, [50, 95]) * 1e3
                times = f"median {middle:.3g} ms, p95 {high:.3g} ms"
            rest = "".join(
                f", {count} {what}"
                for what, count in (("refused", self.refused[name]), ("unanswered", self.unanswered[name]))
                if count
            )
            lines.append(f"  {name}: {self.throughput[name]:.1f}/s, {times}{rest}")
        return "\n".join(lines)


# --- the simulation


@dataclass(slots=True, eq=False)
class _Request:
    tenant: int
    arrived: float
    left: float  # s of work, alone on the whole device


@dataclass(slots=True, eq=False)
class _State:
    """What a rule looks at: the requests that wait or run, each tenant's in order."""

    tenants: Sequence[Tenant]
    queues: list[deque[_Request]]
    last: int = -1  # the tenant that ran last
    ends: float = 0.0  # of its slice
    switching: bool = False

    def waiting(self) -> list[int]:
        """The tenants with work."""
        return [i for i, queue in enumerate(self.queues) if queue]


def simulate(device: Device, strategy: Strategy, tenants: Sequence[Tenant], seconds: float, seed: int = 0) -> Outcome:
    """Serve ``tenants`` for ``seconds``, and see what each gets. ``seed`` draws the thinking of closed clients.

    Raises ValueError for two tenants of one name, and for shares that fit no device.
    """
    if len({tenant.name for tenant in tenants}) < len(tenants) or not tenants:
        raise ValueError("Give at least one tenant, and each a name of its own.")
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds is {seconds:g}; it has to be a number above 0.")
    shares = _shares(strategy, tenants)
    homeless = _homeless(device, strategy, tenants, shares)
    comings = Comings([tenant.arrivals for tenant in tenants], seconds, seed)
    state = _State(tenants, [deque() for _ in tenants])
    latency: list[list[float]] = [[] for _ in tenants]
    refused = [0] * len(tenants)
    now = work = 0.0
    while now < seconds:
        speeds, until = _allocate(device, strategy, state, shares, now)
        ends = [now + state.queues[i][0].left / speed for i, speed in speeds.items()]
        then = min([comings.next, until, seconds, *ends])
        for i, speed in speeds.items():
            state.queues[i][0].left -= speed * (then - now)
            work += speed * (then - now) * tenants[i].width
        now = then
        for i in speeds:
            if state.queues[i][0].left <= DONE:
                latency[i].append(now - state.queues[i].popleft().arrived)
                comings.answered(i, now)
        while comings.next <= now < seconds:
            moment, i = comings.take()
            if i in homeless:
                refused[i] += 1
            else:
                state.queues[i].append(_Request(i, moment, tenants[i].seconds))
    names = [tenant.name for tenant in tenants]
    devices = len(tenants) if isinstance(strategy, Exclusive) else 1
    return Outcome(
        strategy=type(strategy).__name__,
        seconds=seconds,
        latency={name: np.array(values) for name, values in zip(names, latency, strict=True)},
        refused=dict(zip(names, refused, strict=True)),
        unanswered={name: len(queue) for name, queue in zip(names, state.queues, strict=True)},
        utilisation=work / seconds / devices,
        devices=devices,
    )


def _allocate(
    device: Device, strategy: Strategy, state: _State, shares: Sequence[float], now: float
) -> tuple[dict[int, float], float]:
    """Which tenants' first requests run now, how fast (1 is alone on the whole device), and when to look again."""
    waiting = state.waiting()
    if isinstance(strategy, Exclusive | Partitions):
        return {i: min(1.0, shares[i] / state.tenants[i].width) for i in waiting}, math.inf
    if isinstance(strategy, Streams):
        wanted = sum(state.tenants[i].width for i in waiting)
        slower = max(1.0, wanted) * (1 + device.overlap * max(0, len(waiting) - 1))
        return dict.fromkeys(waiting, 1 / slower), math.inf
    if isinstance(strategy, InTurn):  # whatever runs came first, so it goes on to its end
        first = sorted(waiting, key=lambda i: state.queues[i][0].arrived)[:1]
        return dict.fromkeys(first, 1.0), math.inf
    return _time_slices(device, state, waiting, now)


def _time_slices(device: Device, state: _State, waiting: Sequence[int], now: float) -> tuple[dict[int, float], float]:
    """The tenants with work in turn. A tenant keeps the device until its slice ends, or it has nothing to do."""
    if state.switching and now >= state.ends - DONE:
        state.switching, state.ends = False, now + device.slice
    if state.switching or not waiting:
        return {}, state.ends if state.switching else math.inf
    if state.last in waiting and now < state.ends - DONE:
        return {state.last: 1.0}, state.ends
    chosen = min(waiting, key=lambda i: (i - state.last - 1) % len(state.tenants))
    if chosen != state.last and device.switch > 0:
        state.last, state.switching, state.ends = chosen, True, now + device.switch
        return {}, state.ends
    state.last, state.ends = chosen, now + device.slice
    return {chosen: 1.0}, state.ends


def _shares(strategy: Strategy, tenants: Sequence[Tenant]) -> list[float]:
    """The part of a device that each tenant may use."""
    if not isinstance(strategy, Partitions):
        return [1.0] * len(tenants)
    if strategy.shares is None:
        return [1 / len(tenants)] * len(tenants)
    if missing := [tenant.name for tenant in tenants if not strategy.shares.get(tenant.name, 0) > 0]:
        raise ValueError(f"No share for {', '.join(missing)}: every tenant needs a piece above 0.")
    if (total := sum(strategy.shares.values())) > 1 + 1e-9:
        raise ValueError(f"The shares make {total:g} of a device; more than 1 there is not.")
    return [strategy.shares[tenant.name] for tenant in tenants]


def _homeless(device: Device, strategy: Strategy, tenants: Sequence[Tenant], shares: Sequence[float]) -> set[int]:
    """The tenants whose model has no room: in the order given, as if they were loaded in it."""
    if isinstance(strategy, Exclusive | Partitions):
        return {i for i, tenant in enumerate(tenants) if tenant.memory > shares[i] * device.memory}
    out, free = set(), device.memory
    for i, tenant in enumerate(tenants):
        if tenant.memory > free:
            out.add(i)
        else:
            free -= tenant.memory
    return out


class Comings:
    """The requests that are to come, of several tenants, in order. ``next`` is the moment of the first of them."""

    def __init__(self, arrivals: Sequence[np.ndarray | Closed], seconds: float, seed: int) -> None:
        self._random = [np.random.default_rng([seed, i]) for i in range(len(arrivals))]
        self._arrivals = arrivals
        self._heap: list[tuple[float, int]] = []
        for i, coming in enumerate(arrivals):
            if isinstance(coming, Closed):
                self._heap += [(self._thinking(coming, i), i) for _ in range(coming.clients)]
            else:
                self._heap += [(float(moment), i) for moment in coming if moment < seconds]
        heapq.heapify(self._heap)

    @property
    def next(self) -> float:
        return self._heap[0][0] if self._heap else math.inf

    def take(self) -> tuple[float, int]:
        """The moment of the first, and whose it is."""
        return heapq.heappop(self._heap)

    def answered(self, i: int, now: float) -> None:
        """If it was a closed client's, that client will come again."""
        if isinstance(coming := self._arrivals[i], Closed):
            heapq.heappush(self._heap, (now + self._thinking(coming, i), i))

    def overdue(self, now: float) -> list[int]:
        """Whose requests should have been taken by now: a tenant for each of them."""
        return [i for moment, i in self._heap if moment < now]

    def _thinking(self, closed: Closed, i: int) -> float:
        return self._random[i].exponential(closed.think) if closed.think else 0.0


# --- what was recorded


class InvalidRecording(ValueError):
    """The file is no recording, or one that does not say what it was made with."""


PROVENANCE = ("date", "script", "machine", "versions", "runs")


def load_recording(path: str | Path | None = None) -> dict[str, Any]:
    """A recording that ``tools/record_sharing.py`` made; the course's own, or another file.

    Raises :class:`InvalidRecording` for one that does not say when, by which script, on which machine and with which
    versions it was made: measurements without that prove nothing.
    """
    path = RECORDINGS / "one_core.json" if path is None else Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRecording(f"The recording {path.name} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise InvalidRecording(f"The recording {path.name} is no JSON; make it again with its script.") from None
    missing = [key for key in PROVENANCE if not (isinstance(found, dict) and found.get(key))]
    if missing:
        raise InvalidRecording(f"The recording {path.name} does not tell: {', '.join(missing)}.")
    return found


def calibrate(recording: Mapping[str, Any]) -> Device:
    """The device that a recording is of: one core, with what was measured of its slices and their price.

    A slice is the processor time between two moments at which the system took the core away. A change of context costs
    what the tenants together got done less than one alone would have. ``overlap`` is how much slower both got when two
    ran at the same time, on two cores with one memory: a core has no streams of its own.
    """
    alone = {run["tenants"][0]["rows"]: run["seconds_each"] for run in recording["runs"] if run["how"] == "alone"}
    shared = [run for run in recording["runs"] if run["how"] == "processes" and _busy(run) and len(run["tenants"]) > 1]
    apart = [run for run in recording["runs"] if run["how"] == "halves" and _busy(run) and len(run["tenants"]) == 2]
    if not (alone and shared and apart):
        raise InvalidRecording("The recording lacks runs: alone, as processes with two tenants or more, and as halves.")
    slices = median(run["cpu"] / run["forced_switches"] for run in shared)
    done = median(_done(run, alone) for run in shared)
    machine = recording["machine"]
    of = f"measured on {recording['date']} with {recording['script']}"
    return Device(
        f"one core of {machine['processor']}, recorded on {recording['date']}",
        memory=int(machine["memory_gb"] * 1e9),
        slice=slices,
        switch=max(0.0, slices * (1 / done - 1)),
        overlap=max(0.0, 2 / median(_done(run, alone) for run in apart) - 1),
        sources={"memory": "the machine", "slice": of, "switch": of, "overlap": f"{of}, two cores at the same time"},
    )


def _busy(run: Mapping[str, Any]) -> bool:
    """Did all tenants always have work?"""
    return all(not tenant["think"] for tenant in run["tenants"])


def _done(run: Mapping[str, Any], alone: Mapping[int, float]) -> float:
    """How many devices' worth of work was answered: 1 is what one tenant alone gets done."""
    return sum(run["throughput"][tenant["name"]] * alone[tenant["rows"]] for tenant in run["tenants"])
