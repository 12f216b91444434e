"""A clock that does not wait: an event loop in which a sleep of ten seconds is over at once (lesson 04).

    async def send():
        await asyncio.sleep(0.001)

    result = virtual.run(load.open_loop(send, load.constant(100, 100), timeout=20))

Whenever every task sleeps, the loop sets its clock to the moment at which the first of them wakes. So a load test of
minutes takes a moment, and its times are exact and the same on any machine. Only what sleeps by ``asyncio`` lives in
that time: no sockets, no threads, no computing, which takes no time at all.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

CIRCLES = 200_000  # turns of the loop without any time passing, after which it counts as stuck


class Deadlock(RuntimeError):
    """Every task waits for another, or polls without sleeping, and no timer is set that would end it."""


class _Selector(selectors.SelectSelector):
    """In place of waiting for sockets, it sets the clock forward."""

    now, turns = 0.0, 0  # turns since the clock went on

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("Every task waits, and none of them sleeps: in virtual time nothing else can wake them.")
        self.turns = 0 if timeout > 0 else self.turns + 1
        if self.turns > CIRCLES:
            raise Deadlock("A task asks again and again whether something has happened; meanwhile no time passes.")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` starts at 0 and goes from one timer to the next."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # s by which asyncio rings early. On Windows it is 16 ms before Python 3.13; with 0 nothing would ever ring
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Seconds, virtual ones, since the loop was made."""
        return self._virtual.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end in virtual time, and give what it gives.

    Runs in a thread of its own, so that it works where an event loop runs already: in a notebook. Raises what ``main``
    raises, and :class:`Deadlock` when it waits for something that cannot come.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                outcome.append(runner.run(main))
        except BaseException as error:  # handed on to the caller's thread
            failure.append(error)

    thread = threading.Thread(target=work, name="virtual time", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
