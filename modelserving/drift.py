"""What a monitor computes: is what a model sees, answers, or gets wrong still what it was? (lesson 06)

In the order of what they need. From inputs or predictions alone, a window of served rows against a reference:
:func:`psi`, :func:`ks`, :func:`domain_classifier`. From labels, one number a day: :func:`page_hinkley`, :func:`adwin`.
Then what every alarm owes its reader: how often it rings while nothing is wrong (:func:`threshold`,
:func:`false_alarms`), and how late it is when something is (:func:`delays`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

FOLDS = 5  # of the domain classifier's cross-validation
YEAR = 365.2425  # days

# A window of one column against the reference


def edges(reference: np.ndarray, bins: int = 10) -> np.ndarray:
    """The inner edges of at most ``bins`` bins that each hold as many values of the *reference*: float64, ascending.

    Bin i is (edges[i - 1], edges[i]]; the first and the last have no outer end, so every number falls into one.
    A value that takes more than one bin's share (a sensor's zero) gets a bin of its own. NaN does not count.
    Were the edges the window's own, each of its bins would hold a tenth of it whatever had happened.
    """
    values = _numbers(reference)
    values = values[~np.isnan(values)]
    if not len(values):
        return np.empty(0)
    cuts = np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf")
    spikes = cuts[1:][cuts[1:] == cuts[:-1]]
    return np.unique(np.append(cuts, np.nextafter(spikes, -np.inf)))


@dataclass(frozen=True)
class Reference:
    """A column as it was in control, sorted and counted once, to compare many windows with."""

    bounds: np.ndarray  # inner edges (float64) of a column of numbers, sorted categories of one of text
    counts: np.ndarray  # rows by bin, as `count` gives them
    ordered: np.ndarray  # its numbers, ascending, without NaN; empty for text


def refer(column: np.ndarray, bins: int = 10) -> Reference:
    """Prepare a column of numbers (or bools), or of text, with at least one row; ValueError for any other."""
    column = _column(column)
    if column.dtype.kind == "U":
        bounds, ordered = np.unique(column), np.empty(0)
    else:
        bounds, ordered = edges(column, bins), np.sort(column[~np.isnan(column)])
    return Reference(bounds, count(column, bounds), ordered)


def count(column: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """How many rows fall into each bin, int64 (len(bounds) + 2,): the last is for NaN; of text, for new categories.

    ``bounds`` are the inner edges of bins of numbers, or the sorted categories of text (whose last bin but one stays
    empty).
    """
    column, text = _column(column), bounds.dtype.kind == "U"
    if text != (column.dtype.kind == "U"):
        raise ValueError("A column of numbers cannot be compared with one of text.")
    places, last = np.searchsorted(bounds, column, side="left"), len(bounds) + 1
    if text:
        known = bounds[places.clip(max=len(bounds) - 1)] == column
        return np.bincount(np.where(known, places, last), minlength=last + 1)
    return np.bincount(np.where(np.isnan(column), last, places), minlength=last + 1)


def psi(reference: np.ndarray | Reference, window: np.ndarray, bins: int = 10) -> float:
    """Population stability index of a column, 0 (same shares in all bins) and up, never infinite.

    The sum over bins of (w - r) ln(w / r), with shares w of the window and r of the reference. Each category of text is
    a bin, all new ones together another. Half a row is added to every bin, so that an empty one has a logarithm.
    While nothing changes it is about (bins - 1) (1 / n + 1 / m) for n and m independent rows: the usual bounds of 0.1
    and 0.25 mean nothing without these (Yurdakul and Naranjo, Journal of Risk Model Validation, 2020).
    """
    known = reference if isinstance(reference, Reference) else refer(reference, bins)
    found = count(window, known.bounds)
    used = (known.counts > 0) | (found > 0)  # a bin that nobody is in says nothing
    r, w = (_shares(counts[used]) for counts in (known.counts, found))
    return float(((w - r) * np.log(w / r)).sum())


def _shares(counts: np.ndarray) -> np.ndarray:
    """The share of each bin, none of them 0."""
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))


@dataclass(frozen=True)
class Ks:
    """The largest distance between two distribution functions, and how likely one so large is by chance alone."""

    statistic: float  # 0 to 1
    p_value: float  # asymptotic; of independent rows, which served traffic is not


def ks(reference: np.ndarray | Reference, window: np.ndarray) -> Ks:
    """The two-sample Kolmogorov–Smirnov test of a column of numbers; NaN is left out (:func:`psi` counts it).

    The result is that of ``scipy.stats.ks_2samp(method="asymp")``, without sorting the reference for each window.
    ValueError for text, or when one side has no number.
    """
    r = (reference if isinstance(reference, Reference) else refer(_numbers(reference))).ordered
    w = _numbers(window)
    w = np.sort(w[~np.isnan(w)])
    if not len(r) or not len(w):
        raise ValueError("The Kolmogorov–Smirnov test needs a number on each side: psi compares text, and counts NaN.")
    statistic, effective = _distance(r, w), len(r) * len(w) / (len(r) + len(w))
    return Ks(statistic, float(stats.kstwo.sf(statistic, max(1, round(effective)))))


def _distance(r: np.ndarray, w: np.ndarray) -> float:
    """The largest distance between the distribution functions of two ascending arrays, 0 to 1.

    It lies at a value of ``w`` or right before one: between two of them ``w``'s stands still and ``r``'s climbs.
    """
    above = np.searchsorted(w, w, side="right") / len(w) - np.searchsorted(r, w, side="right") / len(r)
    below = np.searchsorted(r, w, side="left") / len(r) - np.searchsorted(w, w, side="left") / len(w)
    return float(max(above.max(), below.max()))


def _column(values: Any) -> np.ndarray:
    """One column as float64 or text (n,), n > 0."""
    column = np.asarray(values)
    if column.ndim != 1 or not len(column):
        raise ValueError(f"A column is one-dimensional and has rows: this one has the shape {column.shape}.")
    if column.dtype.kind == "O":
        return np.array([value.decode() if isinstance(value, bytes) else str(value) for value in column])
    if column.dtype.kind == "S":
        return np.char.decode(column)
    if column.dtype.kind not in "biufU":
        raise ValueError(f"A column holds numbers or text: this one is of type {column.dtype}.")
    return column if column.dtype.kind == "U" else column.astype(np.float64)


def _numbers(values: Any) -> np.ndarray:
    """One column as float64 (n,), n > 0."""
    column = _column(values)
    if column.dtype.kind == "U":
        raise ValueError("This compares numbers: for a column of text there is psi.")
    return column


# All columns at once


def domain_classifier(
    reference: np.ndarray,
    window: np.ndarray,
    *,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
    most: int = 2000,
) -> float:
    """How well boosted trees tell rows of the window from rows of the reference: cross-validated ROC AUC, 0.5 is not.

    ``reference`` is float (n, k), ``window`` float (m, k), NaN allowed; of either, at most ``most`` rows are drawn.
    ``groups`` says for each row of both what it shares with others (its day, its hour of weather): rows of a group are
    never on both sides of a split. Without it the trees recognise a day by its weather, and any two weeks differ.
    ValueError when a side has fewer than two rows, or groups. After Rabanser, Günnemann and Lipton (NeurIPS 2019).
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    sides = [np.asarray(side, dtype=np.float64) for side in (reference, window)]
    names = groups or [np.arange(len(sides[0])), len(sides[0]) + np.arange(len(sides[1]))]
    drawn = [rng.permutation(len(side))[:most] for side in sides]
    X = np.vstack([side[rows] for side, rows in zip(sides, drawn, strict=True)])
    new = np.repeat([False, True], [len(rows) for rows in drawn])
    fold = _folds(*(np.asarray(of)[rows] for of, rows in zip(names, drawn, strict=True)), rng)
    scores = []
    with threadpool_limits(limits=1):
        for held_out in np.unique(fold):
            test = fold == held_out
            if min(len(np.unique(new[test])), len(np.unique(new[~test]))) < 2:
                continue  # few groups, or some that both share, can leave a fold with rows of one alone
            trees = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, early_stopping=False, random_state=0)
            trees.fit(X[~test], new[~test])
            scores.append(roc_auc_score(new[test], trees.predict_proba(X[test])[:, 1]))
    if not scores:
        raise ValueError("These groups are too few to be split with rows of reference and window on both sides.")
    return float(np.mean(scores))


def _folds(reference: np.ndarray, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fold for each row of both, by its group; each side's groups are dealt out evenly."""
    ours, theirs = np.unique(window), np.setdiff1d(reference, window)
    folds = min(FOLDS, len(ours), len(np.unique(reference)))
    if folds < 2:
        raise ValueError("Cross-validation needs at least two rows (or groups) in the reference and in the window.")
    dealt = np.concatenate([rng.permutation(len(names)) % folds for names in (ours, theirs)])
    order = np.argsort(names := np.concatenate([ours, theirs]))
    rows = np.concatenate([reference, window])
    return dealt[order][np.searchsorted(names[order], rows)]


def in_season(dates: np.ndarray, window: np.ndarray, *, days: int = 15, years: int = 3) -> np.ndarray:
    """Which of ``dates`` lie in the same part of the ``years`` before the ``window``: a mask, bool (len(dates),).

    Both are ``datetime64[D]``. The part reaches from ``days`` before the window's first date to ``days``
    after its last; nothing from the window's first date on is in it.
    """
    dates, window = (np.asarray(of).astype("datetime64[D]") for of in (dates, window))
    first, last = window.min(), window.max()
    found = np.zeros(len(dates), dtype=bool)
    for year in range(1, years + 1):
        back = np.timedelta64(round(year * YEAR), "D")
        found |= (dates >= first - back - days) & (dates <= last - back + days)
    return found & (dates < first)


# One number a day, in order


def standardise(values: np.ndarray, in_control: np.ndarray) -> np.ndarray:
    """``values`` in standard deviations from the mean of ``in_control``; NaN where a value is missing.

    ValueError when those in control have no number, or never vary.
    """
    known = in_control[~np.isnan(in_control)]
    if not len(known) or not known.std():
        raise ValueError("Values in control that are missing, or never vary, give no unit to count in.")
    return (values - known.mean()) / known.std()


def page_hinkley(
    values: np.ndarray, *, delta: float, threshold: float, min_instances: int = 30, mode: str = "up"
) -> np.ndarray:
    """Where a Page–Hinkley test raised an alarm: indices, int64, ascending.

    ``values`` is (n,), one a day, in order; NaN (no label came) is passed over. The test adds up by how much values lie
    above their mean so far plus ``delta``. When the sum has climbed by more than ``threshold`` from its lowest point,
    it rings, and starts again with a new mean; both are in the unit of the values. It waits for ``min_instances``.
    ``mode`` is up, down or both. One freak value can ring by itself: clip standardised ones at 4 or so.
    Page (Biometrika, 1954), as in ``river.drift.PageHinkley``.
    """
    from river.drift import PageHinkley

    return feed(PageHinkley(min_instances, delta, threshold, mode=mode), values)


def adwin(values: np.ndarray, *, delta: float = 0.002, clock: int = 1) -> np.ndarray:
    """Where ADWIN raised an alarm: indices, int64, ascending.

    ``values`` is (n,), one a day, in order; NaN is passed over. ADWIN keeps a window of what came last and drops its
    older part, ringing, when that part's mean differs by more than chance allows at ``delta``, in either direction.
    It looks every ``clock`` values (river's own 32 is made for many values a second). Its bound is for values that
    span 1: two standard deviations of those in control as the unit keep it calm, ten make it several times as late.
    Bifet and Gavaldà (SDM 2007), as in ``river.drift.ADWIN``.
    """
    from river.drift import ADWIN

    return feed(ADWIN(delta=delta, clock=clock), values)


def feed(detector: Any, values: np.ndarray) -> np.ndarray:
    """Give a detector of ``river.drift`` the values one by one: the indices at which it rang. It restarts by itself."""
    alarms = []
    for index, value in enumerate(np.asarray(values, dtype=np.float64).tolist()):
        if value == value:  # NaN is not
            detector.update(value)
            if detector.drift_detected:
                alarms.append(index)
    return np.array(alarms, dtype=np.int64)


# What an alarm is worth


def threshold(scores: np.ndarray, rate: float) -> float:
    """The score above which to ring, so that at most ``rate`` of windows ring while nothing is wrong.

    ``scores`` (n,) are those of windows in control. It is one of them: a further window of the same kind lies above the
    k-th largest of n with a chance of k / (n + 1). ValueError when n is too small to promise ``rate``.
    """
    if not 0 < rate < 1:
        raise ValueError(f"A rate of false alarms lies between 0 and 1: {rate:.3g} does not.")
    ordered = np.sort(_scores(scores))[::-1]
    above = int(rate * (len(ordered) + 1) + 1e-9)
    if not above:
        raise ValueError(f"{len(ordered)} windows cannot promise a rate of {rate:.3g}: it takes {ceil(1 / rate) - 1}.")
    return float(ordered[above - 1])


@dataclass(frozen=True)
class Rate:
    """How many windows rang, and between which bounds the long-run rate lies with a confidence of 95 %."""

    alarms: int
    windows: int
    rate: float
    low: float
    high: float

    def __str__(self) -> str:
        bounds = f"95 % interval {100 * self.low:.1f} to {100 * self.high:.1f} %"
        return f"{self.alarms} of {self.windows} windows, {100 * self.rate:.1f} % ({bounds})"


def false_alarms(scores: np.ndarray, threshold: float) -> Rate:
    """The rate of scores above ``threshold`` among windows in control that had no part in choosing it.

    The interval is Clopper and Pearson's (Biometrika, 1934), for independent windows: neighbours that resemble each
    other are worth fewer. ValueError without scores.
    """
    scores = _scores(scores)
    alarms = int((scores > threshold).sum())
    interval = stats.binomtest(alarms, len(scores)).proportion_ci(0.95, method="exact")
    return Rate(alarms, len(scores), alarms / len(scores), float(interval.low), float(interval.high))


def _scores(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if not len(scores) or np.isnan(scores).any():
        raise ValueError("A rate needs at least one window, and every window a score.")
    return scores


@dataclass(frozen=True)
class Record:
    """A detector's record over a stream whose changes are known."""

    found: int  # changes with an alarm
    missed: int  # changes without
    false: int  # alarms that belong to no change
    delay: np.ndarray  # float (changes,): from a change to its first alarm, NaN if it was missed

    def __str__(self) -> str:
        late = f", {np.nanmean(self.delay):.0f} late on average" if self.found else ""
        return f"{self.found} found{late}, {self.missed} missed, {self.false} false"


def delays(alarms: np.ndarray, changes: Sequence[int], within: float = np.inf) -> Record:
    """Hold alarms against the changes that there were. Both are places in the stream (indices), in any order.

    A change owns the alarms from its place until the next change, but no further than ``within``: the first finds it,
    those after repeat it, and any other alarm is false.
    """
    alarms, changes = np.sort(np.asarray(alarms, dtype=np.float64)), np.sort(np.asarray(changes, dtype=np.float64))
    ends = np.minimum(changes + within, np.append(changes[1:], np.inf))
    owned = [alarms[(alarms >= start) & (alarms < end)] for start, end in zip(changes, ends, strict=True)]
    delay = np.array([own[0] - start if len(own) else np.nan for own, start in zip(owned, changes, strict=True)])
    found = int(np.isfinite(delay).sum())
    return Record(found, len(changes) - found, len(alarms) - sum(map(len, owned)), delay)


def most_sensitive(
    detect: Callable[[np.ndarray, Any], np.ndarray],
    settings: Iterable[Any],
    in_control: Sequence[np.ndarray],
    rate: float,
) -> Any:
    """The first of ``settings``, most sensitive first, with which ``detect(stream, setting)`` rings no more often than
    ``rate`` alarms per value on streams in control. ValueError when none of them is calm enough.
    """
    values = sum(len(stream) for stream in in_control)
    for setting in settings:
        if sum(len(detect(stream, setting)) for stream in in_control) <= rate * values:
            return setting
    raise ValueError(f"Every setting rings more often than {rate:.3g} times per value in control: give calmer ones.")
