"""The queue in front of a model: bounded in rows, and for requests with a deadline in time (lesson 05).

A request leaves it to be computed, because its caller has gone, or because it would be answered too late to be of use.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Refused(Exception):
    """This request is not computed; ``retry_after`` says in how many seconds it is worth trying again."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Refused):
    """As many rows wait as may."""


class TooLate(Refused):
    """The request's deadline has passed while it waited, or would before its turn came."""


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way through the model. Times are those of ``perf_counter``."""

    inputs: Arrays
    outputs: Sequence[str] | None
    rows: int  # at least 1: a request without rows takes a place as well
    kind: Any  # jobs of one kind can be run together; None: this one cannot
    reply: asyncio.Future
    arrived: float
    deadline: float = math.inf
    due: float = math.inf  # when the answer should be ready: somewhat before the deadline
    most: float = math.inf  # rows of a batch with this job: a larger one would take too much of its time
    timer: asyncio.TimerHandle | None = None  # ends the wait at the deadline


class JobQueue:
    """Jobs in the order in which they came. ``dropped`` counts those that left it without being computed, by reason.

    ``seconds(rows)`` is what a run should take, ``delay()`` how long somebody who came now would wait.
    """

    def __init__(self, seconds: Callable[[int], float], delay: Callable[[], float], dropped: Counter[str]) -> None:
        self.seconds, self.delay, self.dropped = seconds, delay, dropped
        self.rows = 0
        self._jobs: OrderedDict[asyncio.Future, Job] = OrderedDict()

    def __len__(self) -> int:
        return len(self._jobs)

    def first(self) -> Job:
        """The job that waits longest."""
        return next(iter(self._jobs.values()))

    def add(self, job: Job) -> None:
        """Put a job at the end; it waits until its deadline at most."""
        self._jobs[job.reply] = job
        self.rows += job.rows
        if job.deadline < math.inf:
            job.timer = asyncio.get_running_loop().call_later(job.deadline - job.arrived, self._expire, job)

    def withdraw(self, reply: asyncio.Future) -> None:
        """Take out a job whose caller has gone; no effect on one that is being run, or done."""
        if job := self._jobs.get(reply):
            self._remove(job)
            self.dropped["cancelled"] += 1

    def _expire(self, job: Job) -> None:
        self._remove(job)
        self._drop(job)

    def _remove(self, job: Job) -> None:
        del self._jobs[job.reply]
        self.rows -= job.rows
        if job.timer:
            job.timer.cancel()

    def _drop(self, job: Job) -> None:
        """A job is not computed after all: its caller has gone, or the answer would come too late."""
        if job.reply.done():
            self.dropped["cancelled"] += 1
        else:
            self.dropped["expired"] += 1
            message = "The request's deadline came before its turn."
            job.reply.set_exception(TooLate(message, self.delay()))

    def take(self, most: float, together: bool | None) -> list[Job]:
        """The next jobs to be run together: of one kind, ``most`` rows, and no more than each of them affords.

        Jobs that would be late drop out, but for the last: it is run, so that a wrong guess is corrected. It is not the
        batch that becomes smaller for the sake of a job that waits too long already: with small batches the model is
        slow, the next ones wait too long as well, and so on for ever.
        """
        now, rows, behind, ends = perf_counter(), 0, self.rows, 0.0
        taken: list[Job] = []
        dropped: list[Job] = []
        for job in self._jobs.values():
            if taken:
                if not together or job.kind is None or job.kind != taken[0].kind:
                    break
                if rows + job.rows > min(most, job.most):
                    break
            elif job.due < math.inf:
                ends = now + self.seconds(max(job.rows, min(behind, most, job.most) if together else 0))
            behind -= job.rows
            last = not behind and not taken
            if job.reply.done() or (job.due < ends and not last):
                dropped.append(job)
                continue
            taken.append(job)
            rows, most = rows + job.rows, min(most, job.most)
        for job in taken:
            self._remove(job)
        for job in dropped:
            self._remove(job)
            self._drop(job)
        return taken
