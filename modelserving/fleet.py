"""Many models, memory for a few: a budget, and who has to leave when another model is asked for (lesson 08).

A :class:`Fleet` keeps the books for a repository: which models are held, on their way or about to leave, and what they
take together. A model's room is reserved before it is loaded and given back once the last who uses it is through, so
that the budget holds at every moment. It neither knows files nor sessions; how to load is told to it.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

LOADERS = 2  # models that are loaded at once: a large one does not keep a small one waiting
RETRY = 5.0  # seconds in which a model whose load failed is not tried again, unless its files change
WAITING, LOADING, READY, LEAVING, GONE = "waiting", "loading", "ready", "leaving", "gone"


@dataclass(frozen=True)
class Budget:
    """What loaded models may take together: so many of them, so many ``bytes``, or both.

    ``wait``: most seconds that a request waits for its model to be loaded, room for it included.
    """

    models: int | None = None
    bytes: int | None = None
    wait: float = 10.0

    def __post_init__(self) -> None:
        if self.models is None and self.bytes is None:
            raise ValueError("a budget says how many models, or how many bytes, may be loaded")
        if min(limit for limit in (self.models, self.bytes) if limit is not None) < 1:
            raise ValueError("a budget has room for 1 model and 1 byte at least")
        if not self.wait > 0:
            raise ValueError("requests wait longer than 0 seconds for a model to be loaded")

    def __str__(self) -> str:
        limits = (self.models, "model"), (self.bytes, "byte")
        return " and ".join(f"{limit:,} {what}{'s' * (limit > 1)}" for limit, what in limits if limit)

    def covers(self, models: int, bytes: int) -> bool:
        """Do so many models of so many bytes together keep within it?"""
        return models <= (self.models or math.inf) and bytes <= (self.bytes or math.inf)


class NoRoom(Exception):
    """The budget has no room for a model: for now, or, unless ``later``, for as long as others are pinned."""

    def __init__(self, message: str, later: bool = True) -> None:
        super().__init__(message)
        self.later = later


class NotWanted(Exception):
    """The model was unloaded by hand, and stays so until it is loaded by hand."""


@dataclass
class Counts:
    """What happened to one model since the start."""

    requests: int = 0  # for which it was needed
    hits: int = 0  # of these, those that found it loaded
    loads: int = 0
    failures: int = 0  # loads that failed
    evictions: int = 0
    load_seconds: float = 0.0  # in loads, failed ones too


@dataclass(eq=False)
class Holding:
    """A model's place in the fleet, from the moment somebody wants it until its memory is given back."""

    name: str
    bytes: int
    stamp: Hashable  # which files it is made from
    pinned: bool = False
    state: str = WAITING
    uses: int = 0  # requests that wait for it or run on it
    content: dict[str, Any] = field(default_factory=dict)  # what was loaded, by version
    attached: dict[str, Any] = field(default_factory=dict)  # what a server made of it, and forgets together with it
    arrival: Future = field(default_factory=Future)  # done when it is ready, or raises why it will not be


class Fleet:
    """Models under a :class:`Budget`. All methods may be called from any thread, and none but :meth:`load` waits.

    ``look(name)`` gives the bytes that a model will take and a stamp that changes with its files, or raises;
    ``open(name)`` loads it and gives its content by version, in a thread; ``close(content)`` lets go of that. Who
    :meth:`acquire` s a model has to :meth:`release` it; it stays as long as anybody uses it. Of those that nobody uses
    the one that was used least recently leaves first. ``pinned`` models never have to.
    """

    def __init__(
        self,
        budget: Budget,
        look: Callable[[str], tuple[int, Hashable]],
        open: Callable[[str], dict[str, Any]],
        close: Callable[[dict[str, Any]], None],
        pinned: Iterable[str] = (),
    ) -> None:
        self.budget, self.pinned = budget, frozenset(pinned)
        self.counts: dict[str, Counts] = {}
        self.models = self.bytes = 0  # held now: loading, ready or leaving
        self.most_models = self.most_bytes = 0  # ever held
        self._look, self._open, self._close = look, open, close
        self._lock = threading.Lock()
        self._ready: dict[str, Holding] = {}
        self._coming: dict[str, Holding] = {}  # in the line, or being loaded
        self._idle: OrderedDict[Holding, None] = OrderedDict()  # ready, not pinned, not in use; longest idle first
        self._line: deque[Holding] = deque()  # wait for room, first come first served
        self._failed: dict[str, tuple[Hashable, float, Exception]] = {}  # files, until when not to try again, and why
        self._unwanted: set[str] = set()  # unloaded by hand
        self._threads = ThreadPoolExecutor(LOADERS, thread_name_prefix="load")

    # Who needs a model

    def acquire(self, name: str) -> Holding:
        """A place in the fleet for a model; wait for its ``arrival`` before using it, and :meth:`release` it then.

        Raises :class:`NoRoom` when pinned models leave none, :class:`NotWanted`, what ``look`` raises, or, soon after
        a load that failed, what that raised.
        """
        with self._lock:
            holding = self._ready.get(name) or self._coming.get(name)
            if holding is not None:
                return self._take(holding)
        bytes, stamp = self._look(name)  # this reads the disk: nobody else should wait for it
        with self._lock:
            holding = self._ready.get(name) or self._coming.get(name)
            return self._take(holding or self._plan(name, bytes, stamp))

    def _take(self, holding: Holding) -> Holding:
        counts = self._counts(holding.name)
        counts.requests += 1
        counts.hits += holding.state is READY
        self._idle.pop(holding, None)
        holding.uses += 1
        return holding

    def release(self, holding: Holding) -> None:
        """The counterpart of :meth:`acquire`."""
        with self._lock:
            holding.uses -= 1
            if holding.uses:
                return
            if holding.state is READY:
                self._rest(holding)
            elif holding.state is LEAVING:
                self._give_back(holding)
            elif holding.state is WAITING:  # everybody who wanted it has lost patience
                self._line.remove(holding)
                self._drop(holding)
            self._admit()

    def _rest(self, holding: Holding) -> None:
        if not holding.pinned:
            self._idle[holding] = None  # at the end: it was used last

    # Room

    def _plan(self, name: str, bytes: int, stamp: Hashable, anew: bool = False) -> Holding:
        """A new holding at the end of the line."""
        if not anew:
            self._refuse(name, stamp)
        holding = Holding(name, bytes, stamp, name in self.pinned)
        stays = [other for other in self._ready.values() if other.pinned or other.name == name]
        if not self.budget.covers(len(stays) + 1, sum(other.bytes for other in stays) + bytes):
            raise NoRoom(self._too_large(holding, stays), later=False)
        self._coming[name] = holding
        self._line.append(holding)
        self._admit()
        return holding

    def _refuse(self, name: str, stamp: Hashable) -> None:
        if name in self._unwanted:
            raise NotWanted(f"The model {name!r} is not ready: unloaded")
        if name in self._failed:
            files, until, error = self._failed[name]
            if files == stamp and monotonic() < until:
                raise error.with_traceback(None)  # or it would grow by each request
            del self._failed[name]

    def _too_large(self, holding: Holding, stays: Sequence[Holding]) -> str:
        says = f"The model {holding.name!r} takes {holding.bytes:,} bytes, and the budget is {self.budget}"
        kept = ", ".join(sorted(repr(other.name) for other in stays))
        return f"{says}, with {sum(o.bytes for o in stays):,} bytes kept for {kept}." if kept else f"{says}."

    def _admit(self) -> None:
        """Start the loads at the head of the line for which there is room, or can be made."""
        while self._line:
            holding = self._line[0]
            leaving = self._make_room(holding)
            if leaving is None:
                return
            for other in leaving:
                del self._ready[other.name], self._idle[other]
                self._counts(other.name).evictions += 1
                self._give_back(other)
            self._line.popleft()
            holding.state = LOADING
            self.models, self.bytes = self.models + 1, self.bytes + holding.bytes
            self.most_models, self.most_bytes = max(self.models, self.most_models), max(self.bytes, self.most_bytes)
            self._threads.submit(self._bring, holding)

    def _make_room(self, holding: Holding) -> list[Holding] | None:
        """Who has to leave so that ``holding`` finds room, the longest idle first; None if all of them are not enough.

        What it is to replace serves until then, and does not leave for it.
        """
        models, bytes = self.models + 1, self.bytes + holding.bytes
        leaving: list[Holding] = []
        for other in self._idle:
            if self.budget.covers(models, bytes):
                break
            if other.name != holding.name:
                leaving.append(other)
                models, bytes = models - 1, bytes - other.bytes
        return leaving if self.budget.covers(models, bytes) else None

    def _give_back(self, holding: Holding) -> None:
        """Let go of what was loaded, and only then of its room."""
        self._close(holding.content)
        holding.content, holding.attached, holding.state = {}, {}, GONE
        self.models, self.bytes = self.models - 1, self.bytes - holding.bytes

    def _drop(self, holding: Holding) -> None:
        """Forget a holding that came to nothing."""
        holding.state = GONE
        if self._coming.get(holding.name) is holding:
            del self._coming[holding.name]

    # Loads

    def _bring(self, holding: Holding) -> None:
        """What a loader's thread does."""
        began, error = perf_counter(), None
        try:
            content = self._open(holding.name)
        except Exception as problem:
            error = problem
        with self._lock:
            counts = self._counts(holding.name)
            counts.loads += 1
            counts.load_seconds += perf_counter() - began
            if error is None:
                holding.content = content
                self._settle(holding)
            else:
                counts.failures += 1
                self._failed[holding.name] = (holding.stamp, monotonic() + RETRY, error)
                self._drop(holding)
                self._give_back(holding)
            self._admit()
        if error is None:  # outside the lock: who waits may go on at once
            holding.arrival.set_result(None)
        else:
            holding.arrival.set_exception(error)

    def _settle(self, holding: Holding) -> None:
        """It is loaded: serve it from now on, unless it was unloaded meanwhile."""
        self._failed.pop(holding.name, None)
        if self._coming.get(holding.name) is not holding:
            self._leave(holding)
            return
        del self._coming[holding.name]
        if old := self._ready.pop(holding.name, None):
            self._leave(old)
        holding.state = READY
        self._ready[holding.name] = holding
        if not holding.uses:
            self._rest(holding)

    def _leave(self, holding: Holding) -> None:
        """Serve it no longer; its room is given back when the last who uses it is through."""
        self._idle.pop(holding, None)
        holding.state = LEAVING
        if not holding.uses:
            self._give_back(holding)

    # By hand

    def load(self, name: str) -> None:
        """Load a model anew, and wait until it is served; the one before serves until then, and on when that fails.

        Raises what ``look`` and ``open`` raise, and :class:`NoRoom`.
        """
        while True:
            bytes, stamp = self._look(name)
            with self._lock:
                self._unwanted.discard(name)
                coming = self._coming.get(name)
                if coming is None or coming.state is WAITING:  # one that has begun may have read older files
                    holding = coming or self._plan(name, bytes, stamp, anew=True)
                    holding.uses += 1
                    break
                coming.uses += 1
            try:
                coming.arrival.exception()  # if it fails, that concerns who asked for it
            finally:
                self.release(coming)
        try:
            self.wait(holding)
        finally:
            self.release(holding)

    def wait(self, holding: Holding) -> None:
        """Wait in this thread until a holding is ready: for room as long as the budget says, for the load to its end.

        Raises :class:`NoRoom`, or what the load raised.
        """
        with contextlib.suppress(TimeoutError):
            holding.arrival.result(self.budget.wait)
        if holding.state is WAITING:
            raise NoRoom(self.full(holding))
        holding.arrival.result()

    def full(self, holding: Holding) -> str:
        """Why a holding is still in the line."""
        return f"There is no room for the model {holding.name!r}: all that is loaded is in use."

    def unload(self, name: str) -> None:
        """Serve a model no longer, until it is loaded by hand. Who was promised it still gets it."""
        with self._lock:
            self._unwanted.add(name)
            self._failed.pop(name, None)
            if holding := self._ready.pop(name, None):
                self._leave(holding)
            self._coming.pop(name, None)  # it comes for those who wait for it, and leaves with them
            self._admit()

    # What there is

    def ready(self) -> dict[str, Holding]:
        """Holdings that are served now, by name."""
        with self._lock:
            return dict(self._ready)

    def state(self, name: str) -> tuple[str, str, dict[str, Any]]:
        """A model's state now, why it is not ready, and what is loaded of it."""
        with self._lock:
            if holding := self._ready.get(name):
                return READY, "", dict(holding.content)
            if name in self._coming:
                return LOADING, "loading", {}
        return GONE, self.refusal(name) or "not loaded: the first request loads it", {}

    def refusal(self, name: str) -> str:
        """Why a request would not have the model loaded; empty if it would."""
        with self._lock:
            if name in self._unwanted:
                return "unloaded"
            _, until, error = self._failed.get(name, (None, 0.0, None))
            return str(error) if monotonic() < until else ""

    def _counts(self, name: str) -> Counts:
        return self.counts.setdefault(name, Counts())


def misses(requests: Iterable[str], capacity: int, pinned: Iterable[str] = ()) -> float:
    """The share of ``requests``, names of models in order, that a fleet of ``capacity`` models does not find loaded.

    The model used least recently leaves first. ``pinned`` ones are there from the start, never leave, and take a place
    each. 0 for no requests. Raises ValueError where pinned models leave no room for another.
    """
    pinned = set(pinned)
    free = capacity - len(pinned)
    if free < 1:
        raise ValueError(f"a capacity of {capacity} leaves no room beside {len(pinned)} pinned models")
    held: OrderedDict[str, None] = OrderedDict()
    asked: Counter[bool] = Counter()
    for name in requests:
        if name in pinned:
            asked[True] += 1
            continue
        asked[found := name in held] += 1
        if found:
            held.move_to_end(name)
        else:
            held[name] = None
            if len(held) > free:
                held.popitem(last=False)
    return asked[False] / max(asked.total(), 1)
