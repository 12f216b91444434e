"""Variants of a model side by side: what each costs, what each gets wrong, and which to take (lesson 07).

    variants = {"baseline": Variant(model, Options(optimise=False)), "int8": Variant(dynamic_int8(model))}
    reports = measure(variants, X, late)
    print(table(reports))
    choice = select(reports, [Gate("auc", at_least=0.74), Gate("largest_change", at_most=0.1)])

A gate is a satisficing metric: good enough is enough, and better buys nothing. The objective is the optimising one: of
what passes all gates, the least of it wins.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from modelserving.interpreter import Interpreter, Options
from modelserving.models import score
from modelserving.optimize import operators, rewritten

SLICE = 0.01  # s that one variant is timed for before it is the next one's turn

What = str | Callable[["Report"], float]


@dataclass(frozen=True)
class Variant:
    """A model's ONNX bytes, and how they are run."""

    model: bytes = field(repr=False)
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Report:
    """What was measured of a variant. ``latency`` and ``cpu`` are by batch, in seconds for one call with so many rows.

    ``operators`` are those that really run, after the session's own rewriting. ``largest_change`` and ``flipped``
    compare with the reference, row by row: an average forgives what a single user does not.
    """

    name: str
    bytes: int  # of the file
    operators: dict[str, int]
    latency: dict[int, float]  # s on the clock
    cpu: dict[int, float]  # s of processor time, of all threads together
    log_loss: float  # nats, lower is better
    auc: float
    largest_change: float  # in probability
    flipped: int  # rows that end up on the other side of 0.5

    @property
    def rows_per_second(self) -> float:
        """At the largest batch."""
        return max(self.latency) / self.latency[max(self.latency)]

    @property
    def cpu_us_per_row(self) -> float:
        """Microseconds of processor time at the largest batch."""
        return 1e6 * self.cpu[max(self.cpu)] / max(self.cpu)


def measure(
    variants: Mapping[str, Variant],
    X: np.ndarray,
    late: np.ndarray,
    *,
    reference: str = "baseline",
    batches: Sequence[int] = (1, 32, 1024),
    rounds: int = 7,
) -> dict[str, Report]:
    """Report on each variant, measured side by side on rows that it was not trained on.

    ``X`` is FP32 (n, k), ``late`` bool (n,), n at least the largest batch. Each takes its turn in each round, for 10 ms
    and batch, in an order that turns round; medians over rounds are reported, so that what else the machine does meets
    all alike. Quality is that of predictions made in batches of the largest size, which is no detail: what
    :func:`modelserving.optimize.dynamic_int8` says of a row depends on its batch.

    Raises ValueError where ``reference`` is not among the variants, or the rows are fewer than a batch.
    """
    if reference not in variants:
        raise ValueError(f"the reference {reference!r} is not among the variants: {', '.join(map(repr, variants))}")
    if not batches or not 1 <= min(batches) <= max(batches) <= len(X):
        raise ValueError(f"batches must lie between 1 and the {len(X)} rows at hand, not {list(batches)}")
    ready = {name: Interpreter(variant.model, options=variant.options) for name, variant in variants.items()}
    answers = {name: chances(model, X, max(batches)) for name, model in ready.items()}
    turns = take_turns(ready, X, batches, rounds)
    reports = {}
    for name, variant in variants.items():
        quality = score(late, answers[name], float(late.mean()))
        reports[name] = Report(
            name,
            len(variant.model),
            operators(rewritten(variant.model, variant.options.optimise)),
            *({batch: statistics.median(times[batch, name]) for batch in batches} for times in turns),
            quality.log_loss,
            quality.auc,
            largest_change(answers[reference], answers[name]),
            flipped(answers[reference], answers[name]),
        )
    return reports


def chances(model: Interpreter, X: np.ndarray, rows: int) -> np.ndarray:
    """What ``model`` says of each row, float (n,), asked in batches of ``rows``: the last column of ``probability``."""
    parts = [model.predict({"input": X[at : at + rows]})["probability"][:, -1] for at in range(0, len(X), rows)]
    return np.concatenate(parts).astype(np.float64)


Times = dict[tuple[int, str], list[float]]


def take_turns(
    ready: Mapping[str, Interpreter], X: np.ndarray, batches: Sequence[int], rounds: int
) -> tuple[Times, Times]:
    """Seconds a call, on the clock and of the processor, by batch and name: one value for each round."""
    places = [(batch, name) for batch in batches for name in ready]
    clock: Times = {place: [] for place in places}
    cpu: Times = {place: [] for place in places}
    for turn in tqdm(range(rounds), "rounds", disable=None, leave=False):
        for batch, name in places if turn % 2 else reversed(places):
            start = (turn * 7919) % (len(X) - batch + 1)  # other rows in each round
            seconds, used = timed(ready[name], {"input": X[start : start + batch]})
            clock[batch, name].append(seconds)
            cpu[batch, name].append(used)
    return clock, cpu


def timed(model: Interpreter, inputs: dict[str, np.ndarray]) -> tuple[float, float]:
    """Seconds of one call, on the clock and of the processor: means over as many calls as fill a slice of time."""
    model.run(inputs)  # back in the cache after the others' turns
    calls, began, used = 0, time.perf_counter(), time.process_time()
    while not calls or time.perf_counter() - began < SLICE:  # a busy machine may take the slice away before the first
        model.run(inputs)
        calls += 1
    return (time.perf_counter() - began) / calls, (time.process_time() - used) / calls


# Quality of an average, and of one prediction


def largest_change(p: np.ndarray, q: np.ndarray) -> float:
    """The largest distance between two models' probabilities of the same rows, both (n,)."""
    return float(np.abs(p - q).max())


def flipped(p: np.ndarray, q: np.ndarray, threshold: float = 0.5) -> int:
    """How many rows one model calls late and the other does not."""
    return int(((p >= threshold) != (q >= threshold)).sum())


# The selector


@dataclass(frozen=True)
class Gate:
    """What a variant must keep to: ``what`` is the name of something in a :class:`Report`, or a function of it.

    Names are those of its fields and properties; with a batch in brackets, as in ``"latency[32]"``, one of several.
    """

    what: What
    at_most: float | None = None
    at_least: float | None = None

    def refusal(self, report: Report) -> str | None:
        """Why the report does not pass, in a sentence; None when it does. What is no number does not."""
        value = read(report, self.what)
        if self.at_most is not None and not value <= self.at_most:
            return f"{named(self.what)} is {value:.4g}, and at most {self.at_most:.4g} is allowed"
        if self.at_least is not None and not value >= self.at_least:
            return f"{named(self.what)} is {value:.4g}, and at least {self.at_least:.4g} is needed"
        return None


@dataclass(frozen=True)
class Choice:
    """The variant to take, None when every one is refused; and of each that was refused, why."""

    name: str | None
    refused: dict[str, list[str]]


def select(reports: Mapping[str, Report], gates: Sequence[Gate], objective: What = "cpu_us_per_row") -> Choice:
    """Of the variants that pass all gates, the one with the least ``objective``; among equals, the first.

    Raises ValueError for a name that a report does not have.
    """
    reasons = {name: [why for gate in gates if (why := gate.refusal(report))] for name, report in reports.items()}
    passed = [name for name in reports if not reasons[name]]
    best = min(passed, key=lambda name: read(reports[name], objective), default=None)
    return Choice(best, {name: why for name, why in reasons.items() if why})


def read(report: Report, what: What) -> float:
    """The value of that name. Raises ValueError where there is none, or it is no number."""
    if not isinstance(what, str):
        return float(what(report))
    name, bracket, batch = what.partition("[")
    value = getattr(report, name, None)
    if bracket:
        known = isinstance(value, dict) and re.fullmatch(r"\d+\]", batch)
        value = value.get(int(batch[:-1])) if known else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"a report has no number {what!r}. It has bytes, log_loss, auc, largest_change, flipped, rows_per_second, "
            f"cpu_us_per_row, and latency[batch] and cpu[batch] for the batches {', '.join(map(str, report.latency))}"
        )
    return float(value)


def named(what: What) -> str:
    """The name by which a sentence speaks of it."""
    return what if isinstance(what, str) else what.__name__


def frontier(reports: Mapping[str, Report], cost: What = "cpu_us_per_row", quality: What = "auc") -> list[str]:
    """The names of variants that none other beats in both at once, cheapest first.

    ``cost`` is better when less, ``quality`` when more. Whoever picks another one pays more for less.
    """
    order = sorted(reports, key=lambda name: (read(reports[name], cost), -read(reports[name], quality)))
    best, kept = -np.inf, []
    for name in order:
        if read(reports[name], quality) > best:
            best = read(reports[name], quality)
            kept.append(name)
    return kept


def table(reports: Mapping[str, Report]) -> str:
    """The reports as text, a line for each: size, time of a call by batch, processor time a row, quality, changes."""
    batches = list(next(iter(reports.values())).latency)
    width = max(map(len, reports))
    calls = "".join(f"{f'{batch:,} rows':>12}" for batch in batches)
    lines = [f"{'':{width}}{'kB':>8}{calls}   CPU µs/row   log loss     AUC   largest change   flipped"]
    for name, report in reports.items():
        calls = "".join(f"{1e6 * report.latency[batch]:>9,.0f} µs" for batch in batches)
        lines.append(
            f"{name:{width}}{report.bytes / 1e3:>8,.0f}{calls}{report.cpu_us_per_row:>13.2f}{report.log_loss:>11.4f}"
            f"{report.auc:>8.4f}{report.largest_change:>17.4f}{report.flipped:>10,}"
        )
    return "\n".join(lines)
