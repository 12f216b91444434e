"""Running the requests of several callers as one batch, so that none of them can tell (lessons 03 and 05)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import numpy as np

from modelserving.interpreter import ExecutionError, Interpreter, InvalidInput, blank
from modelserving.queueing import Job

Result = dict[str, np.ndarray] | Exception


def run_one(interpreter: Interpreter, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None) -> Result:
    """Outputs by name, or what went wrong. Nothing is raised: a fault must not end the thread of all."""
    try:
        return interpreter.run(inputs, outputs)
    except InvalidInput as error:
        return error
    except Exception as error:  # out of memory, say
        failed = ExecutionError(f"The model could not run on this input: {type(error).__name__}.")
        failed.__cause__ = error
        return failed


def run_together(interpreter: Interpreter, jobs: list[Job]) -> list[Result] | None:
    """One run for all jobs, and what each gets of it.

    None when they have to be run one by one, lest one job's fault become all jobs'. Raises :class:`DependentRows` when
    other rows come out than went in.
    """
    try:
        inputs = {name: np.concatenate([job.inputs[name] for job in jobs]) for name in jobs[0].inputs}
    except MemoryError:
        return None
    wanted = jobs[0].outputs
    if any(job.outputs != wanted for job in jobs):
        wanted = None
    whole = run_one(interpreter, inputs, wanted)
    if isinstance(whole, Exception):
        return None
    rows = sum(job.rows for job in jobs)
    if any(len(array) != rows for array in whole.values()):
        raise DependentRows
    results, start = [], 0
    for job in jobs:
        stop = start + job.rows
        results.append({name: whole[name][start:stop] for name in job.outputs or whole})
        start = stop
    return results


class DependentRows(Exception):
    """The rows that came out of a batch are not those that went in, one for one."""


def rows_are_independent(
    interpreter: Interpreter, observe: Callable[[int, float], None] = lambda rows, seconds: None
) -> bool:
    """Does a row's result not depend on which rows share its batch? Tried out with two rows, alone and together.

    A free first dimension does not prove it: a model may normalise over its batch, and then strangers' rows would
    change an answer. The comparison is coarse, for quantised models differ a little; it is meant for large mixing.
    A model that refuses the trial's values is taken at its signature's word. ``observe(rows, seconds)`` hears of runs.
    """
    if not interpreter.signature.batched:
        return False
    first, second = trial(interpreter, 0), trial(interpreter, 1)
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    found = []
    try:
        for rows, inputs in ((1, first), (1, second), (2, both)):
            began = perf_counter()
            found.append(interpreter.run(inputs))
            observe(rows, perf_counter() - began)
    except ExecutionError:
        return True
    return all(alike(np.concatenate([found[0][name], found[1][name]]), found[2][name]) for name in found[2])


def trial(interpreter: Interpreter, step: int) -> dict[str, np.ndarray]:
    """One row of inputs, another for each ``step``; real numbers are never 0, which would vanish in a sum.

    Those of the second are far larger, so that what is scaled by the largest of a batch shows (half precision ends at
    65,504).
    """
    rows = {tensor.name: blank(tensor, 1) for tensor in interpreter.signature.inputs}
    values = {"f": 1 + 50_000 * step, "O": str(step)}
    return {name: np.full_like(row, values.get(row.dtype.kind, step)) for name, row in rows.items()}


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Are two arrays of one shape, and about equal?"""
    if a.shape != b.shape:
        return False
    return np.array_equal(a, b) if a.dtype.kind in "Ob" else np.allclose(a, b, rtol=0.05, atol=0.05, equal_nan=True)
