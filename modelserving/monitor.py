"""A monitor: reads a server's log, window by window, and says what has changed since all was well (lesson 06).

What it computes is :mod:`modelserving.drift`'s; what it reads is a :class:`~modelserving.store.Store`. The windows that
somebody declares to be in control are cut in three: rows to compare with, windows that set each threshold, and windows
that check how often it is crossed while nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from modelserving import drift
from modelserving.store import Joined, Moment, Served, Store, moment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERIODS = {"hour": "h", "day": "D", "week": "W", "month": "M", "year": "Y"}
LEAST = 20  # rows of a window that can be judged: fewer differ from anything by chance alone
SHOWN = 20  # windows in the text of a report
PAGE_HINKLEY = {"delta": 0.5, "threshold": 8.0}  # in standard deviations of the error while in control
FREAK = 4.0  # the same: Page–Hinkley takes larger ones for this, lest one freak day ring by itself
ADWIN_SPAN = 2.0  # the same, and taken for ADWIN's unit: more is calmer than it need be, and late (benchmarks/drift.py)


@dataclass(frozen=True)
class Window:
    """Rows that are judged together."""

    name: str  # the period that they fell into, or the time of the first of them
    start: np.datetime64  # us; the time of the first row
    end: np.datetime64  # of the last
    rows: np.ndarray  # int64: their places among all rows


def windows(served: Served, by: str | int | np.ndarray = "day") -> list[Window]:
    """Cut predictions into windows, in the order of time.

    ``by`` is a period of UTC (hour, day, week from Thursday as numpy has it, month, year), a number of rows (what is
    left over at the end makes no window), or an array with a key for each row. ValueError for anything else.
    """
    t = served.times
    if not len(served):
        return []
    if isinstance(by, int | np.integer) and by > 0:
        parts = [np.arange(start, start + by) for start in range(0, len(served) - by + 1, by)]
        names = named(t[[rows[0] for rows in parts]])
        return [Window(name, t[rows[0]], t[rows[-1]], rows) for name, rows in zip(names, parts, strict=True)]
    if isinstance(by, str) and by in PERIODS:
        keys = t.astype(f"datetime64[{PERIODS[by]}]")
    elif isinstance(by, np.ndarray) and by.shape == (len(served),):
        keys = by
    else:
        raise ValueError(f"Windows are a number of rows, or one of {', '.join(PERIODS)}: not {by!r}.")
    names, first, place = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(place, kind="stable")
    groups = np.split(order, np.searchsorted(place[order], np.arange(1, len(names))))
    found = [Window(str(name), t[rows[0]], t[rows[-1]], rows) for name, rows in zip(names, groups, strict=True)]
    return [found[place] for place in np.argsort(first, kind="stable")]


def named(times: np.ndarray) -> list[str]:
    """Points in time for a reader: as days where all are midnights, else to the second."""
    days = times.astype("datetime64[D]")
    return (days if (days == times).all() else times.astype("datetime64[s]")).astype(str).tolist()


# How wrong an answer was

Error = Callable[[np.ndarray, np.ndarray], np.ndarray]


def absolute(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The distance of each prediction from the truth, in its unit."""
    return np.abs(predicted - labels)


def squared(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The distance squared; of probabilities, the Brier score."""
    return (predicted - labels) ** 2


def log_loss(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability that was given to what happened; labels are 0 or 1."""
    given = np.where(labels > 0.5, predicted, 1 - predicted)
    return -np.log(np.clip(given, 1e-7, 1))


ERRORS: dict[str, Error] = {"absolute": absolute, "squared": squared, "log": log_loss}


# The report


@dataclass(frozen=True)
class Monitor:
    """One thing that is watched: a score for each window, and the windows in which it rang."""

    scores: np.ndarray  # float64 (windows,): NaN where a window cannot be judged
    alarms: np.ndarray  # int64: windows, ascending; those in control that set the threshold cannot ring
    threshold: float = np.nan  # of the scores; NaN for a detector that keeps its own account
    false: drift.Rate | None = None  # in the windows in control that had no part in the threshold
    columns: list[str] = field(default_factory=list)  # which column the score of a window comes from
    note: str = ""  # why it is not watched, if it is not


@dataclass(frozen=True)
class Report:
    """What a monitor found; ``str(report)`` tells it, :func:`figure` draws it."""

    model: str
    version: str | None  # None: all of them
    windows: list[Window]
    control: tuple[int, int, int]  # the windows that end the reference, the setting of thresholds, and being in control
    rate: float  # of false alarms for each window, which thresholds are set for
    labelled: np.ndarray  # int64 (windows,): rows whose label is known
    delay: float  # seconds: median time from a prediction to its label; NaN without labels
    unknown: int  # ids that labels came for, and that no prediction has
    monitors: dict[str, Monitor]
    columns: dict[str, dict[str, np.ndarray]]  # the scores of each input, by monitor: float64 (windows,)

    def ringing(self) -> list[str]:
        """The monitors that rang in the last window."""
        last = len(self.windows) - 1
        return [name for name, monitor in self.monitors.items() if last in monitor.alarms]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, NaN as None."""
        return {
            "model": self.model,
            "version": self.version,
            "windows": [
                {"name": one.name, "start": str(one.start), "rows": len(one.rows), "labelled": int(labelled)}
                for one, labelled in zip(self.windows, self.labelled, strict=True)
            ],
            "in_control": dict(zip(("reference", "thresholds", "end"), self.control, strict=True)),
            "rate": self.rate,
            "label_delay_seconds": plain(self.delay),
            "unknown_ids": self.unknown,
            "monitors": {
                name: {
                    "scores": plain(monitor.scores),
                    "threshold": plain(monitor.threshold),
                    "alarms": monitor.alarms.tolist(),
                    "false_alarms": monitor.false and vars(monitor.false),
                    "columns": monitor.columns,
                    "note": monitor.note,
                }
                for name, monitor in self.monitors.items()
            },
            "columns": {name: {c: plain(v) for c, v in found.items()} for name, found in self.columns.items()},
        }

    def __str__(self) -> str:
        return "\n".join([*self._head(), "", *self._monitors(), "", *self._windows()])

    def _head(self) -> list[str]:
        rows = sum(len(one.rows) for one in self.windows)
        first, second, end = self.control
        version = "all versions" if self.version is None else f"version {self.version}"
        lines = [
            f"Model {self.model!r}, {version}: {rows:,} rows in {len(self.windows)} windows, "
            f"{self.windows[0].name} to {self.windows[-1].name}.",
            f"Taken to be in control: {end} windows, to {self.windows[end - 1].name}; {first} to compare with, "
            f"{second - first} to set thresholds for {100 * self.rate:.3g} % of false alarms, {end - second} to check.",
        ]
        known = int(self.labelled.sum())
        late = f", half of them within {duration(self.delay)}" if known else ""
        strange = f" {self.unknown:,} ids of labels are of no prediction." if self.unknown else ""
        return [*lines, f"Labels are known for {known:,} of {rows:,} rows{late}.{strange}"]

    def _monitors(self) -> list[str]:
        firsts = {name: self._first(monitor) for name, monitor in self.monitors.items()}
        wide = max(map(len, [*firsts.values(), "first alarm"])) + 2
        lines = [f"{'monitor':<16}{'threshold':>10}{'alarms':>8}  {'first alarm':<{wide}}false alarms while in control"]
        for name, monitor in self.monitors.items():
            if monitor.note:
                lines.append(f"{name:<16}{monitor.note}")
                continue
            alarms = int((monitor.alarms >= self.control[2]).sum())
            limit = "" if np.isnan(monitor.threshold) else f"{monitor.threshold:.4g}"
            checked = monitor.false or "nothing to check with"
            lines.append(f"{name:<16}{limit:>10}{alarms:>8}  {firsts[name]:<{wide}}{checked}")
        return lines

    def _first(self, monitor: Monitor) -> str:
        """The window of a monitor's first alarm after the time in control, and the column that it rang for."""
        since = monitor.alarms[monitor.alarms >= self.control[2]]
        if not len(since):
            return "none"
        column = f" ({monitor.columns[since[0]]})" if monitor.columns else ""
        return self.windows[since[0]].name + column

    def _windows(self) -> list[str]:
        names = [name for name, monitor in self.monitors.items() if not np.isnan(monitor.threshold)]
        wide = max(len(one.name) for one in self.windows) + 2
        lines = ["".join([f"{'window':<{wide}}{'rows':>9}{'labelled':>10}", *(f"{name:>18}" for name in names)])]
        start = max(0, len(self.windows) - SHOWN)
        for place, one in enumerate(self.windows[start:], start):
            cells = []
            for name in names:
                monitor = self.monitors[name]
                score = monitor.scores[place]
                cells.append("" if np.isnan(score) else f"{score:.4g}{' *' if place in monitor.alarms else '  '}")
            values = "".join(f"{cell:>18}" for cell in cells)
            lines.append(f"{one.name:<{wide}}{len(one.rows):>9,}{self.labelled[place]:>10,}{values}".rstrip())
        more = f" The last {SHOWN} of {len(self.windows)} windows." if start else ""
        return [*lines, f"* an alarm.{more}"]


def report(
    store: Store,
    model: str,
    *,
    in_control: int | Moment,
    by: str | int = "day",
    version: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    as_of: Moment | None = None,
    rate: float = 0.05,
    output: str | None = None,
    error: Error = absolute,
    names: Sequence[str] | None = None,
) -> Report:
    """Judge what ``model`` was asked and answered, window by window, against the time when it was in control.

    ``in_control`` says how long that was: the first so many windows (int), or those that end before a point in time. It
    has to be three windows or more, and as many as ``rate`` needs to be promised. ``rate`` is that of false alarms, for
    each window and monitor. ``output`` names what the labels are of, by default the only output, or ``probability``; of
    one with several columns it is the last. ``names`` are those of all input columns, in order. Rows and labels are
    those of :meth:`~modelserving.store.Store.joined`. Raises ValueError, with a sentence, where there is too little.
    """
    joined = store.joined(model, version, since, until, as_of)
    if not len(joined.served):
        raise ValueError(f"The log has no predictions of {model!r} in this time. It has {have(store)}.")
    found = windows(joined.served, by)
    control = cut(found, in_control)
    predicted = predictions_of(joined.served, output)
    inputs = columns_of(joined.served.inputs, names)
    psi, ks = scores_of(inputs, found, control[0])
    scores = {"psi inputs": psi, "ks inputs": ks}
    monitors = {name: largest(each, control, rate) for name, each in scores.items()}
    for name, each in zip(("psi", "ks"), scores_of({"answer": predicted}, found, control[0]), strict=True):
        monitors[f"{name} predictions"] = judged(each["answer"], control, rate)
    mean, labelled = errors(joined, predicted, found, error)
    monitors["error"] = judged(mean, control, rate)
    monitors["Page–Hinkley"] = detected(
        mean, control, lambda z: drift.page_hinkley(z.clip(-FREAK, FREAK), **PAGE_HINKLEY)
    )
    monitors["ADWIN"] = detected(mean, control, lambda z: drift.adwin(z / ADWIN_SPAN))
    waited = (joined.arrived - joined.served.times)[joined.known]
    delay = float(np.median(waited.astype(np.int64)) / 1e6) if len(waited) else np.nan
    unknown = len(joined.unknown)
    return Report(model, version, found, control, rate, labelled, delay, unknown, monitors, scores)


def have(store: Store) -> str:
    """What a store has predictions of, for a sentence."""
    found = [f"{name!r} version {version}" for name, versions in store.models().items() for version in versions]
    return ", ".join(found[:10]) or "none at all"


def cut(found: Sequence[Window], in_control: int | Moment) -> tuple[int, int, int]:
    """How many windows end the reference, the setting of thresholds, and the time in control: thirds of it."""
    if isinstance(in_control, int | np.integer):
        end = int(in_control)
    else:
        limit = np.datetime64(moment(in_control), "us")
        end = sum(bool(one.end < limit) for one in found)
    if not 3 <= end <= len(found):
        raise ValueError(f"{end} windows of {len(found)} are taken to be in control: it takes three at least.")
    return -(-end // 3), -(-2 * end // 3), end


def columns_of(tensors: Mapping[str, np.ndarray], names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Every column of some tensors by name: ``x``, or ``x[0]``, ``x[1]``, … where it has several; or by ``names``."""
    found = {}
    for name, array in tensors.items():
        flat = array.reshape(len(array), -1)
        for place in range(flat.shape[1]):
            found[name if flat.shape[1] == 1 else f"{name}[{place}]"] = flat[:, place]
    if names is None:
        return found
    if len(names) != len(found) or len(set(names)) != len(found):
        raise ValueError(
            f"The model has {len(found)} columns of input, and {len(set(names))} different names were given."
        )
    return dict(zip(names, found.values(), strict=True))


def predictions_of(served: Served, output: str | None = None) -> np.ndarray:
    """The predictions that labels are compared with: float64 (n,)."""
    numeric = [name for name, array in served.outputs.items() if array.dtype.kind in "biuf"]
    if output is None:
        candidates = [name for name in numeric if name == "probability"] or numeric
        if len(candidates) != 1:
            raise ValueError(f"Say which output the labels are of: {', '.join(candidates) or 'none is a number'}.")
        output = candidates[0]
    if output not in numeric:
        raise ValueError(f"There is no output {output!r} of numbers: {', '.join(numeric)}.")
    return served.outputs[output].reshape(len(served), -1)[:, -1].astype(np.float64)


def scores_of(
    columns: Mapping[str, np.ndarray], found: Sequence[Window], reference: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """PSI and Kolmogorov–Smirnov distance of each column in each window, against the first ``reference`` together.

    Float64 (windows,): NaN in the reference itself, and where there are too few rows. The distance is of columns of
    numbers alone.
    """
    together = np.concatenate([one.rows for one in found[:reference]])
    psi, ks = {}, {}
    for name, column in columns.items():
        psi[name] = np.full(len(found), np.nan)
        if numbers := column.dtype.kind in "biuf":
            ks[name] = np.full(len(found), np.nan)
        if column.dtype.kind == "f" and np.isnan(column[together]).all():
            continue  # there is nothing to compare with
        known = drift.refer(column[together])
        for place, one in enumerate(found[reference:], reference):
            window = column[one.rows]
            if len(window) < LEAST or (column.dtype.kind == "f" and np.isnan(window).all()):
                continue
            psi[name][place] = drift.psi(known, window)
            if numbers:
                ks[name][place] = drift.ks(known, window).statistic
    return psi, ks


def errors(
    joined: Joined, predicted: np.ndarray, found: Sequence[Window], error: Error
) -> tuple[np.ndarray, np.ndarray]:
    """The mean error of each window over the rows whose label is known, NaN without any; and how many those are."""
    known = joined.known & ~np.isnan(predicted)
    each = error(joined.labels, predicted)
    mean, labelled = np.full(len(found), np.nan), np.zeros(len(found), dtype=np.int64)
    for place, one in enumerate(found):
        have = one.rows[known[one.rows]]
        labelled[place] = len(have)
        if len(have):
            mean[place] = each[have].mean()
    return mean, labelled


def judged(scores: np.ndarray, control: tuple[int, int, int], rate: float) -> Monitor:
    """A threshold from the second third of the windows in control, checked on the last; alarms after that."""
    first, second, end = control
    setting, checking = (part[~np.isnan(part)] for part in (scores[first:second], scores[second:end]))
    try:
        threshold = drift.threshold(setting, rate)
    except ValueError as problem:
        return Monitor(scores, np.empty(0, np.int64), note=f"not watched: {problem}")
    alarms = second + np.flatnonzero(scores[second:] > threshold)
    return Monitor(scores, alarms, threshold, drift.false_alarms(checking, threshold) if len(checking) else None)


def largest(scores: Mapping[str, np.ndarray], control: tuple[int, int, int], rate: float) -> Monitor:
    """One monitor of many columns, their largest score: watched one by one, one of them would always ring."""
    if not scores:
        return Monitor(np.empty(0), np.empty(0, np.int64), note="not watched: no column is one of numbers")
    names, table = list(scores), np.array(list(scores.values()))
    blank = np.isnan(table)
    which = np.where(blank, -np.inf, table).argmax(axis=0)
    highest = np.where(blank.all(axis=0), np.nan, table[which, np.arange(table.shape[1])])
    monitor = judged(highest, control, rate)
    return Monitor(
        highest, monitor.alarms, monitor.threshold, monitor.false, [names[place] for place in which], monitor.note
    )


def detected(mean: np.ndarray, control: tuple[int, int, int], detect: Callable[[np.ndarray], np.ndarray]) -> Monitor:
    """A detector that hears of the windows' errors one after the other, in standard deviations while in control.

    Mean and deviation are those of the first two thirds of the time in control; the last third counts its false alarms.
    """
    _, second, end = control
    known = mean[:second][~np.isnan(mean[:second])]
    if len(known) < 2 or not known.std():
        return Monitor(mean, np.empty(0, np.int64), note="not watched: no errors are known from the time in control")
    rang = detect(drift.standardise(mean, mean[:second]))
    checking = second + np.flatnonzero(~np.isnan(mean[second:end]))
    false = drift.false_alarms(np.isin(checking, rang).astype(float), 0.5) if len(checking) else None
    return Monitor(mean, rang[rang >= second], false=false)


def plain(values: float | np.ndarray) -> Any:
    """Numbers for JSON, which has no NaN."""
    if isinstance(values, np.ndarray):
        return [plain(value) for value in values.tolist()]
    return None if values != values else values


def duration(seconds: float) -> str:
    """A length of time in words; a label can come before its prediction."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    size, unit = next(
        (s, u) for s, u in ((86400, "day"), (3600, "hour"), (60, "minute"), (0, "second")) if seconds >= s
    )
    count = f"{seconds / (size or 1):.3g}"
    return f"{count} {unit}{'s' * (count != '1')}"


# The figure


def figure(report: Report) -> Figure:
    """A plot for each monitor that has a threshold, with its alarms; detectors' alarms stand on the error's."""
    from modelserving import plots

    shown = {name: one for name, one in report.monitors.items() if not np.isnan(one.threshold)}
    if not shown:
        raise ValueError("No monitor has a threshold: there is nothing to draw.")
    size = (plots.SIZE[0], 1.2 + 1.6 * len(shown))
    fig, axes = plots.figure(f"Model {report.model}", "start of the window", "", rows=len(shown), size=size)
    starts = np.array([one.start for one in report.windows])
    for ax, (name, monitor) in zip(np.atleast_1d(axes), shown.items(), strict=True):
        ax.plot(starts, monitor.scores, color=plots.BLUE, linestyle="-", linewidth=1.2)
        ax.axhline(monitor.threshold, color=plots.GREY, linestyle="--", linewidth=1)
        ax.axvspan(starts[0], starts[report.control[2] - 1], color=plots.GREY, alpha=0.12, linewidth=0)
        ax.plot(starts[monitor.alarms], monitor.scores[monitor.alarms], "v", color=plots.RUST)
        ax.set_title(f"{name}, {alarms(monitor)}", fontsize=10, fontweight="normal")
        if name == "error":
            for detector, marker in (("Page–Hinkley", "s"), ("ADWIN", "D")):
                rang = report.monitors[detector].alarms
                ax.plot(starts[rang], monitor.scores[rang], marker, color=plots.GREEN, fillstyle="none", label=detector)
            ax.legend(fontsize=8)
    return fig


def alarms(monitor: Monitor) -> str:
    """How many there were, in words."""
    count = len(monitor.alarms)
    return f"{count} alarm{'s' * (count != 1)}"


def told(report: Report) -> str:
    """What the figure shows, for those who cannot see it."""
    counts = [
        f"{name} {alarms(one)}" + (f", threshold {one.threshold:.3g}" if one.threshold == one.threshold else "")
        for name, one in report.monitors.items()
        if not one.note
    ]
    return (
        f"Line charts of what is monitored, over {len(report.windows)} windows from {report.windows[0].name} to "
        f"{report.windows[-1].name}, the first {report.control[2]} in control. {'; '.join(counts)}."
    )
