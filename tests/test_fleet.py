"""modelserving.fleet: the budget holds at every moment, and whoever asks gets the model that was asked for.

``World`` stands in for files and memory and keeps books of its own: what was opened and not yet closed, and what is
being opened. Hypothesis looks for an order of events, or of threads, in which the two disagree.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from modelserving import fleet as module
from modelserving.fleet import Budget, Fleet, Holding, NoRoom, NotWanted, misses

NAMES = tuple("abcdef")


class Broken(Exception):
    """What a load raises that fails."""


@dataclass(eq=False)
class Loaded:
    """What a load gives."""

    name: str
    bytes: int
    closed: bool = False


@dataclass
class World:
    """Sizes of models, and the memory that they take."""

    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1))
    stamps: Counter = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)
    budget: Budget = field(default_factory=lambda: Budget(models=2))
    work: Callable[[], None] = lambda: None  # what a load does meanwhile
    opening: list[tuple[str, int]] = field(default_factory=list)
    alive: list[Loaded] = field(default_factory=list)
    opened: Counter = field(default_factory=Counter)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def look(self, name: str) -> tuple[int, int]:
        return self.sizes[name], self.stamps[name]

    def open(self, name: str) -> dict[str, Loaded]:
        bytes = self.sizes[name]
        with self.lock:
            self.opening.append((name, bytes))
            self.check()
        try:
            self.work()
            if name in self.broken:
                raise Broken(name)
        finally:
            with self.lock:
                self.opening.remove((name, bytes))
        loaded = Loaded(name, bytes)
        with self.lock:
            self.opened[name] += 1
            self.alive.append(loaded)
            self.check()
        return {"1": loaded}

    def close(self, content: dict[str, Loaded]) -> None:
        with self.lock:
            for loaded in content.values():
                assert not loaded.closed
                loaded.closed = True
                self.alive.remove(loaded)

    def check(self) -> None:
        """Is what lives within the budget, whatever the fleet says?"""
        taken = [bytes for _, bytes in self.opening] + [loaded.bytes for loaded in self.alive]
        assert self.budget.covers(len(taken), sum(taken)), f"{taken} are more than {self.budget}"

    def fleet(self, pinned: tuple[str, ...] = ()) -> Fleet:
        return Fleet(self.budget, self.look, self.open, self.close, pinned)


class ByHand:
    """In place of threads: loads that run when the test says so."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable, Holding]] = []

    def submit(self, work: Callable, holding: Holding) -> None:
        self.jobs.append((work, holding))

    def finish(self, place: int = 0) -> None:
        work, holding = self.jobs.pop(place)
        work(holding)


def by_hand(world: World, pinned: tuple[str, ...] = ()) -> tuple[Fleet, ByHand]:
    made = world.fleet(pinned)
    made._threads = ByHand()
    return made, made._threads


# Any order of events


class AnyOrder(RuleBasedStateMachine):
    """Requests that come and go, loads that end when they like, some of them badly, and an operator."""

    leases = Bundle("leases")

    @initialize(
        models=st.none() | st.integers(1, 4),
        bytes=st.none() | st.integers(1, 9),
        sizes=st.lists(st.integers(0, 4), min_size=len(NAMES), max_size=len(NAMES)),
        pinned=st.sets(st.sampled_from(NAMES), max_size=1),
    )
    def begin(self, models, bytes, sizes, pinned):
        models = 2 if models is None and bytes is None else models
        self.world = World(dict(zip(NAMES, sizes, strict=True)), budget=Budget(models, bytes))
        self.fleet, self.loads = by_hand(self.world, tuple(pinned))
        self.leases_of: Counter = Counter()

    @rule(target=leases, name=st.sampled_from(NAMES))
    def ask(self, name):
        before = self.idle()
        stays = [h for h in self.fleet.ready().values() if h.pinned]
        never = not self.world.budget.covers(len(stays) + 1, sum(h.bytes for h in stays) + self.world.sizes[name])
        try:
            holding = self.fleet.acquire(name)
        except NoRoom:
            assert never
            return multiple()
        except NotWanted:
            assert name in self.unwanted()
            return multiple()
        except Broken:
            assert name in self.world.broken
            return multiple()
        assert holding.name == name
        self.leases_of[holding] += 1
        self.only_the_longest_idle_left(before, holding.name)
        return holding

    @rule(holding=consumes(leases))
    def leave(self, holding):
        before = self.idle()
        self.leases_of[holding] -= 1
        self.fleet.release(holding)
        if not self.leases_of[holding]:
            del self.leases_of[holding]
            if holding.state == module.READY:
                before = [name for name in before if name != holding.name] + [holding.name] * (not holding.pinned)
        self.only_the_longest_idle_left(before)

    @rule(data=st.data(), works=st.booleans())
    def end_of_a_load(self, data, works):
        if not self.loads.jobs:
            return
        place = data.draw(st.integers(0, len(self.loads.jobs) - 1))
        name = self.loads.jobs[place][1].name
        (self.world.broken.discard if works else self.world.broken.add)(name)
        self.loads.finish(place)

    @rule(name=st.sampled_from(NAMES))
    def unload(self, name):
        self.fleet.unload(name)
        assert name not in self.fleet.ready()

    @rule(name=st.sampled_from(NAMES))
    def wanted_again(self, name):
        self.fleet._unwanted.discard(name)

    @rule(name=st.sampled_from(NAMES))
    def mend(self, name):
        self.world.broken.discard(name)
        self.world.stamps[name] += 1

    def idle(self) -> list[str]:
        return [holding.name for holding in self.fleet._idle]

    def unwanted(self) -> set[str]:
        return self.fleet._unwanted

    def only_the_longest_idle_left(self, before: list[str], *asked: str) -> None:
        """Of those that were idle, longest first, the first few went, and nobody else."""
        left = [name for name in before if name not in asked]
        ready = set(self.fleet.ready())
        gone = [name not in ready for name in left]
        assert gone == sorted(gone, reverse=True), f"of {left} there are left {ready}"

    @invariant()
    def the_budget_holds(self):
        """By the fleet's own books, and by those of the world."""
        if not hasattr(self, "fleet"):
            return
        self.world.check()
        assert self.world.budget.covers(self.fleet.models, self.fleet.bytes)
        being_loaded = [holding.bytes for _, holding in self.loads.jobs]
        loaded = [one.bytes for one in self.world.alive]
        assert self.fleet.models == len(being_loaded) + len(loaded)
        assert self.fleet.bytes == sum(being_loaded) + sum(loaded)

    @invariant()
    def who_has_a_model_has_the_right_one(self):
        if not hasattr(self, "fleet"):
            return
        for holding in self.leases_of:
            assert holding.uses >= self.leases_of[holding] > 0
            if holding.arrival.done() and holding.arrival.exception() is None:
                assert [(one.name, one.closed) for one in holding.content.values()] == [(holding.name, False)]

    @invariant()
    def a_model_that_is_wanted_is_loaded_once(self):
        if not hasattr(self, "fleet"):
            return
        coming = Counter(h.name for _, h in self.loads.jobs if self.fleet._coming.get(h.name) is h)
        assert all(count == 1 for count in coming.values())

    @invariant()
    def nobody_waits_while_there_is_room(self):
        if hasattr(self, "fleet") and self.fleet._line:
            assert self.fleet._make_room(self.fleet._line[0]) is None

    def teardown(self):
        if not hasattr(self, "fleet"):
            return
        while self.loads.jobs:
            self.loads.finish()
        for holding, uses in list(self.leases_of.items()):
            for _ in range(uses):
                self.fleet.release(holding)
            while self.loads.jobs:
                self.loads.finish()
        assert not self.fleet._line
        assert not self.fleet._coming
        assert {one.name for one in self.world.alive} == set(self.fleet.ready())
        for name in NAMES:
            self.fleet.unload(name)
        assert (self.fleet.models, self.fleet.bytes, self.world.alive) == (0, 0, [])


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase


# Real threads


@settings(max_examples=25, deadline=None)
@given(
    asked=st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=25), min_size=2, max_size=6),
    models=st.integers(1, 4),
    bytes=st.none() | st.integers(4, 9),
    sizes=st.lists(st.integers(1, 4), min_size=len(NAMES), max_size=len(NAMES)),
    broken=st.sets(st.sampled_from(NAMES), max_size=1),
)
def test_threads_get_their_model_and_never_exceed_the_budget(asked, models, bytes, sizes, broken):
    world = World(dict(zip(NAMES, sizes, strict=True)), budget=Budget(models, bytes, wait=20), broken=broken)
    world.work = lambda: time.sleep(0.0002)
    fleet, wrong = world.fleet(), []

    def use(names: list[str]) -> None:
        try:
            for name in names:
                try:
                    holding = fleet.acquire(name)
                except Broken:
                    continue
                try:
                    fleet.wait(holding)
                    loaded = holding.content["1"]
                    time.sleep(0)  # let others have their turn
                    assert (loaded.name, loaded.closed) == (name, False)
                except Broken:
                    assert name in broken
                finally:
                    fleet.release(holding)
        except BaseException as error:
            wrong.append(error)

    def operate() -> None:
        try:
            for name in [names[0] for names in asked]:
                if name not in broken:
                    fleet.load(name)
        except NoRoom:  # not beside the one that it would replace
            pass
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=use, args=[names]) for names in asked] + [threading.Thread(target=operate)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong, wrong
    assert (fleet.models, fleet.bytes) == (len(world.alive), sum(one.bytes for one in world.alive))
    assert world.budget.covers(fleet.most_models, fleet.most_bytes)
    assert all(h.uses == 0 for h in fleet.ready().values())
    total = Counter(name for names in asked for name in names)
    for name, counts in fleet.counts.items():
        assert counts.hits <= counts.requests <= total[name]
        assert counts.loads - counts.failures == world.opened[name]


def test_threads_that_ask_at_once_have_the_model_loaded_once():
    world, started, go_on = World(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        assert go_on.wait(20)

    world.work = work
    fleet, got = world.fleet(), []

    def use() -> None:
        holding = fleet.acquire("a")
        fleet.wait(holding)
        got.append(holding.content["1"])
        fleet.release(holding)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert started.wait(20)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert len(got) == 8
    assert len(set(map(id, got))) == 1
    assert world.opened == {"a": 1}
    assert (fleet.counts["a"].requests, fleet.counts["a"].loads) == (8, 1)


def test_two_who_look_at_a_model_s_files_at_once_have_it_loaded_once():
    world = World()
    fleet, loads = by_hand(world)
    look, inner = fleet._look, []

    def look_slowly(name: str) -> tuple:
        if not inner:
            inner.append(None)  # somebody else asks before this one has seen the disk
            inner[0] = fleet.acquire(name)
        return look(name)

    fleet._look = look_slowly
    assert fleet.acquire("a") is inner[0]
    assert len(loads.jobs) == 1


def test_others_are_served_while_a_model_is_loaded():
    world = World(budget=Budget(models=2))
    fleet, loads = by_hand(world)
    first = fleet.acquire("a")
    loads.finish()
    second = fleet.acquire("b")  # on its way
    again = fleet.acquire("a")
    assert again is first
    assert again.content["1"].name == "a"
    assert not second.arrival.done()


# One thing at a time


def ready(fleet: Fleet, loads: ByHand, *names: str) -> None:
    for name in names:
        holding = fleet.acquire(name)
        while loads.jobs:
            loads.finish()
        fleet.release(holding)


def test_the_one_used_least_recently_leaves():
    fleet, loads = by_hand(World(budget=Budget(models=3)))
    ready(fleet, loads, "a", "b", "c", "a", "d")
    assert set(fleet.ready()) == {"a", "c", "d"}
    assert fleet.counts["b"].evictions == 1
    counts = fleet.counts["a"]
    assert (counts.requests, counts.hits, counts.loads, counts.evictions) == (2, 1, 1, 0)


def test_as_many_leave_as_it_takes_and_nobody_for_nothing():
    world = World({"a": 2, "b": 2, "c": 2, "d": 4, "e": 9}, budget=Budget(bytes=6))
    fleet, loads = by_hand(world)
    ready(fleet, loads, "a", "b", "c", "d")
    assert set(fleet.ready()) == {"c", "d"}
    with pytest.raises(NoRoom, match="takes 9 bytes, and the budget is 6 bytes") as error:
        fleet.acquire("e")
    assert not error.value.later
    assert set(fleet.ready()) == {"c", "d"}


def test_pinned_models_stay_and_a_budget_full_of_them_is_told():
    world = World(budget=Budget(models=2))
    fleet, loads = by_hand(world, ("a", "b"))
    ready(fleet, loads, "a", "c", "b")
    assert set(fleet.ready()) == {"a", "b"}
    with pytest.raises(NoRoom, match="2 bytes kept for 'a', 'b'"):
        fleet.acquire("c")
    assert fleet.counts["a"].evictions == 0


def test_one_in_use_is_waited_for_and_who_loses_patience_leaves_the_line():
    world = World(budget=Budget(models=1, wait=0.01))
    fleet, loads = by_hand(world)
    first = fleet.acquire("a")
    loads.finish()
    second, third = fleet.acquire("b"), fleet.acquire("c")
    assert not loads.jobs
    with pytest.raises(NoRoom, match="all that is loaded is in use") as error:
        fleet.wait(second)
    assert error.value.later
    fleet.release(second)
    assert fleet.state("b")[0] == module.GONE
    fleet.release(first)
    loads.finish()
    assert third.content["1"].name == "c"
    assert first.content == {}


def test_a_failed_load_gives_its_room_back_and_is_not_tried_again_at_once(monkeypatch):
    world = World(budget=Budget(models=1), broken={"a"})
    fleet, loads = by_hand(world)
    holding = fleet.acquire("a")
    waits = fleet.acquire("b")
    loads.finish()
    with pytest.raises(Broken):
        fleet.wait(holding)
    fleet.release(holding)
    loads.finish()
    assert waits.content["1"].name == "b"
    with pytest.raises(Broken):  # and "b" need not leave for it
        fleet.acquire("a")
    assert "a" in fleet.refusal("a")
    assert fleet.counts["a"].loads == 1
    now = time.monotonic()
    monkeypatch.setattr(module, "monotonic", lambda: now + module.RETRY)
    assert fleet.refusal("a") == ""
    fleet.release(waits)
    fleet.acquire("a")
    loads.finish()
    world.broken.clear()
    world.stamps["a"] += 1  # somebody mended it
    fleet.acquire("a")
    loads.finish()
    assert set(fleet.ready()) == {"a"}


def test_what_is_unloaded_by_hand_is_loaded_by_hand_only():
    fleet = World().fleet()
    fleet.load("a")
    first = fleet.acquire("a")
    fleet.unload("a")
    assert first.content["1"].closed is False
    assert fleet.models == 1
    with pytest.raises(NotWanted, match="'a' is not ready: unloaded"):
        fleet.acquire("a")
    fleet.release(first)
    assert fleet.models == 0
    fleet.load("a")
    assert set(fleet.ready()) == {"a"}


def test_a_load_by_hand_replaces_what_serves_once_it_is_there():
    world = World(budget=Budget(models=2, wait=0.01))
    fleet = world.fleet()
    fleet.load("a")
    old = fleet.acquire("a")
    fleet.load("a")
    new = fleet.acquire("a")
    assert new is not old
    assert (old.content["1"].closed, new.content["1"].closed, fleet.models) == (False, False, 2)
    with pytest.raises(NoRoom):  # both of them count, and are in use
        fleet.load("b")
    fleet.release(old)
    assert (old.content, fleet.models) == ({}, 1)
    world.broken.add("a")
    with pytest.raises(Broken):
        fleet.load("a")
    assert fleet.acquire("a") is new


def test_a_model_that_would_have_to_leave_for_itself_is_not_loaded_anew():
    fleet = World(budget=Budget(models=1)).fleet()
    fleet.load("a")
    with pytest.raises(NoRoom, match="1 bytes kept for 'a'") as error:
        fleet.load("a")
    assert not error.value.later
    assert set(fleet.ready()) == {"a"}


def test_a_load_by_hand_that_meets_one_under_way_reads_the_files_again():
    world, started, go_on = World(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        assert go_on.wait(20)

    world.work = work
    fleet = world.fleet()
    holding = fleet.acquire("a")
    assert started.wait(20)
    thread = threading.Thread(target=fleet.load, args=["a"])
    thread.start()
    go_on.set()
    fleet.wait(holding)
    fleet.release(holding)
    thread.join(20)
    assert world.opened == {"a": 2}
    assert fleet.models == 1


def test_what_is_unloaded_on_its_way_serves_those_who_wait_for_it():
    fleet, loads = by_hand(World())
    holding = fleet.acquire("a")
    fleet.unload("a")
    loads.finish()
    assert holding.content["1"].name == "a"
    assert fleet.ready() == {}
    fleet.release(holding)
    assert (holding.content, fleet.models) == ({}, 0)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({}, "how many models, or how many bytes"),
        ({"models": 0}, "1 model and 1 byte"),
        ({"models": 3, "bytes": -1}, "1 model and 1 byte"),
        ({"models": 3, "wait": 0.0}, "longer than 0"),
    ],
)
def test_a_budget_that_is_none_is_refused(limits, says):
    with pytest.raises(ValueError, match=says):
        Budget(**limits)


def test_a_budget_says_what_it_is():
    assert str(Budget(16, 64_000_000)) == "16 models and 64,000,000 bytes"
    assert str(Budget(bytes=5)) == "5 bytes"


# Misses


def test_misses_of_a_known_sequence():
    assert misses("abcabc", 2) == 1.0
    assert misses("abcabc", 3) == 0.5
    assert misses("aabb", 1) == 0.5
    assert misses("", 1) == 0.0
    assert misses("acbcac", 2, pinned="c") == pytest.approx(3 / 6)
    with pytest.raises(ValueError, match="no room beside 2 pinned"):
        misses("abc", 2, pinned="ab")


@settings(max_examples=100, deadline=None)
@given(
    asked=st.lists(st.sampled_from(NAMES), min_size=1, max_size=60),
    capacity=st.integers(2, 6),
    pinned=st.sets(st.sampled_from(NAMES), max_size=1),
)
def test_the_fleet_misses_as_often_as_the_simulation(asked, capacity, pinned):
    fleet, loads = by_hand(World(budget=Budget(models=capacity)), tuple(pinned))
    ready(fleet, loads, *pinned)
    fleet.counts.clear()
    ready(fleet, loads, *asked)
    hits = sum(counts.hits for counts in fleet.counts.values())
    assert misses(asked, capacity, pinned) == pytest.approx(1 - hits / len(asked))
