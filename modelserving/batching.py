"""The batcher: which requests are run together, when, where, and which are not run at all (lessons 03 and 05).

A model on one row spends most of its time on what does not depend on the rows. So what queued up while it ran is run
as one batch. Nobody waits for a batch to fill, unless ``max_wait`` says so. The queue is bounded, in rows and, for
requests that have a deadline, in time: what cannot be answered in time is refused at once and never computed.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

from modelserving.interpreter import Interpreter
from modelserving.pace import Pace
from modelserving.queueing import Arrays, Job, JobQueue, QueueFull, Refused, TooLate
from modelserving.slots import Slots
from modelserving.together import DependentRows, Result, rows_are_independent, run_one, run_together

__all__ = ["MARGIN", "SHORT", "Batcher", "QueueFull", "Refused", "TooLate", "rows_are_independent"]

SHORT = 0.001  # seconds: so long may everybody else wait for a run in the event loop
MARGIN = 0.8  # of the time that a request has: the rest is for the way there and back, and for surprises

Done = tuple[list[Result], float, float]  # a result for each job; when their run began and ended


class Batcher:
    """Runs one model for many callers at once, from one event loop.

    Bounds: ``batch_rows`` are run together at most, ``queue_rows`` wait at most. A batch that is not full waits up to
    ``max_wait`` seconds for more. ``deadline`` is the time in seconds that each request has, unless it brings less.
    Where: a batch that should take less than ``inline`` seconds, going by those before it, is run in the event loop,
    which saves two changes of thread; a longer one in a thread of ``slots``, so that the loop goes on answering
    (health, other models). True is always in the loop, False never. ``instances`` batches are run at once at most.
    ``observe(rows, seconds)`` hears of every run; ``dropped`` counts what was not computed: "full", "late" (refused on
    arrival), "expired" (in the queue), "cancelled". All state belongs to the loop's thread: nothing needs a lock.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        *,
        batch_rows: int = 1024,
        queue_rows: int = 16384,
        max_wait: float = 0.0,
        deadline: float | None = None,
        inline: float | bool = False,
        instances: int = 1,
        slots: Slots | None = None,
        observe: Callable[[int, float], None] = lambda rows, seconds: None,
        dropped: Counter[str] | None = None,
    ) -> None:
        self.interpreter, self.observe = interpreter, observe
        self.batch_rows, self.queue_rows, self.max_wait, self.deadline = batch_rows, queue_rows, max_wait, deadline
        self.inline = math.inf if inline is True else float(inline)
        self.instances = instances
        self.slots = slots or Slots(instances, f"{interpreter.name}/{interpreter.version}")
        self._own_slots = slots is None
        self.dropped = Counter() if dropped is None else dropped
        self.pace = Pace()  # from a batch's start to its results: what a caller has to reckon with
        self.best = Pace(slower=0.1)  # the model alone, when nothing disturbs it
        self._queue = JobQueue(self.pace.seconds, self.delay, self.dropped)
        self._active = 0  # batches that run in threads, or wait for a slot
        self._ends = 0.0  # when the one that was started last should be done
        self._line = 0.0  # seconds that a batch waits for a slot, of late
        self._due = False  # the next batch is about to be started, or waits for more rows
        self._timer: asyncio.TimerHandle | None = None  # for the latter
        self._closing: asyncio.Future | None = None
        # May rows of different requests share a batch? A model that does not say is tried out before its first run.
        self._together: bool | None = getattr(interpreter, "independent", None)
        self._batched = interpreter.signature.batched
        self._fixed = all(-1 not in tensor.shape[1:] for tensor in interpreter.signature.inputs)

    # What comes in

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        return self._queue.rows

    def submit(
        self, inputs: Arrays, outputs: Sequence[str] | None = None, timeout: float | None = None
    ) -> asyncio.Future:
        """Queue one request; the future gives what ``Interpreter.predict`` gives, or raises what it raises.

        ``timeout``: the seconds that the caller still has. Raises at once, and nothing is queued,
        :class:`~modelserving.interpreter.InvalidInput` for what does not fit, :class:`QueueFull`, and :class:`TooLate`
        when the queue is so long that the deadline would pass. The future raises that when it does pass.
        """
        self.interpreter.check(inputs, outputs)
        rows, kind = self._kind(inputs)
        waiting, loop = self._queue.rows, asyncio.get_running_loop()
        if waiting and waiting + rows > self.queue_rows:
            self.dropped["full"] += 1
            raise QueueFull(f"{waiting} rows wait for the model {self.interpreter.name!r}.", self.delay())
        job = Job(inputs, outputs, rows, kind, loop.create_future(), perf_counter())
        if timeout is not None or self.deadline is not None:
            left = self._admit(rows, timeout)
            job.deadline, job.due, job.most = job.arrived + left, job.arrived + MARGIN * left, self.affordable(left)
        self._queue.add(job)
        if not self._due:
            self._due = True
            loop.call_soon(self._next)  # after what else this turn of the loop brings: it can come along
        elif self._timer and self.waiting >= self.batch_rows:
            self._next()
        return job.reply

    def _kind(self, inputs: Arrays) -> tuple[int, Any]:
        if not self._batched:
            return 1, None
        lengths = {array.shape[0] for array in inputs.values()}
        rows = max(lengths)
        if len(lengths) > 1 or not rows:
            return max(rows, 1), None
        if self._fixed:
            return rows, ()
        return rows, tuple(inputs[tensor.name].shape[1:] for tensor in self.interpreter.signature.inputs)

    def _admit(self, rows: int, timeout: float | None) -> float:
        """The seconds that a request has. An idle model takes any, or a wrong guess would never be corrected."""
        left = min(given for given in (timeout, self.deadline) if given is not None)
        busy = self._queue or self._active
        if left <= 0 or (busy and self.delay(rows, left) > MARGIN * left):
            self.dropped["late"] += 1
            raise TooLate(f"The answer would come later than in the {left:.2g} s that are left.", self.delay())
        return left

    def affordable(self, left: float) -> float:
        """The most rows of a batch of requests that have ``left`` seconds.

        A request waits for the batch before its own, and then for its own: each may take half of its time. Else those
        at the end of the queue would be so near their deadline that their batch has to be small, and the model, with
        small batches, so slow that this goes on. No smaller than that the start of a run is half of it at most.
        """
        return min(self.batch_rows, max(1, self.pace.rows(max(MARGIN * left / 2, 2 * self.pace.start))))

    def delay(self, rows: int = 1, left: float = math.inf) -> float:
        """Seconds until a request of ``rows``, with ``left`` seconds, that came now would have its answer."""
        rows += self._queue.rows
        batches = math.ceil(rows / self.affordable(left))
        work = batches * (self._line + self.pace.start) + rows * self.pace.each
        running = max(self._ends - perf_counter(), 0.0) if self._active >= self.instances else 0.0
        return running + work / self.instances

    def withdraw(self, reply: asyncio.Future) -> None:
        """Take a request whose caller has gone out of the queue; no effect on one that is being run, or done."""
        self._queue.withdraw(reply)

    # When and where it is run

    def _next(self, waited: bool = False) -> None:
        """Start what may be started, or note that there is nothing to do."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._due = False
        while self._queue and self._active < self.instances:
            first = self._queue.first()
            if self.max_wait and not waited and self._wait_for_more(first):
                return
            if self._is_short(min(self.waiting, self.batch_rows) if self.max_wait else first.rows):
                self._run_here()
                break
            self._active += 1
            self.slots.ask(partial(self._start, perf_counter()))
        self._note_idle()

    def _wait_for_more(self, first: Job) -> bool:
        """Should a batch that begins with ``first`` still wait? Then a timer is set for when it has waited enough."""
        left = first.arrived + self.max_wait - perf_counter()
        if left <= 0 or self.waiting >= self.batch_rows or self._closing:
            return False
        self._due = True
        self._timer = asyncio.get_running_loop().call_later(left, self._next, True)
        return True

    def _is_short(self, rows: int) -> bool:
        return self.inline == math.inf or (self.best.known and self.best.seconds(rows) <= self.inline)

    def _run_here(self) -> None:
        """Run a batch in the event loop, as much as takes ``inline`` seconds; then let others have their turn."""
        if jobs := self._queue.take(min(self.batch_rows, self.best.rows(self.inline)), self._together):
            self._deliver(jobs, *self._execute(jobs))
        if self._queue:
            self._due = True
            asyncio.get_running_loop().call_soon(self._next)

    def _start(self, asked: float) -> None:
        """There is a slot: run a batch in its thread."""
        now = perf_counter()
        self._line += 0.1 * (now - asked - self._line)
        if jobs := self._queue.take(self.batch_rows, self._together):
            self._ends = now + self.pace.seconds(sum([job.rows for job in jobs]))
            self.slots.run(partial(self._execute, jobs), partial(self._finished, jobs))
        else:  # who waited has left meanwhile
            self._active -= 1
            self.slots.leave()
            self._note_idle()

    def _execute(self, jobs: list[Job]) -> Done:
        """Run jobs, in one run where that is possible. This is what the thread does."""
        if self._together is None:
            self._together = self._try_out()
        began, results = perf_counter(), None
        if len(jobs) > 1:
            try:
                results = run_together(self.interpreter, jobs)
            except DependentRows:  # the trial's rows looked as if they were not
                self._together = False
        if results is None:
            results = [run_one(self.interpreter, job.inputs, job.outputs) for job in jobs]
        return results, began, perf_counter()

    def _try_out(self) -> bool:
        def observe(rows: int, seconds: float) -> None:
            self.pace.observe(rows, seconds)
            self.best.observe(rows, seconds)

        try:
            return rows_are_independent(self.interpreter, observe)
        except Exception:  # out of memory, say: then each request is run alone, and hears of it
            return False

    # What goes out

    def _finished(self, jobs: list[Job], done: Done) -> None:
        """Start the next batch, then give each caller of this one its result."""
        self._active -= 1
        self._next()
        self._deliver(jobs, *done)

    def _deliver(self, jobs: list[Job], results: list[Result], began: float, ended: float) -> None:
        """Give each caller its result, and learn from how long it took."""
        rows = 0
        for job, result in zip(jobs, results, strict=True):
            rows += job.rows
            if job.reply.done():  # its caller has gone
                continue
            if isinstance(result, Exception):
                job.reply.set_exception(result)
            else:
                job.reply.set_result(result)
        self.pace.observe(rows, perf_counter() - began)  # from a thread it took a while until the loop heard of it
        self.best.observe(rows, ended - began)
        self.observe(rows, ended - began)

    def _note_idle(self) -> None:
        if self._closing and not self._queue and not self._active:
            self._closing.set_result(None)
            self._closing = None

    async def close(self) -> None:
        """Wait until every job has its result, then let the threads end. A later job would start others."""
        if self._queue or self._active:
            closing = self._closing = self._closing or asyncio.get_running_loop().create_future()
            if self._timer:
                self._next()
            await asyncio.shield(closing)
        if self._own_slots:
            self.slots.close()
