"""Threads that run models; the models that wait for one take turns (lesson 05)."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class Slots:
    """So many batches run at once, each in a thread, whichever models they are of.

    Who wants to run a batch asks for a slot; whoever waits longest gets the next one that is free. A model asks anew
    for each batch, so that one with much to do cannot keep another waiting longer than for a batch of each.
    Threads are started when they are first needed. All but the work itself happens in the event loop's thread.
    """

    def __init__(self, count: int = 1, name: str = "model") -> None:
        self.count, self.name = count, name
        self._used = 0
        self._line: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._inbox: SimpleQueue = SimpleQueue()

    def ask(self, start: Callable[[], None]) -> None:
        """Call ``start`` as soon as a slot is free, at once if one is; it has to ``run`` something, or ``leave``."""
        if self._used < self.count:
            self._used += 1
            start()
        else:
            self._line.append(start)

    def leave(self) -> None:
        """Give a slot back: the next in line has it."""
        if self._line:
            self._line.popleft()()
        else:
            self._used -= 1

    def run(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do ``work`` in a thread, then call ``done`` with its result in the event loop, the slot being free again."""
        if self._threads < self._used:
            self._threads += 1
            arguments = (asyncio.get_running_loop(), self._inbox)
            threading.Thread(target=self._work, args=arguments, name=self.name, daemon=True).start()
        self._inbox.put((work, done))

    def _work(self, loop: asyncio.AbstractEventLoop, inbox: SimpleQueue) -> None:
        """A thread: do what comes until None does."""
        while (job := inbox.get()) is not None:
            work, done = job
            result = work()
            try:
                loop.call_soon_threadsafe(self._finish, done, result)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return
            del job, work, done, result  # or they would be kept until the next batch comes

    def _finish(self, done: Callable[[Any], None], result: Any) -> None:
        self.leave()
        done(result)

    def close(self) -> None:
        """Let the threads end once they have done what they were given. Later work would start others."""
        for _ in range(self._threads):
            self._inbox.put(None)
        self._threads, self._inbox = 0, SimpleQueue()
