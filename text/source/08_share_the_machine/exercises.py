# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   twin:
#     agreed: 205fbebab4a4e86c
# ---

# %% [markdown]
# # Assignment 08: share the machine
#
# Lesson 08 put many models on one machine, looked at who waits for whom, and asked what a thousand predictions cost. Here you write the parts that decide it: how many
# places a fleet needs, what is loaded and what has to go, whose turn it is, and which machines are worth their price.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `by_capacity`: what a fleet loads in a day, for every number of places, from one pass over the requests | 4 |
# | 2 | `Fleet`: many models under a budget of memory, loaded once, dropped when nobody needs them | 6 |
# | 3 | `FairQueue`: whose request runs next, so that a noisy neighbour is heard by nobody | 5 |
# | 4 | `capacity`: what one instance carries, from a load test | 3 |
# | 5 | `bill`: what a day of traffic costs, in whole instances | 4 |
# | 6 | `cheapest`: the plan that keeps the promise for the least money, and why the others do not | 4 |
#
# It takes two to three hours, half of them for exercises 2 and 3. The quiz of this assignment is in `quiz.ipynb`, worth another 5 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 6
#   of the 26 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on requests and numbers that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one.
# - Write with `numpy`, `asyncio` and Python's standard library alone. What the docstrings ask for differs from what `modelserving` does, so wrapping its
#   functions will not do.
# - **No clock is read and nothing is paid.** Time is virtual or a number in a table, and prices are made up. What you write comes out the same on every machine.

# %% [markdown]
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import asyncio
import math
from collections import Counter, OrderedDict, deque

import numpy as np


# %% [markdown]
# ## Exercise 1. How many places does a fleet need?
#
# A server with `places` for models has one loaded for each place, at most. A request for a model that is not loaded is a **miss**: the model is loaded first, and when no place is free, the one
# that has gone unrequested for longest leaves (*least recently used*). More places cost memory, fewer cost loads. How many loads at 8 places, at 16, at 32? One could play the day
# once for each. One pass is enough:
#
# ```
# requests     a  b  a  c  b
# 1 place      x  x  x  x  x    5 misses
# 2 places     x  x  .  x  x    4 misses: c drives out b, since a was asked for after it
# 3 places     x  x  .  x  .    3 misses: the first request for each
# distance     -  -  2  -  3
# ```
#
# The last row counts the different models that were asked for since the previous request for the same one, itself included. It is the number of places from which on this request is no
# miss (R. L. Mattson et al., *Evaluation techniques for storage hierarchies*, IBM Systems Journal 9(2), 1970). All rows above follow from it.
#
# Not every model takes equally long to load, so misses alone do not tell how long people wait. And some models are **pinned**: loaded before the first request, and never dropped.

# %% nbgrader={"grade": false, "grade_id": "by_capacity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def by_capacity(requests, seconds, most, pinned):
    """What a fleet would have loaded on a day with 0, 1, 2, … `most` places.

    Arguments:
        requests: list of texts, the model of each request, in the order of time. May be empty.
        seconds: dict, model -> s that loading it takes; of all models requested, and maybe of others.
        most: whole number, at least 0.
        pinned: set of texts. Each pinned model takes one of the places, all day, whether it is requested or not.
            Its requests are never misses, and its loading is not counted: it was loaded before the day began.

    Returns:
        dict:
        "misses": list of most + 1 entries; entry p is the number of misses with p places, a whole number, or None
            if p places do not hold the pinned models. The other models share what the pinned ones leave, and the
            least recently used of them leaves when no place is free. With no place left for them, each of their
            requests is a miss: the model is loaded for it and dropped after it.
        "seconds": list of most + 1 entries; how long those loads took together, s, or None likewise.
        "first": the number of misses that no number of places would have avoided.
    """
    ### BEGIN SOLUTION
    stack, times, loading = [], np.zeros(most + 2, dtype=np.int64), np.zeros(most + 2)
    others = [name for name in requests if name not in pinned]
    for name in others:  # by stack distance; the last entry is for those that miss with any number of places
        distance = most + 1
        if name in stack:
            distance = min(distance, len(stack) - stack.index(name))
            stack.remove(name)
        stack.append(name)
        times[distance] += 1
        loading[distance] += seconds[name]

    def beyond(counts):
        above = (counts.sum() - counts.cumsum()).tolist()
        return [above[p - len(pinned)] if p >= len(pinned) else None for p in range(most + 1)]

    return {"misses": beyond(times), "seconds": beyond(loading), "first": len(set(others))}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_by_capacity", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the five requests above, without and with a pinned model.
# Why: a table of places and loads is what one needs in order to buy memory; a single row of it is not.
# Expected: 5, 5, 4, 3, 3 misses with 0 to 4 places; with a pinned, 3, 3, 2 with 1 to 3, and none of them a's.
import math


def test_by_capacity():
    requests, seconds = ["a", "b", "a", "c", "b"], {"a": 1.0, "b": 0.5, "c": 0.25}
    cases = [
        (set(), {"misses": [5, 5, 4, 3, 3], "seconds": [3.25, 3.25, 2.25, 1.75, 1.75], "first": 3}),
        ({"a"}, {"misses": [None, 3, 3, 2, 2], "seconds": [None, 1.25, 1.25, 0.75, 0.75], "first": 2}),
    ]
    for pinned, expected in cases:
        got = by_capacity(requests, seconds, 4, pinned)
        assert isinstance(got, dict), "by_capacity must return a dict."
        assert sorted(got) == sorted(expected), f"The keys should be {sorted(expected)} and are {sorted(got)}."
        where = f"With {sorted(pinned) or 'nothing'} pinned and 0 to 4 places"
        for key in ("misses", "seconds"):
            came = list(got[key])
            assert len(came) == 5, f'{where}, "{key}" should have 5 entries and has {len(came)}.'
            for came_one, right in zip(came, expected[key], strict=True):
                same = came_one is None if right is None else came_one is not None and math.isclose(came_one, right)
                assert same, f'{where}, "{key}" should be {expected[key]} and is {came}.'
        assert got["first"] == expected["first"], (
            f'{where}, "first" should be {expected["first"]}, one for each model that is not pinned; '
            f"it is {got['first']!r}."
        )


test_by_capacity()

# %% nbgrader={"grade": true, "grade_id": "test_by_capacity_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: days of some thousand requests, evenly spread, skewed, in bursts, or round and round.
# Why: first in, first out and least often used look alike on five requests, and load far more, or far less, on a day.
# Expected: the misses and seconds of the docstring at each number of places.
### BEGIN HIDDEN TESTS
import math
from collections import Counter, OrderedDict

import numpy as np


def test_by_capacity_hidden():
    def played(requests, places, again=True):
        """Which requests miss, by playing the day; first in, first out when a request does not count again."""
        loaded, missed = OrderedDict(), []
        for name in requests:
            if name in loaded:
                if again:
                    loaded.move_to_end(name)
                continue
            missed.append(name)
            loaded[name] = True
            if len(loaded) > places:
                loaded.popitem(last=False)
        return missed

    def least_often(requests, places):
        loaded, missed, often = {}, [], Counter()
        for number, name in enumerate(requests):
            often[name] += 1
            if name not in loaded:
                missed.append(name)
                if len(loaded) >= places:
                    del loaded[min((often[other], last, other) for other, last in loaded.items())[2]]
            loaded[name] = number
        return missed

    random = np.random.default_rng(82)
    models = [f"model {number}" for number in range(30)]
    seconds = {name: float(time) for name, time in zip(models, random.uniform(0.01, 2, 30), strict=True)}
    skewed = 1 / np.arange(1, 31) ** 1.1
    bursts = [name for name in random.choice(models, 400).tolist() for _ in range(int(random.integers(1, 8)))]
    days = [
        ("evenly spread", random.choice(models, 1500).tolist()),
        ("skewed", random.choice(models, 3000, p=skewed / skewed.sum()).tolist()),
        ("in bursts", bursts),
        ("round and round", models[:12] * 40),
        ("of one model", models[:1] * 50),
    ]
    for what, requests in days:
        got = by_capacity(requests, seconds, 34, set())
        misses, loading = list(got["misses"]), list(got["seconds"])
        assert len(misses) == len(loading) == 35, (
            f'A day {what}: for 0 to 34 places, "misses" and "seconds" should have 35 entries each; they have '
            f"{len(misses)} and {len(loading)}."
        )
        for places in range(35):
            missed = played(requests, places)
            where = f"A day {what}, {len(requests)} requests, {places} places"
            came = misses[places]
            assert isinstance(came, int | np.integer), f'{where}: "misses" should hold a whole number, not {came!r}.'
            if came != len(missed):
                why = ""
                if came == len(played(requests, places, again=False)):
                    why = " That is first in, first out: who is asked for again stays on."
                elif places and came == len(least_often(requests, places)):
                    why = " That drops the model requested least often; asked for is the one unrequested for longest."
                elif came == len(missed) - len(set(requests)):
                    why = " The first request for each model is a miss, too."
                elif came == len(played(requests, places + 1)):
                    why = " That is right for one place more."
                elif places and came == len(played(requests, places - 1)):
                    why = " That is right for one place less."
                raise AssertionError(f'{where}: "misses" should be {len(missed)} and is {came}.{why}')
            total = sum(seconds[name] for name in missed)
            mean = len(missed) * sum(seconds.values()) / len(seconds)
            took = loading[places]
            assert isinstance(took, int | float), f'{where}: "seconds" should hold a number, not {took!r}.'
            why = " That is misses times a mean; each counts by the time of its own model."
            assert math.isclose(took, total, rel_tol=1e-6), (
                f'{where}: "seconds" should be {total:.6g} and is {took:.6g}.'
                f"{why if math.isclose(took, mean, rel_tol=1e-6) else ''}"
            )
        assert got["first"] == len(set(requests)), (
            f'A day {what}: "first" should be {len(set(requests))} and is {got["first"]!r}.'
        )


test_by_capacity_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_by_capacity_pinned", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: pinned models, requested or not, more of them than places; a day without requests.
# Why: what is pinned takes a place from all the others, and may cost more loads than it saves.
# Expected: None where the pinned ones do not fit; else the misses of the others in the places that are left.
### BEGIN HIDDEN TESTS
import math
from collections import OrderedDict

import numpy as np


def test_by_capacity_pinned():
    def played(requests, places):
        loaded, missed = OrderedDict(), []
        for name in requests:
            if name not in loaded:
                missed.append(name)
            loaded[name] = True
            loaded.move_to_end(name)
            if len(loaded) > places:
                loaded.popitem(last=False)
        return missed

    random = np.random.default_rng(83)
    models = [f"m{number}" for number in range(20)]
    seconds = {name: 0.25 + number for number, name in enumerate(models)}
    skewed = 1 / np.arange(1, 21)
    day = random.choice(models, 1200, p=skewed / skewed.sum()).tolist()
    cases = [
        ("the two most wanted are pinned", day, {"m0", "m1"}, 22),
        ("three seldom wanted are pinned", day, {"m17", "m18", "m19"}, 24),
        ("two that nobody asks for are pinned, one of them unknown", day[:300], {"m19", "spare"}, 22),
        ("more are pinned than there are places", day[:50], {"m1", "m2", "m3"}, 2),
        ("all that is asked for is pinned", ["m1", "m2"] * 9, {"m1", "m2"}, 4),
        ("nothing is asked for", [], {"m1"}, 3),
        ("nothing is asked for or pinned, and there is no place", [], set(), 0),
    ]
    for what, requests, pinned, most in cases:
        requests = [name if name != "m19" or "spare" not in pinned else "m0" for name in requests]
        others = [name for name in requests if name not in pinned]
        got = by_capacity(requests, seconds, most, pinned)
        misses, loading = list(got["misses"]), list(got["seconds"])
        assert len(misses) == len(loading) == most + 1, (
            f'When {what}, with 0 to {most} places: "misses" and "seconds" should have {most + 1} entries each; they '
            f"have {len(misses)} and {len(loading)}."
        )
        for places in range(most + 1):
            where = f"When {what}, with {places} places, {len(pinned)} of them taken by pinned models"
            if places < len(pinned):
                assert [misses[places], loading[places]] == [None, None], (
                    f"{where}: the pinned ones do not fit, so both entries should be None. "
                    f"They are {misses[places]!r} and {loading[places]!r}."
                )
                continue
            missed = played(others, places - len(pinned))
            assert misses[places] is not None, f'{where}: "misses" should be {len(missed)} and is None.'
            if misses[places] != len(missed):
                why = ""
                if misses[places] == len(played(others, places)):
                    why = " That leaves all places to the others: each pinned model takes one."
                elif misses[places] == len(played(requests, places)):
                    why = " That treats pinned models like any other."
                elif misses[places] == len(missed) + len(pinned):
                    why = " Pinned models were loaded before the day began: they are no misses."
                raise AssertionError(f'{where}: "misses" should be {len(missed)} and is {misses[places]}.{why}')
            total = sum(seconds[name] for name in missed)
            took = loading[places]
            assert isinstance(took, int | float), f'{where}: "seconds" should hold a number, not {took!r}.'
            assert math.isclose(took, total, rel_tol=1e-6, abs_tol=1e-6), (
                f'{where}: "seconds" should be {total:.6g} and is {took:.6g}.'
            )
        assert got["first"] == len(set(others)), (
            f'When {what}: "first" should be {len(set(others))} and is {got["first"]!r}. Requests for pinned models '
            "never miss, not even the first."
        )


test_by_capacity_pinned()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. A fleet under a budget
#
# The table of exercise 1 says how many models to keep. Somebody has to keep them: load a model when it is asked for, drop another to make room, and never use more memory than there is, not even
# for a moment. While a model loads, others are asked for, and the same one is asked for again. So between the question "is there room?" and the answer "it is loaded" much may happen.
#
# ```
# 100 MB; a and b take 40 MB each, c takes 60
# 0 ms    a is asked for     40 MB are taken now, before the load begins
# 2 ms    b is asked for     80 MB; it loads at the same time
# 4 ms    a is asked for     it is on its way already: wait for the same load
# 5 ms    c is asked for     a and b are both waited for, nothing can go: refused
# 100 ms  a is loaded, and runs for both who waited
# 300 ms  c is asked for     nobody uses a and b any more. b was asked for longest ago, since a was asked for again;
#                            with b dropped, 60 MB are free, and a may stay
# ```
#
# Here `asyncio` does the waiting, as in assignment 05, and the clock is virtual. Given is a machine whose models load in 100 ms and answer in 10 ms, and which notes what happens to its memory. `play` sends requests to your
# fleet and gives back what everybody got, and what the machine saw.

# %% nbgrader={"grade": false, "grade_id": "given_machine", "locked": true, "schema_version": 3, "solution": false, "task": false}
class Machine:
    """Memory with models in it. A model takes sizes[name] MB from the moment at which its load begins until it is
    dropped, or until its load ends in failure. `faulty` holds the names of models whose next load fails, once each.
    """

    def __init__(self, sizes, faulty, factor):
        self.sizes, self.faulty, self.factor = sizes, list(faulty), factor
        self.there, self.most, self.events, self.broken = [], 0, [], []

    def note(self, what, name):
        self.events.append([round(1000 * asyncio.get_running_loop().time(), 3), what, name])  # ms
        self.most = max(self.most, sum(self.sizes[one] for one in self.there))

    async def load(self, name):
        if name in self.there:
            self.broken.append(f"{name} was loaded, and it was there or on its way already")
        self.there.append(name)
        self.note("load", name)
        try:
            await asyncio.sleep(0.100)
            if name in self.faulty:
                self.faulty.remove(name)
                raise OSError(f"{name} cannot be read")
        except BaseException:  # a cancelled load gives its memory back, too
            self.there.remove(name)
            self.note("failed", name)
            raise
        return Loaded(self, name)


class Loaded:
    """A model in memory. Its answer to a row is [its name, factor x row]."""

    def __init__(self, machine, name):
        self.machine, self.name, self.running, self.dropped = machine, name, 0, False

    async def run(self, row):
        if self.dropped:
            self.machine.broken.append(f"{self.name} was asked for an answer after it had been dropped")
        self.running += 1
        try:
            await asyncio.sleep(0.010)
        finally:
            self.running -= 1
        return [self.name, self.machine.factor * row]

    def drop(self):
        if self.running or self.dropped:
            self.machine.broken.append(f"{self.name} was dropped {'twice' if self.dropped else 'while it was running'}")
        if not self.dropped:
            self.machine.there.remove(self.name)
            self.machine.note("drop", self.name)
        self.dropped = True


# %% nbgrader={"grade": false, "grade_id": "given_play", "locked": true, "schema_version": 3, "solution": false, "task": false}
from modelserving import virtual


def play(Fleet, sizes, budget, pinned, requests, faulty=(), factor=3):
    """Send requests to a fleet over a Machine. Each is (at, name, row), or (at, name, row, leaves): times in ms, the
    last one being when its caller gives up. A dict of plain data comes back: what everybody got ("answers"), and when
    ("times", ms); what happened in the memory ("events", lists [ms, "load" | "failed" | "drop", name]) and the most
    MB that were in it ("most"); what must not have happened ("broken", texts); what ended it all ("problem").
    """
    machine, problem = Machine(sizes, faulty, factor), None
    answers, times = [["no answer"] for _ in requests], [None for _ in requests]

    async def caller(number, fleet, at, name, row, leaves=None):
        await asyncio.sleep(at / 1000)
        try:
            async with asyncio.timeout_at(leaves and leaves / 1000):
                answers[number] = ["answer", await fleet.ask(name, row)]
        except TimeoutError:
            answers[number] = ["left"]
        except Exception as error:
            refused = type(error) is RuntimeError
            answers[number] = ["refused"] if refused else ["failed", f"{type(error).__name__}: {error}"]
        times[number] = round(1000 * asyncio.get_running_loop().time(), 3)

    def note(_, context):
        error = context.get("exception")
        if isinstance(error, Exception) and not isinstance(error, OSError | TimeoutError | RuntimeError):
            machine.broken.append(f"{type(error).__name__} in the background: {error}")

    async def everybody():
        asyncio.get_running_loop().set_exception_handler(note)
        fleet = Fleet(machine.load, sizes, budget, pinned)
        callers = [asyncio.ensure_future(caller(i, fleet, *request)) for i, request in enumerate(requests)]
        await asyncio.wait(callers, timeout=100)

    try:
        virtual.run(everybody())
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    seen = {"events": machine.events, "most": machine.most, "broken": machine.broken, "problem": problem}
    return {"answers": answers, "times": times} | seen


# %% nbgrader={"grade": false, "grade_id": "Fleet", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Fleet:
    """Many models under a budget of memory.

    - A request is answered by the model that it asks for, as soon as that is loaded: at once if it is. Nobody
      waits for another model's load, and loads of different models go on side by side.
    - A model that is loaded, or being loaded, is not loaded again: who asks for it meanwhile waits for that load.
    - A model takes its size from the moment at which `load` is called until it is dropped, or until its load has
      failed. What all of them take is never more than the budget.
    - A load begins at the moment of the request, before `ask` waits for anything. If there is no room for it, models
      are dropped first, at that moment: the one that was asked for longest ago, then the next, until there is room,
      and no more. A model is not dropped while it is pinned, while it loads, or while somebody uses it: who waits
      for its load or for its answer. Nothing is dropped at any other time.
    - If dropping all that may be dropped would not make room, nothing is dropped, and RuntimeError is raised at once.
    - When a load fails, everybody who waited for it gets the exception that it raised. Its memory is free again,
      and the next request for the model loads it anew.
    - A caller may leave (its task is cancelled) at any time. The others who wait for the same model get it as if
      nothing had happened, and nothing stays in use because of who has left.
    """

    def __init__(self, load, sizes, budget, pinned):
        """Called inside the running event loop. Nothing is loaded yet, pinned models neither.

        load: coroutine function; `await load(name)` gives the loaded model, or raises. Of a loaded model, `model`,
            `await model.run(row)` is its answer to a row, and `model.drop()` frees its memory.
        sizes: dict, name -> MB, whole numbers above 0. budget: MB. pinned: set of names.
        """
        ### BEGIN SOLUTION
        self.load, self.sizes, self.free, self.pinned = load, sizes, budget, pinned
        self.loads, self.users = OrderedDict(), Counter()  # the task of each load; asked for longest ago comes first
        ### END SOLUTION

    async def ask(self, name, row):
        """The answer of model `name`, one of `sizes`, to `row`. Raises RuntimeError, or what its load raised."""
        ### BEGIN SOLUTION
        if name not in self.loads:
            self._make_room(self.sizes[name])
            self.free -= self.sizes[name]  # reserved before anybody else has a turn
            self.loads[name] = asyncio.ensure_future(self._load(name))
        self.loads.move_to_end(name)
        self.users[name] += 1
        try:
            model = await asyncio.shield(self.loads[name])  # a caller that leaves does not end the load
            return await model.run(row)
        finally:
            self.users[name] -= 1

    def _make_room(self, size):
        idle = [n for n, load in self.loads.items() if load.done() and not self.users[n] and n not in self.pinned]
        if size > self.free + sum(self.sizes[name] for name in idle):
            raise RuntimeError(f"There is no room for {size} MB.")
        for name in idle:
            if size <= self.free:
                break
            self.loads.pop(name).result().drop()
            self.free += self.sizes[name]

    async def _load(self, name):
        try:
            return await self.load(name)
        except BaseException:
            del self.loads[name]
            self.free += self.sizes[name]
            raise
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_Fleet", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: three models of which two fit, asked for one after another; then the example above.
# Why: this is the whole life of a fleet: load, answer, make room.
# Expected: everybody's answer, after 110 ms with a load and 10 ms without; the loads and drops in their order.


def test_Fleet():
    sizes = {"a": 40, "b": 40, "c": 60}
    cases = [
        (
            "One after another",
            {"a": 40, "b": 40, "c": 40},
            [(0, "a", 1), (1000, "b", 2), (2000, "a", 3), (3000, "c", 4), (4000, "a", 5), (5000, "b", 6)],
            [110, 1110, 2010, 3110, 4010, 5110],
            [
                [0, "load", "a"],
                [1000, "load", "b"],
                [3000, "drop", "b"],
                [3000, "load", "c"],
                [5000, "drop", "c"],
                [5000, "load", "b"],
            ],
        ),
        (
            "The example",
            sizes,
            [(0, "a", 1), (2, "b", 2), (4, "a", 3), (5, "c", 4), (300, "c", 5)],
            [110, 112, 110, None, 410],
            [[0, "load", "a"], [2, "load", "b"], [300, "drop", "b"], [300, "load", "c"]],
        ),
    ]
    for what, sizes, requests, times, events in cases:
        seen = play(Fleet, sizes, 100, set(), requests)
        assert seen["problem"] is None, f"{what}: the event loop ended with: {seen['problem']}"
        for (at, name, row), time, answer, came in zip(requests, times, seen["answers"], seen["times"], strict=True):
            expected = ["refused"] if time is None else ["answer", [name, 3 * row]]
            assert answer == expected, (
                f"{what}: who asks for {name} at {at} ms should get {expected}, and got {answer}."
            )
            due = at if time is None else time
            assert abs(came - due) < 0.01, f"{what}: who asks for {name} at {at} ms is due at {due} ms, not {came}."
        assert not seen["broken"], f"{what}: {seen['broken'][0]}."
        assert seen["most"] <= 100, f"{what}: there are 100 MB, and {seen['most']} were in use."
        assert seen["events"] == events, f"{what}: the memory should see {events}, and saw {seen['events']}."


test_Fleet()

# %% nbgrader={"grade": true, "grade_id": "test_Fleet_memory", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: hundreds of requests for models of many sizes, with dozens of them on their way at once.
# Why: who looks whether there is room, waits, and takes it afterwards, takes it twice. Then the machine ends it all.
# Expected: never more than the budget, nothing dropped in use, everybody's own answer, and no refusal without need.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Fleet_memory():
    for seed, budget, gap, count in ((1, 200, 12.0, 12), (2, 150, 40.0, 10), (3, 400, 6.0, 15), (4, 60, 90.0, 4)):
        random = np.random.default_rng(seed)
        sizes = {f"m{number}": int(size) for number, size in enumerate(random.integers(10, 60, count))}
        pinned = {"m0"}
        at = np.floor(np.cumsum(random.exponential(gap, 300))) + np.arange(300) / 1000  # nothing at the same moment
        names = random.choice(sorted(sizes), 300).tolist()
        requests = [(round(float(at[number]), 3), names[number], number) for number in range(300)]
        seen = play(Fleet, sizes, budget, pinned, requests, (), 7)
        where = f"{count} models, {budget} MB, a request every {gap:g} ms or so"
        assert seen["problem"] is None, f"{where}: the event loop ended with: {seen['problem']}"
        assert seen["most"] <= budget, (
            f"{where}: {seen['most']} MB were in use at once. Memory is taken when the load begins: whoever asks "
            "while it goes on must find it taken."
        )
        assert not seen["broken"], f"{where}: {seen['broken'][0]}."
        stays, there = [], {}  # who uses which model, from when to when
        for (moment, name, row), answer, time in zip(requests, seen["answers"], seen["times"], strict=True):
            assert answer in (["answer", [name, 7 * row]], ["refused"]), (
                f"{where}: who asks {name} about {row} should get {[name, 7 * row]} or be refused, and got {answer}."
            )
            if answer != ["refused"]:
                stays.append((moment, time, name))
        events = list(seen["events"])
        for (moment, name, _), answer in zip(requests, seen["answers"], strict=True):
            while events and events[0][0] < moment:
                _, what, which = events.pop(0)
                if what == "load":
                    there[which] = sizes[which]
                else:
                    there.pop(which, None)
            if answer != ["refused"]:
                continue
            used = {one for begin, end, one in stays if begin < moment < end} | pinned
            could = budget - sum(size for one, size in there.items() if one in used)
            assert name not in there, f"{where}: at {moment} ms {name} was loaded, or on its way, and was refused."
            assert sizes[name] > could, (
                f"{where}: at {moment} ms {name} was refused, which takes {sizes[name]} MB. {could} MB could be had: "
                f"in memory were {there}, of which in use, on their way or pinned: {sorted(used & set(there))}."
            )
    for shift in (-5e-7, 0, 5e-7):  # the clock cannot tell these apart, and one of them comes between two turns
        requests = [(0, "a", 1), (100 + shift, "b", 2), (400, "b", 3)]
        seen = play(Fleet, {"a": 60, "b": 90}, 100, set(), requests)
        where = "At 100 ms a is loaded, which somebody waits for. At this very moment b is asked for, which needs 90 MB"
        answers = [["answer", ["a", 3]], ["refused"], ["answer", ["b", 9]]]
        assert not seen["broken"], f"{where}: {seen['broken'][0]}. Who waits for a model uses it."
        assert seen["answers"] == answers, f"{where}: the answers should be {answers} and are {seen['answers']}."


test_Fleet_memory()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Fleet_once", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: many callers of one model while it loads, of models that are there, and of others that load.
# Why: a load takes as long as ten answers. Loaded twice, it takes twice the memory; waited for by all, it stops all.
# Expected: one load for each model, all of them side by side, and an answer within 10 ms from whatever is loaded.
### BEGIN HIDDEN TESTS
def test_Fleet_once():
    sizes = {"here": 10, "slow": 50, "other": 20, "third": 20}
    requests = [(0, "here", 1)]
    requests += [(1000 + 3 * number, "slow", number) for number in range(30)]
    requests += [(1001 + 3 * number, "here", number) for number in range(40)]
    requests += [(1002 + 10 * number, "other", number) for number in range(12)] + [(1050.5, "third", 5)]
    requests += [(1099.5, "slow", 7), (1100.5, "slow", 8), (1170, "third", 9)]
    ready = {"here": 100, "slow": 1100, "other": 1102, "third": 1150.5}
    seen = play(Fleet, sizes, 100, set(), requests, (), 5)
    assert seen["problem"] is None, f"The event loop ended with: {seen['problem']}"
    assert not seen["broken"], f"{seen['broken'][0]}. One load for all who ask meanwhile."
    loads = [name for _, what, name in seen["events"] if what == "load"]
    assert sorted(loads) == sorted(sizes), f"Four models that fit together should be loaded once each, not {loads}."
    for (at, name, row), answer, time in zip(requests, seen["answers"], seen["times"], strict=True):
        assert answer == ["answer", [name, 5 * row]], (
            f"Who asks {name} about {row} at {at} ms should get {[name, 5 * row]}, and got {answer}."
        )
        due = max(at, ready[name]) + 10
        why = "Others were loading then: nobody waits for these." if time > due else ""
        assert abs(time - due) < 0.01, (
            f"Who asks for {name} at {at} ms should be answered at {due} ms, and was at {time} ms. {why}"
        )


test_Fleet_once()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Fleet_drops", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: long days of single requests, with models of many sizes, some of them pinned.
# Why: each model dropped without need is a load later, and somebody who waits for it.
# Expected: the loads and drops of the docstring, in their order: longest unrequested first, no more than needed, none
# when it would not help.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Fleet_drops():
    for seed, budget, pinned, least in ((5, 100, set(), 10), (6, 120, {"m1"}, 10), (7, 100, {"m2", "m3"}, 20)):
        random = np.random.default_rng(seed)
        sizes = {f"m{number}": int(size) for number, size in enumerate(random.integers(least, 60, 8))}
        sizes |= {"m7": 95, "m2": 20, "m3": 25}  # one that needs almost all
        names = random.choice(sorted(sizes), 150, p=[0.2, 0.15, 0.15, 0.15, 0.1, 0.1, 0.1, 0.05]).tolist()
        requests = [(500 * number, name, number) for number, name in enumerate(names)]
        loaded, expected, refused = [], [], []  # asked for longest ago comes first
        for at, name, _ in requests:
            if name not in loaded:
                may = [one for one in loaded if one not in pinned]
                free = budget - sum(sizes[one] for one in loaded)
                refused.append(free + sum(sizes[one] for one in may) < sizes[name])
                if refused[-1]:
                    continue
                while free < sizes[name]:
                    gone = may.pop(0)
                    loaded.remove(gone)
                    free += sizes[gone]
                    expected.append([at, "drop", gone])
                expected.append([at, "load", name])
            else:
                refused.append(False)
                loaded.remove(name)
            loaded.append(name)
        seen = play(Fleet, sizes, budget, pinned, requests)
        where = f"Models of {sizes} MB, {budget} MB, pinned: {sorted(pinned) or 'none'}"
        assert seen["problem"] is None, f"{where}: the event loop ended with: {seen['problem']}"
        came = [list(event) for event in seen["events"]]
        gone = [name for _, what, name in came if what == "drop" and name in pinned]
        assert not gone, f"{where}: {gone[0]} was dropped."
        for number, ((at, name, _), answer, no) in enumerate(zip(requests, seen["answers"], refused, strict=True)):
            mine = [event[1:] for event in came if event[0] == at]
            right = [event[1:] for event in expected if event[0] == at]
            before = names[max(0, number - 8) : number]
            why = ""
            if no and mine:
                why = " It does not fit beside the pinned ones, whatever goes: nothing is dropped for it."
            elif len(mine) > len(right):
                why = " That drops more than it has to."
            elif len(mine) == len(right):
                why = " The model that goes is the one that was asked for longest ago, whenever it was loaded."
            assert mine == right, (
                f"{where}. At {at} ms {name} is asked for, after {before}: the memory should see {right}, and saw "
                f"{mine}.{why}"
            )
            assert (answer == ["refused"]) == no, f"{where}. At {at} ms {name} is asked for; the answer was {answer}."
        assert came == expected, f"{where}: things happened at moments at which nobody asked for anything: {came[-5:]}."
        assert not seen["broken"], f"{where}: {seen['broken'][0]}."


test_Fleet_drops()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Fleet_failures", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: loads that fail, and callers that leave: while a model loads, and while it runs.
# Why: memory that nobody gives back is gone until the server is started anew, and it goes a little every day.
# Expected: the exception for all who waited, and a new load for the next; all the memory for whoever comes later.
### BEGIN HIDDEN TESTS
def test_Fleet_failures():
    sizes = {"a": 60, "b": 90, "c": 40}
    cannot = ["failed", "OSError: a cannot be read"]
    cases = [
        (
            "a's first load fails, at 100 ms",
            [(0, "a", 1), (50, "a", 2), (99, "a", 3), (150, "b", 4), (400, "a", 5)],
            [cannot, cannot, cannot, ["answer", ["b", 12]], ["answer", ["a", 15]]],
            ("a",),
            "Who waited gets the exception. At 150 ms b needs 90 of the 100 MB, and at 400 ms a is loaded anew.",
        ),
        (
            "a's load fails five times",
            [(500 * number, "a", number) for number in range(6)] + [(9000, "b", 9)],
            [cannot] * 5 + [["answer", ["a", 15]], ["answer", ["b", 27]]],
            ("a",) * 5,
            "Each request loads it anew, and the sixth load works. Then b needs 90 of the 100 MB.",
        ),
        (
            "the first of three callers leaves while a loads, the second while it runs",
            [(0, "a", 1, 50), (10, "a", 2, 105), (20, "a", 3), (300, "b", 4)],
            [["left"], ["left"], ["answer", ["a", 9]], ["answer", ["b", 12]]],
            (),
            "The third gets its answer as if nothing had happened, and at 300 ms nobody uses a any more.",
        ),
        (
            "the only caller leaves while a loads",
            [(0, "a", 1, 40), (400, "b", 2), (800, "a", 3)],
            [["left"], ["answer", ["b", 6]], ["answer", ["a", 9]]],
            (),
            "At 400 ms nobody uses a any more, and b needs its memory.",
        ),
        (
            "the only caller leaves while a runs",
            [(0, "a", 1, 104), (400, "b", 2), (800, "a", 3)],
            [["left"], ["answer", ["b", 6]], ["answer", ["a", 9]]],
            (),
            "At 400 ms nobody uses a any more, and b needs its memory.",
        ),
        (
            "the only caller leaves while a loads, and the load fails",
            [(0, "a", 1, 40), (400, "b", 2), (800, "c", 3)],
            [["left"], ["answer", ["b", 6]], ["answer", ["c", 9]]],
            ("a",),
            "At 400 ms nobody uses a any more, and b needs its memory.",
        ),
        (
            "c is refused, and asked for again later",
            [(0, "a", 1), (10, "b", 2), (20, "b", 3), (400, "b", 4), (800, "c", 5), (1200, "a", 6)],
            [
                ["answer", ["a", 3]],
                ["refused"],
                ["refused"],
                ["answer", ["b", 12]],
                ["answer", ["c", 15]],
                ["answer", ["a", 18]],
            ],
            (),
            "Who was refused has taken nothing, and uses nothing.",
        ),
    ]
    for what, requests, expected, faulty, why in cases:
        seen = play(Fleet, sizes, 100, set(), requests, faulty)
        assert seen["problem"] is None, f"When {what}: the event loop ended with: {seen['problem']}"
        assert seen["answers"] == expected, (
            f"When {what}, the answers should be {expected}. {why} They were {seen['answers']}."
        )
        assert not seen["broken"], f"When {what}: {seen['broken'][0]}."
        assert seen["most"] <= 100, f"When {what}: {seen['most']} of 100 MB were in use."


test_Fleet_failures()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. A noisy neighbour
#
# One accelerator, several tenants, and a request that has begun runs to its end. One tenant sends a thousand requests at once. Served in the order in which they came, everybody else waits behind all
# of them. Served in turn, one from each tenant, the burst waits for itself, unless its requests are also the long ones: then whoever sends requests of 50 ms gets ten times the device of whoever
# sends requests of 5 ms. What is shared is *time on the device*, not a number of requests.
#
# A **fair queue** decides whose request runs next. Tenants have weights: with 3 and 1, while both want more than they get, one gets three quarters of the time. A tenant that wants less than its
# share gets what it wants, and the others divide the rest; the device never stands idle while anything waits. There is more than one way to write it: deficit round robin
# (M. Shreedhar and G. Varghese, SIGCOMM 1995), or virtual finish times (A. Demers, S. Keshav and S. Shenker, SIGCOMM 1989), among others. The tests ask for none of them. They add up who got what.
#
# The hardest part is who comes back after a pause. It has used nothing for an hour. If that counts as a credit, it now holds the device for an hour. If the others' use of the empty device counts as
# a debt, the same happens the other way round. Fairness has no memory: it is about those who wait, from when they wait.

# %% nbgrader={"grade": false, "grade_id": "FairQueue", "locked": false, "schema_version": 3, "solution": true, "task": false}
class FairQueue:
    """Whose request a shared device runs next.

    - Requests of one tenant are taken in the order in which they were put.
    - Whenever anything waits, something is taken. Each request is taken once.
    - Take any stretch of calls of `take` before each of which two tenants A and B both had something waiting. Let
      A's share be the cost of its requests taken in that stretch, divided by A's weight, and B's likewise. They never
      differ by more than 4 c / w, where c is the largest cost of any request put so far, and w the smallest weight.
    """

    def __init__(self, weights):
        """weights: dict, tenant (text) -> number above 0. There are no other tenants."""
        ### BEGIN SOLUTION
        self.weights = weights
        self.waiting = {tenant: deque() for tenant in weights}
        self.now, self.last = 0.0, dict.fromkeys(weights, 0.0)  # virtual times: of the device, and where each one ends
        ### END SOLUTION

    def put(self, tenant, request, cost):
        """A request has come.

        Arguments:
            tenant: text. request: text; not necessarily another one each time.
            cost: ms that the request will take on the device, a number above 0. It may be far larger, or smaller,
                than all before.

        Raises:
            ValueError: if there is no such tenant. Nothing has changed then.
        """
        ### BEGIN SOLUTION
        if tenant not in self.weights:
            raise ValueError(f"There is no tenant {tenant!r}.")
        start = max(self.now, self.last[tenant])
        self.last[tenant] = start + cost / self.weights[tenant]
        self.waiting[tenant].append((start, request))
        ### END SOLUTION

    def take(self):
        """The device is free: the request that runs next, as a pair (tenant, request). None if nothing waits."""
        ### BEGIN SOLUTION
        some = [tenant for tenant, waiting in self.waiting.items() if waiting]
        if not some:
            return None
        tenant = min(some, key=lambda tenant: self.waiting[tenant][0][0])
        self.now, request = self.waiting[tenant].popleft()
        return tenant, request
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_FairQueue", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: two equal tenants, one with requests of 10 ms, the other with requests of 2 ms.
# Why: one request from each in turn would give the first five times the device.
# Expected: each tenant's own order, None in the end, and never more than 40 ms between what the two got.


def test_FairQueue():
    queue = FairQueue({"long": 1, "short": 1})
    for number in range(100):
        if number < 20:
            queue.put("long", f"L{number}", 10)
        queue.put("short", f"S{number}", 2)
    got, order = {"long": 0, "short": 0}, {"long": [], "short": []}
    for _ in range(120):
        both = len(order["long"]) < 20 and len(order["short"]) < 100
        came = queue.take()
        pair = isinstance(came, tuple | list) and len(came) == 2
        assert pair, f"take should give a pair (tenant, request) while anything waits; it gave {came!r} after {order}."
        tenant, request = came
        assert tenant in order, f"There is no tenant {tenant!r}."
        order[tenant].append(request)
        got[tenant] += 10 if tenant == "long" else 2
        assert not both or abs(got["long"] - got["short"]) <= 40, (
            f"After {order['long']} and {order['short']} the one has had {got['long']} ms and the other "
            f"{got['short']} ms, and both still wait: more than 40 ms apart. What is shared is time."
        )
    assert order["long"] == [f"L{n}" for n in range(20)], (
        f"Requests of one tenant keep their order, not {order['long']}."
    )
    assert order["short"] == [f"S{n}" for n in range(100)], (
        f"Requests of one tenant keep their order, not {order['short']}."
    )
    assert queue.take() is None, "When nothing waits, take gives None."


test_FairQueue()

# %% nbgrader={"grade": true, "grade_id": "test_FairQueue_shares", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: tenants with more requests than the device can run, of many weights and costs.
# Why: in a few turns every order looks fair. Over a thousand, a small lean becomes somebody's bad day.
# Expected: the bound of the docstring, for each two tenants, from any moment to any other.
### BEGIN HIDDEN TESTS
import numpy as np


def test_FairQueue_shares():
    random = np.random.default_rng(84)
    cases = [
        ("equal weights, costs of 1 and 20", {"a": 1, "b": 1}, {"a": (1, 1), "b": (20, 20)}),
        ("weights 3, 1 and 2, costs of 1 to 20", {"a": 3, "b": 1, "c": 2}, {"a": (1, 20), "b": (1, 20), "c": (1, 20)}),
        ("weights below 1", {"a": 0.5, "b": 0.2, "c": 0.3}, {"a": (5, 8), "b": (0.5, 3), "c": (1, 2)}),
        ("weights 10 and 1, the light one with the long requests", {"a": 10, "b": 1}, {"a": (1, 3), "b": (10, 30)}),
    ]
    for what, weights, between in cases:
        queue, costs, names = FairQueue(weights), {}, {}
        for tenant, (low, high) in between.items():
            count = int(min(900, 2400 * weights[tenant] / (sum(weights.values()) * (low + high) / 2) + 60))
            names[tenant] = [f"{tenant}{number}" for number in range(count)]
            costs |= dict(zip(names[tenant], random.uniform(low, high, count).tolist(), strict=True))
        turns = random.permutation([tenant for tenant in names for _ in names[tenant]]).tolist()
        coming = {tenant: iter(mine) for tenant, mine in names.items()}
        for tenant in turns:
            name = next(coming[tenant])
            queue.put(tenant, name, costs[name])
        left = {tenant: turns.count(tenant) for tenant in weights}
        allowed = 4 * max(costs.values()) / min(weights.values())
        got, lead = dict.fromkeys(weights, 0.0), {(a, b): [0.0, 0.0] for a in weights for b in weights if a < b}
        for number in range(len(turns)):
            both = [(a, b) for a, b in lead if left[a] and left[b]]
            if not both:
                break
            came = queue.take()
            known = isinstance(came, tuple | list) and len(came) == 2 and came[1] in costs
            assert known, f"{what}: take number {number + 1} gave {came!r}, and {left} requests wait."
            tenant, name = came
            left[tenant] -= 1
            got[tenant] += costs[name] / weights[tenant]
            for a, b in both:
                low, high = lead[a, b]
                now = got[a] - got[b]
                lead[a, b] = [min(low, now), max(high, now)]
                apart = lead[a, b][1] - lead[a, b][0]
                had = {one: round(got[one] * weights[one], 1) for one in (a, b)}
                even = weights[a] != weights[b] and abs(had[a] - had[b]) < allowed * min(weights.values()) / 2
                why = (
                    "That is about the same for both: what about their weights?"
                    if even
                    else "Turns shared out by number favour long requests; turns in the order of arrival favour "
                    "whoever sends more."
                )
                assert apart <= allowed * (1 + 1e-9), (
                    f"{what}: in a stretch in which {a} and {b} both waited all the time, what they got, divided by "
                    f"their weights, came {apart:.1f} ms apart; {allowed:.1f} are allowed. So far they had {had} ms. "
                    f"{why}"
                )


test_FairQueue_shares()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_FairQueue_pauses", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: tenants that come back after a pause, and one that had the device to itself.
# Why: a credit for idle hours is a licence to block everybody else; a debt for using what nobody wanted, a punishment.
# Expected: from the moment at which both wait, both get their shares, whatever was before.
### BEGIN HIDDEN TESTS
def test_FairQueue_pauses():
    cases = [
        ("a had the device to itself for 400 requests; then b comes", {"a": 1, "b": 1}, 400),
        ("a had the device to itself for 1,000 requests; then b comes, of larger weight", {"a": 1, "b": 3}, 1000),
        ("b comes back for the fourth time; before, a had the device to itself", {"a": 2, "b": 1}, 150),
    ]
    for what, weights, alone in cases:
        queue = FairQueue(weights)
        for _ in range(3 if "fourth" in what else 0):  # b comes and goes
            for number in range(30):
                queue.put("b", f"b{number}", 4)
            for _ in range(30):
                queue.take()
            for number in range(50):
                queue.put("a", f"a{number}", 4)
            for _ in range(50):
                queue.take()
        for number in range(alone):
            queue.put("a", f"early{number}", 4)
            if number >= 5:
                queue.take()
        # Now five of a wait, and both have much to do.
        for number in range(200):
            queue.put("b", f"b{number}", 4)
            queue.put("a", f"a{number}", 4)
        got, low, high, allowed = {"a": 0.0, "b": 0.0}, 0.0, 0.0, 16 / min(weights.values())
        for number in range(200):
            came = queue.take()
            pair = isinstance(came, tuple | list) and len(came) == 2
            assert pair, f"{what}: take gave {came!r}, and both wait."
            got[came[0]] += 4
            now = got["a"] / weights["a"] - got["b"] / weights["b"]
            low, high = min(low, now), max(high, now)
            ahead = "b, who used nothing before," if now < 0 else "a, who used the device before,"
            assert high - low <= allowed * (1 + 1e-9), (
                f"{what}. Of {number + 1} requests of 4 ms that ran since, {got['a'] / 4:.0f} were a's and "
                f"{got['b'] / 4:.0f} b's, with weights of {weights}: {ahead} gets more than its share. What was before "
                "both waited is neither a credit nor a debt."
            )


test_FairQueue_pauses()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_FairQueue_neighbour", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: an hour in virtual time with a tenant that floods the queue; and the odd cases.
# Why: this is what the neighbours notice: how long they wait.
# Expected: a quiet tenant waits for a few requests, never for the flood; nothing gets lost, and nothing stands idle.
### BEGIN HIDDEN TESTS
def test_FairQueue_neighbour():
    queue, costs = FairQueue({"noisy": 1, "quiet": 1, "third": 1}), {"noisy": 8, "quiet": 5, "third": 3}
    due = [(0, "noisy", f"n{number}") for number in range(600)]
    due += [(100 * number, "quiet", f"q{number}") for number in range(45)]
    due += [(40 * number + 7, "third", f"t{number}") for number in range(110)]
    due.sort()
    now, came, waits, order, position = 0, {}, {}, {tenant: [] for tenant in costs}, 0
    while position < len(due) or len(waits) < len(due):
        while position < len(due) and due[position][0] <= now:
            at, tenant, name = due[position]
            queue.put(tenant, name, costs[tenant])
            came[name] = at
            position += 1
        taken = queue.take()
        if len(came) == len(waits):
            assert taken is None, f"Nothing waits, and take gave {taken!r}."
            now = due[position][0]
            continue
        pair = isinstance(taken, tuple | list) and len(taken) == 2
        assert pair, f"{len(came) - len(waits)} requests wait, and take gave {taken!r}: the device stands idle."
        tenant, name = taken
        assert name in came.keys() - waits.keys(), f"{name!r} was taken twice, or never put."
        order[tenant].append(name)
        waits[name] = now - came[name]
        now += costs[tenant]
    for tenant, names in order.items():
        expected = [name for _, one, name in due if one == tenant]
        assert names == expected, f"The requests of {tenant} were not taken in their order: {names[:8]}…"
        if tenant != "noisy":
            longest = max(waits[name] for name in names)
            assert longest <= 100, (
                f"One tenant put 600 requests of 8 ms at once. {tenant}, which needs far less than its third, waited "
                f"up to {longest} ms for its turn: more than 12 requests of the noisy one."
            )
    queue = FairQueue({"a": 1, "b": 2})
    assert queue.take() is None, "Nothing has come yet, so take should give None."
    refused = False
    try:
        queue.put("c", "x", 1)
    except ValueError:
        refused = True
    assert refused, "A request of a tenant that has no weight has to be refused with ValueError."
    assert queue.take() is None, "A request that was refused is not taken."
    puts = [("a", "same", 1), ("a", "same", 5000), ("b", "same", 0.001), ("a", "last", 1e-6), ("b", "x", 70000)]
    for one in puts:
        queue.put(*one)
    taken = [queue.take() for _ in puts]
    assert None not in taken, f"Five requests wait, of 0.000001 to 70,000 ms, and take gave {taken}."
    for tenant in ("a", "b"):
        mine = [request for one, request in taken if one == tenant]
        assert mine == [request for one, request, _ in puts if one == tenant], f"{tenant}'s requests came as {mine}."
    assert queue.take() is None, "All has been taken, so take should give None."


test_FairQueue_neighbour()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. What one instance carries
#
# Before money comes a number: how many requests a second one instance answers *while it keeps its promise*. A **stress test** finds it: offer more and more until the promise breaks. It changes neither
# the machine nor the price; it tells what you have been paying for.
#
# Two ways to read the same test wrongly. Far above its capacity a server refuses at once, and a refusal is a quick answer that nobody wanted: failures are not throughput, and a request that failed
# was not answered within any time. And a run at a high rate may keep the promise by luck after one at a lower rate has broken it: what counts is that nothing has broken so far.
#
# The fruit of the test is a second number: how many requests are in the system at that rate. By **Little's law** it is throughput times mean latency. An instance needs room for that many.

# %% nbgrader={"grade": false, "grade_id": "capacity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def capacity(runs, promise):
    """What one instance carries while it keeps a promise, from runs of a load test.

    Arguments:
        runs: list of dicts, in no particular order, no two at the same rate; at least one:
            "offered": requests a second that were sent.
            "seconds": for how long they were sent.
            "latency": float64 array, s, with an entry for each request that was sent, at least one; NaN for a
                request that failed, however soon.
        promise: dict:
            "share", "within": at least this share of the requests sent is answered within this time (s, inclusive).
            "failed": at most this share of the requests sent fails.

    Returns:
        dict:
        "offered": of the run that counts, which is the one at the highest rate such that the promise was kept in it
            and in all runs at lower rates. 0.0 if there is none.
        "answered": requests answered a second in that run; failed ones are not answered. 0.0 if there is none.
        "in_flight": the mean number of requests in the system in that run, by Little's law, of those that were
            answered. 0.0 if there is none.
        "found": True if some run broke the promise. If none did, the capacity may be higher: False.
    """
    ### BEGIN SOLUTION
    best, found = None, False
    for run in sorted(runs, key=lambda run: run["offered"]):
        latency = run["latency"]
        in_time = np.mean(latency <= promise["within"])  # NaN is not
        if in_time < promise["share"] or np.mean(np.isnan(latency)) > promise["failed"]:
            found = True
            break
        best = run
    if best is None:
        return {"offered": 0.0, "answered": 0.0, "in_flight": 0.0, "found": found}
    latency = best["latency"][~np.isnan(best["latency"])]
    return {
        "offered": best["offered"],
        "answered": len(latency) / best["seconds"],
        "in_flight": float(latency.sum()) / best["seconds"],  # (n / T) x (sum / n)
        "found": found,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_capacity", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: three runs of ten requests, countable by hand.
# Why: the third run answers more requests a second than the second, and half of them too late.
# Expected: the run at 2 a second counts; it answered 1.8 a second, 0.18 of them in the system on average.
import math

import numpy as np


def test_capacity():
    nan = math.nan
    runs = [
        {"offered": 4.0, "seconds": 2.5, "latency": np.array([0.1] * 5 + [0.9] * 5)},
        {"offered": 1.0, "seconds": 10.0, "latency": np.array([0.1] * 10)},
        {"offered": 2.0, "seconds": 5.0, "latency": np.array([0.1] * 8 + [nan] + [0.1])},
    ]
    cases = [
        (0.1, {"offered": 2.0, "answered": 1.8, "in_flight": 0.18, "found": True}, "one in ten may fail"),
        (0.05, {"offered": 1.0, "answered": 1.0, "in_flight": 0.1, "found": True}, "one in twenty may fail"),
    ]
    for failed, expected, reason in cases:
        got = capacity(runs, {"share": 0.9, "within": 0.2, "failed": failed})
        assert isinstance(got, dict), "capacity must return a dict."
        assert sorted(got) == sorted(expected), f"The keys should be {sorted(expected)} and are {sorted(got)}."
        for key, number in expected.items():
            assert math.isclose(got[key], number, rel_tol=1e-9), (
                f'When {reason}, "{key}" should be {number} and is {got[key]!r}.'
            )


test_capacity()

# %% nbgrader={"grade": true, "grade_id": "test_capacity_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: load tests of servers that shed, stall, recover, break at once, or never break.
# Why: whoever counts refusals as answers finds the highest capacity where the server does the least.
# Expected: the four things of the docstring.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_capacity_hidden():
    random = np.random.default_rng(85)
    promise = {"share": 0.95, "within": 0.050, "failed": 0.02}

    def run(offered, mean, failed=0.0, late=0.0, seconds=20.0):
        """A run whose requests take about `mean` s each; exact shares of them fail, or come late."""
        count = int(offered * seconds)
        latency = np.clip(random.normal(mean, mean / 10, count), mean / 2, 0.049)
        latency[: round(late * count)] = 0.8
        latency[count - round(failed * count) :] = math.nan
        return {"offered": float(offered), "seconds": seconds, "latency": random.permutation(latency)}

    quiet = [run(20, 0.010), run(40, 0.012), run(60, 0.015, late=0.02)]
    cases = [
        (
            "a server that refuses quickly what is too much",
            [*quiet, run(80, 0.020, failed=0.01), run(100, 0.020, failed=0.3), run(200, 0.020, failed=0.65)],
            80,
            True,
            "Failures are no answers, however soon they come.",
        ),
        (
            "a server that becomes slow",
            [*quiet, run(80, 0.030, late=0.03), run(100, 0.040, late=0.5), run(120, 0.040, late=0.9)],
            80,
            True,
            "The share that comes late breaks the promise; the mean may look well.",
        ),
        (
            "few late ones and few failures, that are together too many",
            [*quiet, run(80, 0.020, late=0.04, failed=0.018), run(90, 0.020, late=0.5)],
            60,
            True,
            "Who failed was not answered in time either: 94.2 % of those sent were, and 95 % were promised.",
        ),
        (
            "a server that breaks the promise at 40 and keeps it, by luck, at 60",
            [run(20, 0.010), run(40, 0.012, late=0.2), run(60, 0.015), run(80, 0.020, late=0.6)],
            20,
            True,
            "A promise that was broken at a lower rate is not kept at a higher one.",
        ),
        ("a test that stopped too early", quiet, 60, False, "No run broke the promise: more may be possible."),
        (
            "a server that never keeps it",
            [run(10, 0.010, failed=0.5), run(20, 0.010, failed=0.6)],
            0,
            True,
            "The promise was broken from the first run on.",
        ),
        (
            "a server that answers nothing",
            [{"offered": 50.0, "seconds": 10.0, "latency": np.full(500, math.nan)}],
            0,
            True,
            "Nothing was answered.",
        ),
        (
            "runs of different lengths",
            [run(30, 0.010, seconds=100.0), run(50, 0.020, failed=0.02, seconds=4.0), run(70, 0.020, failed=1.0)],
            50,
            True,
            "A rate is a number divided by how long that run lasted.",
        ),
    ]
    for what, runs, offered, found, why in cases:
        best = next((one for one in runs if one["offered"] == offered), None)
        latency = np.zeros(0) if best is None else best["latency"]
        answered = latency[~np.isnan(latency)]
        expected = {
            "offered": float(offered),
            "answered": len(answered) / best["seconds"] if best else 0.0,
            "in_flight": answered.sum() / best["seconds"] if best else 0.0,
        }
        mistakes = {
            "answered": {"That counts every request sent; those that failed were not answered.": float(offered)},
            "in_flight": {
                "That is the offered rate times the mean; Little's law wants the rate of the same requests.": offered
                * (answered.mean() if len(answered) else 0.0),
                "That multiplies with the median.": expected["answered"]
                * (float(np.median(answered)) if len(answered) else 0.0),
            },
        }
        got = capacity([runs[number] for number in random.permutation(len(runs))], promise)
        for key, number in expected.items():
            came = got.get(key)
            assert isinstance(came, int | float), f'For {what}: "{key}" should be a number and is {came!r}.'
            slips = [text for text, other in mistakes.get(key, {}).items() if math.isclose(came, other, rel_tol=1e-9)]
            assert math.isclose(came, number, rel_tol=1e-9, abs_tol=1e-12), (
                f'For {what}: "{key}" should be {number:.6g} and is {came:.6g}. {(slips or [why])[0]}'
            )
        assert got.get("found") in (True, False), f'For {what}: "found" is True or False, not {got.get("found")!r}.'
        assert bool(got["found"]) == found, f'For {what}: "found" should be {found} and is {got["found"]}. {why}'


test_capacity_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. The bill
#
# An instance costs the same whether it answers or waits. So a thousand predictions have no price of their own: they cost what was paid, divided by what was answered. Most
# requests come by day; at night the machines stand there and are paid for, unless somebody sends them home.
#
# ```
# one instance: 2 $ an hour, 100 requests/s; kept at 50 % of it at most, so that there is room for a burst
# two hours, 80 and 20 requests/s          always as many as in the busiest hour      as many as each hour needs
# instances                                  2 and 2                                    2 and 1
# paid                                       8 $                                        6 $
# used of what was paid for                  100 / 400 = 0.25                           100 / 300 = 0.33
# a thousand predictions (360,000 in all)    8 $ / 360 = 0.0222 $                       0.0167 $
# ```
#
# Fully used, a thousand would have cost 0.0056 $. That is the figure that advertisements quote.

# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bill(plan, rates):
    """What some hours of traffic cost.

    Arguments:
        plan: dict:
            "per_hour": $ for an instance and hour, above 0.
            "capacity": requests a second that an instance answers at most, above 0.
            "target": the share of the capacity that is used at most, 0 < target <= 1; the rest is kept for bursts.
            "least": whole number >= 0; never fewer instances than this.
            "by_hour": True if the number of instances is chosen anew for each hour; False if it is the same in all
                hours, as many as the busiest one needs.
        rates: float64 array (n,), n >= 1; requests a second in each hour, 0 or more. All of them are answered.

    Returns:
        dict:
        "instances": int64 array (n,) or list of n whole numbers; instances paid for in each hour. An instance is
            whole. What lies above a whole number by less than a billionth of that number is rounding, and needs no
            further one.
        "cost": $ for the n hours.
        "per_month": $ for a month of 730 hours like these.
        "used": the share of the capacity paid for that was used, over all hours; 0.0 if none was paid for.
        "per_thousand": $ for a thousand requests that were answered; None if there were none.
    """
    ### BEGIN SOLUTION
    wanted = np.asarray(rates) / (plan["capacity"] * plan["target"])
    instances = np.maximum(np.ceil(wanted * (1 - 1e-9)), plan["least"]).astype(np.int64)
    if not plan["by_hour"]:
        instances = np.full_like(instances, instances.max())
    cost, total = float(instances.sum() * plan["per_hour"]), float(np.sum(rates))
    return {
        "instances": instances,
        "cost": cost,
        "per_month": cost / len(instances) * 730,
        "used": total / (instances.sum() * plan["capacity"]) if instances.any() else 0.0,
        "per_thousand": cost / (total * 3600 / 1000) if total else None,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_bill", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the two hours above, both ways.
# Why: the same machine and the same requests, and a quarter of the bill depends on who is sent home at night.
# Expected: the figures above, and 2,920 $ against 2,190 $ a month.
import math

import numpy as np


def test_bill():
    plan = {"per_hour": 2.0, "capacity": 100.0, "target": 0.5, "least": 1}
    cases = [
        (False, [2, 2], {"cost": 8.0, "per_month": 2920.0, "used": 0.25, "per_thousand": 8 / 360}),
        (True, [2, 1], {"cost": 6.0, "per_month": 2190.0, "used": 1 / 3, "per_thousand": 6 / 360}),
    ]
    for by_hour, instances, expected in cases:
        got = bill(plan | {"by_hour": by_hour}, np.array([80.0, 20.0]))
        where = f'With 80 and 20 requests/s and "by_hour" {by_hour}'
        assert isinstance(got, dict), "bill must return a dict."
        keys = sorted([*expected, "instances"])
        assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
        came = np.asarray(got["instances"]).tolist()
        assert came == instances, f'{where}, "instances" should be {instances} and is {came}.'
        for key, number in expected.items():
            assert isinstance(got[key], int | float), f'{where}, "{key}" should be a number and is {got[key]!r}.'
            assert math.isclose(got[key], number, rel_tol=1e-6), (
                f'{where}, "{key}" should be {number:.6g} and is {got[key]:.6g}.'
            )


test_bill()

# %% nbgrader={"grade": true, "grade_id": "test_bill_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: days and weeks of traffic, on large instances and small ones, kept full or half empty.
# Why: each slip here is a factor of two or more on somebody's bill, and none of them looks wrong by itself.
# Expected: the five figures of the docstring.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_bill_hidden():
    random = np.random.default_rng(86)
    day = 300 + 250 * np.sin((np.arange(24) - 9) / 24 * 2 * np.pi) + random.uniform(0, 20, 24)
    week = np.tile(day, 7) * np.repeat([1, 1, 1.1, 1.2, 1.5, 0.6, 0.5], 24)
    flat = np.full(10, 333.3)
    cases = [
        ("a day", day, 0.17, 70.0, 0.6, 1, False),
        ("a day", day, 0.17, 70.0, 0.6, 1, True),
        ("a week", week, 0.085, 30.0, 0.75, 2, False),
        ("a week", week, 0.085, 30.0, 0.75, 2, True),
        ("ten equal hours", flat, 1.3, 2000.0, 0.8, 1, False),
        ("a day on one large machine", day, 4.6, 5000.0, 0.5, 3, True),
    ]
    for what, rates, per_hour, most, target, least, by_hour in cases:
        plan = {"per_hour": per_hour, "capacity": most, "target": target, "least": least, "by_hour": by_hour}
        hours, served = len(rates), rates.sum() * 3.6  # thousands
        each = np.maximum(np.ceil(rates / (most * target)), least)
        need = each if by_hour else np.full(hours, each.max())
        without = np.maximum(np.ceil(rates / most), least)
        of_mean = np.full(hours, max(math.ceil(rates.mean() / (most * target)), least))
        slips = [
            ("An instance is whole: half of one cannot be had.", np.maximum(rates / (most * target), least)),
            ("That rounds to the nearest whole number, and cannot carry the traffic.", np.round(rates / most / target)),
            ("That fills the instances to the brim: at most the target share is used.", without),
            ("That is sized for the mean rate; in the busiest hour the promise breaks.", of_mean),
            ('"least" is the least number of instances.', np.ceil(rates / (most * target))),
            ("The number is chosen anew for each hour.", np.full(hours, each.max())),
            ("The number is the same in all hours: that of the busiest one.", each),
        ]
        got = bill(plan, rates)
        where = f"{what} of {rates.min():.0f} to {rates.max():.0f} requests/s, {plan}"
        came = np.asarray(got["instances"], dtype=float)
        assert came.shape == (hours,), f'{where}: "instances" should hold {hours} numbers, not {came.shape}.'
        why = ""
        for text, other in slips:
            for numbers in (other, np.full(hours, other.max())):
                why = why or (text if np.allclose(came, numbers) else "")
        wrong = int(np.argmax(came != need))
        assert np.array_equal(came, need), (
            f'{where}: "instances" should be {need[wrong]:.0f} in hour {wrong} with its {rates[wrong]:.1f} requests/s, '
            f"and is {came[wrong]:g}. {why}"
        )
        cost, room = need.sum() * per_hour, need.sum() * most
        expected = {"cost": cost, "per_month": cost / hours * 730}
        expected |= {"used": rates.sum() / room, "per_thousand": cost / served}
        mistakes = {
            "cost": [("That is for one hour alone.", need.max() * per_hour), ("Per instance?", hours * per_hour)],
            "per_month": [
                ("That is a month of 720 hours.", cost / hours * 720),
                ("That takes the busiest hour for all.", need.max() * per_hour * 730),
                ("That takes these hours for a day.", cost * 730 / 24),
            ],
            "used": [
                ("That is a mean of hours: one with more instances weighs more.", np.mean(rates / need) / most),
                ("That is a share of the target. Paid for is all of it.", rates.sum() / room / target),
                ("That is the target itself, and not what was used.", target),
            ],
            "per_thousand": [
                ("That is the price if all that was paid for had been used.", cost / (room * 3.6)),
                ("That is the price at the target, and not at what was used.", cost / (room * target * 3.6)),
                ("That divides by requests a second: an hour has 3,600 of these.", cost / (rates.sum() / 1000)),
                ("That is for one request.", cost / served / 1000),
            ],
        }
        for key, number in expected.items():
            came = got.get(key)
            assert isinstance(came, int | float), f'{where}: "{key}" should be a number and is {came!r}.'
            why = [text for text, other in mistakes[key] if math.isclose(came, other, rel_tol=1e-6)]
            assert math.isclose(came, number, rel_tol=1e-6), (
                f'{where}: "{key}" should be {number:.6g} and is {came:.6g}. {(why or [""])[0]}'
            )


test_bill_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_bill_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: hours without requests, with and without instances that stay; rates that fill instances exactly.
# Why: scaled to nothing at night is a strategy; a division by nothing at night is a page for somebody on call.
# Expected: 0.0 and None where there is nothing to divide by; no further instance for a rounding error.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_bill_edges():
    cases = [
        ("no requests, nothing kept", 0, True, 0.7, 100.0, [0.0, 0.0], [0, 0], 0.0, 0.0, None),
        ("no requests, one kept", 1, False, 0.7, 100.0, [0.0, 0.0], [1, 1], 4.0, 0.0, None),
        ("no requests in one hour of two", 0, True, 0.7, 100.0, [140.0, 0.0], [2, 0], 4.0, 0.7, 4 / 504),
        ("no requests in one hour of two", 0, False, 0.7, 100.0, [140.0, 0.0], [2, 2], 8.0, 0.35, 8 / 504),
        ("three instances filled exactly", 0, True, 0.7, 100.0, [210.0], [3], 6.0, 0.7, 6 / 756),
        ("three instances filled exactly", 0, True, 0.7, 1.0, [2.1], [3], 6.0, 0.7, 6 / 7.56),
        ("seven instances filled exactly", 0, True, 0.6, 2.0, [8.4], [7], 14.0, 0.6, 14 / 30.24),
        ("a hundredth more than three hold", 0, True, 0.7, 100.0, [210.01], [4], 8.0, 210.01 / 400, 8 / 756.036),
        ("hardly any requests", 0, True, 0.7, 100.0, [1e-6], [1], 2.0, 1e-8, 2 / 3.6e-6),
    ]
    for what, least, by_hour, target, most, rates, instances, cost, used, per_thousand in cases:
        plan = {"per_hour": 2.0, "capacity": most, "target": target, "least": least, "by_hour": by_hour}
        got = bill(plan, np.array(rates))
        where = f"With {what}: {plan}, {rates} requests/s"
        came = np.asarray(got["instances"]).tolist()
        assert came == instances, f'{where}: "instances" should be {instances} and is {came}.'
        for key, number in {"cost": cost, "used": used, "per_thousand": per_thousand}.items():
            one = got.get(key)
            if number is None:
                assert one is None, f'{where}: "{key}" should be None and is {one!r}.'
                continue
            assert isinstance(one, int | float), f'{where}: "{key}" should be a number and is {one!r}.'
            assert math.isclose(one, number, rel_tol=1e-6, abs_tol=1e-15), (
                f'{where}: "{key}" should be {number:.6g} and is {one!r}.'
            )


test_bill_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6. Good enough, and then as cheap as can be had
#
# Now somebody chooses. There are a dozen plans: a large machine with all the models, many small ones, a slice of an accelerator. Some are too slow, some cannot hold the models, and some
# were never measured. Among those that will do, the one that costs least a month will be bought. Whoever recommends it will be asked about each of the others: why not that one?
#
# How many instances a plan needs has two answers. One comes from throughput: the rate, divided by what an instance carries. The other comes from **Little's law**: at 300 requests a second that
# take 0.2 s each, 60 are in flight on average, and if an instance has places for 16, four instances are needed, however quick its processor is. The larger of the two counts.

# %% nbgrader={"grade": false, "grade_id": "cheapest", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cheapest(plans, rate, promise):
    """The plan that keeps a promise for the least money, and why the others do not.

    Arguments:
        plans: list of dicts, in no particular order:
            "name": text; no two are equal.
            "per_hour": $ for an instance and hour, above 0.
            "capacity": requests a second that an instance carries; 0.0 if it never kept the promise.
            "latency": mean time that a request is in the system, s.
            "p99": s; None if it was not measured.
            "places": requests that may be in flight in an instance on average, above 0.
            "memory": GiB of an instance. "models": GiB that the plan's models take in each instance.
            "most": instances that can be had; None if there is no such limit.
        rate: requests a second, above 0.
        promise: dict: "p99", s, at most; "target", the share of the capacity that may be used, 0 < target <= 1;
            "least", the least number of instances, at least 1.

    Returns:
        dict:
        "name": of the plan with the lowest cost, among those that nothing speaks against. Of equal ones the one
            with the fewest instances, and of these the first in the alphabet. None if there is none.
        "instances", "per_month": of that plan; None if there is none. The instances needed are the smallest whole
            number, promise["least"] or more, with which rate <= instances x capacity x target, and on average at
            most instances x places requests are in flight. Nothing hinges on rounding. A month has 730 hours.
        "refused": dict, name -> list of texts, of each plan that something speaks against, whether one was found or
            not. All that applies, in this order:
            "unknown" if p99 was not measured; "slow" if it is above the promise; "memory" if the models do not fit;
            "capacity" if the capacity is 0; "quota" if more instances are needed than can be had (never together
            with "capacity": then no number is enough).
    """
    ### BEGIN SOLUTION
    refused, fit = {}, []
    for plan in plans:
        reasons = []
        if plan["p99"] is None:
            reasons.append("unknown")
        elif plan["p99"] > promise["p99"]:
            reasons.append("slow")
        if plan["models"] > plan["memory"]:
            reasons.append("memory")
        if plan["capacity"] == 0:
            reasons.append("capacity")
        else:
            by_rate = rate / (plan["capacity"] * promise["target"])
            by_places = rate * plan["latency"] / plan["places"]
            instances = max(promise["least"], math.ceil(max(by_rate, by_places)))
            if plan["most"] is not None and instances > plan["most"]:
                reasons.append("quota")
        if reasons:
            refused[plan["name"]] = reasons
        else:
            fit.append((730 * instances * plan["per_hour"], instances, plan["name"]))
    month, instances, name = min(fit, default=(None, None, None))
    return {"name": name, "instances": instances, "per_month": month, "refused": refused}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_cheapest", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: four plans for 300 requests a second.
# Why: the lowest price for an hour is not the lowest bill, and the quickest machine may have too few places.
# Expected: "quick", whose four instances Little's law demands, at 2,920 $ a month; the reasons of the others.


def test_cheapest():
    common = {"memory": 16.0, "models": 10.0, "most": None, "latency": 0.01, "places": 16}
    plans = [
        common | {"name": "small", "per_hour": 0.5, "capacity": 50.0, "p99": 0.2},
        common | {"name": "quick", "per_hour": 1.0, "capacity": 1000.0, "p99": 0.2, "latency": 0.2},
        common | {"name": "cheap", "per_hour": 0.1, "capacity": 150.0, "p99": 0.9, "memory": 8.0},
        common | {"name": "rare", "per_hour": 0.1, "capacity": 100.0, "p99": None, "most": 2},
    ]
    got = cheapest(plans, 300, {"p99": 0.25, "target": 0.5, "least": 1})
    assert isinstance(got, dict), "cheapest must return a dict."
    expected = {"name": "quick", "instances": 4, "per_month": 2920.0}
    expected["refused"] = {"cheap": ["slow", "memory"], "rare": ["unknown", "quota"]}
    assert sorted(got) == sorted(expected), f"The keys should be {sorted(expected)} and are {sorted(got)}."
    came = got | {"refused": {name: list(reasons) for name, reasons in dict(got["refused"]).items()}}
    for key, right in expected.items():
        assert came[key] == right, f'"{key}" should be {right} and is {came[key]}.'


test_cheapest()

# %% nbgrader={"grade": true, "grade_id": "test_cheapest_choice", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: tables in which the smallest price, the largest capacity or the lowest latency is no choice.
# Why: each of these is somebody's favourite column, and the bill is none of them.
# Expected: the plan, its instances and its cost a month, in whatever order the table comes.
### BEGIN HIDDEN TESTS
import math
from itertools import permutations


def test_cheapest_choice():
    columns = ("name", "per_hour", "capacity", "latency", "places", "most")

    def table(*rows):
        common = {"p99": 0.1, "memory": 8.0, "models": 4.0}
        return [common | dict(zip(columns, row, strict=True)) for row in rows]

    promise = {"p99": 0.1, "target": 0.5, "least": 1}
    cases = [
        (
            "The cheapest hour is not the cheapest month.",
            table(("tiny", 0.25, 10.0, 0.01, 8, None), ("large", 2.0, 500.0, 0.01, 80, None)),
            200,
            promise,
            ("large", 1),
        ),
        (
            "Whole instances: what is cheapest for a thousand at full use may be half empty.",
            table(("huge", 4.0, 10000.0, 0.01, 900, None), ("middle", 1.0, 500.0, 0.01, 80, None)),
            200,
            promise,
            ("middle", 1),
        ),
        (
            "Only the target share of the capacity may be used.",
            table(("brim", 1.0, 210.0, 0.01, 80, None), ("room", 1.5, 420.0, 0.01, 80, None)),
            200,
            promise,
            ("room", 1),
        ),
        (
            "By Little's law 40 requests are in flight on average.",
            table(("few", 0.5, 1000.0, 0.2, 4, None), ("many", 2.0, 1000.0, 0.2, 64, None)),
            200,
            promise,
            ("many", 1),
        ),
        (
            "Two instances are the least, since one of them may fail.",
            table(("one large", 3.0, 1000.0, 0.01, 80, None), ("two small", 2.0, 300.0, 0.01, 80, None)),
            200,
            promise | {"least": 2},
            ("two small", 2),
        ),
        (
            "Of plans that cost the same, the one with the fewest instances.",
            table(("a", 0.5, 200.0, 0.01, 80, 9), ("b", 1.0, 400.0, 0.01, 80, 9), ("c", 0.25, 100.0, 0.01, 80, 9)),
            200,
            promise,
            ("b", 1),
        ),
        (
            "Of plans that are equal in all, the first in the alphabet.",
            table(("oak", 1.0, 400.0, 0.01, 80, 1), ("elm", 1.0, 400.0, 0.01, 80, 1), ("yew", 1.0, 400.0, 0.01, 80, 1)),
            200,
            promise,
            ("elm", 1),
        ),
        (
            "The quota of the cheapest is two, and it needs three.",
            table(("scarce", 0.25, 100.0, 0.01, 80, 2), ("plenty", 2.0, 150.0, 0.01, 80, 3)),
            150,
            promise,
            ("plenty", 2),
        ),
        (
            "Both needs are met by the larger number, not by their sum.",
            table(("both", 1.0, 100.0, 0.1, 10, 4), ("other", 2.5, 1000.0, 0.01, 80, None)),
            100,
            promise,
            ("both", 2),
        ),
        (
            "p99 equal to the promise keeps it, and models that fill the memory fit.",
            [one | {"models": 8.0} for one in table(("full", 1.0, 400.0, 0.01, 80, 1))],
            200,
            promise,
            ("full", 1),
        ),
    ]
    for why, plans, rate, promised, (name, instances) in cases:
        price = next(plan["per_hour"] for plan in plans if plan["name"] == name)
        expected = {"name": name, "instances": instances, "per_month": 730 * instances * price}
        for order in permutations(plans):
            got = cheapest(list(order), rate, promised)
            for key, right in expected.items():
                came = got[key]
                same = math.isclose(came, right) if key == "per_month" and isinstance(came, float) else came == right
                assert same, (
                    f'{why} For {rate} requests/s and {promised}, "{key}" should be {right!r} and is {came!r}. '
                    f"The plans: {[{column: plan[column] for column in columns} for plan in plans]}."
                )


test_cheapest_choice()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_cheapest_reasons", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: plans with several things against them, one that carries nothing, tables in which none will do.
# Why: "no" without a reason is asked again next month, and the second reason turns up once the first was mended.
# Expected: all reasons that apply, in the order of the docstring; None for the choice where there is none.
### BEGIN HIDDEN TESTS
from itertools import product


def test_cheapest_reasons():
    promise = {"p99": 0.1, "target": 0.5, "least": 1}
    plans, expected = [], {}
    for p99, memory, most in product((0.05, 0.1, 0.5, None), (4.0, 16.0), (None, 3, 20)):
        for capacity, places in ((100.0, 80), (400.0, 80), (400.0, 2), (0.0, 80)):
            name = f"plan {len(plans)}"
            plans.append(
                {
                    "name": name,
                    "per_hour": 1.0 + len(plans) / 128,
                    "capacity": capacity,
                    "latency": 0.05,
                    "p99": p99,
                    "places": places,
                    "memory": memory,
                    "models": 8.0,
                    "most": most,
                }
            )
            need = 4 if capacity == 100 else 5 if places == 2 else 1
            reasons = ["unknown"] if p99 is None else ["slow"] if p99 > 0.1 else []
            reasons += ["memory"] if memory < 8 else []
            reasons += ["capacity"] if capacity == 0 else ["quota"] if most is not None and need > most else []
            if reasons:
                expected[name] = reasons
    got = cheapest(plans, 200, promise)
    by_name = {plan["name"]: plan for plan in plans}
    for name in by_name:
        came, right = got["refused"].get(name), expected.get(name)
        assert (came if came is None else list(came)) == right, (
            f"For 200 requests/s and {promise}, what speaks against {by_name[name]} is "
            f"{right or 'nothing, so it is not among the refused'}; yours says {came}."
        )
    assert sorted(got["refused"]) == sorted(expected), "Among your refused are names that are no plan's."
    hopeless = [plan for plan in plans if plan["name"] in expected]
    for some in (hopeless, []):
        got = cheapest(some, 200, promise)
        for key in ("name", "instances", "per_month"):
            assert got[key] is None, (
                f'Something speaks against each of {len(some)} plans, so "{key}" should be None; it is {got[key]!r}.'
            )
        assert len(got["refused"]) == len(some), (
            f"All {len(some)} plans are refused, and you name {len(got['refused'])}: the reasons are wanted then, too."
        )


test_cheapest_reasons()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
