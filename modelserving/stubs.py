"""Models that only take time, as much as they are told to: for lessons and tests of what happens around a model.

With a service time that is known, what a load generator or a batcher says can be checked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from modelserving.interpreter import Signature, Tensor, check

INPUT, OUTPUT = "input", "output"


@dataclass(eq=False)
class StubModel:
    """Answers each row with itself, after ``per_batch`` seconds for a run and ``per_row`` for each of its rows.

    With ``per_row`` 0 it behaves like an accelerator: a full batch takes no longer than a row. ``freezes`` are moments
    at which it stands still, as ``(start, seconds)``, counted in seconds from its first run. It sleeps, and so needs no
    processor and may run many times at once; with ``spin`` it keeps a core and Python's lock busy instead.
    Takes and gives FP32, ``input`` and ``output``, (rows, ``width``). Stands in for an
    :class:`~modelserving.interpreter.Interpreter`: a repository, a batcher and a server take it.
    """

    independent = True  # rows do not influence each other: a batcher need not try that out

    name: str = "stub"
    version: str = "1"
    per_batch: float = 0.0
    per_row: float = 0.0
    width: int = 1
    freezes: Sequence[tuple[float, float]] = ()
    spin: bool = False
    signature: Signature = field(init=False, repr=False)
    runs: list[int] = field(init=False, repr=False, default_factory=list)  # the rows of each run so far

    def __post_init__(self) -> None:
        if min(self.per_batch, self.per_row, *(seconds for _, seconds in self.freezes), 0) < 0:
            raise ValueError("a model cannot take less than 0 seconds")
        shape = (-1, self.width)
        self.signature = Signature((Tensor(INPUT, "FP32", shape),), (Tensor(OUTPUT, "FP32", shape),))
        self._takes, self._gives = {INPUT: self.signature.inputs[0]}, {OUTPUT: self.signature.outputs[0]}
        self._first: float | None = None

    def service_time(self, rows: int) -> float:
        """The seconds that a run takes, freezes apart."""
        return self.per_batch + self.per_row * rows

    def check(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> None:
        """As :meth:`modelserving.interpreter.Interpreter.check`."""
        check(self._takes, self._gives, inputs, outputs)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Take the time; then give the input back as the output."""
        now = time.perf_counter()
        if self._first is None:
            self._first = now
        rows, thawed = inputs[INPUT], now
        for start, seconds in self.freezes:
            if start <= now - self._first < start + seconds:
                thawed = self._first + start + seconds
        self.runs.append(len(rows))
        wait(thawed + self.service_time(len(rows)), self.spin)
        return {OUTPUT: rows}

    def predict(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """:meth:`check`, then :meth:`run`."""
        self.check(inputs, outputs)
        return self.run(inputs, outputs)

    def to_json(self) -> str:
        """What makes another like it, as an object in JSON; ``StubModel(**json.loads(text))``."""
        return json.dumps({one.name: getattr(self, one.name) for one in fields(self) if one.init})


def wait(until: float, spin: bool) -> None:
    """Come back at ``until`` on perf_counter's clock."""
    left = until - time.perf_counter()
    if left > 0 and not spin:
        time.sleep(left)
    while spin and time.perf_counter() < until:
        pass
