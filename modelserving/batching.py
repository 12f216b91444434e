"""The batcher: requests that arrive while the model is busy are run together next (lesson 03).

A model on one row spends most of its time on what does not depend on the rows. So what queued up while it ran is run
as one batch. Nobody waits for a batch to fill: with one request at a time each is run at once, alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import numpy as np

from modelserving.interpreter import ExecutionError, Interpreter, InvalidInput, blank

Arrays = Mapping[str, np.ndarray]
Result = dict[str, np.ndarray] | Exception


class QueueFull(Exception):
    """As many rows wait as may; come back later."""


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way through the model."""

    inputs: Arrays
    outputs: Sequence[str] | None
    rows: int  # at least 1: a request without rows takes a place as well
    kind: Any  # jobs of one kind can be run together; None: this one cannot
    reply: asyncio.Future


class Batcher:
    """Runs one model for many callers at once, from one event loop.

    The model runs in a thread of its own, so that the loop goes on answering (health, other models) meanwhile; with
    ``inline`` it runs in the loop itself, which saves two changes of thread and is meant for small models.
    ``batch_rows`` bounds what is run together, ``queue_rows`` what may wait. ``observe(rows, seconds)`` hears of
    every run. All state belongs to the loop's thread: nothing here needs a lock.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        *,
        batch_rows: int = 1024,
        queue_rows: int = 16384,
        inline: bool = False,
        observe: Callable[[int, float], None] = lambda rows, seconds: None,
    ) -> None:
        self.interpreter, self.inline, self.observe = interpreter, inline, observe
        self.batch_rows, self.queue_rows = batch_rows, queue_rows
        self.waiting = 0  # rows in the queue
        self._queue: deque[Job] = deque()
        self._running = False  # a batch is being run, or about to be
        self._together: bool | None = None  # may rows of different requests share a batch? asked before the first run
        self._fixed = all(-1 not in tensor.shape[1:] for tensor in interpreter.signature.inputs)
        self._inbox: SimpleQueue | None = None  # of the thread, while there is one
        self._idle: asyncio.Future | None = None

    def submit(self, inputs: Arrays, outputs: Sequence[str] | None = None) -> asyncio.Future:
        """Queue one request; the future gives what ``Interpreter.predict`` gives, or raises what it raises.

        Raises :class:`~modelserving.interpreter.InvalidInput` at once for what does not fit, which therefore never
        reaches a batch, and :class:`QueueFull`.
        """
        self.interpreter.check(inputs, outputs)
        rows, kind = self._kind(inputs)
        if self.waiting and self.waiting + rows > self.queue_rows:
            raise QueueFull(f"{self.waiting} rows wait for the model {self.interpreter.name!r}.")
        loop = asyncio.get_running_loop()
        job = Job(inputs, outputs, rows, kind, loop.create_future())
        self._queue.append(job)
        self.waiting += rows
        if not self._running:
            self._running = True
            loop.call_soon(self._next, loop)  # after what else this turn of the loop brings: it can come along
        return job.reply

    def _kind(self, inputs: Arrays) -> tuple[int, Any]:
        if not self.interpreter.signature.batched:
            return 1, None
        lengths = {array.shape[0] for array in inputs.values()}
        rows = max(lengths)
        if len(lengths) > 1 or not rows:
            return max(rows, 1), None
        if self._fixed:
            return rows, ()
        return rows, tuple(inputs[tensor.name].shape[1:] for tensor in self.interpreter.signature.inputs)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the next batch, or note that there is nothing to do."""
        if not self._queue:
            self._running = False
            if self._idle:
                self._idle.set_result(None)
                self._idle = None
            return
        jobs = self._take()
        if self.inline:
            results, seconds = self._execute(jobs)
            loop.call_soon(self._deliver, loop, jobs, results, seconds)
            return
        if self._inbox is None:
            self._inbox = SimpleQueue()
            name = f"{self.interpreter.name}/{self.interpreter.version}"
            threading.Thread(target=self._work, args=(loop, self._inbox), name=name, daemon=True).start()
        self._inbox.put(jobs)

    def _take(self) -> list[Job]:
        """The next jobs that can be run together, in the order in which they came."""
        jobs = [self._queue.popleft()]
        rows, kind = jobs[0].rows, jobs[0].kind
        if self._together and kind is not None:
            queue, most = self._queue, self.batch_rows
            while queue and queue[0].kind == kind and rows + queue[0].rows <= most:
                rows += queue[0].rows
                jobs.append(queue.popleft())
        self.waiting -= rows
        return jobs

    def _work(self, loop: asyncio.AbstractEventLoop, inbox: SimpleQueue) -> None:
        """The thread: run what comes until None does."""
        while (jobs := inbox.get()) is not None:
            results, seconds = self._execute(jobs)
            try:
                loop.call_soon_threadsafe(self._deliver, loop, jobs, results, seconds)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return

    def _execute(self, jobs: list[Job]) -> tuple[list[Result], float]:
        """A result for each job, in order, and how long it took in seconds."""
        if self._together is None:
            self._together = rows_are_independent(self.interpreter)
        started = perf_counter()
        results = self._run_together(jobs) if len(jobs) > 1 else None
        if results is None:
            results = [self._run(job.inputs, job.outputs) for job in jobs]
        return results, perf_counter() - started

    def _run(self, inputs: Arrays, outputs: Sequence[str] | None) -> Result:
        try:
            return self.interpreter.run(inputs, outputs)
        except InvalidInput as error:
            return error
        except Exception as error:  # out of memory, say: it is this request's, and must not end the thread
            failed = ExecutionError(f"The model could not run on this input: {type(error).__name__}.")
            failed.__cause__ = error
            return failed

    def _run_together(self, jobs: list[Job]) -> list[Result] | None:
        """One run for all jobs; None when it has to be done one by one, lest one job's fault become all jobs'."""
        try:
            inputs = {name: np.concatenate([job.inputs[name] for job in jobs]) for name in jobs[0].inputs}
        except MemoryError:
            return None
        wanted = jobs[0].outputs
        if any(job.outputs != wanted for job in jobs):
            wanted = None
        whole = self._run(inputs, wanted)
        if isinstance(whole, Exception):
            return None
        rows = sum(job.rows for job in jobs)
        if any(len(array) != rows for array in whole.values()):
            self._together = False
            return None
        results, start = [], 0
        for job in jobs:
            stop = start + job.rows
            results.append({name: whole[name][start:stop] for name in job.outputs or whole})
            start = stop
        return results

    def _deliver(self, loop: asyncio.AbstractEventLoop, jobs: list[Job], results: list[Result], seconds: float) -> None:
        """Start the next batch, then give each caller its result."""
        self._next(loop)
        for job, result in zip(jobs, results, strict=True):
            if job.reply.done():  # its caller has gone
                continue
            if isinstance(result, Exception):
                job.reply.set_exception(result)
            else:
                job.reply.set_result(result)
        self.observe(sum(job.rows for job in jobs), seconds)

    async def close(self) -> None:
        """Wait until every job has its result, then let the thread end. A later job would start another."""
        if self._running:
            self._idle = self._idle or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)
        if self._inbox is not None:
            self._inbox.put(None)
            self._inbox = None


def rows_are_independent(interpreter: Interpreter) -> bool:
    """Does a row's result not depend on which rows share its batch? Tried out with two rows, alone and together.

    A free first dimension does not prove it: a model may normalise over its batch, and then strangers' rows would
    change an answer. The comparison is coarse, for quantised models differ a little; it is meant for large mixing.
    A model that refuses the trial's values is taken at its signature's word.
    """
    if not interpreter.signature.batched:
        return False
    first, second = trial(interpreter, 0), trial(interpreter, 1)
    try:
        alone = [interpreter.run(row) for row in (first, second)]
        both = interpreter.run({name: np.concatenate([first[name], second[name]]) for name in first})
    except ExecutionError:
        return True
    return all(alike(np.concatenate([row[name] for row in alone]), both[name]) for name in both)


def trial(interpreter: Interpreter, step: int) -> dict[str, np.ndarray]:
    """One row of inputs, another for each ``step``; real numbers are never 0, which would vanish in a sum."""
    rows = {tensor.name: blank(tensor, 1) for tensor in interpreter.signature.inputs}
    values = {"f": 1 + step, "O": str(step)}
    return {name: np.full_like(row, values.get(row.dtype.kind, step)) for name, row in rows.items()}


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Are two arrays of one shape, and about equal?"""
    if a.shape != b.shape:
        return False
    return np.array_equal(a, b) if a.dtype.kind in "Ob" else np.allclose(a, b, rtol=0.05, atol=0.05, equal_nan=True)
