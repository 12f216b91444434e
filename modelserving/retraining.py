"""When to fit a model again, on how much, and what it costs: policies, replayed day by day (lesson 06).

A replay has a clock. Each morning it knows the labels that have come by then and no others, asks the policy whether to
fit again, predicts the day's rows, and goes on. Neither a fit nor a policy sees a label before it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

NEVER = np.iinfo(np.int64).max  # the day on which a lost label comes
AHEAD = 64  # days that are predicted in one call, until the model changes: a call costs more than a row

# Policies


@dataclass(frozen=True)
class Morning:
    """What can be known before the day's first prediction."""

    date: np.datetime64
    model: Any  # in use since its fit
    age: int  # days since then
    fits: int  # how many models there have been, this one included
    errors: np.ndarray  # mean loss of this model, a day each, by the labels that came since the last morning; float64


Policy = Callable[[Morning], bool]  # fit again this morning?


def never() -> Policy:
    """Leave the first model alone."""
    return lambda morning: False


def calendar(every: int) -> Policy:
    """Fit again when the model is ``every`` days old."""
    return lambda morning: morning.age >= every


def on_alarm(detector: Callable[[], Any], again: int | None = None) -> Policy:
    """Fit again when a detector of daily errors rings. ``detector`` makes one of ``river.drift``, new for each model.

    Only errors of the model in use are shown to it, so it is blind for as long as labels take after each fit.
    A fit right after the alarm learns mostly from what was before the change, and to the next detector its errors are
    normal: with ``again``, a second one follows so many days later, when the window holds what came after.
    """
    watched = watching = None
    second = False

    def decide(morning: Morning) -> bool:
        nonlocal watched, watching, second
        if morning.model is not watched:
            watched, watching, second = morning.model, detector(), second and morning.fits > 1
        if second and morning.age >= again:
            second = False
            return True
        if rings(watching, morning.errors):
            second = again is not None
            return True
        return False

    return decide


def rings(detector: Any, values: np.ndarray) -> bool:
    """Show a detector the values in order, up to the one at which it raises an alarm, if it does."""
    for value in values.tolist():
        detector.update(value)
        if detector.drift_detected:
            return True
    return False


# The replay


@dataclass(frozen=True)
class Refit:
    """One fit, and what it took."""

    date: np.datetime64  # of the morning
    newest: np.datetime64  # day of the newest row that it learned from
    rows: int
    seconds: float


@dataclass(frozen=True)
class Replay:
    """What happened from the first fit on."""

    days: np.ndarray  # datetime64[D] (d,), every day with rows, ascending
    error: np.ndarray  # float64 (d,), mean loss of the day's rows; NaN if none of them ever gets a label
    predictions: np.ndarray  # float64 (n,), one for each row; NaN before the first fit
    refits: tuple[Refit, ...]  # the first fit included


def absolute_error(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The loss of each row, in the unit of ``y``."""
    return np.abs(y - predicted)


def answer(model: Any, X: np.ndarray) -> np.ndarray:
    """What a scikit-learn model predicts."""
    return model.predict(X)


def replay(
    dates: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    *,
    fit: Callable[[np.ndarray, np.ndarray], Any],
    policy: Policy,
    first_fit: np.datetime64 | str,
    label_delay: int | np.ndarray = 1,
    window: int | None = None,
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray] = absolute_error,
    predict: Callable[[Any, np.ndarray], np.ndarray] = answer,
) -> Replay:
    """Serve the rows from ``first_fit`` on, day by day, with a model that ``policy`` has fitted again now and then.

    ``dates`` is (n,), ascending, taken as days; ``X`` (n, k), ``y`` (n,). ``fit(X, y)`` gives a model,
    ``predict(model, X)`` its answers, ``loss(y, predicted)`` a float for each row. The label of a row is known on the
    morning ``label_delay`` days after its date (whole, 1 or more; one for all or one for each row); where ``y`` is NaN,
    never. A fit learns from every label known by then, or from the last ``window`` days of them.
    ValueError for dates out of order, a delay below 1, or a first fit without labels.
    """
    day = np.asarray(dates).astype("datetime64[D]").astype(np.int64)
    X, y = np.asarray(X), np.asarray(y)
    comes = arrivals(day, y, label_delay)
    predictions, made_by = np.full(len(day), np.nan), np.zeros(len(day), dtype=int)
    refits: list[Refit] = []
    model, last, ready = None, 0, 0
    for today, rows in _mornings(day, first_fit):
        if model is not None:
            news = (comes > last) & (comes <= today) & (made_by == len(refits))
            _, errors = by_day(day[news], loss(y[news], predictions[news]))
            age = int(today - refits[-1].date.astype(np.int64))
        if model is None or policy(Morning(_date(today), model, age, len(refits), errors)):
            known = known_rows(day, comes, today, window)
            start = perf_counter()
            model = fit(X[known], y[known])
            refits.append(Refit(_date(today), _date(day[known].max()), int(known.sum()), perf_counter() - start))
            ready = rows.start
        if rows.stop > ready:
            ready = max(rows.stop, np.searchsorted(day, today + AHEAD))
            predictions[rows.start : ready] = predict(model, X[rows.start : ready])
        made_by[rows], last = len(refits), today
    served = made_by > 0
    if not served.any():
        raise ValueError(f"There are no rows from {first_fit} on.")
    days, error = by_day(day[served], loss(y[served], predictions[served]))
    return Replay(_date(days), error, predictions, tuple(refits))


def arrivals(day: np.ndarray, y: np.ndarray, label_delay: int | np.ndarray) -> np.ndarray:
    """The day on whose morning each row's label is known, int64 (n,); :data:`NEVER` for those that are NaN."""
    delay = np.asarray(label_delay)
    if (np.diff(day) < 0).any():
        raise ValueError("The rows of a replay stand in the order of their dates: sort them first.")
    if delay.dtype.kind not in "iu" or (delay < 1).any():
        raise ValueError(
            "A label comes on the morning after its day at the earliest: label_delay is a whole number, 1 up."
        )
    return np.where(np.isnan(y.astype(np.float64)), NEVER, day + delay)


def known_rows(day: np.ndarray, comes: np.ndarray, today: int, window: int | None) -> np.ndarray:
    """The rows that may be learned from this morning, bool (n,): their labels have come, and they are not too old.

    ``day`` and ``comes`` (n,) count days, as ``today`` does; ``window`` days end with the newest one that has a label.
    """
    if window is not None and window < 1:
        raise ValueError("A window is at least one day long, or None for all that is known.")
    known = comes <= today
    if not known.any():
        raise ValueError(f"No label is known on {_date(today)}: fit first on a later day.")
    return known if window is None else known & (day > day[known].max() - window)


def by_day(day: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct days, ascending, and the mean of each one's ``values``, float64; NaN does not count."""
    days, place = np.unique(day, return_inverse=True)
    there = ~np.isnan(values)
    counts = np.bincount(place[there], minlength=len(days))
    sums = np.bincount(place[there], values[there], minlength=len(days))
    return days, np.divide(sums, counts, out=np.full(len(days), np.nan), where=counts > 0)


def _mornings(day: np.ndarray, first: np.datetime64 | str) -> Iterator[tuple[int, slice]]:
    """Each day from ``first`` on that has rows, and which rows those are."""
    begin = np.datetime64(first, "D").astype(np.int64)
    days, starts = np.unique(day, return_index=True)
    ends = np.append(starts[1:], len(day))
    for today, start, end in zip(days.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if today >= begin:
            yield today, slice(start, end)


def _date(day: int | np.ndarray) -> Any:
    """Days since 1970 as ``datetime64[D]``."""
    return np.asarray(day, dtype=np.int64).astype("datetime64[D]")[()]


# What it cost


def cost(replay: Replay, *, refit: float, error: float) -> float:
    """The price of a replay: ``refit`` for each fit but the first, ``error`` for each day and unit of its mean loss."""
    return (len(replay.refits) - 1) * refit + float(np.nansum(replay.error)) * error


def regret(replays: Mapping[str, Replay], *, refit: float, error: float) -> dict[str, float]:
    """By how much each policy cost more than the one that proves best in hindsight; 0 for that one."""
    costs = {name: cost(replay, refit=refit, error=error) for name, replay in replays.items()}
    return {name: value - min(costs.values()) for name, value in costs.items()}
