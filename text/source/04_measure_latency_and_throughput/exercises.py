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
#     agreed: c8bd56f8b08b5260
# ---

# %% [markdown]
# # Assignment 04: measure latency and throughput
#
# Lesson 04 showed how a load test goes wrong without anybody lying. Here you write one that does not: the schedule, the generator that
# keeps it, and the books that turn its log into numbers somebody may sign.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `arrivals`: when each request is due, evenly or by Poisson, at a rate that changes | 4 |
# | 2 | `open_loop`: a generator that keeps to the schedule whatever the service does | 6 |
# | 3 | `waits`: how long each user waited, from a log of requests | 3 |
# | 4 | `Histogram`: percentiles to one per cent, which can be merged and which can refuse | 5 |
# | 5 | `report`: throughput, goodput and failures, and whether the run counts at all | 4 |
#
# It takes 90 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 5 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 5
#   of the 22 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on schedules and logs that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one: logs and schedules are given.
# - Write with Python's standard library and `numpy` alone. The docstrings ask for things that `modelserving` does otherwise or not at all, so
#   wrapping its functions will not do.
# - What counts is how your code behaves, not how it is written. Nothing here depends on how fast your machine is: your generator runs in *virtual time*, see
#   exercise 2.
#
# In the last cells your five pieces measure a service that freezes for ten seconds. It takes a moment, since in virtual time nobody has to wait.

# %% [markdown]
# Run the next cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import asyncio
import math

import numpy as np


# %% [markdown]
# ## Exercise 1. When requests are due
#
# A load test begins with a list of moments. It is made before the first request is sent, so nothing that the service does can change it.
#
# Traffic rises and falls, so the list is made of **stages**, each with a length in minutes and a rate in requests per minute. Take a quiet minute and a busy half one:
#
# ```python
# arrivals([(1, 4), (0.5, 12)], "even", 0)
# # 0, 15, 30, 45, then 60, 65, 70, 75, 80, 85 (seconds)
# ```
#
# *Even* is kind to a server: users do not take turns. The **Poisson process** is what many users make who do not know of each other. The gaps between its requests are
# drawn from the exponential distribution, each for itself. So there are bursts and pauses, and a minute with a rate of 100 has 100 requests *on average*.
#
# Watch the border between stages. A quiet stage with a request every ten minutes must not swallow the busy one behind it.

# %% nbgrader={"grade": false, "grade_id": "arrivals", "locked": false, "schema_version": 3, "solution": true, "task": false}
def arrivals(stages, kind, seed):
    """When each request of a load test is due.

    Arguments:
        stages: list of pairs (minutes, requests per minute), one after the other; both are numbers,
            minutes > 0, requests per minute >= 0. A stage begins where the one before it ends,
            the first at 0.
        kind: "even" or "poisson".
        seed: int; decides what chance decides.

    Returns:
        list of floats, ascending: seconds after the start of the test.

        "even": in a stage that begins at second b with r requests per minute, requests are due at
            b, b + 60 / r, b + 120 / r, …, as long as they lie before the stage's end.
        "poisson": within each stage, a Poisson process of its rate: the time from the stage's begin
            to its first request and the times from one request to the next are independent of each
            other and of everything before, exponentially distributed with mean 60 / r seconds.
            Each request lies in the stage whose rate it was drawn with. The same arguments give the
            same list, another seed another list.

        A stage of 0 requests per minute has no requests and takes its time.

    Raises:
        ValueError: kind is neither of the two.
    """
    ### BEGIN SOLUTION
    if kind not in ("even", "poisson"):
        raise ValueError(f'kind has to be "even" or "poisson", not {kind!r}.')
    random, begin, due = np.random.default_rng(seed), 0.0, []
    for minutes, per_minute in stages:
        end = begin + 60 * minutes
        if per_minute > 0 and kind == "even":
            n = math.ceil(minutes * per_minute)
            times = [begin + 60 * i / per_minute for i in range(n + 1)]
            due += [time for time in times if time < end]
        elif per_minute > 0:
            time = begin + random.exponential(60 / per_minute)
            while time < end:
                due.append(float(time))
                time += random.exponential(60 / per_minute)
        begin = end
    return due
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_arrivals", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, a rate per minute, and the size of a Poisson schedule.
# Why: a schedule in the wrong unit tests a service at sixty times its load, or at a sixtieth.
# Expected: seconds; 10 requests in the example; about as many Poisson arrivals as minutes times rate.
import numpy as np


def test_arrivals():
    got = arrivals([(1, 4), (0.5, 12)], "even", 0)
    assert isinstance(got, list), f"A list was expected, and {type(got).__name__} came."
    expected = [0, 15, 30, 45, 60, 65, 70, 75, 80, 85]
    assert len(got) == 10, f"The example has 10 requests: {expected}. Yours has {len(got)}: {got[:12]}."
    assert np.allclose(got, expected), f"The example is {expected} seconds, and yours {got}."
    got = arrivals([(2, 3000)], "poisson", 1)
    assert 5500 < len(got) < 6500, (
        f"2 minutes at 3000 a minute are about 6000 requests, and yours are {len(got)}: rates are per minute."
    )
    told = f"2 minutes end at second 120; yours run from {got[0]} to {got[-1]}."
    assert got[0] >= 0, told
    assert got[-1] < 120, told
    try:
        got = arrivals([(1, 60)], "uniform", 0)
    except ValueError:
        got = None
    assert got is None, 'The kind "uniform" does not exist: raise ValueError.'


test_arrivals()

# %% nbgrader={"grade": true, "grade_id": "test_arrivals_stages", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: evenly, many stages, among them one of rate 0 and one shorter than its first gap.
# Why: a rate that changes is how one finds out where a service bends. Stages that run into each other blur it.
# Expected: each stage begins with a request of its own at its first second, and ends before its end.
### BEGIN HIDDEN TESTS
import numpy as np


def test_arrivals_stages():
    cases = [
        ([(1, 30), (2, 0), (1, 15)], [*range(0, 60, 2), *range(180, 240, 4)]),
        ([(0.25, 2), (0.25, 8)], [0, 15, 22.5]),
        ([(1, 7.5)], [0, 8, 16, 24, 32, 40, 48, 56]),
        ([(0.5, 0)], []),
        ([], []),
        (
            [(0.5, 120), (0.5, 240), (0.5, 480)],
            [*np.arange(0, 30, 0.5), *np.arange(30, 60, 0.25), *np.arange(60, 90, 0.125)],
        ),
    ]
    for stages, expected in cases:
        got = arrivals(stages, "even", 3)
        assert isinstance(got, list), f"A list was expected, and {type(got).__name__} came."
        told = f"for stages {stages}"
        assert len(got) == len(expected), (
            f"{len(expected)} requests were expected {told}, and {len(got)} came: {got[:12]}"
        )
        assert np.allclose(got, expected), (
            f"{[float(time) for time in expected[:12]]} was expected {told}, and {got[:12]} came. A stage begins where "
            "the one before it "
            "ends, with a request of its own."
        )
        assert arrivals(stages, "even", 4) == got, "An even schedule does not depend on the seed."


test_arrivals_stages()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_arrivals_poisson", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: Poisson schedules, long ones and many short ones, with rates that jump.
# Why: how long a queue gets is decided by the bursts. Jittered, shuffled or counted-out arrivals have others.
# Expected: exponential gaps, independent of each other; a number of requests that varies as it should; the
# right rate in each stage; one seed, one list.
### BEGIN HIDDEN TESTS
import numpy as np


def test_arrivals_poisson():
    got = arrivals([(1, 100)], "poisson", 10)
    assert isinstance(got, list), f"A list was expected, and {type(got).__name__} came."
    assert 40 < len(got) < 160, f"A minute at 100 a minute has about 100 requests, and yours has {len(got)}."
    again, other = (arrivals([(1, 100)], "poisson", seed) for seed in (10, 11))
    assert again == got, "The same arguments give the same list; yours gave two different ones."
    assert other != got, "Another seed gives another list; yours gave the same."
    got = arrivals([(20, 600)], "poisson", 11)
    times = np.array(got, dtype=float)
    gaps = np.diff(times)
    assert (gaps >= 0).all(), "A schedule ascends."
    outside = ((times < 0) | (times >= 1200)).sum()
    assert outside == 0, f"20 minutes last from second 0 to 1200, and {outside} requests lie outside."
    assert abs(gaps.mean() / 0.1 - 1) < 0.05, f"600 a minute: the mean gap is 0.1 s; yours is {gaps.mean():.4f} s."
    spread = gaps.std() / gaps.mean()
    assert 0.9 < spread < 1.1, (
        f"The gaps of a Poisson process spread as widely as their mean; yours by {spread:.2f} times it (0 for even "
        "arrivals, 0.58 for gaps drawn uniformly)."
    )
    short, long = (gaps < 0.01).mean(), (gaps > 0.3).mean()
    told = (
        "Of exponential gaps 9.5 % are below a tenth of the mean and 5.0 % above three times it; of yours "
        f"{short:.1%} and {long:.1%}."
    )
    assert abs(short - 0.0952) < 0.02, told
    assert abs(long - 0.0498) < 0.01, told
    together = np.corrcoef(gaps[:-1], gaps[1:])[0, 1]
    assert abs(together) < 0.05, (
        f"A gap says nothing about the next one, but yours are correlated by {together:.2f}: arrivals that wobble "
        "about an even schedule do that."
    )
    numbers = np.array([len(arrivals([(1, 40)], "poisson", seed)) for seed in range(400)])
    assert 37 < numbers.mean() < 43, (
        f"A minute at 40 a minute has 40 requests on average; yours has {numbers.mean():.1f}."
    )
    ratio = numbers.var() / numbers.mean()
    assert ratio > 0.5, (
        f"How many requests a minute has varies by chance, with a variance as large as the mean; yours has {ratio:.2f} "
        "times it. A number fixed in advance is no Poisson process."
    )
    assert ratio < 1.6, f"The number of requests in a minute varies too much: {ratio:.2f} times the mean."
    first = np.array([times[0] for seed in range(400) if (times := arrivals([(1, 40)], "poisson", seed))])
    assert 1.0 < first.mean() < 2.2, (
        f"The first request is an exponential time away from the start, 1.5 s here; yours {first.mean():.2f} s on "
        "average."
    )
    times = np.array(arrivals([(3, 300), (3, 300), (3, 100)], "poisson", 12), dtype=float)
    alike = [np.diff(times[(times >= begin) & (times < begin + 180)])[:250] for begin in (0, 180, 360)]
    n = min(len(gaps) for gaps in alike)
    assert n > 150, f"In 3 minutes at 100 a minute are about 300 requests, and yours have {n + 1}."
    for one, other in ((0, 1), (0, 2), (1, 2)):
        together = np.corrcoef(alike[one][:n], alike[other][:n])[0, 1]
        assert abs(together) < 0.35, (
            f"The gaps of stage {one + 1} come again in stage {other + 1} (correlation {together:.2f}): each stage was "
            "seeded with the same seed. They are independent of everything before."
        )
    stages = [(1, 1), (1, 600), (1, 0), (0.5, 1200)]
    begins, ends, rates = [0, 60, 120, 180], [60, 120, 180, 210], [1, 600, 0, 600]
    many = [np.array(arrivals(stages, "poisson", seed)) for seed in range(100)]
    assert all(((times >= 0) & (times < 210)).all() for times in many), "A request lies outside all stages."
    for begin, end, expected in zip(begins, ends, rates, strict=True):
        mean = np.mean([((times >= begin) & (times < end)).sum() for times in many])
        assert abs(mean - expected) <= max(0.03 * expected, 0.75 if expected else 0), (
            f"In stages {stages} the one from second {begin} has {expected} "
            f"request{'s' * (expected != 1)} on average; yours has {mean:.2f}. "
            "A gap drawn with one rate must not reach into the stage of another."
        )


test_arrivals_poisson()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. Keep the schedule
#
# Now send. An **open** generator sends a request when it is due, whether or not the earlier ones were answered, as users do who know nothing of each other. It writes into a log, for each request, when it was due, when it
# was really sent, and when it was over, and how.
#
# A load test of a minute takes a minute, and a busy machine spoils it. So that yours can be checked in a moment and always alike, the next cell gives you **virtual time**: an event loop whose clock stands still while code runs, and
# jumps to the next thing that is due when everybody waits. `await asyncio.sleep(60)` takes no time, and the clock is a minute on (and a third of a millisecond, since alarms ring a little late). All it takes is that you read the clock as
# `asyncio.get_running_loop().time()`, wait with `asyncio` alone, and start no threads.

# %% nbgrader={"grade": false, "grade_id": "given_time", "locked": true, "schema_version": 3, "solution": false, "task": false}
import selectors
from concurrent.futures import ThreadPoolExecutor


class JumpingClock(selectors.DefaultSelector):
    """Where an event loop sleeps until something is due. This one does not sleep: it moves the clock."""

    now = 1000.0  # s; a clock does not begin at 0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("Nothing will ever happen any more: something waits for a request that never ends.")
        if timeout:
            self.now += timeout + 3e-4  # an alarm rings a little late, as real ones do
        return super().select(0)


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop in virtual time. To look at its clock takes five microseconds."""

    def __init__(self):
        self.clock = JumpingClock()
        super().__init__(self.clock)
        self._clock_resolution = 1e-9  # s; by that of Windows, 16 ms, alarms would ring early

    def time(self):
        self.clock.now += 5e-6
        return self.clock.now


# %% [markdown]
# `rehearse` runs a generator there, against a service that is told what to do: it answers after so many seconds, freezes now and then, refuses some requests, or lets them hang. It also says when which
# request really reached the service.

# %% nbgrader={"grade": false, "grade_id": "given_service", "locked": true, "schema_version": 3, "solution": false, "task": false}
class Service:
    def __init__(self, takes=0.002, freezes=(), status=None, breaks=(), hangs=(), unreachable=(), prepares=0.0):
        self.takes = takes  # s for a request, however many there are
        self.freezes = freezes  # pairs of s after the start: nothing gets done in between
        self.status = status or {}  # for these requests, another status than 200
        self.breaks, self.hangs = set(breaks), set(hangs)  # connection lost at once; never answered
        self.unreachable = set(unreachable)  # here the operating system gives up, by a TimeoutError of its own
        self.prepares = prepares  # s that the *client* works to send one request
        self.reached, self.given_up, self.open = [], [], 0

    async def send(self, i):
        loop = asyncio.get_running_loop()
        loop.clock.now += self.prepares  # work, not waiting: nothing else runs meanwhile
        came = loop.time() - self.start
        self.reached.append((i, came))
        if i in self.breaks:
            raise ConnectionResetError("the service hung up")
        if i in self.unreachable:
            raise TimeoutError("the operating system got no connection")
        done = came + self.takes
        for begin, end in self.freezes:
            if came < end and done > begin:
                done = end + self.takes
        self.open += 1
        try:
            await (loop.create_future() if i in self.hangs else asyncio.sleep(done - came))
        except asyncio.CancelledError:
            self.given_up.append(i)
            raise
        finally:
            self.open -= 1
        return self.status.get(i, 200)


async def performance(generator, service, *arguments):
    service.start = asyncio.get_running_loop().time()
    log = await generator(service.send, *arguments)
    return {"log": log, "reached": service.reached, "given_up": service.given_up, "open": service.open}


def rehearse(generator, schedule, timeout, **service):
    """generator(send, schedule, timeout) in virtual time against Service(**service).

    Returns a dict: "log", what the generator returned; "reached", pairs (i, s after the start) of requests
    that reached the service; "given_up", those that were cancelled; "open", how many were still under way.
    """

    def run():
        with asyncio.Runner(loop_factory=VirtualTime) as runner:
            return runner.run(performance(generator, Service(**service), schedule, timeout))

    with ThreadPoolExecutor(1) as thread:  # the notebook's own event loop is in the way here
        return thread.submit(run).result()


# %% [markdown]
# Here is one that is wrong in every way but one: it keeps a log. It is a **closed** loop, which sends a request when the one before is over.

# %% nbgrader={"grade": false, "grade_id": "given_closed", "locked": true, "schema_version": 3, "solution": false, "task": false}
async def closed_loop(send, schedule, timeout):
    clock, log = asyncio.get_running_loop().time, []
    start = clock()
    for i, due in enumerate(schedule):
        sent = clock() - start
        status = await send(i)
        log.append({"due": due, "sent": sent, "done": clock() - start, "outcome": "ok" if status == 200 else status})
    return log


for line in rehearse(closed_loop, [0, 1, 2, 3], 5, takes=0.2, freezes=[(0.3, 2)])["log"]:
    print({name: round(value, 3) if name != "outcome" else value for name, value in line.items()})


# %% [markdown]
# A user who came at second 1 would have met the freeze and waited for more than a second. This generator was too early for it with one request, met it with another, and was soon through.
#
# Two traps for open ones. Whoever sleeps for the *gap* after each request adds up the time that sending takes, and falls behind the schedule. And a client can be late by its own fault, when sending takes it longer than there is time
# between two requests. Then `sent` is later than `due`, and the log has to say so: a user's clock runs from `due`.

# %% nbgrader={"grade": false, "grade_id": "open_loop", "locked": false, "schema_version": 3, "solution": true, "task": false}
async def open_loop(send, schedule, timeout):
    """Send each request when it is due, whatever became of the others, and keep a log.

    Arguments:
        send: async function. `await send(i)` sends request i (0 for the first of the schedule) and
            gives its status, an int. It may take any time, never end, or raise an exception.
        schedule: list of seconds after the start, ascending; several requests may be due at once.
            The start is when this function begins to run.
        timeout: seconds after it was *due* at which a request is given up, if it is not over: then
            its `await send(i)` is cancelled.

    Times are read from asyncio.get_running_loop().time(); waiting is left to asyncio.

    Returns, when all requests are over:
        list of dicts, one for each request, in the order of the schedule, with
        "due": s after the start, from the schedule;
        "sent": s after the start, when `send(i)` was called, which is as soon as possible once the
            request is due, and never before;
        "done": s after the start, when it was answered, failed or was given up;
        "outcome": "ok" if the status was 200; "status 503" (or whichever) if it was another;
            "timeout" if it was given up; "error" if send raised an exception, of whatever kind. A
            TimeoutError of its own is one as well: nobody had given it up.

    `send` is called for every request, once, with one exception: a request whose time-out is over
    before it could be sent at all need not be sent; it is a "timeout", and "sent" is then when that
    was found out. An exception of one request, or its time-out, changes nothing for the others.
    """
    ### BEGIN SOLUTION
    clock = asyncio.get_running_loop().time
    start = clock()

    async def one(i, due):
        line = {"due": due, "sent": clock() - start}
        try:
            async with asyncio.timeout_at(start + due + timeout) as limit:
                status = await send(i)
            line["outcome"] = "ok" if status == 200 else f"status {status}"
        except TimeoutError:
            line["outcome"] = "timeout" if limit.expired() else "error"  # or it came from `send`
        except Exception:
            line["outcome"] = "error"
        return line | {"done": clock() - start}

    tasks = []
    for i, due in enumerate(schedule):
        await asyncio.sleep(max(0.0, start + due - clock()))
        tasks.append(asyncio.create_task(one(i, due)))
    return await asyncio.gather(*tasks)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_open_loop", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: four requests to a service that takes 0.2 s and freezes from 0.3 to 2 s.
# Why: the freeze is what this tool is made for.
# Expected: sent when due; those due at 1 s and later answered at 2.2 s or 0.2 s after they were sent.
def test_open_loop():
    found = rehearse(open_loop, [0, 1, 1.5, 3], 5, takes=0.2, freezes=[(0.3, 2)])
    log = found["log"]
    assert isinstance(log, list), f"open_loop returns a list, and {type(log).__name__} came."
    assert len(log) == 4, f"There were four requests, and the log has {len(log)} lines."
    for line in log:
        told = f'A line of the log is a dict with "due", "sent", "done" and "outcome", and yours is {line}.'
        assert isinstance(line, dict), told
        assert set(line) == {"due", "sent", "done", "outcome"}, told
    expected = [(0, 0, 0.2), (1, 1, 2.2), (1.5, 1.5, 2.2), (3, 3, 3.2)]
    for line, (due, sent, done) in zip(log, expected, strict=True):
        told = f"The request due at {due} s"
        assert line["due"] == due, f'{told} says "due": {line["due"]}.'
        assert abs(line["sent"] - sent) < 0.05, (
            f"{told} was sent at {line['sent']:.3f} s. Times count from the start, and nobody waits for an answer "
            "before "
            "sending what is due."
        )
        assert abs(line["done"] - done) < 0.05, f"{told} is over at {done} s; your log says {line['done']:.3f}."
        assert line["outcome"] == "ok", f"{told} succeeded, and your log says {line['outcome']!r}."


test_open_loop()

# %% nbgrader={"grade": true, "grade_id": "test_open_loop_freeze", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: 100 requests per second, and a service that stands still for seconds.
# Why: a generator that waits for answers, for a free place or for anything else of the service's, sends least when
# the service is at its worst. The log then looks well.
# Expected: every request reaches the service when it is due, and the log says how long each really waited.
### BEGIN HIDDEN TESTS
from operator import itemgetter


def test_open_loop_freeze():
    for per_second, seconds, freeze, takes in (
        (100, 20, (8, 12), 0.002),
        (40, 30, (3, 18), 0.05),
        (200, 5, (1, 4), 0.3),
    ):
        schedule = [i / per_second for i in range(per_second * seconds)]
        found = rehearse(open_loop, schedule, 60, takes=takes, freezes=[freeze])
        log, reached = found["log"], found["reached"]
        told = f"{per_second} requests a second, a freeze from {freeze[0]} to {freeze[1]} s: "
        assert isinstance(log, list), f"{told}open_loop returns a list, and {type(log).__name__} came."
        assert len(log) == len(schedule), (
            f"{told}the log should have {len(schedule)} lines, one for each request, and has {len(log)}."
        )
        numbers = [i for i, _ in reached]
        assert sorted(numbers) == list(range(len(schedule))), (
            f"{told}{len(schedule)} requests are due, and {len(set(numbers))} different ones reached the service, in "
            f"{len(numbers)} calls."
        )
        early = max(schedule[i] - came for i, came in reached)
        assert early < 0.001, f"{told}a request was sent {early:.3f} s before it was due."
        drift = max(came - schedule[i] for i, came in reached if schedule[i] < freeze[0])
        assert drift < 0.05, (
            f"{told}a request was sent {drift:.2f} s late before the freeze had begun. Whoever sleeps for the gap "
            "after each "
            "request adds up the time that sending takes, and how late alarms ring; sleep until the next one is due."
        )
        behind = max((came - schedule[i], i) for i, came in reached)
        assert behind[0] < 0.1, (
            f"{told}request {behind[1]}, due at {schedule[behind[1]]:.2f} s, reached the service {behind[0]:.2f} s "
            "late. "
            "The service stood still, and your generator with it: a closed loop, or one with a limited number of "
            "requests under way."
        )
        for i, line in enumerate(sorted(log, key=itemgetter("due"))):
            assert abs(line["due"] - schedule[i]) < 1e-9, (
                f'{told}request {i} is due at {schedule[i]}, and your log says "due": {line["due"]}. Nothing moves '
                "what is due."
            )
            if min(abs(schedule[i] - edge) for edge in (freeze[0] - takes, *freeze)) < 0.02:
                continue  # whether the freeze caught it is a matter of microseconds
            frozen = freeze[0] - takes < schedule[i] < freeze[1]
            wait = freeze[1] + takes - schedule[i] if frozen else takes
            got = line["done"] - line["due"]
            assert abs(got - wait) < 0.1, (
                f"{told}request {i} waited {wait:.2f} s, from when it was due until its answer; by your log {got:.2f} "
                "s."
            )
            assert line["outcome"] == "ok", f"{told}request {i} succeeded; your log says {line['outcome']!r}."


test_open_loop_freeze()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_open_loop_failures", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: answers other than 200, connections that break or never come about, requests that hang.
# Why: a service under load fails, and a tool that stops at the first failure, or forgets it, cannot tell how often.
# Expected: each outcome by its name, at its time; what hangs is given up and cancelled; the others go on.
### BEGIN HIDDEN TESTS
def test_open_loop_failures():
    schedule = [0.05 * i for i in range(200)]
    hangs, breaks, status = list(range(20, 40)), [3, 50, 51, 199], {4: 503, 52: 429, 60: 500, 61: 204}
    unreachable = [70, 71]
    failing = {"hangs": hangs, "breaks": breaks, "unreachable": unreachable, "status": status}
    found = rehearse(open_loop, schedule, 2.5, takes=0.01, **failing)
    log = found["log"]
    assert isinstance(log, list), f"open_loop returns a list, and {type(log).__name__} came."
    assert len(log) == 200, f"200 requests, some of which fail, make a log of 200 lines; yours has {len(log)}."
    assert len(found["reached"]) == 200, (
        f"{len(found['reached'])} of 200 requests reached the service: a failure must not stop those that come later."
    )
    late = max(came - schedule[i] for i, came in found["reached"])
    assert late < 0.1, f"While others hung or failed, a request was sent {late:.2f} s late."
    for i, line in enumerate(log):
        expected, done = "ok", schedule[i] + 0.01
        if i in hangs:
            expected, done = "timeout", schedule[i] + 2.5
        elif i in breaks or i in unreachable:
            expected, done = "error", schedule[i]
        elif i in status:
            expected = f"status {status[i]}"
        assert abs(line["due"] - schedule[i]) < 0.02, (
            f"Line {i} of the log is about a request due at {line['due']} s. Lines stand in the order of the schedule."
        )
        assert i not in unreachable or line["outcome"] != "timeout", (
            f'For request {i} `send` raised a TimeoutError of its own, at once. It is an "error": a "timeout" is what '
            "you have given up."
        )
        assert line["outcome"] == expected, (
            f'Request {i} should have the outcome "{expected}", and has {line["outcome"]!r}.'
        )
        assert abs(line["done"] - done) < 0.1, (
            f"Request {i} ({expected}), due at {schedule[i]:.2f} s, was over at {done:.2f} s; your log says "
            f"{line['done']:.2f}."
        )
    assert sorted(found["given_up"]) == hangs, (
        f"{len(hangs)} requests hung; cancelled were {sorted(found['given_up'])}. What is given up and not cancelled "
        "keeps "
        "a connection for ever."
    )
    assert found["open"] == 0, f"{found['open']} requests were still under way when your generator returned."
    found = rehearse(open_loop, [0.0, 0.0, 0.0, 1.0], 3, takes=0.5, freezes=[(0.1, 2.9)])
    outcomes = [line["outcome"] for line in found["log"]]
    assert outcomes == ["timeout", "timeout", "timeout", "ok"], (
        "Three requests due at 0 s and one at 1 s, a time-out of 3 s, answers for all at 3.4 s: the first three are "
        f"time-outs, the last is in time. Yours: {outcomes}."
    )
    assert rehearse(open_loop, [], 1)["log"] == [], "An empty schedule has an empty log."


test_open_loop_failures()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_open_loop_late", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: a client that has to work for each request, a little or too much.
# Why: a client that falls behind and does not say so blames the service, or acquits it.
# Expected: work that fits between two requests makes no request later than the work takes. If it does not fit,
# "sent" says when each was sent, "due" stays, and the time-out counts from "due".
### BEGIN HIDDEN TESTS
def test_open_loop_late():
    schedule = [0.01 * i for i in range(600)]
    found = rehearse(open_loop, schedule, 30, takes=0.02, prepares=0.005)
    assert len(found["reached"]) == 600, f"Of 600 requests {len(found['reached'])} reached the service."
    late = max(came - schedule[i] for i, came in found["reached"])
    assert late < 0.1, (
        f"A request every 10 ms, 5 ms of work for each: the last ones came {late:.2f} s late. Whoever sleeps for the "
        "gap "
        "after each request adds the work to every gap; sleep until the next one is due."
    )
    found = rehearse(open_loop, schedule, 30, takes=0.002, prepares=0.03)
    log = found["log"]
    assert isinstance(log, list), f"open_loop returns a list, and {type(log).__name__} came."
    assert len(log) == 600, f"600 requests make a log of 600 lines; yours has {len(log)}."
    reached = dict(found["reached"])
    for i, line in enumerate(log):
        due, sent, done = 0.01 * i, line["sent"], line["done"]
        assert abs(line["due"] - due) < 1e-9, (
            f"Request {i} was due at {due} s. A client that is late does not change that."
        )
        assert sent <= reached[i] <= done, (
            f"Request {i} reached the service at {reached[i]:.2f} s. By your log it was sent at {sent:.2f} s and over "
            f"at {done:.2f} s."
        )
    late = sorted(line["sent"] - line["due"] for line in log[200:])[200]
    assert late > 0.3, (
        "A request every 10 ms, 30 ms of work for each: the later half of the requests was sent seconds late. By your "
        "log the "
        f"median of their lateness is {late:.3f} s. A client that is late has to say so."
    )
    found = rehearse(open_loop, schedule, 4, takes=0.002, prepares=0.03)
    outcomes = [line["outcome"] for line in found["log"]]
    assert outcomes[:80] == ["ok"] * 80, "The first 80 requests are less than 2 s late, and within the time-out of 4 s."
    assert outcomes[300:] == ["timeout"] * 300, (
        "With a time-out of 4 s, requests that are more than 4 s old before they can be sent are time-outs: it "
        "counts from when they were due, as a user's patience does."
    )


test_open_loop_late()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. How long did they wait?
#
# A log from such a generator, in which a request took 3 s and another was given up after 5:
#
# ```python
# log = [
#     {"due": 0.0, "sent": 0.0, "done": 0.4, "outcome": "ok"},
#     {"due": 1.0, "sent": 1.0, "done": 1.1, "outcome": "ok"},
#     {"due": 2.0, "sent": 2.6, "done": 5.0, "outcome": "ok"},
#     {"due": 3.0, "sent": 3.0, "done": 3.001, "outcome": "status 503"},
#     {"due": 4.0, "sent": 4.0, "done": 9.0, "outcome": "timeout"},
# ]
# waits(log, 1.0)
# # [0.1, 3.0, inf]
# ```
#
# The first one came in the warm-up. The refused one was answered at once, with nothing: that is a failure, to be counted elsewhere, and no short wait. And the one that was given up? Leave it out, and the slowest are
# gone from the numbers: the worse the service, the better it looks. Nobody knows how long its user would have waited, but it was longer than anybody was willing to, so here it counts as **infinite**. A p99 of `inf`
# is plain speech: one user in a hundred, or more, never got an answer.

# %% nbgrader={"grade": false, "grade_id": "waits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def waits(log, warm_up):
    """How long users waited for an answer.

    Arguments:
        log: list of dicts with "due", "sent", "done" (s after the start) and "outcome" ("ok",
            "timeout", "error", "status 503" and the like), in any order. It stays as it is.
        warm_up: s after the start; requests that were due before are left out.

    Returns:
        ascending list of floats, s: for each request that succeeded, the time from when it was due
        until it was done; for each that timed out, math.inf; nothing for other failures.
    """
    ### BEGIN SOLUTION
    counted = [line for line in log if line["due"] >= warm_up]
    answered = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    return sorted(answered) + [math.inf for line in counted if line["outcome"] == "timeout"]
    ### END SOLUTION


# %% [markdown]
# A log is what was measured. Others will read it after you, so it has to stay as it is; with the next function the tests see whether it did.

# %% nbgrader={"grade": false, "grade_id": "given_read", "locked": true, "schema_version": 3, "solution": false, "task": false}
def read(function, log, *arguments):
    """What function(log, *arguments) gives, and the log as it is afterwards."""
    return function(log, *arguments), log


# %% nbgrader={"grade": true, "grade_id": "test_waits", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, with and without warm-up.
# Why: every percentile is made of this list.
# Expected: [0.1, 3.0, inf] after a warm-up of 1 s; 0.4 as well without one.
import math

import numpy as np


def test_waits():
    log = [
        {"due": 0.0, "sent": 0.0, "done": 0.4, "outcome": "ok"},
        {"due": 1.0, "sent": 1.0, "done": 1.1, "outcome": "ok"},
        {"due": 2.0, "sent": 2.6, "done": 5.0, "outcome": "ok"},
        {"due": 3.0, "sent": 3.0, "done": 3.001, "outcome": "status 503"},
        {"due": 4.0, "sent": 4.0, "done": 9.0, "outcome": "timeout"},
    ]
    for warm_up, expected in ((1.0, [0.1, 3.0, math.inf]), (0.0, [0.1, 0.4, 3.0, math.inf])):
        got = waits(log, warm_up)
        assert isinstance(got, list), f"A list was expected, and {type(got).__name__} came."
        assert len(got) == len(expected), f"With a warm-up of {warm_up} s, {expected} was expected, and {got} came."
        assert 2.4 not in np.round(got, 6), (
            "The third request was due at 2.0 s, sent at 2.6 and done at 5.0. Its user waited for 3 s: the time that "
            "it "
            "spent in the client counts."
        )
        assert np.allclose(got, expected), f"With a warm-up of {warm_up} s, {expected} was expected, and {got} came."


test_waits()

# %% nbgrader={"grade": true, "grade_id": "test_waits_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: a long log out of order, with failures of every kind, a late client, and answers that
# came during the warm-up or long after it.
# Why: each of these, treated otherwise, makes the tail of the same log shorter.
# Expected: from due to done for successes, inf for time-outs, and no other failures.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_waits_hidden():
    random = np.random.default_rng(4)
    n, warm_up = 5000, 10.0
    due = np.arange(n) / 100
    late = np.where(((due > 30) & (due < 32)) | ((due > 9) & (due < 9.5)), 1.5, 0.001)
    service = random.lognormal(-4, 0.7, n) + 3.0 * ((due > 8) & (due < 12))
    outcomes = random.choice(["ok", "status 503", "status 400", "error", "timeout"], n, p=[0.8, 0.08, 0.04, 0.04, 0.04])
    outcomes[due < warm_up] = np.where(due[due < warm_up] % 1 < 0.5, "ok", "timeout")
    log = []
    for i in random.permutation(n).tolist():
        done = {"ok": late[i] + service[i], "timeout": 5.0}.get(str(outcomes[i]), late[i] + 0.001)
        log.append(
            {
                "due": float(due[i]),
                "sent": float(due[i] + late[i]),
                "done": float(due[i] + done),
                "outcome": str(outcomes[i]),
            }
        )
    got = waits(log, warm_up)
    assert isinstance(got, list), f"A list was expected, and {type(got).__name__} came."
    kept = read(waits, log, warm_up)[1]
    assert sorted(line["due"] for line in kept) == sorted(line["due"] for line in log), (
        "waits added lines to the log it was given, or took some away. The log stays as it is."
    )
    assert kept == log, "waits changed the log it was given, or its order. The log stays as it is: sort a copy."
    counted = [line for line in log if line["due"] >= warm_up]
    right = sorted(line["done"] - line["due"] for line in counted if line["outcome"] == "ok")
    gone = sum(line["outcome"] == "timeout" for line in counted)
    finite = [value for value in got if math.isfinite(value)]
    infinite = sum(value == math.inf for value in got)
    kinds = ("error", "status 400", "status 503")
    failures = {why: sum(line["outcome"] == why for line in counted) for why in kinds}
    refused = failures["status 400"] + failures["status 503"]
    assert infinite - gone not in {*failures.values(), refused, sum(failures.values())} - {0}, (
        f"{gone} requests timed out, and your list has {infinite} infinite waits: other failures among them. Only what "
        "timed out is infinite. Errors and refusals are no waits, neither short nor long."
    )
    assert infinite <= gone, (
        f"{gone} requests that were due after the warm-up timed out, and your list has {infinite} infinite waits. What "
        "counts is when a request was due, not when it was sent or done."
    )
    assert infinite == gone, (
        f"After the warm-up {gone} requests timed out, each of which counts as math.inf; your list has {infinite} of "
        "them. Without them the slowest are missing from the tail."
    )
    everything = sum(line["outcome"] in ("ok", "timeout") for line in log)
    assert len(got) != everything, "The warm-up is still in it: requests that were due before its end do not count."
    assert len(finite) != sum(line["outcome"] != "timeout" for line in counted), (
        "Failures were counted as waits. A refusal after a millisecond is no short wait, it is no answer."
    )
    assert len(finite) == len(right), (
        f"{len(right)} requests that were due after the warm-up succeeded; your list has {len(finite)}. What counts is "
        "when "
        "a request was due, not when it was sent or done."
    )
    assert got == sorted(got), "The list has to ascend."
    from_sent = sorted(line["done"] - line["sent"] for line in counted if line["outcome"] == "ok")
    assert not np.allclose(finite, from_sent), (
        "These are the times from sent to done. The client was late with some requests, and their users waited from "
        "when "
        "the requests were due."
    )
    assert np.allclose(finite, right), "The times from due to done of the requests that succeeded are others."
    assert waits([], 0.0) == [], "An empty log has no waits."


test_waits_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. A histogram that can be trusted
#
# Ten servers each measured a million waits. To write them all down is a lot, and to send the ten p99s to headquarters and take their mean is wrong. A **histogram with relative error** does it. Its buckets grow with the
# value: from 1 ms to 1.02 ms, …, from 1 s to 1.02 s. A thousand buckets reach from microseconds to minutes, each value is off by one per cent at most, and two histograms are merged by
# adding counts.
#
# By **percentile** we mean the *nearest rank*. Write the values in ascending order; p90 of 50 values is the 45th of them, since 45 is 90 % of 50. Where the share is not a whole number, round up: p90 of 51 values is the
# 46th (45.9). It is the smallest value such that at least 90 % of all are no larger.
#
# And a percentile is only as good as the values *beyond* it. With 200 values, two lie beyond p99, and another such run would give another p99. We ask for ten.

# %% nbgrader={"grade": false, "grade_id": "Histogram", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Histogram:
    """Counts of waits in buckets, each at most 2 % wide.

    Values are floats in seconds: from 1e-6 to 1e4, or math.inf.

    Histogram(): an empty one.
    add(values): counts each of a list of values; may be called again.
    merge(other): counts all that `other`, another Histogram, has counted until now; `other` is not
        changed, now or by what is added here later.
    percentile(q): for 0 < q <= 100. The nearest-rank percentile is the smallest of the values
        such that at least q % of all values are no larger: the k-th in ascending order, k being q %
        of their number, rounded up. Returns a number that differs from it by 1 % at most; math.inf
        if it is infinite.
        Raises ValueError if fewer than 10 values come after the k-th; the message holds the number
        of values counted, in digits.
    buckets(): list of triples (low, high, count), one for each bucket that has values, ascending:
        count values lie from low to high. No two overlap (one may begin where another ends), and
        high <= 1.02 * low (up to rounding). Infinite values are the last one: (inf, inf, count).
    """

    ### BEGIN SOLUTION
    WIDTH = math.log(1.0198)

    def __init__(self):
        self.counts = {}

    def add(self, values):
        for value in values:
            bucket = math.inf if value == math.inf else math.floor(math.log(value) / self.WIDTH)
            self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other):
        for bucket, count in list(other.counts.items()):
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def percentile(self, q):
        total = sum(self.counts.values())
        rank = max(1, math.ceil(round(q * total / 100, 9)))
        if total - rank < 10:
            raise ValueError(f"{total} values are too few for p{q}: fewer than 10 lie beyond it.")
        seen = 0
        for low, high, count in self.buckets():
            seen += count
            if seen >= rank:
                return math.inf if low == math.inf else math.sqrt(low * high)

    def buckets(self):
        def edge(bucket):
            return math.exp(bucket * self.WIDTH)

        finite = sorted(bucket for bucket in self.counts if bucket != math.inf)
        found = [(edge(bucket), edge(bucket + 1), self.counts[bucket]) for bucket in finite]
        return found + [(math.inf, math.inf, count) for bucket, count in self.counts.items() if bucket == math.inf]

    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_Histogram", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the values 1, 2, …, 50 s, and their buckets.
# Why: percentiles are what a promise about latency is made of.
# Expected: p50 is the 25th value and p75 the 38th (37.5 rounded up), to 1 %; 50 values in all buckets together.
def test_Histogram():
    histogram = Histogram()
    histogram.add([float(value) for value in range(50, 0, -1)])
    for q, expected in ((50, 25), (75, 38), (10, 5)):
        got = histogram.percentile(q)
        assert isinstance(got, float), f"percentile({q}) should give a float, and {type(got).__name__} came."
        assert abs(got / expected - 1) <= 0.0101, f"p{q} of 1, 2, …, 50 is {expected} to 1 %, and yours is {got:.3f}."
    buckets = histogram.buckets()
    assert isinstance(buckets, list), f"buckets() gives a list, and {type(buckets).__name__} came."
    assert sum(count for _, _, count in buckets) == 50, (
        f"50 values were added, and {sum(count for _, _, count in buckets)} are in the buckets."
    )


test_Histogram()

# %% nbgrader={"grade": true, "grade_id": "test_Histogram_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: percentiles of few values far apart, of many from a microsecond to an hour, of infinite ones;
# buckets.
# Why: off by one is off by a lot where values lie far apart, as they do in a tail.
# Expected: the nearest rank to 1 %; every value in a bucket that is at most 2 % wide; no value lost.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_Histogram_hidden():
    for n in (40, 50, 64, 77, 100, 400):
        values = [1e-5 * 1.05**i for i in range(n)]  # up to 3000 s
        histogram = Histogram()
        histogram.add(values[n // 2 :])
        histogram.add(values[: n // 2])
        for q in (12.5, 25, 28, 31, 50, 55, 62.5, 71, 75):
            rank = math.ceil(round(q * n / 100, 9))
            if n - rank < 10:
                continue
            got = histogram.percentile(q)
            near = int(np.argmin(np.abs(np.array(values) - got))) + 1
            share = f"{q} % of {n} is {q * n / 100:g}, so p{q} is value number {rank} of them, {values[rank - 1]:.4g}"
            assert not (near > rank and near == math.ceil(q / 100 * n)), (
                f"{n} values: {share}. Yours is number {near}, since {q} / 100 * {n} is {q / 100 * n!r} in floats, "
                "and was rounded up. Multiply before you divide, or allow for the error."
            )
            assert abs(got / values[rank - 1] - 1) <= 0.0101, (
                f"{n} values, each 5 % above the one before: {share}. Yours is {got:.4g}, closest to number {near}."
            )
    random = np.random.default_rng(9)
    values = [float(value) for value in np.exp(random.uniform(math.log(1e-6), math.log(1e4), 20_000))]
    histogram = Histogram()
    histogram.add(values)
    ordered = sorted(values)
    for q in (1.003, 20.003, 50.003, 90.003, 99.003):
        rank = math.ceil(q * 200)
        got = histogram.percentile(q)
        assert abs(got / ordered[rank - 1] - 1) <= 0.0101, (
            f"p{q} of 20,000 values from a microsecond to hours is {ordered[rank - 1]:.6g} s, and yours is {got:.6g}: "
            "off by more than 1 %."
        )
    buckets = histogram.buckets()
    assert isinstance(buckets, list), f"buckets() gives a list, and {type(buckets).__name__} came."
    below, end = 0, 0.0
    for low, high, count in buckets:
        assert 0 < low <= high <= 1.0201 * low, f"The bucket from {low:.6g} to {high:.6g} is wider than 2 %."
        assert low >= end * (1 - 1e-9), f"The bucket from {low:.6g} begins before the one below it ends, at {end:.6g}."
        assert count > 0, "A bucket without values has no place in the list."
        below, end = below + int(count), high
        surely, perhaps = np.searchsorted(ordered, [high * (1 - 1e-9), high * (1 + 1e-9)])
        assert surely <= below <= perhaps, (
            f"{surely} values lie below {high:.6g}, and the buckets up to there have {below}."
        )
    assert below == 20_000, f"20,000 values were added, and the buckets have {below}."
    histogram = Histogram()
    histogram.add([0.5] * 900 + [math.inf] * 100)
    assert abs(histogram.percentile(75) / 0.5 - 1) <= 0.0101, "With one value in ten infinite, p75 is still finite."
    got = histogram.percentile(95)
    assert got == math.inf, f"With one value in ten infinite, p95 is infinite; yours is {got}."
    last = histogram.buckets()[-1]
    assert list(last) == [math.inf, math.inf, 100], (
        f"100 infinite values are the last bucket, (inf, inf, 100); yours is {last}."
    )


test_Histogram_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Histogram_merge", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: a fast server with much traffic and a slow one with little, merged, and what becomes of each.
# Why: the mean of two p99s is the p99 of nothing.
# Expected: the same as if one histogram had counted all values; the one that was merged stays as it was.
### BEGIN HIDDEN TESTS
def test_Histogram_merge():
    fast = [0.010 * 1.0005**i for i in range(1800)]
    slow = [0.500 * 1.001**i for i in range(200)]
    one, other, both = Histogram(), Histogram(), Histogram()
    one.add(fast)
    other.add(slow)
    both.add(fast + slow)
    before = [(low, high, count) for low, high, count in other.buckets()]
    apart = {q: (one.percentile(q), other.percentile(q)) for q in (50, 75)}
    one.merge(other)
    ordered = sorted(fast + slow)
    for q in (50, 75, 93.77, 98.77):
        rank = -int(-q * 2000 // 100)
        got, mean = one.percentile(q), sum(apart.get(q, (0, 0))) / 2
        assert q not in apart or abs(got / mean - 1) > 0.0101, (
            f"After the merge p{q} is {got:.4f}, the mean of the two p{q}s. A server with nine times the traffic "
            "counts nine times."
        )
        assert abs(got / ordered[rank - 1] - 1) <= 0.0101, (
            f"1800 values of one server and 200 of another: p{q} of all is {ordered[rank - 1]:.4f}, and after the "
            f"merge yours is {got:.4f}."
        )
    total = sum(count for _, _, count in one.buckets())
    assert total == 2000, f"1800 and 200 values are 2000; after the merge the buckets have {total}."
    assert [(low, high, count) for low, high, count in other.buckets()] == before, (
        "merge changed the histogram that it took from."
    )
    one.add([0.5] * 50)
    assert [(low, high, count) for low, high, count in other.buckets()] == before, (
        "What was added to one histogram after the merge appeared in the other as well: they share their counts."
    )
    other.add([0.011] * 500)
    total = sum(count for _, _, count in one.buckets())
    assert total == 2050, "merge counts what the other has counted until now, and not what it will count later."
    one.merge(both)
    total = sum(count for _, _, count in one.buckets())
    assert total == 4050, (
        f"2050 and 2000 values are 4050, and yours are {total}: where both have a bucket, counts add up."
    )


test_Histogram_merge()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Histogram_refuses", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: percentiles that too few values support, and some that enough do.
# Why: a p99 of 200 requests is decided by two of them. A tool that prints it all the same will be believed.
# Expected: ValueError with the number of values where fewer than 10 lie beyond; a number where there are 10.
### BEGIN HIDDEN TESTS
import math


def test_Histogram_refuses():
    for n, q, enough in (
        (200, 99, False),
        (900, 99, False),
        (100, 90, True),
        (1000, 99, True),
        (10_000, 99.9, True),
        (1100, 99, True),
        (16, 50, False),
        (24, 50, True),
        (32, 75, False),
        (48, 75, True),
        (9_000, 99.9, False),
        (12_000, 99.9, True),
        (0, 50, False),
    ):
        histogram = Histogram()
        histogram.add([0.001 * (1 + i / 1000) for i in range(n)])
        message = None
        try:
            got = histogram.percentile(q)
        except ValueError as error:
            message = str(error)
        told = f"p{q} of {n} values"
        if enough:
            rank = math.ceil(round(q * n / 100, 9))
            assert message is None, (
                f"{told} was refused ({message}), though {n - rank} values come after number {rank}. "
                f"In case you compute with shares: in floats {n} * (1 - {q} / 100) is {n * (1 - q / 100)!r}, and "
                f"{q} / 100 * {n} is {q / 100 * n!r}."
            )
        else:
            assert message is not None, (
                f"{told} should raise ValueError, since fewer than 10 come after it; yours gave {got}."
            )
            assert str(n) in message.replace(",", "").replace("_", ""), (
                f'The message should hold the number of values, {n}: "{message}".'
            )


test_Histogram_refuses()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. What may be reported
#
# A load test is over. How many requests per second did the service manage? Three numbers answer three questions:
#
# - **offered load**: how many were asked of it;
# - **throughput**: how many it answered, *successfully*;
# - **goodput**: how many of these in time to be of use.
#
# A service that says 503 at once to everybody has a splendid rate of answers and a throughput of zero.
#
# Here each request is counted by when it was *due*, once and for all three, so that the books balance: what was offered either succeeded or failed. There is a price. Under overload
# some answers come only after the schedule has ended, and count all the same, so this throughput may exceed what the service can do in a second. The report of the
# lesson's library counts successes where they *end* and stops with the schedule: it never exceeds that, and its rates do not add up. Both are in use. Say which.
#
# And one more question comes before them: was it the service that was measured? If the client was late with its own requests, the run is **void**, whatever the numbers. A slow service is no reason
# for that: it delays answers, and not what the client sends. Your rule is a simple one, with two fixed numbers. The lesson's report compares the lateness with the latency, so it may
# judge the same run otherwise.

# %% nbgrader={"grade": false, "grade_id": "report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def report(log, seconds, warm_up, deadline):
    """What a load test found.

    Arguments:
        log: list of dicts with "due", "sent", "done" (s after the start) and "outcome" ("ok",
            "timeout", "error", "status 503" and the like), in any order. It stays as it is.
        seconds: how long the schedule was, s; every request was due before.
        warm_up: s; requests that were due before are left out of everything, and so is that time.
        deadline: s; an answer that comes later after the request was due is of no use.

    Returns:
        dict with
        "offered": requests per second;
        "throughput": successful requests per second;
        "goodput": successful requests per second that were done within the deadline (or exactly at
            it: tested only with numbers that are exact in floats), counted from when they were due;
        "failed": dict from outcome to number of requests, for every outcome that came up but "ok";
        "void": None, or a text that is not empty if more than 1 % of the requests were sent more
            than 0.01 s after they were due, whatever became of them. How late they were is never
            within a rounding error of 0.01 s here.

        Each request counts by when it was due. "Per second" means by second of the time from the
        end of the warm-up to the end of the schedule.

    Raises:
        ValueError: no request is left after the warm-up.
    """
    ### BEGIN SOLUTION
    counted = [line for line in log if line["due"] >= warm_up]
    if not counted:
        raise ValueError("No request is left after the warm-up: there is nothing to report.")
    took = [line["done"] - line["due"] for line in counted if line["outcome"] == "ok"]
    failed = {}
    for line in counted:
        if line["outcome"] != "ok":
            failed[line["outcome"]] = failed.get(line["outcome"], 0) + 1
    late = sum(line["sent"] - line["due"] > 0.01 for line in counted)
    span = seconds - warm_up
    void = f"{late} of {len(counted)} requests were sent late: the client was measured."
    return {
        "offered": len(counted) / span,
        "throughput": len(took) / span,
        "goodput": sum(time <= deadline for time in took) / span,
        "failed": failed,
        "void": void if late > 0.01 * len(counted) else None,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_report", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: eight requests in 6 s, the first two of them in the warm-up of 2 s.
# Why: "it does 1000 requests a second" means nothing until one knows which of these numbers it is.
# Expected: 6 requests in 4 s offered, of which 4 succeeded and 3 in time; one 503 and one time-out.
import math


def test_report():
    times = [(0, 0.5, "ok"), (1, 1.1, "error"), (2, 2.1, "ok"), (2.5, 2.6, "ok"), (3, 3.9, "ok")]
    times += [(4, 4.001, "status 503"), (5, 5.2, "ok"), (5.5, 7.5, "timeout")]
    log = [{"due": due, "sent": due, "done": done, "outcome": outcome} for due, done, outcome in times]
    got = report(log, 6, 2, 0.5)
    assert isinstance(got, dict), f"report returns a dict, and {type(got).__name__} came."
    names = {"offered", "throughput", "goodput", "failed", "void"}
    assert set(got) == names, f"The keys are {sorted(names)}, and yours {sorted(got)}."
    for name, expected in (("offered", 1.5), ("throughput", 1.0), ("goodput", 0.75)):
        assert math.isclose(got[name], expected), f'"{name}" is {expected} a second, and yours {got[name]}.'
    assert got["failed"] == {"status 503": 1, "timeout": 1}, (
        f'"failed" should be {{"status 503": 1, "timeout": 1}}, and is {got["failed"]}: what came in the warm-up is '
        "left out."
    )
    assert got["void"] is None, f'Every request was sent when it was due; yet "void" is {got["void"]!r}.'


test_report()

# %% nbgrader={"grade": true, "grade_id": "test_report_rates", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: a service that refuses half of what it gets, one that is slow, a warm-up full of failures, a
# client that was a little late, a log out of order.
# Why: these are the numbers by which servers are compared and bought.
# Expected: failures and time-outs in no rate but the offered one; the warm-up in none, nor its time; deadlines from
# when requests were due.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_report_rates():
    random = np.random.default_rng(14)
    for n, seconds, warm_up, deadline in ((4000, 40, 8, 0.25), (900, 30, 20, 0.1), (3000, 10, 0, 1.0)):
        due = np.arange(n) * seconds / n
        sent = due + np.where(np.arange(n) % 200 == 7, 0.2, 0.002)
        took = random.lognormal(-1.5, 0.8, n)
        outcomes = random.choice(["ok", "status 503", "timeout", "error"], n, p=[0.5, 0.4, 0.06, 0.04]).tolist()
        lines = []
        for i in random.permutation(n).tolist():
            outcome = outcomes[i] if due[i] >= warm_up or i % 5 == 0 else "status 500"
            done = sent[i] + {"ok": took[i], "timeout": 5.0}.get(outcome, 0.001)
            lines.append({"due": float(due[i]), "sent": float(sent[i]), "done": float(done), "outcome": outcome})
        got, kept = read(report, lines, seconds, warm_up, deadline)
        assert kept == lines, "report changed the log it was given, or its order. The log stays as it is."
        assert isinstance(got, dict), f"report returns a dict, and {type(got).__name__} came."
        counted = [line for line in lines if line["due"] >= warm_up]
        answered = [line for line in counted if line["outcome"] == "ok"]
        in_time = [line for line in answered if line["done"] - line["due"] <= deadline]
        span = seconds - warm_up
        told = f"{n} requests in {seconds} s, the first {warm_up} s to warm up: "
        offered, throughput, goodput = (got.get(name) for name in ("offered", "throughput", "goodput"))
        assert not (warm_up and math.isclose(throughput, len(answered) / seconds)), (
            f'{told}"throughput" was divided by all of the time. The requests of the warm-up are left out, and so is '
            "its time."
        )
        assert not math.isclose(throughput, len(counted) / span), (
            f'{told}"throughput" counts failures. {len(counted)} requests were made, and {len(answered)} succeeded.'
        )
        end = max(line["done"] for line in lines)
        for name, value, expected in (
            ("offered", offered, len(counted) / span),
            ("throughput", throughput, len(answered) / span),
        ):
            total = round(expected * span)
            others = [other for other in (seconds, end, end - warm_up) if other != span]
            assert not any(math.isclose(value * other, total) for other in others), (
                f'{told}"{name}" is {expected:.3f} a second, and yours {value:.3f}. Divide by {span} s; the last '
                f"answer came at {end:.1f} s, which is another time."
            )
            assert math.isclose(value, expected), (
                f'{told}"{name}" is {expected:.3f} a second, {total} in {span} s, and yours {value:.3f}, which makes '
                f"{value * span:.6g}. Each request counts by when it was due, however late it was sent or answered."
            )
        from_sent = sum(line["done"] - line["sent"] <= deadline for line in answered) / span
        assert from_sent == len(in_time) / span or not math.isclose(goodput, from_sent), (
            f'{told}"goodput" counts the deadline from when a request was sent. Its user waits from when it was due.'
        )
        quick = sum(line["done"] - line["due"] <= deadline for line in counted) / span
        assert not math.isclose(goodput, quick), (
            f'{told}"goodput" counts quick failures. They are of no use to anybody.'
        )
        before_end = sum(line["done"] <= seconds for line in in_time) / span
        assert before_end == len(in_time) / span or not math.isclose(goodput, before_end), (
            f'{told}"goodput" leaves out what was answered in time, but after the end of the schedule. Each request '
            "counts by when it was due."
        )
        assert math.isclose(goodput, len(in_time) / span), (
            f'{told}"goodput" is {len(in_time) / span:.3f} a second, and yours {goodput:.3f}.'
        )
        failed = {}
        for line in counted:
            if line["outcome"] != "ok":
                failed[line["outcome"]] = failed.get(line["outcome"], 0) + 1
        assert got.get("failed") == failed, f'{told}"failed" is {failed}, and yours {got.get("failed")}.'
    log = [{"due": float(i), "sent": float(i), "done": i + 0.25, "outcome": "ok"} for i in range(4)]
    assert report(log, 4, 0, 0.25)["goodput"] == 1.0, "An answer that comes exactly at its deadline is in time."
    message = None
    try:
        report(log, 10, 5, 1)
    except ValueError as error:
        message = str(error)
    assert message is not None, "All four requests were due in the warm-up: that is a ValueError."


test_report_rates()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_report_void", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: clients that were late, a service that stood still, failures that were sent late.
# Why: a client that cannot keep up measures itself, and nobody would know.
# Expected: void if more than 1 % of the requests were sent more than 10 ms late; a slow service alone voids nothing.
### BEGIN HIDDEN TESTS
def test_report_void():
    def log(late_ones, late, took=0.002, outcome="ok", first=0):
        lines = []
        for i in range(1000):
            sent = 0.01 * i + (late if first <= i < first + late_ones else 0.0005)
            lines.append({"due": 0.01 * i, "sent": sent, "done": sent + took, "outcome": outcome})
        return lines

    cases = [
        ("every request was sent on time", log(0, 0.0), 0, False),
        ("every request was sent 5 ms late", log(1000, 0.005), 0, False),
        ("5 of 1000 requests were sent 2 s late", log(5, 2.0), 0, False),
        ("30 of 1000 requests were sent 50 ms late", log(30, 0.05), 0, True),
        ("every request was sent a second late", log(1000, 1.0), 0, True),
        ("every answer took 3 s, and every request was sent on time", log(0, 0.0, took=3.0), 0, False),
        ("300 requests were sent late and all failed", log(300, 0.4, outcome="error"), 0, True),
        ("300 requests were sent late and all timed out", log(300, 0.4, outcome="timeout"), 0, True),
        ("300 requests were sent late, all in the warm-up", log(300, 0.4), 4, False),
        ("9 of 600 requests after the warm-up were sent late", log(9, 0.4, first=700), 4, True),
    ]
    for what, lines, warm_up, void in cases:
        got = report(lines, 10, warm_up, 1.0)
        got = got["void"] if isinstance(got, dict) else "nothing"
        if void:
            told = f'If {what}, the run is void and "void" says so in a text; yours is {got!r}.'
            assert isinstance(got, str), told
            assert got, told
        else:
            assert got is None, f'If {what}, the run counts and "void" is None; yours is {got!r}.'


test_report_void()
### END HIDDEN TESTS

# %% [markdown]
# ## Your load test
#
# All five pieces, on a service that takes ten milliseconds and stands still for ten seconds in a hundred. The closed loop of exercise 2 measures it as well. These two cells are not graded, and run when the exercises are solved.

# %% nbgrader={"grade": false, "grade_id": "given_measurement", "locked": true, "schema_version": 3, "solution": false, "task": false}
def show(name, log, seconds):
    histogram = Histogram()
    histogram.add(waits(log, 5))
    found = report(log, seconds, 5, 0.1)
    told = "  ".join(f"p{q} {1000 * histogram.percentile(q):7,.0f} ms" for q in (50, 90, 99))
    print(
        f"{name:12} {told}  goodput {found['goodput']:5.1f} of {found['offered']:.1f} a second  void: {found['void']}"
    )


schedule = arrivals([(100 / 60, 6000)], "poisson", 1)[:20_000]  # about 10,000; cut in case a rate went wrong
freezes = [(40, 50)]
show("open loop", rehearse(open_loop, schedule, 30, takes=0.01, freezes=freezes)["log"], 100)

# %% nbgrader={"grade": false, "grade_id": "given_comparison", "locked": true, "schema_version": 3, "solution": false, "task": false}
# in the 90 s without a freeze it gets through 8,700 requests of 10.3 ms
quick = rehearse(closed_loop, [0.0] * 8_700, 30, takes=0.01, freezes=freezes)["log"]
for line in quick:
    line["due"] = line["sent"]  # that is what a closed loop believes
show("closed loop", quick, 100)

# %% [markdown]
# The same service, the same hundred seconds. Both logs are true, line by line.
#
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
