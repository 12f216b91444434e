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
#     agreed: ffc2328411e96790
# ---

# %% [markdown]
# # Assignment 05: serve under load
#
# Lesson 05 pushed a server past its capacity and watched what its settings made of it. Here you write what stands between the
# requests and the model: who goes with whom, who waits, who is sent away, and the arithmetic by which somebody chooses the settings.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `weigh`: arrival rate, number in the system, latency and utilisation from a server's log | 4 |
# | 2 | `Scheduler`: which requests go into the next batch, and when | 5 |
# | 3 | `Batcher`: many callers and one model, each with its own answers | 4 |
# | 4 | `Door`: a bounded queue, deadlines, and when to come back | 5 |
# | 5 | `choose`: the settings for two goals, from a table of measurements | 3 |
# | 6 | `fan_out`: how many calls a page may make | 3 |
#
# It takes 90 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 5 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 6
#   of the 24 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on arrivals and numbers that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one.
# - Write with `numpy`, `asyncio` and Python's standard library alone. What the docstrings ask for differs from what `modelserving` does, so wrapping its
#   classes will not do.
# - **No clock is read.** Nothing here waits, and nothing depends on how fast your machine is: time is a number that the tests tell you. So what
#   happens in an hour of overload is checked in a moment, and comes out the same each time.

# %% [markdown]
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import asyncio
import math
from collections import deque

import numpy as np


# %% [markdown]
# ## Exercise 1. What a log tells
#
# A server wrote down when each request arrived and when its answer left, and a second list says when the model ran. From these two come all the
# quantities that lesson 05 related to each other.
#
# One needs care. The **number in the system** is an average over *time*: add up for how long each request was there, and divide by the length
# of the window. Take a window from 10 s to 20 s and three requests:
#
# ```
# there from  8 s to 12 s    2 s of it in the window
# there from 13 s to 14 s    1 s
# there from 18 s to 33 s    2 s
#                            5 s in a window of 10 s: 0.5 requests on average
# ```
#
# Little's law says that this is arrival rate times mean latency. It holds for any system and any population, as long as all three speak of *the same* requests.

# %% nbgrader={"grade": false, "grade_id": "weigh", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(log, runs, begin, end):
    """What a server's log says of the window from `begin` to `end` (s).

    Arguments:
        log: dict of arrays of one length n, in no particular order:
            "arrived": float64, s; when each request arrived.
            "left": float64, s; when its answer left; NaN for a request that was still there
                when the log was written, which was at `end` or later.
            "status": int64; the answer's status, 0 for a request that was still there.
            Requests may have arrived before the window, and may have left before or after it.
        runs: float64 array (m, 2), s; when each run of the model began and ended. Runs do not
            overlap, are in no particular order, and may lie partly or wholly outside the window.
        begin, end: numbers, s; begin < end.

    Returns:
        dict of floats:
        "arrival_rate": requests a second that arrived at begin <= t < end, whatever their status.
        "throughput": requests a second with status 200 that left at begin <= t < end.
        "in_system": the time-average number of requests in the server during the window. A request
            is there from when it arrived until it left, or to the end of the window.
        "latency": mean time in the server, s, of the requests that left at begin <= t < end,
            whatever their status, counted from when they arrived; NaN if none left.
        "little": arrival_rate x latency, what Little's law predicts for in_system; NaN if latency is.
        "utilisation": the share of the window in which the model ran, 0 to 1.

    Raises:
        ValueError: if end <= begin.
    """
    ### BEGIN SOLUTION
    if end <= begin:
        raise ValueError(f"A window has to end after it begins, not from {begin} to {end}.")
    arrived, left, length = log["arrived"], log["left"], end - begin
    here = np.where(np.isnan(left), np.inf, left)
    stays = np.clip(here, begin, end) - np.clip(arrived, begin, end)
    gone = (here >= begin) & (here < end)
    latency = float(np.mean((left - arrived)[gone])) if gone.any() else math.nan
    rate = float(np.sum((arrived >= begin) & (arrived < end)) / length)
    ran = np.clip(runs, begin, end)
    return {
        "arrival_rate": rate,
        "throughput": float(np.sum(gone & (log["status"] == 200)) / length),
        "in_system": float(stays.sum() / length),
        "latency": latency,
        "little": rate * latency,
        "utilisation": float((ran[:, 1] - ran[:, 0]).sum() / length),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_weigh", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: five requests and three runs in a window of ten seconds, countable by hand.
# Why: four averages over one log, and each is over something else: seconds, requests, or answers.
# Expected: the six numbers, each within a millionth.
import math

import numpy as np


def test_weigh():
    log = {
        "arrived": np.array([13.0, 8.0, 18.0, 15.0, 11.0]),
        "left": np.array([14.0, 12.0, 33.0, 15.0, 16.0]),
        "status": np.array([200, 200, 200, 503, 200]),
    }
    runs = np.array([[13.0, 14.0], [8.0, 12.0], [14.0, 16.0]])
    expected = {
        "arrival_rate": (0.4, "four requests arrived in ten seconds"),
        "throughput": (0.3, "three requests with status 200 left in ten seconds"),
        "in_system": (1.0, "2 + 1 + 2 + 0 + 5 seconds of requests lie in a window of ten"),
        "latency": (2.5, "those that left in the window had been there for 1, 4, 0 and 5 seconds"),
        "little": (1.0, "arrival rate x latency"),
        "utilisation": (0.5, "the model ran for 2 + 1 + 2 seconds of ten"),
    }
    got = weigh(log, runs, 10.0, 20.0)
    assert isinstance(got, dict), "weigh must return a dict."
    assert sorted(got) == sorted(expected), f"The keys should be {sorted(expected)} and are {sorted(got)}."
    for key, (number, reason) in expected.items():
        assert isinstance(got[key], int | float), f'"{key}" should be a number and is {got[key]!r}.'
        assert math.isclose(got[key], number, rel_tol=1e-6), (
            f'"{key}" should be {number}, since {reason}; not {got[key]}.'
        )


test_weigh()

# %% nbgrader={"grade": true, "grade_id": "test_weigh_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: logs of some thousand requests, with refusals, failures and a few very slow answers.
# Why: with a long tail the median says nothing about how full a server is, and refused requests came, too.
# Expected: the six numbers of the docstring; in a long window, in_system and little agree.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_weigh_hidden():
    for seed, rate, refused, tail in ((1, 40.0, 0.0, 3.0), (2, 120.0, 0.3, 8.0), (3, 15.0, 0.1, 20.0)):
        random = np.random.default_rng(seed)
        n = int(rate * 60)
        arrived = 5.0 + np.sort(random.uniform(0, 60, n))
        stay = random.exponential(0.05, n) * np.where(random.uniform(size=n) < 0.05, tail, 1.0)
        status = np.full(n, 200)
        status[random.uniform(size=n) < refused] = 503
        stay[status == 503] = 0.002
        status[random.uniform(size=n) < 0.02] = 500
        left = arrived + stay
        starts = np.arange(5.0, 66.0, 0.5)
        runs = np.stack([starts, starts + random.uniform(0.05, 0.5, len(starts))], axis=1)
        order, runs = random.permutation(n), runs[random.permutation(len(runs))]
        log = {"arrived": arrived[order], "left": left[order], "status": status[order]}
        begin, end, length = 10.0, 60.0, 50.0
        here, out = (arrived >= begin) & (arrived < end), (left >= begin) & (left < end)
        good, well = out & (status == 200), here & (status == 200)
        inside = (np.minimum(left, end) - np.maximum(arrived, begin)).clip(0)  # the part of each stay in the window
        busy = (np.minimum(runs[:, 1], end) - np.maximum(runs[:, 0], begin)).clip(0)
        rate, latency = here.sum() / length, stay[out].mean()
        expected = {
            "arrival_rate": rate,
            "throughput": good.sum() / length,
            "in_system": inside.sum() / length,
            "latency": latency,
            "little": rate * latency,
            "utilisation": busy.sum() / length,
        }
        mistakes = {
            "arrival_rate": {
                "That counts successes alone: who was refused arrived, too.": well.sum() / length,
                "That divides by the span of the whole log.": n / (arrived.max() - arrived.min()),
                "That counts what arrived outside the window, too.": n / length,
            },
            "throughput": {
                "That counts every answer; a 503 or a 500 is none that anybody wanted.": out.sum() / length,
                "That counts by arrival: throughput is what leaves.": well.sum() / length,
                "That counts answers outside the window, too.": (status == 200).sum() / length,
            },
            "in_system": {
                "That is arrival rate x latency. Count it by itself, or nothing is checked.": rate * latency,
                "That leaves out whoever did not get 200; they were there as well.": inside[status == 200].sum()
                / length,
                "That adds up whole stays: only the part in the window counts.": stay[here].sum() / length,
            },
            "latency": {
                "That is the median: Little's law is about the mean.": np.median(stay[out]),
                "That is the mean of the successes alone.": stay[good].mean(),
                "That is over those that arrived in the window; asked for are those that left.": stay[here].mean(),
                "That is over the whole log.": stay.mean(),
            },
            "little": {
                "That multiplies with the median.": rate * np.median(stay[out]),
                "That multiplies the throughput, so that the refused count on one side.": good.sum() / length * latency,
            },
            "utilisation": {
                "That adds up runs outside the window, too.": (runs[:, 1] - runs[:, 0]).sum() / length,
            },
        }
        got = weigh(log, runs, begin, end)
        for key, number in expected.items():
            came = got.get(key)
            assert isinstance(came, int | float), f'"{key}" should be a number and is {came!r}.'
            if math.isclose(came, number, rel_tol=1e-6):
                continue
            why = [text for text, other in mistakes[key].items() if math.isclose(came, other, rel_tol=1e-6)]
            raise AssertionError(
                f'With {n} requests from 5 s to 65 s and a window from 10 s to 60 s, "{key}" should be {number:.6g}, '
                f"and is {came:.6g}. {(why or [''])[0]}"
            )
        ratio = got["in_system"] / got["little"]
        assert 0.9 < ratio < 1.1, f"In a window of 50 s Little's law holds within a tenth; your ratio is {ratio:.3f}."


test_weigh_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_weigh_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: requests that were there before the window, stay beyond it, or have not left yet; windows
# in which nothing happened.
# Why: in an overload those that have not left are the news. Whoever leaves them out reads that all is well.
# Expected: the part of each stay that lies in the window; 0 and NaN where there is nothing to count; ValueError for a
# window that does not end after it begins.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_weigh_edges():
    nothing, nan = np.zeros((0, 2)), math.nan

    def table(*rows):
        arrived, left, status = (np.array(column) for column in zip(*rows, strict=True))
        return {"arrived": arrived.astype(float), "left": left.astype(float), "status": status.astype(np.int64)}

    empty = {"arrived": np.zeros(0), "left": np.zeros(0), "status": np.zeros(0, dtype=np.int64)}
    through = table((1.0, 90.0, 200))
    stuck = table((11.0, nan, 0), (12.0, nan, 0), (13.0, 14.0, 200), (2.0, nan, 0))
    outside = table((1.0, 2.0, 200), (30.0, 31.0, 200))
    on_the_edge = table((10.0, 20.0, 200), (20.0, 21.0, 200), (9.0, 10.0, 200))
    long_run = np.array([[5.0, 30.0]])
    far_runs = np.array([[1.0, 2.0], [25.0, 30.0], [9.0, 11.0], [19.5, 40.0]])
    cases = [
        ("an empty log", empty, nothing, {"arrival_rate": 0, "throughput": 0, "in_system": 0, "latency": nan}),
        ("an empty log", empty, nothing, {"little": nan, "utilisation": 0}),
        ("one request that was there all the time", through, long_run, {"in_system": 1, "arrival_rate": 0}),
        ("one request that was there all the time", through, long_run, {"latency": nan, "utilisation": 1}),
        ("three requests that have not left yet (left is NaN)", stuck, far_runs, {"in_system": (9 + 8 + 1 + 10) / 10}),
        ("three requests that have not left yet (left is NaN)", stuck, far_runs, {"arrival_rate": 0.3, "latency": 1}),
        ("three requests that have not left yet (left is NaN)", stuck, far_runs, {"throughput": 0.1, "little": 0.3}),
        ("runs that lie partly outside the window", stuck, far_runs, {"utilisation": 0.15}),
        ("requests before and after the window alone", outside, nothing, {"in_system": 0, "throughput": 0}),
        ("requests at the very edges", on_the_edge, nothing, {"arrival_rate": 0.1, "throughput": 0.1, "in_system": 1}),
        ("requests at the very edges", on_the_edge, nothing, {"latency": 1}),
    ]
    for what, log, runs, expected in cases:
        got = weigh(log, runs, 10.0, 20.0)
        for key, number in expected.items():
            came = got.get(key)
            assert isinstance(came, int | float), f'With {what}, "{key}" should be a number and is {came!r}.'
            same = math.isnan(came) if math.isnan(number) else math.isclose(came, number, rel_tol=1e-9, abs_tol=1e-12)
            assert same, f'With {what} and a window from 10 s to 20 s, "{key}" should be {number} and is {came}.'
    for begin, end in ((10.0, 10.0), (20.0, 10.0)):
        refused = False
        try:
            weigh(through, long_run, begin, end)
        except ValueError:
            refused = True
        assert refused, f"A window from {begin} to {end} has to be refused with ValueError."


test_weigh_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. Who goes with whom, and when
#
# A dynamic batcher decides two things: which of the waiting requests go into the next batch, and when it starts. Two numbers govern it: a batch holds at most `largest`
# rows, and nobody waits longer than `longest` while the model stands idle.
#
# Here the decisions stand alone, without threads and clocks. The **scheduler** is told what happens and when, in whole milliseconds, and answers with the batch that the
# model has to start now. A server around it would keep the clock: it asks `alarm()` when it has to come back, and calls `tick` then.
#
# ```python
# scheduler = Scheduler(largest=4, longest=10)
# scheduler.arrive(100, "a", 1)    # []          one row; it may wait until 110
# scheduler.alarm()                # 110
# scheduler.arrive(103, "b", 2)    # []          three rows; still room
# scheduler.alarm()                # 110         a's wait counts, b's arrival changes nothing
# scheduler.tick(110)              # ["a", "b"]  the model starts
# scheduler.arrive(111, "c", 3)    # []          the model is busy
# scheduler.arrive(112, "d", 2)    # []          c and d do not fit together
# scheduler.done(115)              # ["c"]       full, since d does not fit any more: no reason to wait
# scheduler.done(120)              # []          d has waited for 8 ms
# scheduler.alarm()                # 122
# ```

# %% nbgrader={"grade": false, "grade_id": "Scheduler", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Scheduler:
    """Decides who goes into the next batch of one model, and when it starts.

    All times are whole milliseconds, on a clock that the caller keeps; no call has an earlier time than
    the one before it. `arrive`, `done` and `tick` return the batch that the model starts at this very
    moment: a list of callers in the order in which they arrived, [] when nothing starts.

    - One batch at a time. From the moment a batch was returned the model is busy, until `done`.
    - First come, first served: a batch holds those who have waited longest, as many as fit into
      `largest` rows. Where the next one in the queue does not fit, nobody behind it overtakes it.
      Whoever is left over stays in the queue, with the time at which they arrived.
    - While the model is idle, a batch starts as soon as one of these holds: it is full (it has `largest`
      rows, or the next one in the queue does not fit any more), or the one who arrived first has
      waited for `longest` ms. With longest = 0, whoever finds the model idle starts at once.
    - What happens between two calls stays unseen until the next one: a call of any kind that finds the
      model idle and a batch due returns it. Where that call is `arrive`, the newcomer is in the queue
      already, and goes along if it fits.
    """

    def __init__(self, largest, longest):
        """largest: rows of a batch, at least 1. longest: ms, at least 0."""
        ### BEGIN SOLUTION
        self.largest, self.longest = largest, longest
        self.queue, self.busy = deque(), False
        ### END SOLUTION

    def arrive(self, now, caller, rows):
        """`caller` (text) brings `rows` rows (a whole number).

        Raises ValueError when rows is below 1 or above `largest`; then nothing has changed.
        """
        ### BEGIN SOLUTION
        if not 1 <= rows <= self.largest:
            raise ValueError(f"{caller} brings {rows} rows; a batch holds 1 to {self.largest}.")
        self.queue.append((caller, rows, now))
        return self._start(now)
        ### END SOLUTION

    def done(self, now):
        """The model has finished its batch. While it is idle, the same as `tick`."""
        ### BEGIN SOLUTION
        self.busy = False
        return self._start(now)
        ### END SOLUTION

    def tick(self, now):
        """Time has passed; nothing else has happened. May be called at any time, also too early."""
        ### BEGIN SOLUTION
        return self._start(now)
        ### END SOLUTION

    def alarm(self):
        """When `tick` has to be called next, if nothing else happens before: ms, or None when nobody
        waits. It is asked for while the model is idle only."""
        ### BEGIN SOLUTION
        return self.queue[0][2] + self.longest if self.queue else None

    def _start(self, now):
        if self.busy or not self.queue:
            return []
        fit = rows = 0
        for _, more, _ in self.queue:
            if rows + more > self.largest:
                break
            fit, rows = fit + 1, rows + more
        full = rows == self.largest or fit < len(self.queue)
        if not full and now < self.alarm():
            return []
        self.busy = True
        return [self.queue.popleft()[0] for _ in range(fit)]
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_Scheduler", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, and a request that is too large.
# Why: the two numbers pull in opposite directions; each line of the example is decided by one of them.
# Expected: the answers that stand in the example; ValueError for five rows in a batch of four.


def test_Scheduler():
    scheduler = Scheduler(4, 10)
    steps = [
        ("arrive(100, 'a', 1)", scheduler.arrive(100, "a", 1), [], "there is room, and a may wait until 110"),
        ("alarm()", scheduler.alarm(), 110, "a arrived at 100 and may wait for 10 ms"),
        ("arrive(103, 'b', 2)", scheduler.arrive(103, "b", 2), [], "three of four rows: still room"),
        ("alarm()", scheduler.alarm(), 110, "the first one's wait counts; b's arrival does not start it anew"),
        ("tick(107)", scheduler.tick(107), [], "a has waited for 7 ms of 10"),
        ("tick(110)", scheduler.tick(110), ["a", "b"], "a has waited for 10 ms"),
        ("arrive(111, 'c', 3)", scheduler.arrive(111, "c", 3), [], "the model is busy"),
        ("arrive(112, 'd', 2)", scheduler.arrive(112, "d", 2), [], "the model is busy"),
        ("done(115)", scheduler.done(115), ["c"], "d does not fit beside c, so the batch is full"),
        ("done(120)", scheduler.done(120), [], "d has waited for 8 ms of 10, and there is room beside it"),
        ("alarm()", scheduler.alarm(), 122, "d arrived at 112"),
        ("tick(122)", scheduler.tick(122), ["d"], "d has waited for 10 ms"),
        ("done(130)", scheduler.done(130), [], "nobody waits"),
        ("alarm()", scheduler.alarm(), None, "nobody waits"),
    ]
    for call, got, expected, reason in steps:
        assert got == expected, f"{call} should give {expected}, since {reason}. It gave {got}."
    refused = False
    try:
        scheduler.arrive(140, "e", 5)
    except ValueError:
        refused = True
    assert refused, "Five rows never fit into a batch of four: raise ValueError."
    assert scheduler.alarm() is None, "Whoever was refused with ValueError does not wait."


test_Scheduler()

# %% nbgrader={"grade": true, "grade_id": "test_Scheduler_batches", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: streams of requests that come faster than the model works, with longest = 0.
# Why: under load a batcher must not lose anybody, serve anybody twice, or let small requests overtake large ones.
# Expected: never more than `largest` rows; those who have waited longest, as many as fit; everybody in one batch.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Scheduler_batches():
    def check(batch, queue, busy, largest, call, log):
        """The batch that came against the one that should have; queue: [caller, rows] of those who wait."""
        at = f"With largest = {largest} and longest = 0, {call}"
        assert isinstance(batch, list), f"{at} should return a list and returned {batch!r}."
        if busy:
            assert batch == [], f"{at} started the batch {batch} while the model was still running another one."
            return
        known = dict(queue)
        for caller in batch:
            again = f" It was in a batch before: {log[caller]}." if caller in log else ""
            assert caller in known, f"{at} gave the batch {batch}, and {caller} does not wait.{again}"
        assert len(set(batch)) == len(batch), f"{at} gave {batch}, which holds somebody twice."
        rows = sum(known[caller] for caller in batch)
        assert rows <= largest, f"{at} gave the batch {batch} with {rows} rows; at most {largest} are allowed."
        fit = total = 0
        while fit < len(queue) and total + queue[fit][1] <= largest:
            fit, total = fit + 1, total + queue[fit][1]
        expected = [caller for caller, _ in queue[:fit]]
        waiting = ", ".join(f"{caller} ({rows} rows)" for caller, rows in queue[: fit + 3])
        if batch == expected:
            return
        at = f"{at} should start the batch {expected} and gave {batch}; first in the queue were {waiting}."
        assert batch, f"{at} Somebody waits, the model is idle, and nothing starts."
        assert batch[0] == expected[0], (
            f"{at} Whoever has waited longest goes first, and whoever was left over still waits."
        )
        assert batch == expected[: len(batch)], f"{at} Nobody overtakes the one who does not fit any more."
        raise AssertionError(f"{at} There was room for more.")

    for seed, largest, most, gap, service in ((1, 8, 8, 2, 9), (2, 32, 10, 1, 7), (3, 5, 5, 3, 11), (4, 1, 1, 2, 3)):
        random = np.random.default_rng(seed)
        arrivals = np.cumsum(random.integers(0, 2 * gap, 150)).tolist()
        sizes = random.integers(1, most + 1, 150).tolist()
        scheduler, queue, log, busy_until, step = Scheduler(largest, 0), [], {}, None, 0
        while step < len(arrivals) or busy_until is not None:
            if busy_until is not None and (step == len(arrivals) or busy_until <= arrivals[step]):
                now, busy_until = busy_until, None
                call, batch = f"done({now})", scheduler.done(now)
                check(batch, queue, False, largest, call, log)
            else:
                now, caller, rows = arrivals[step], f"r{seed}-{step}", sizes[step]
                step += 1
                call, batch = f"arrive({now}, {caller!r}, {rows})", scheduler.arrive(now, caller, rows)
                queue.append([caller, rows])
                check(batch, queue, busy_until is not None, largest, call, log)
            if batch:
                log |= dict.fromkeys(batch, batch)
                queue = queue[len(batch) :]
                busy_until = now + service
        left = [caller for caller, _ in queue]
        assert not left, f"At the end these were never served: {left[:5]}"


test_Scheduler_batches()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Scheduler_waits", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: streams from a trickle to a flood, longest from 0 to 40 ms, and ticks that come too early.
# Why: whoever waits for a full batch waits for ever when nobody else comes.
# Expected: each batch starts at the very millisecond at which it is full or the first one has waited long enough, and
# not before; alarm() names that millisecond. An overdue batch starts with the next call of any kind.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Scheduler_waits():
    for seed, largest, longest, gap, service in (
        (1, 6, 20, 8, 5),
        (2, 16, 40, 30, 12),
        (3, 4, 15, 3, 9),
        (4, 10, 7, 50, 20),
        (5, 8, 0, 4, 6),
    ):
        random = np.random.default_rng(10 + seed)
        arrivals = np.cumsum(random.integers(0, 2 * gap, 100)).tolist()
        sizes = random.integers(1, min(largest, 5) + 1, 100).tolist()
        scheduler, queue, until, step = Scheduler(largest, longest), [], None, 0
        while step < len(arrivals) or until is not None or queue:
            due = queue[0][2] + longest if queue and until is None else None
            times = [t for t in (until, due, arrivals[step] if step < len(arrivals) else None) if t is not None]
            now = min(times)
            if until is None:
                came = scheduler.alarm()
                assert came == due, (
                    f"largest = {largest}, longest = {longest}. The model is idle at {now} and "
                    + (f"{queue[0][0]} has waited since {queue[0][2]}" if queue else "nobody waits")
                    + f": alarm() should be {due} and is {came}."
                )
            if until == now:
                until, call, batch = None, f"done({now})", scheduler.done(now)
            elif due == now:
                call, batch = f"tick({now})", scheduler.tick(now)
            else:
                early = scheduler.tick(now)
                assert early == [], f"tick({now}) came too early, and started {early}."
                caller, rows = f"r{seed}-{step}", sizes[step]
                call, batch = f"arrive({now}, {caller!r}, {rows})", scheduler.arrive(now, caller, rows)
                queue.append((caller, rows, now))
                step += 1
            fit = total = 0
            while fit < len(queue) and total + queue[fit][1] <= largest:
                fit, total = fit + 1, total + queue[fit][1]
            full = total == largest or fit < len(queue)
            starts = until is None and queue and (full or now >= queue[0][2] + longest)
            expected = [caller for caller, _, _ in queue[:fit]] if starts else []
            waiting = ", ".join(f"{caller} ({rows} rows, since {since})" for caller, rows, since in queue[: fit + 2])
            where = (
                f"largest = {largest}, longest = {longest}. {call} gave {batch}; in the queue were {waiting or 'none'}."
            )
            if batch and not expected:
                raise AssertionError(
                    f"{where} The model was busy: nothing may start."
                    if until is not None
                    else f"{where} There was room for more, and the first one had waited {now - queue[0][2]} ms only."
                )
            if expected and not batch:
                raise AssertionError(
                    f"{where} The batch is full: what are you waiting for?"
                    if full
                    else f"{where} The first one has waited for {now - queue[0][2]} ms: {expected} have to start."
                )
            assert batch == expected, f"{where} The batch should be {expected}."
            if batch:
                queue, until = queue[fit:], now + service
    start = "Scheduler(largest=8, longest=10); arrive(0, 'a', 2)"
    for caller, rows, expected, why in (
        ("b", 3, ["a", "b"], "Whoever arrives stands in the queue already, and b fits."),
        ("b", 6, ["a", "b"], "Whoever arrives stands in the queue already, and b just fits."),
        ("b", 7, ["a"], "b does not fit beside a, and stays in the queue."),
    ):
        scheduler = Scheduler(8, 10)
        scheduler.arrive(0, "a", 2)
        batch = scheduler.arrive(15, caller, rows)
        assert batch == expected, (
            f"{start}; then nothing until arrive(15, {caller!r}, {rows}), when a is overdue. It should start "
            f"{expected} and gave {batch}. {why}"
        )
    scheduler = Scheduler(8, 10)
    scheduler.arrive(0, "a", 2)
    for now, expected in ((4, []), (12, ["a"])):
        batch = scheduler.done(now)
        assert batch == expected, (
            f"{start}; the model is idle, so done({now}) does what tick({now}) does: {expected}. It gave {batch}."
        )
    for rows in (0, -1, 9):
        scheduler, refused = Scheduler(8, 10), False
        scheduler.arrive(0, "first", 3)
        try:
            scheduler.arrive(1, "wrong", rows)
        except ValueError:
            refused = True
        assert refused, f"{rows} rows where 1 to 8 are allowed: raise ValueError."
        batch = scheduler.tick(10)
        assert batch == ["first"], f"After somebody was refused, the batch should be ['first'], and is {batch}."


test_Scheduler_waits()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. Many callers, one model
#
# The scheduler decides; somebody has to bring the answers home. Here `asyncio` does the waiting: many callers `await batcher.ask(rows)` at the same time, one model answers lists of
# rows, and each caller gets the answers to its own rows, whoever else was in the batch.
#
# This batcher has no timer. It runs together whatever queued while the model was busy, as the one of lesson 03 did. Unlike that one, it cuts
# anywhere: a request of seven rows may come in two runs, three rows now and four with the next ones.
#
# Given are the model, `Stub`, whose every run takes 10 ms, and `play`, which sends requests to your batcher and notes what happens. `play` runs an event loop whose **clock is
# virtual**: whenever everybody sleeps, it jumps to the moment at which the first one wakes. So two thousand requests are played in a moment, and the same happens each time. Only `asyncio` lives in
# that time, no threads; and whoever asks again and again whether something has happened, without sleeping, keeps the clock from moving: wait for it.

# %% nbgrader={"grade": false, "grade_id": "given_stub", "locked": true, "schema_version": 3, "solution": false, "task": false}
class Stub:
    """A model of known service time: 10 ms a run, however many rows. Its answer to a row is factor x row."""

    def __init__(self, factor, poison):
        self.factor, self.poison = factor, set(poison)  # a run that holds a poisonous row fails
        self.runs, self.running, self.most_at_once = [], 0, 0

    async def run(self, rows):
        self.runs.append(list(rows))
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        await asyncio.sleep(0.010)
        self.running -= 1
        if bad := self.poison & set(rows):
            raise ArithmeticError(f"The model cannot compute {sorted(bad)}.")
        return [self.factor * row for row in rows]


# %% nbgrader={"grade": false, "grade_id": "given_play", "locked": true, "schema_version": 3, "solution": false, "task": false}
from modelserving import virtual


def play(Batcher, largest, requests, factor=3, poison=(), until=60.0):
    """Send requests to a batcher over a Stub. Each is (at, rows), or (at, rows, leaves): seconds, a list of whole
    numbers, and the time at which the caller gives up. A dict of plain data comes back: what everybody got, and when
    ("answers", "times"), what the model saw ("runs", "most_at_once"), what ended it all ("problem", mostly None), and
    what went wrong in the background, in your tasks and callbacks ("broken", a list of texts, mostly empty).
    """
    stub, problem, broken = Stub(factor, poison), None, []
    answers, times = [["no answer"] for _ in requests], [None for _ in requests]

    async def caller(number, batcher, at, rows, leaves=None):
        await asyncio.sleep(at)
        try:
            async with asyncio.timeout_at(leaves):
                answers[number] = ["answer", await batcher.ask(list(rows))]
        except TimeoutError:
            answers[number] = ["left"]
        except Exception as error:
            answers[number] = ["failed", f"{type(error).__name__}: {error}"]
        times[number] = asyncio.get_running_loop().time()

    def note(error):
        if isinstance(error, Exception) and not isinstance(error, ArithmeticError | TimeoutError):
            broken.append(f"{type(error).__name__}: {error}")

    def task(loop, coroutine, **options):
        made = asyncio.Task(coroutine, loop=loop, **options)
        made.add_done_callback(lambda ended: ended.cancelled() or note(ended.exception()))
        return made

    async def everybody():
        asyncio.get_running_loop().set_task_factory(task)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: note(context.get("exception")))
        batcher = Batcher(stub.run, largest)
        callers = [asyncio.ensure_future(caller(i, batcher, *request)) for i, request in enumerate(requests)]
        await asyncio.wait(callers, timeout=until)

    try:
        virtual.run(everybody())
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    seen = {"runs": stub.runs, "most_at_once": stub.most_at_once, "problem": problem, "broken": broken}
    return {"answers": answers, "times": times} | seen


# %% nbgrader={"grade": false, "grade_id": "Batcher", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Batcher:
    """Runs one model for many callers.

    - Never two runs at once.
    - A request that finds the model idle starts a run at that moment, on the clock of the event loop:
      nobody waits for others to come. (Requests of the same moment may share that run.)
    - What arrives while the model runs, waits. When the run ends, the next one starts at that moment with
      the rows that have waited longest, as many as there are, and `largest` at most. Rows count one by
      one: a request's rows may be spread over several runs.
    - Every caller gets the answers to its own rows, in the order of its rows.
    - When a run fails, those callers that have a row in it get the exception that it raised, and
      nobody else does. The others' rows are run as if nothing had happened.
    - A caller may leave (its task is cancelled) at any time. Its rows may be run or left out; nobody
      else notices.
    """

    def __init__(self, run, largest):
        """run: coroutine function; `await run(rows)` takes a list of 1 to `largest` rows and gives a list
        of as many answers, or raises. largest: rows of a run, at least 1. Called inside the running
        event loop.
        """
        ### BEGIN SOLUTION
        self.run, self.largest = run, largest
        self.queue, self.worker = deque(), None
        ### END SOLUTION

    async def ask(self, rows):
        """The answers to `rows`, a list of whole numbers; [] for no rows, without a run."""
        ### BEGIN SOLUTION
        replies = [asyncio.get_running_loop().create_future() for _ in rows]
        self.queue.extend(zip(rows, replies, strict=True))
        if self.queue and self.worker is None:
            self.worker = asyncio.ensure_future(self._work())
        return list(await asyncio.gather(*replies))

    async def _work(self):
        while self.queue:
            batch = [self.queue.popleft() for _ in range(min(self.largest, len(self.queue)))]
            try:
                answers = await self.run([row for row, _ in batch])
            except Exception as problem:
                answers = [problem] * len(batch)
            for (_, reply), answer in zip(batch, answers, strict=True):
                if reply.done():  # its caller has gone
                    continue
                if isinstance(answer, Exception):
                    reply.set_exception(answer)
                else:
                    reply.set_result(answer)
        self.worker = None
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_Batcher", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: five callers; the first finds the model idle, the others come while it runs.
# Why: one run for four callers is what a batcher is for, and each of them must not notice the others.
# Expected: two runs, of 1 row and of 6; everybody's own answers, at 10 and at 20 ms.
import math


def test_Batcher():
    requests = [(0.0, [7]), (0.002, [1, 2]), (0.003, [5]), (0.004, []), (0.006, [9, 8, 4])]
    seen = play(Batcher, 10, requests)
    assert seen["problem"] is None, f"The event loop ended with: {seen['problem']}"
    for (at, rows), answer, time in zip(requests, seen["answers"], seen["times"], strict=True):
        expected = ["answer", [3 * row for row in rows]]
        assert answer == expected, f"Who asked for {rows} at {at} s should get {expected[1]}, and got {answer}."
        due = at if not rows else 0.010 if at == 0 else 0.020
        assert math.isclose(time, due, abs_tol=1e-6), (
            f"Who asked for {rows} at {at} s should be answered at {due} s, not {time}."
        )
    assert seen["most_at_once"] == 1, f"{seen['most_at_once']} runs at once; one at a time."
    assert seen["runs"] == [[7], [1, 2, 5, 9, 8, 4]], (
        f"The model should run [7], and then all that came meanwhile, [1, 2, 5, 9, 8, 4]. It saw {seen['runs']}."
    )


test_Batcher()

# %% nbgrader={"grade": true, "grade_id": "test_Batcher_callers", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: two thousand callers, interleaved, of up to twelve rows each.
# Why: one answer to the wrong caller is worse than a server that is down.
# Expected: each gets the answers to its own rows, in their order.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Batcher_callers():
    for seed, largest, gap in ((1, 8, 0.008), (2, 64, 0.0015), (3, 5, 0.011)):
        random = np.random.default_rng(seed)
        at = np.cumsum(random.exponential(gap, 700)).tolist()
        numbers, sizes = random.permutation(700 * 12).tolist(), random.integers(1, 13, 700).tolist()
        requests = [(at[i], numbers[12 * i : 12 * i + sizes[i]]) for i in range(700)]
        seen = play(Batcher, largest, requests, 7, (), 600.0)
        assert seen["problem"] is None, f"The event loop ended with: {seen['problem']}"
        got = list(zip([rows for _, rows in requests], seen["answers"], strict=True))
        wrong = [(rows, answer) for rows, answer in got if answer != ["answer", [7 * row for row in rows]]]
        lists = [(rows, answer) for rows, answer in wrong if answer[0] == "answer" and isinstance(answer[1], list)]
        strange = [(rows, answer) for rows, answer in lists if any(value / 7 not in rows for value in answer[1])]
        for rows, answer in strange or wrong:
            where = (
                f"largest = {largest}: who asked for {rows} should get {[7 * row for row in rows]}, and got {answer}."
            )
            assert answer[0] == "answer", f"{where} Every caller is answered, however many others there are."
            assert (rows, answer) not in strange, f"{where} Some of these are another caller's."
            assert (rows, answer) in lists, f"{where} That is no list."
            raise AssertionError(f"{where} They are its own answers, in another order than its rows, or not all.")


test_Batcher_callers()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Batcher_runs", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: what the model saw, under load and with pauses between.
# Why: half-empty runs while others wait cost throughput; runs that wait to be full cost everybody's time.
# Expected: one run at a time, at most `largest` rows, none empty, none half-empty while somebody waits; no waiting
# while the model is idle.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_Batcher_runs():
    for seed, largest, gap in ((4, 6, 0.004), (5, 50, 0.001), (6, 4, 0.05)):
        random = np.random.default_rng(seed)
        at = (0.0005 + np.cumsum(random.exponential(gap, 300))).tolist()
        requests = [(at[i], [1000 * i + k for k in range(int(random.integers(1, 11)))]) for i in range(300)]
        seen = play(Batcher, largest, requests, 3, (), 600.0)
        where = f"largest = {largest}, 300 callers, one every {1000 * gap:g} ms or so"
        assert seen["problem"] is None, f"{where}: the event loop ended with: {seen['problem']}"
        assert seen["most_at_once"] == 1, f"{where}: {seen['most_at_once']} runs went on at once; one at a time."
        sizes = [len(run) for run in seen["runs"]]
        assert min(sizes) > 0, f"{where}: the model was run on no rows."
        assert max(sizes) <= largest, f"{where}: a run had {max(sizes)} rows."
        arrived = [(moment, row) for moment, rows in requests for row in rows]
        done, now = 0, 0.0
        for run in seen["runs"]:
            now = max(now, arrived[min(done, len(arrived) - 1)][0])  # the model is free, and somebody is there
            there = sum(1 for moment, _ in arrived[done:] if moment <= now + 1e-9)
            expected = [row for _, row in arrived[done : done + min(there, largest)]]
            assert sorted(run) == sorted(expected), (
                f"{where}: at {1000 * now:.1f} ms the model was free and {there} rows waited; the run should have "
                f"the {len(expected)} rows {expected[:6]}… and had the {len(run)} rows {run[:6]}…"
            )
            done, now = done + len(expected), now + 0.010
        assert done == len(arrived), f"{where}: {done} of {len(arrived)} rows were run."
        last = max(time for time in seen["times"] if time is not None)
        assert math.isclose(last, now, abs_tol=1e-4), (
            f"{where}: the last answer should come at {now:.4f} s and came at {last:.4f} s. Nobody waits while "
            "the model is idle."
        )


test_Batcher_runs()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Batcher_failures", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: runs that fail, and callers that leave.
# Why: one poisonous request must not take the others along, and least of all those that come after it.
# Expected: the exception for those with a row in the failing run, answers for everybody else, for ever after.
### BEGIN HIDDEN TESTS
def test_Batcher_failures():
    def background(seen):
        """What went wrong in the student's tasks and callbacks, as the end of a message."""
        if not seen["broken"]:
            return ""
        first = seen["broken"][0]
        left = " Who sets the result of a future whose caller has left (it is cancelled) gets this error."
        return f" In the background your batcher raised {first}.{left if first.startswith('InvalidState') else ''}"

    # Run by run: [1], then 2 to 5 with the poisonous 4, then 6 to 9 (the second half of a request in it), and later.
    requests = [
        (0.0, [1]),
        (0.001, [2]),
        (0.002, [3]),
        (0.003, [4]),
        (0.004, [5, 6]),
        (0.005, [7, 8, 9]),
        (0.2, [10, 11]),
    ]
    seen = play(Batcher, 4, requests, 3, (4,), 60.0)
    assert seen["problem"] is None, f"The event loop ended with: {seen['problem']}"
    for (at, rows), answer in zip(requests, seen["answers"], strict=True):
        where = f"Row 4 is poisonous and runs with 2, 3 and 5. Who asked for {rows} at {1000 * at:g} ms got {answer}"
        if set(rows) & {2, 3, 4, 5}:
            assert answer == ["failed", "ArithmeticError: The model cannot compute [4]."], (
                f"{where}, and should get what the run raised: ArithmeticError: The model cannot compute [4]."
                f"{background(seen)}"
            )
        else:
            assert answer == ["answer", [3 * row for row in rows]], (
                f"{where}, though no row of it was in that run.{background(seen)}"
            )
    # All runs for a while fail; then the poison is over.
    requests = [(0.001 * i, [i]) for i in range(40)] + [(1.0 + 0.001 * i, [100 + i]) for i in range(40)]
    seen = play(Batcher, 8, requests, 5, range(40), 60.0)
    assert seen["problem"] is None, f"The event loop ended with: {seen['problem']}"
    assert all(answer[0] == "failed" for answer in seen["answers"][:40]), "All runs failed, and somebody got an answer."
    for (_, rows), answer in list(zip(requests, seen["answers"], strict=True))[40:]:
        assert answer == ["answer", [5 * row for row in rows]], (
            f"After several failing runs the model works again; who asked for {rows} then got {answer}."
            f"{background(seen)}"
        )
    # Some leave: while their rows wait, and while they are run.
    requests = [
        (0.0, [1], 0.005),
        (0.001, [2, 3], 0.004),
        (0.002, [4]),
        (0.003, [5], 0.015),
        (0.004, [6, 7]),
        (0.3, [8]),
    ]
    seen = play(Batcher, 10, requests, 3, (), 60.0)
    assert seen["problem"] is None, f"The event loop ended with: {seen['problem']}"
    for request, answer in zip(requests, seen["answers"], strict=True):
        expected = ["left"] if len(request) == 3 else ["answer", [3 * row for row in request[1]]]
        assert answer == expected, (
            f"Three callers leave early; who asked for {request[1]} at {1000 * request[0]:g} ms should get {expected} "
            f"and got {answer}.{background(seen)}"
        )


test_Batcher_failures()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. The door
#
# More comes than the model can do. Whoever lets everybody in makes everybody wait, until no answer is in time. So there is a door: it bounds the queue, it sends away
# at once whoever could not be served in time anyway, and it says when to come back.
#
# | status | says | here |
# |---|---|---|
# | 413 | never | more rows than may ever wait, of all or of one client |
# | 429 | not *you*, now | this client has too much waiting already |
# | 503 | nobody, now | the queue is full, or the deadline cannot be kept any more |
#
# The door knows its model: `ms_per_row` milliseconds a row, one request at a time. Now and then the model takes longer than it should, so a
# deadline that could be kept on arrival may be lost later. That is why it is looked at twice: on arrival, and before computing. **Work that is too late for
# its caller is never computed**, or a server under overload spends its time on answers that nobody reads.
#
# An example, with 10 ms a row, at most 8 rows waiting, and 6 of one client:
#
# ```python
# door = Door(queue_rows=8, client_rows=6, ms_per_row=10)
# door.arrive(0, "a", "app", 4, 100)    # None          let in
# door.take(0)                          # ("a", [])     the model starts; it should be free at 40
# door.arrive(5, "b", "app", 4, 200)    # None          waits
# door.arrive(6, "c", "app", 4, 200)    # (429, 1)      8 rows of one client would wait
# door.arrive(7, "d", "desk", 4, 100)   # (503, 1)      33 ms for the rest of a, 40 for b, 40 for d: ready at 120
# door.arrive(8, "e", "desk", 4, None)  # None          no deadline: it can wait
# door.take(170)                        # ("e", ["b"])  a took longer than it should; b would be ready at 210
# door.arrive(171, "f", "app", 7, None) # (413, None)   7 rows of one client never wait, however long it waits
# door.take(180)                        # (None, [])    e took 10 ms in place of 40; the model is free from now on
# door.arrive(185, "g", "app", 4, 230)  # None          nothing is left of e, so g can be ready at 225
# ```

# %% nbgrader={"grade": false, "grade_id": "Door", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Door:
    """Lets requests in to one model, which runs one request at a time, or sends them away.

    All times are whole milliseconds on a clock that the caller keeps; no call has an earlier time than
    the one before it. A request *waits* from when it was let in until `take` gives it out, to be run or
    as expired. After `take` has given a request to run at time t, the model is expected to be free at
    t + rows x ms_per_row. It may be late, and it may be early: when `take` is called again, nothing is
    left of that run, whatever was expected, and whether or not anybody waits.
    """

    def __init__(self, queue_rows, client_rows, ms_per_row):
        """queue_rows: rows that may wait, of all clients. client_rows: of one client. ms_per_row: ms."""
        ### BEGIN SOLUTION
        self.queue_rows, self.client_rows, self.ms_per_row = queue_rows, client_rows, ms_per_row
        self.queue, self.free_at = deque(), 0
        ### END SOLUTION

    def arrive(self, now, request, client, rows, deadline):
        """May this request come in?

        Arguments:
            request, client: text, the names of both. Requests have different names.
            rows: whole number, at least 1.
            deadline: ms, by when its answer has to be ready; exactly then is in time. None: any time.

        Returns:
            None when it was let in; it waits now, behind all others. Otherwise a tuple (status, seconds),
            by the first of these that holds:
            (413, None)     it has more rows than may ever wait (queue_rows), or than its client may ever
                            have waiting (client_rows).
            (429, seconds)  with it, more than client_rows rows of its client would wait.
            (503, seconds)  with it, more than queue_rows rows would wait.
            (503, seconds)  it cannot be ready by its deadline: what is left of the expected run, all rows
                            that wait, and its own rows come first.
            seconds is the Retry-After: how long what is in the server now (what is left of the expected
            run, and all rows that wait) will take, in whole seconds, rounded up, and at least 1.
            What is left of a run that should have ended already counts as 0.
        """
        ### BEGIN SOLUTION
        waiting = sum(other[2] for other in self.queue)
        ahead = max(self.free_at - now, 0) + waiting * self.ms_per_row
        seconds = max(-(-ahead // 1000), 1)
        if rows > min(self.queue_rows, self.client_rows):
            return 413, None
        if rows + sum(other[2] for other in self.queue if other[1] == client) > self.client_rows:
            return 429, seconds
        if rows + waiting > self.queue_rows:
            return 503, seconds
        if deadline is not None and now + ahead + rows * self.ms_per_row > deadline:
            return 503, seconds
        self.queue.append((request, client, rows, deadline))
        return None
        ### END SOLUTION

    def take(self, now):
        """The model is free. What does it run next?

        Returns:
            tuple (request, expired). `request` is the name of the one to run: of those that wait, the
            first that will be ready by its deadline if it starts now; None if there is none. `expired` is
            a list of the names of those that waited ahead of it (of all that waited, if there is none),
            in their order: they cannot be ready any more, are not run, and do not wait any longer.
        """
        ### BEGIN SOLUTION
        expired, self.free_at = [], now
        while self.queue:
            request, _, rows, deadline = self.queue.popleft()
            ready = now + rows * self.ms_per_row
            if deadline is None or ready <= deadline:
                self.free_at = ready
                return request, expired
            expired.append(request)
        return None, expired
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_Door", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, and a request that never fits.
# Why: each refusal tells the client something else to do.
# Expected: what stands in the example; (413, None) for seven rows where a client may have six, and for nine.


def test_Door():
    door = Door(8, 6, 10)
    steps = [
        ("arrive(0, 'a', 'app', 4, 100)", door.arrive(0, "a", "app", 4, 100), None, "nobody is there"),
        ("take(0)", door.take(0), ("a", []), "a waits, and will be ready at 40"),
        ("arrive(5, 'b', 'app', 4, 200)", door.arrive(5, "b", "app", 4, 200), None, "it would be ready at 80"),
        ("arrive(6, 'c', 'app', 4, 200)", door.arrive(6, "c", "app", 4, 200), (429, 1), "8 rows of app would wait"),
        ("arrive(7, 'd', 'desk', 4, 100)", door.arrive(7, "d", "desk", 4, 100), (503, 1), "it would be ready at 120"),
        ("arrive(8, 'e', 'desk', 4, None)", door.arrive(8, "e", "desk", 4, None), None, "it has no deadline"),
        ("arrive(9, 'f', 'desk', 1, None)", door.arrive(9, "f", "desk", 1, None), (503, 1), "9 rows would wait"),
        ("take(170)", door.take(170), ("e", ["b"]), "b would be ready at 210, ten ms too late"),
        ("arrive(171, 'h', 'app', 9, None)", door.arrive(171, "h", "app", 9, None), (413, None), "8 rows at most"),
        ("arrive(171, 'i', 'app', 7, None)", door.arrive(171, "i", "app", 7, None), (413, None), "6 of one client"),
        ("take(180)", door.take(180), (None, []), "nobody waits"),
        (
            "arrive(185, 'g', 'app', 4, 230)",
            door.arrive(185, "g", "app", 4, 230),
            None,
            "nobody waits, and `take` came early, at 180: the model is free from then on, and g can be ready at 225",
        ),
        ("take(186)", door.take(186), ("g", []), "g will be ready at 226"),
    ]
    for call, got, expected, reason in steps:
        got = tuple(got) if isinstance(got, list) else got
        assert got == expected, f"{call} should give {expected}, since {reason}. It gave {got}."


test_Door()

# %% nbgrader={"grade": true, "grade_id": "test_Door_bounds", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: an hour of overload by several clients, without deadlines, and what comes after.
# Why: a bound that counts requests bounds nothing, and a count that is not taken back keeps the door shut for good.
# Expected: the statuses of the docstring; the queue never holds more rows than it may; everybody is let in again
# afterwards, and all who were let in are run in their order.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Door_bounds():
    for seed, queue_rows, client_rows, ms_per_row in ((1, 64, 40, 20), (2, 30, 30, 7), (3, 100, 10, 50)):
        random = np.random.default_rng(seed)
        door, waiting, free_at = Door(queue_rows, client_rows, ms_per_row), [], None
        now = 0
        for step in range(250):
            rate = 3 if step < 170 else 0.3  # three times what the model can do, then a third of it
            now += int(random.exponential(8 * ms_per_row / rate))
            while free_at is not None and free_at <= now:
                came = door.take(free_at)
                expected = waiting[0][0] if waiting else None
                assert list(came or ()) == [expected, []], (
                    f"take({free_at}) should give {(expected, [])}, the one that has waited longest; it gave {came}."
                )
                free_at = free_at + waiting.pop(0)[2] * ms_per_row if waiting else None
            rows = int(random.integers(1, 16)) if random.uniform() < 0.97 else queue_rows + 1
            name, client = f"r{step}", ("app", "desk", "night")[int(random.choice(3, p=[0.6, 0.3, 0.1]))]
            total = sum(row for _, _, row in waiting)
            own = sum(row for _, who, row in waiting if who == client)
            status = (
                413
                if rows > min(queue_rows, client_rows)
                else 429
                if own + rows > client_rows
                else 503
                if total + rows > queue_rows
                else None
            )
            came = door.arrive(now, name, client, rows, None)
            told = None if came is None else came[0]
            assert told == status, (
                f"Door({queue_rows}, {client_rows}, {ms_per_row}): {total} rows in {len(waiting)} requests wait, {own} "
                f"of these rows are of {client}, which brings {rows} more. "
                f"{'It should be let in' if status is None else f'The status should be {status}'}; yours gave {came}."
                f"{' So many rows of one client can never wait.' if status == 413 and rows <= queue_rows else ''}"
            )
            if came is None:
                waiting.append((name, client, rows))
                if free_at is None:
                    door.take(now)
                    free_at = now + rows * ms_per_row
                    waiting.pop(0)


test_Door_bounds()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Door_deadlines", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: requests with deadlines, before a model that is now as quick as expected, now slower.
# Why: a request that is computed too late costs as much as one in time, and helps nobody.
# Expected: nobody let in who cannot make it by what is known, nobody refused who can; nobody run who is too late by
# then; and the rows of the expired free their places.
### BEGIN HIDDEN TESTS
import numpy as np


def test_Door_deadlines():
    for seed, ms_per_row, slow in ((1, 10, 1.0), (2, 10, 2.5), (3, 25, 0.6), (4, 4, 1.6)):
        random = np.random.default_rng(20 + seed)
        door, waiting, expected_free, really_free, now = Door(60, 9999, ms_per_row), [], 0, None, 0
        cause = ""
        for step in range(220):
            now += int(random.exponential(4 * ms_per_row if step % 100 < 70 else 15 * ms_per_row))
            while really_free is not None and really_free <= now:
                at, expired, chosen = really_free, [], None
                while waiting and chosen is None:
                    name, rows, deadline = waiting.pop(0)
                    if deadline is not None and at + rows * ms_per_row > deadline:
                        expired.append(name)
                    else:
                        chosen, size = name, rows
                came = door.take(at)
                where = f"{ms_per_row} ms a row: take({at})"
                assert came is not None, f"{where} gave None; it should return (request, expired)."
                assert came[0] == chosen, (
                    f"{where} should run {chosen}, the first that can be ready by its deadline; yours runs {came[0]}. "
                    f"Those ahead of it cannot: {expired}."
                )
                assert list(came[1]) == expired, f"{where} should give the expired {expired} and gave {came[1]}."
                cause = (
                    f" The model was taken again early, by take({at}), where {expected_free} was expected: it is free "
                    "from then on."
                    if at < expected_free
                    else ""
                )
                expected_free = at + size * ms_per_row if chosen else at
                really_free = at + max(int(size * ms_per_row * slow), 1) if chosen else None
            rows, name = int(random.integers(1, 9)), f"r{step}"
            total = sum(row for _, row, _ in waiting)
            rest = max(expected_free - now, 0)
            ready = now + rest + (total + rows) * ms_per_row
            exact = step % 7 == 0
            room = int(random.integers(-5, 15)) * ms_per_row
            deadline = None if step % 11 == 0 else ready if exact else max(ready + room, now)
            fits = total + rows <= 60 and (deadline is None or ready <= deadline)
            came = door.arrive(now, name, "app", rows, deadline)
            told = None if came is None else came[0]
            assert told == (None if fits else 503), (
                f"{ms_per_row} ms a row: {name} arrives at {now} with {rows} rows and the deadline {deadline}. {rest} "
                f"ms are left of the expected run, {total} of 60 rows wait: it would be ready at {ready}. "
                f"{'It should be let in' if fits else 'It should get 503'}; yours gave {came}.{cause}"
            )
            if fits:
                waiting.append((name, rows, deadline))
                if really_free is None:
                    came = door.take(now)
                    assert list(came or ()) == [name, []], f"take({now}) should give ({name!r}, []), not {came}."
                    waiting.pop(0)
                    cause, expected_free = "", now + rows * ms_per_row
                    really_free = now + max(int(rows * ms_per_row * slow), 1)


test_Door_deadlines()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Door_retry_after", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: what refused clients are told, with queues of a moment and of minutes.
# Why: told 0, they are back at once, all of them; told too much, the server stands idle.
# Expected: whole seconds, rounded up, at least 1; what is left of the run counts, and what waits.
### BEGIN HIDDEN TESTS
def test_Door_retry_after():
    for ms_per_row, first, others, now in (
        (10, 4, [4, 4], 5),
        (200, 5, [5, 5], 0),
        (200, 5, [5, 5], 1),
        (1000, 9, [1, 9], 8500),
        (250, 4, [8, 2], 1000),
        (250, 4, [8, 2], 7000),
        (333, 3, [10], 500),
        (40, 10, [5, 5], 400),
        (1000, 1, [10], 999),
    ):
        door = Door(10, 10, ms_per_row)
        door.arrive(0, "first", "app", first, None)
        door.take(0)
        for number, rows in enumerate(others):
            door.arrive(0, f"other{number}", "desk", rows, None)
        rest = max(first * ms_per_row - now, 0)
        waits = sum(others) * ms_per_row
        expected = max(-(-(rest + waits) // 1000), 1)
        for client, status in (("desk", 429), ("night", 503)):
            came = door.arrive(now, f"late-{client}", client, 3 if sum(others) > 7 else 10, None)
            assert (came or (None,))[0] == status, f"{client} should get {status}, and got {came}."
            seconds = came[1]
            assert isinstance(seconds, int), f"Retry-After is a whole number of seconds, not {seconds!r}."
            assert seconds == expected, (
                f"{rest} ms are left of the expected run, and rows for {waits} ms wait. Retry-After should be "
                f"{expected} s and is {seconds}. {'Told 0, everybody comes back at once.' if seconds == 0 else ''}"
            )
    door = Door(10, 10, 100)
    door.arrive(0, "a", "app", 10, None)
    came = door.arrive(0, "b", "app", 11, None)
    assert list(came or ()) == [413, None], (
        f"Eleven rows never fit into a queue of ten: (413, None), there is no use in coming back. Yours gave {came}."
    )
    came = Door(10, 10, 100).arrive(0, "c", "app", 2, 150)
    assert list(came or ()) == [503, 1], f"200 ms of work with a deadline at 150: (503, 1), not {came}."


test_Door_retry_after()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. Two goals, one table
#
# Lesson 05 measured one server with several settings, at several offered rates. The table says what each run gave. Two people read it:
#
# - The **app** has a bound: at its offered rate, p99 must not exceed so many milliseconds, and hardly any request may fail. Latency is a *satisficing* metric here: whatever
#   keeps the bound is good enough, and being quicker still earns nothing. Among the settings that keep it, cost decides.
# - The **nightly job** has none. It has to be through by the morning. Then, too, cost decides: rows for each second of processor time.
#
# A table does not tell everything. A setting that was never measured at the app's rate is not known to keep the bound there. Nor is one whose run had too few samples for a
# p99: the table has None there.

# %% nbgrader={"grade": false, "grade_id": "choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose(table, goal):
    """The settings for a goal, from a table of measurements.

    Arguments:
        table: list of dicts, a run each, in no particular order:
            "setting": text, the name of the settings. A setting may have runs at several rates, never
                two at the same one.
            "offered": requests a second that were sent.
            "p99": s, or None where too few requests were answered for a p99.
            "failed": the share of requests without an answer of status 200, 0 to 1.
            "rows": rows a second that were answered with status 200.
            "rows_per_cpu": those rows for each second of processor time.
        goal: one of two dicts:
            {"for": "app", "offered": requests a second, "p99": s, "failed": share}
            {"for": "night", "rows": rows to be done, "seconds": in how long}

    Returns:
        the name of a setting, or None when no setting will do.

        For the app: the run that counts is the one at the lowest rate that is not below the goal's
        "offered"; a setting without such a run will not do. In that run, and in every run of the
        setting at a lower rate, p99 has to be known and at most the goal's, and "failed" at most the
        goal's. Of the settings that will do, the one with the most rows_per_cpu in the run that
        counts; of equal ones, the one with the lowest p99 there.

        For the night: a run will do if its "rows" a second get through the goal's rows in the time
        given. The setting of that run, among those that will do, which has the most rows_per_cpu; of
        equal ones, the one with the most rows a second. Nothing else matters.
    """
    ### BEGIN SOLUTION
    if goal["for"] == "night":
        done = [run for run in table if run["rows"] * goal["seconds"] >= goal["rows"]]
        best = max(done, key=lambda run: (run["rows_per_cpu"], run["rows"]), default=None)
        return best and best["setting"]

    def keeps(run):
        return run["p99"] is not None and run["p99"] <= goal["p99"] and run["failed"] <= goal["failed"]

    counted = []
    for setting in {run["setting"] for run in table}:
        runs = sorted((run for run in table if run["setting"] == setting), key=lambda run: run["offered"])
        below = [run for run in runs if run["offered"] < goal["offered"]]
        if len(below) < len(runs) and all(map(keeps, runs[: len(below) + 1])):
            counted.append(runs[len(below)])
    best = max(counted, key=lambda run: (run["rows_per_cpu"], -run["p99"]), default=None)
    return best and best["setting"]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_choose", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: three settings at two rates, for both goals.
# Why: the same table gives opposite answers, depending on who asks.
# Expected: "small" for the app, "large" for the night, None where no setting will do.


def test_choose():
    columns = ("setting", "offered", "p99", "failed", "rows", "rows_per_cpu")
    rows = [
        ("none", 100, 0.004, 0.0, 100, 800),
        ("none", 400, 0.9, 0.3, 280, 750),
        ("small", 100, 0.006, 0.0, 100, 900),
        ("small", 400, 0.02, 0.0, 400, 2500),
        ("large", 100, 0.06, 0.0, 100, 950),
        ("large", 400, 0.07, 0.0, 400, 3000),
    ]
    table = [dict(zip(columns, row, strict=True)) for row in rows]
    cases = [
        ({"for": "app", "offered": 300, "p99": 0.05, "failed": 0.001}, "small", "large breaks the bound, none fails"),
        ({"for": "night", "rows": 1_000_000, "seconds": 3600}, "large", "of those that are through, the cheapest"),
        ({"for": "app", "offered": 500, "p99": 0.05, "failed": 0.001}, None, "nothing was measured at 500 a second"),
        ({"for": "night", "rows": 2_000_000, "seconds": 3600}, None, "400 a second are 1,440,000 in an hour"),
    ]
    for goal, expected, reason in cases:
        got = choose(table, goal)
        assert got == expected, f"For {goal} the choice should be {expected!r}, since {reason}. It was {got!r}."


test_choose()


# %% nbgrader={"grade": true, "grade_id": "test_choose_app", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: tables in which a setting is quick and fails, is cheap and unknown, or is slow at low rates.
# Why: a bound is kept or not; an average over all runs, or the lowest p99, answers a question that nobody asked.
# Expected: the setting that the docstring names, in whatever order the table comes.
### BEGIN HIDDEN TESTS
def test_choose_app():
    columns = ("setting", "offered", "p99", "failed", "rows", "rows_per_cpu")
    goal = {"for": "app", "offered": 300, "p99": 0.05, "failed": 0.01}
    dear, fine = ("dear", 300, 0.004, 0.0, 300, 700), ("fine", 300, 0.050, 0.01, 300, 1500)
    cases = [
        ("The quickest is not the cheapest of those that keep the bounds.", [dear, fine], "fine"),
        ("A setting that fails too often keeps no bound.", [fine, ("lossy", 300, 0.01, 0.02, 290, 4000)], "fine"),
        ("A p99 that is None is not known to keep the bound.", [fine, ("few", 300, None, 0.0, 300, 4000)], "fine"),
        (
            "A setting that was measured below the rate alone is not known to keep the bound at it.",
            [fine, ("low", 290, 0.01, 0.0, 290, 4000)],
            "fine",
        ),
        (
            "A run above the rate counts, if there is none at it.",
            [dear, ("above", 350, 0.02, 0.0, 350, 2000)],
            "above",
        ),
        (
            "Of runs above the rate, the lowest counts; those above it do not matter.",
            [dear, ("knee", 310, 0.02, 0.0, 310, 2000), ("knee", 600, 3.0, 0.5, 300, 9000)],
            "knee",
        ),
        (
            "Rows per processor second count in that run, not in the best one.",
            [fine, ("late", 300, 0.01, 0.0, 300, 900), ("late", 600, 0.03, 0.0, 600, 5000)],
            "fine",
        ),
        (
            "A timer that breaks the bound at night breaks it.",
            [fine, ("timer", 20, 0.08, 0.0, 20, 100), ("timer", 300, 0.02, 0.0, 300, 4000)],
            "fine",
        ),
        (
            "At a lower rate, too, p99 has to be known.",
            [fine, ("hole", 20, None, 0.0, 20, 100), ("hole", 300, 0.02, 0.0, 300, 4000)],
            "fine",
        ),
        ("Equal ones: the lowest p99.", [fine, ("twin", 300, 0.02, 0.0, 300, 1500)], "twin"),
        ("Nothing will do.", [("slow", 300, 0.06, 0.0, 300, 4000)], None),
        ("An empty table.", [], None),
    ]
    for reason, rows, expected in cases:
        for order in (rows, rows[::-1]):
            got = choose([dict(zip(columns, row, strict=True)) for row in order], goal)
            assert got == expected, (
                f"{reason} Goal: 300 requests/s, p99 at most 0.05 s, at most 0.01 failed. {columns}: {order}. "
                f"The choice should be {expected!r} and was {got!r}."
            )


test_choose_app()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_choose_night", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: tables in which the cheapest setting is too slow, fails often, or has a dreadful p99.
# Why: a bound that nobody needs costs money.
# Expected: of the runs that are through in time, the one with the most rows for each second of processor time.
### BEGIN HIDDEN TESTS
def test_choose_night():
    columns = ("setting", "offered", "p99", "failed", "rows", "rows_per_cpu")
    goal = {"for": "night", "rows": 720_000, "seconds": 3600}  # 200 rows a second
    quick, cheap = ("quick", 900, 0.01, 0.0, 900, 1200), ("cheap", 500, 2.5, 0.0, 400, 3000)
    cases = [
        ("The cheapest that is through, not the quickest, and whatever its p99.", [quick, cheap], "cheap"),
        ("The cheapest of all is not through by the morning.", [cheap, ("slow", 50, 0.01, 0.0, 199, 9000)], "cheap"),
        ("Exactly through is through.", [cheap, ("exact", 50, 9.0, 0.0, 200, 9000)], "exact"),
        ("Nobody asked for a p99 here; None is fine, too.", [quick, ("few", 500, None, 0.0, 400, 2000)], "few"),
        ("Failures are left out of the rows already.", [quick, ("lossy", 500, 0.1, 0.4, 300, 5000)], "lossy"),
        ("Failures do not matter, however many.", [quick, ("flood", 6000, 0.1, 0.95, 300, 5000)], "flood"),
        (
            "One run of a setting that will do is enough.",
            [quick, ("both", 100, 0.1, 0.0, 100, 200), ("both", 500, 0.1, 0.0, 500, 4000)],
            "both",
        ),
        (
            "The run has to be through itself: another one's price does not count.",
            [cheap, ("mixed", 100, 0.1, 0.0, 100, 9000), ("mixed", 500, 0.1, 0.0, 500, 1000)],
            "cheap",
        ),
        ("Equal ones: the most rows a second.", [cheap, ("twin", 900, 8.0, 0.0, 900, 3000)], "twin"),
        ("Nothing will do.", [("slow", 50, 0.01, 0.0, 199, 9000)], None),
        ("An empty table.", [], None),
    ]
    for reason, rows, expected in cases:
        for order in (rows, rows[::-1]):
            got = choose([dict(zip(columns, row, strict=True)) for row in order], goal)
            assert got == expected, (
                f"{reason} Goal: 720,000 rows in an hour. {columns}: {order}. "
                f"The choice should be {expected!r} and was {got!r}."
            )


test_choose_night()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6. How many calls may a page make?
#
# A page that asks many back ends is as slow as the slowest of its calls. If a call is slow 1 time in 100 and a page makes 100 of them, independently, then
# $1 - 0.99^{100} = 63\,\%$ of the pages are slow.
#
# *Independently* is an assumption. Calls that wait in the same queue are slow together, and then fewer pages are hit, each of them by many slow calls. So count, too.

# %% nbgrader={"grade": false, "grade_id": "fan_out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fan_out(slow, budget):
    """What slow calls make of the pages that wait for all of them.

    Arguments:
        slow: bool array (pages, calls), both at least 1; slow[i, j]: was call j of page i slow?
        budget: the share of pages that may be slow, 0 < budget < 1.

    Returns:
        dict:
        "calls": the share of calls that were slow.
        "pages": the share of pages that were slow: those with at least one slow call. Counted.
        "independent": the share of pages that would be slow if each call were slow with probability
            "calls", independently of the others.
        "most": the largest number of such independent calls that a page may make, so that the share of
            slow pages is at most `budget` (or above it by less than 1e-9); 0 if not even one; None if
            any number may be made, since no call was slow.
        "needed": how small "calls" would have to be, so that exactly `budget` of the pages were slow,
            with as many independent calls as the pages here make.
    """
    ### BEGIN SOLUTION
    share, made = float(np.mean(slow)), slow.shape[1]
    if share == 0:
        most = None
    elif share == 1:
        most = 0
    else:
        most = math.floor(math.log(1 - budget) / math.log(1 - share)) + 1
        while 1 - (1 - share) ** most > budget + 1e-9:
            most -= 1
    return {
        "calls": share,
        "pages": float(np.mean(slow.any(axis=1))),
        "independent": 1 - (1 - share) ** made,
        "most": most,
        "needed": 1 - (1 - budget) ** (1 / made),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_fan_out", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: four pages of five calls, three of which were slow, two of them on one page.
# Why: between the share of slow calls and that of slow pages lies the number of calls.
# Expected: the numbers below, each within a millionth.
import math

import numpy as np


def test_fan_out():
    slow = np.zeros((4, 5), dtype=bool)
    slow[0, 1] = slow[2, 0] = slow[2, 4] = True
    expected = {
        "calls": (0.15, "3 of 20 calls"),
        "pages": (0.5, "2 of 4 pages have a slow call"),
        "independent": (1 - 0.85**5, "1 - 0.85 ** 5"),
        "most": (4, "4 calls make 1 - 0.85 ** 4 = 0.478 of the pages slow, 5 make 0.556"),
        "needed": (1 - 0.5**0.2, "a page is quick with probability (1 - needed) ** 5, which has to be 0.5"),
    }
    got = fan_out(slow, 0.5)
    assert isinstance(got, dict), "fan_out must return a dict."
    assert sorted(got) == sorted(expected), f"The keys should be {sorted(expected)} and are {sorted(got)}."
    for key, (number, reason) in expected.items():
        assert isinstance(got[key], int | float), f'"{key}" should be a number and is {got[key]!r}.'
        assert math.isclose(got[key], number, rel_tol=1e-6), (
            f'"{key}" should be {number:.6g} ({reason}), not {got[key]}.'
        )


test_fan_out()

# %% nbgrader={"grade": true, "grade_id": "test_fan_out_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: many pages; calls that are slow together; pages of one call; no slow call; slow ones alone.
# Why: a hundred calls that are slow at the same moments spoil far fewer pages than a hundred independent ones.
# Expected: the five numbers of the docstring; "most" a whole number, 0 or None.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_fan_out_hidden():
    random = np.random.default_rng(5)
    apart = random.uniform(size=(2000, 100)) < 0.01
    together = np.repeat(random.uniform(size=(2000, 1)) < 0.01, 100, axis=1)
    one_call = random.uniform(size=(500, 1)) < 0.2
    tenth = np.zeros((10, 1), dtype=bool)
    tenth[3] = True
    half = np.tile(np.array([[True, False]]), (6, 1))
    rare = np.zeros((1000, 100), dtype=bool)
    rare[17, 4] = True
    cases = [
        ("2,000 pages of 100 independent calls", apart, 0.05),
        ("2,000 pages whose 100 calls are slow together", together, 0.05),
        ("500 pages of one call", one_call, 0.5),
        ("pages of one call, one in ten slow, and a budget that is met exactly by two", tenth, 0.19),
        ("pages with one slow call of two, and a budget that is met exactly by three", half, 0.875),
        ("one slow call in 100,000", rare, 0.01),
        ("a budget below the share of slow calls", one_call, 0.05),
        ("no slow call at all", np.zeros((20, 30), dtype=bool), 0.1),
        ("slow calls alone", np.ones((20, 30), dtype=bool), 0.1),
    ]
    for what, slow, budget in cases:
        share, made = slow.sum() / slow.size, slow.shape[1]
        most = None if share == 0 else 0
        while most is not None and 1 - (1 - share) ** (most + 1) <= budget + 1e-9:
            most += 1
        expected = {
            "calls": share,
            "pages": slow.any(axis=1).sum() / len(slow),
            "independent": 1 - (1 - share) ** made,
            "needed": 1 - (1 - budget) ** (1 / made),
        }
        mistakes = {
            "pages": {"That is what independent calls would give; count the pages.": expected["independent"]},
            "independent": {
                "That adds the calls' shares up, and some pages have two slow calls.": share * made,
                "That is the share of quick pages.": (1 - share) ** made,
            },
            "needed": {"That divides the budget by the number of calls, which is near and not exact.": budget / made},
        }
        got = fan_out(slow, budget)
        for key, number in expected.items():
            came = got.get(key)
            assert isinstance(came, int | float), f'{what}: "{key}" should be a number and is {came!r}.'
            if math.isclose(came, number, rel_tol=1e-6, abs_tol=1e-12):
                continue
            why = [text for text, other in mistakes.get(key, {}).items() if math.isclose(came, other, rel_tol=1e-6)]
            raise AssertionError(
                f'{what}, budget {budget}: "{key}" should be {number:.6g} and is {came:.6g}. {(why or [""])[0]}'
            )
        came = got.get("most")
        assert came is None or isinstance(came, int), f'{what}: "most" is a whole number or None, not {came!r}.'
        assert came == most, (
            f'{what} ({share:.4g} of the calls are slow), budget {budget}: "most" should be {most} and is {came}. '
            + (f"With {came} calls, {1 - (1 - share) ** came:.4g} of the pages are slow." if came is not None else "")
        )


test_fan_out_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
