# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   twin:
#     agreed: e58abe9bb4802460
# ---

# %% [markdown]
# # Assignment 06: watch it decay
#
# Lesson 06 left a model alone and watched it go stale. Here you write the watchman: what compares today with the past, what waits for labels without
# peeking at them, what rings, and what decides whether a refit is worth its price.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `stability`: the population stability index of a column, and where it comes from | 4 |
# | 2 | `errors_by_day`: predictions and their late labels, joined as they were known at a moment | 4 |
# | 3 | `honest_record`: a threshold, its false alarms, and how late it was | 3 |
# | 4 | `InputWatch`: a monitor that needs no labels | 5 |
# | 5 | `ErrorWatch`: a monitor that lives on labels, and notices when they stay away | 5 |
# | 6 | `Policy`: when to refit, and on which days | 5 |
#
# It takes 90 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 5 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 6
#   of the 26 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on streams that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one.
# - `numpy`, `scipy` and `river` are at hand. What the docstrings ask for differs from what `modelserving` does, so wrapping its functions will not do.
# - In exercises 4 to 6 there is no single right answer, and no test compares yours with ours. They play streams and look at what a user of your monitor would feel: how often it rang for
#   nothing, how late it was, what it cost. The bounds stand in the docstrings; the tests judge many streams together and leave a good monitor ample room.

# %% [markdown]
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
from collections import deque
from itertools import pairwise

import numpy as np
import scipy.stats

from modelserving import streams


# %% [markdown]
# ## Exercise 1. How far has a column moved?
#
# The population stability index cuts a column into bins, compares the share of rows in each bin, and adds up $(w - r) \ln (w / r)$, where $r$ is the bin's share
# in the reference and $w$ its share in the window.
#
# Everything hangs on the bins. They are drawn where the *reference* has its quantiles, once, and stay there. With quantiles of the window, every bin
# would hold its tenth of the window whatever happened to it. Two traps lie on the way. A column such as rain is 0 on most days, so several quantiles
# fall together. And a window may leave a bin empty, where the logarithm has nothing to say:
#
# ```
# reference  0 0 0 0 0 0 1 2 3 4     bins = 4: quantiles at 0, 0 and 1.75, so the edges are 0 and 1.75
# bins       below 0     0 to 1.75     1.75 and above     missing
# reference     0            7               3               0
# window        0            4               0               0     of 1 1 1 0
# ```
#
# The first and the last bin are empty on both sides: nothing moved there. The third one lost its rows, and for the sum it counts as half a row: $w = 0.5 / 4$.

# %% nbgrader={"grade": false, "grade_id": "stability", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stability(reference, window, bins):
    """The population stability index of one column, and the bin that contributes most to it.

    Arguments:
        reference: float64 array (n,), the column as it was; NaN where a value is missing, finite elsewhere.
            At least one value is there.
        window: float64 array (m,), the column as it is now; NaN allowed, finite elsewhere.
        bins: whole number, at least 2.

    Returns:
        dict:
        "edges": float64 array, ascending; the 1/bins, 2/bins, … (bins - 1)/bins quantiles of those values of
            the reference that are there, as np.quantile gives them; equal ones are kept once.
        "reference", "window": int64 arrays of length len(edges) + 2; rows by bin. Bin j holds the values with
            edges[j - 1] <= value < edges[j]; the first has no lower end and the one before the last no upper
            end. The last bin is for missing values.
        "psi": float, the sum over the bins of (w - r) ln(w / r). r and w are the bin's rows divided by all n
            or m rows, missing ones included. A bin that is empty on both sides is left out. A bin that is empty
            on one side counts there as 0.5 rows (and nothing else changes: shares need not add up to 1).
        "worst": the number of the bin with the largest part in that sum; of equal ones, the first. When psi is 0,
            no bin is the worst, and any number will do.

    Raises:
        ValueError: if the window has no rows.
    """
    ### BEGIN SOLUTION
    if len(window) == 0:
        raise ValueError("A window without rows cannot be compared with anything.")
    edges = np.unique(np.quantile(reference[~np.isnan(reference)], np.arange(1, bins) / bins))

    def count(values):
        there = values[~np.isnan(values)]
        rows = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
        return np.append(rows, len(values) - len(there))

    before, now = count(reference), count(window)
    r, w = np.maximum(before, 0.5) / len(reference), np.maximum(now, 0.5) / len(window)
    parts = np.where((before == 0) & (now == 0), 0.0, (w - r) * np.log(w / r))
    return {
        "edges": edges,
        "reference": before,
        "window": now,
        "psi": float(parts.sum()),
        "worst": int(parts.argmax()),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_stability", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above.
# Why: with many equal values quantiles fall together, and an empty bin is the rule, not the exception.
# Expected: the edges and counts of the example; a PSI that is the sum of two parts, the larger one of bin 2.
import math

import numpy as np


def test_stability():
    reference = np.array([3.0, 0, 0, 1, 0, 0, 4, 0, 2, 0])
    got = stability(reference, np.array([1.0, 1, 1, 0]), 4)
    assert isinstance(got, dict), "stability must return a dict."
    keys = ["edges", "psi", "reference", "window", "worst"]
    assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
    expected = {"edges": [0, 1.75], "reference": [0, 7, 3, 0], "window": [0, 4, 0, 0]}
    for key, numbers in expected.items():
        came = np.asarray(got[key], dtype=float)
        assert came.shape == (len(numbers),), f'"{key}" should hold {len(numbers)} numbers and is {got[key]!r}.'
        assert np.allclose(came, numbers), f'"{key}" should be {numbers} and is {came.tolist()}.'
    parts = [(4 / 4 - 7 / 10) * math.log((4 / 4) / (7 / 10)), (0.5 / 4 - 3 / 10) * math.log((0.5 / 4) / (3 / 10))]
    assert math.isclose(got["psi"], sum(parts), rel_tol=1e-9), (
        f'"psi" should be {sum(parts):.6f}: {parts[0]:.6f} of bin 1 and {parts[1]:.6f} of bin 2. It is {got["psi"]}.'
    )
    assert got["worst"] == 2, f'Bin 2 contributes most, so "worst" should be 2; it is {got["worst"]!r}.'


test_stability()

# %% nbgrader={"grade": true, "grade_id": "test_stability_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: columns of some thousand rows: as before, moved, wider, with values out of the old range.
# Why: bins that move along with the window see nothing.
# Expected: the five things of the docstring.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_stability_hidden():
    def index(reference, window, edges, empty=0.5):
        parts = []
        for before, now in zip(np.histogram(reference, edges)[0], np.histogram(window, edges)[0], strict=True):
            if before or now:
                r, w = max(before, empty) / len(reference), max(now, empty) / len(window)
                parts.append((w - r) * math.log(w / r))
        return sum(parts)

    random = np.random.default_rng(6)
    old = random.normal(10, 2, 2000)
    cases = [
        ("as before", old, random.normal(10, 2, 500), 10),
        ("moved by half a standard deviation", old, random.normal(11, 2, 700), 10),
        ("twice as wide", old, random.normal(10, 4, 300), 5),
        ("skewed", random.exponential(3, 900), random.exponential(4, 4000), 20),
        ("far out of the old range", old, random.normal(40, 1, 200), 10),
    ]
    for what, reference, window, bins in cases:
        inner = np.quantile(reference, np.arange(1, bins) / bins)
        theirs = np.quantile(window, np.arange(1, bins) / bins)
        both = np.quantile(np.concatenate([reference, window]), np.arange(1, bins) / bins)
        equal = np.linspace(reference.min(), reference.max(), bins + 1)[1:-1]
        edges = np.concatenate([[-np.inf], inner, [np.inf]])
        counts = {"reference": np.histogram(reference, edges)[0], "window": np.histogram(window, edges)[0]}
        got = stability(reference, window, bins)
        came = np.asarray(got["edges"], dtype=float)
        why = "."
        for text, other in (
            (": those are the window's quantiles, and every bin holds its share of it whatever happened.", theirs),
            (": those are the quantiles of both together, and move with the window.", both),
            (": those are bins of equal width; asked for are quantiles of the reference.", equal),
        ):
            why = text if came.shape == other.shape and np.allclose(came, other) else why
        same = came.shape == inner.shape and np.allclose(came, inner)
        assert same, (
            f'{what}: "edges" should be {np.round(inner, 3).tolist()} and are {np.round(came, 3).tolist()}{why}'
        )
        for key, rows in counts.items():
            came = np.asarray(got[key])
            assert came.shape == (bins + 1,), f'{what}: "{key}" should hold {bins + 1} counts, not {came.shape}.'
            assert came.tolist() == [*rows.tolist(), 0], (
                f'{what}: "{key}" should be {[*rows.tolist(), 0]} and is {came.tolist()}. Nothing is missing here, and '
                "every value lies in some bin: what is outside the old range belongs to the first and the last one."
            )
        number = index(reference, window, edges)
        mistakes = {
            "That is infinite: an empty bin counts as half a row.": math.inf,
            "That leaves the bins out that are empty on one side, which moved most.": sum(
                (w / len(window) - r / len(reference)) * math.log(w / len(window) / (r / len(reference)))
                for r, w in zip(counts["reference"], counts["window"], strict=True)
                if r and w
            ),
            "That is half of it: w - r times the logarithm, one way only.": number / 2,
            "The sign is the wrong way round.": -number,
        }
        psi = got["psi"]
        assert isinstance(psi, float), f'{what}: "psi" should be a float and is {psi!r}.'
        why = [text for text, other in mistakes.items() if math.isclose(psi, other, rel_tol=1e-9)]
        assert math.isclose(psi, number, rel_tol=1e-9), (
            f'{what}: "psi" should be {number:.6g} and is {psi:.6g}. {(why or [""])[0]}'
        )
        r, w = (np.maximum(rows, 0.5) / rows.sum() for rows in counts.values())
        worst = int(((w - r) * np.log(w / r)).argmax())
        assert got["worst"] == worst, f'{what}: "worst" should be {worst} and is {got["worst"]!r}.'


test_stability_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_stability_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: missing values, a constant column, values on an edge, a sensor that reads zero, an empty window.
# Why: these are the columns on which a monitor fails at night.
# Expected: finite numbers, and ValueError for the window without rows.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_stability_edges():
    nan, ln = math.nan, math.log
    ten = [float(number) for number in range(10)]
    cases = [
        (
            "values on the edges (an edge belongs to the bin above it)",
            [0.0, 1, 2, 3, 4],
            [1.0, 2, 2, 3],
            4,
            [1, 2, 3],
            [1, 1, 1, 2, 0],
            [0, 1, 2, 1, 0],
            (0.125 - 0.2) * ln(0.125 / 0.2)
            + 0.05 * ln(0.25 / 0.2)
            + 0.3 * ln(0.5 / 0.2)
            + (0.25 - 0.4) * ln(0.25 / 0.4),
            2,
        ),
        ("a constant column that stays", [5.0] * 8, [5.0] * 3, 4, [5], [0, 8, 0], [0, 3, 0], 0.0, 0),
        (
            "a constant column that is another constant now",
            [5.0] * 8,
            [4.0] * 4,
            4,
            [5],
            [0, 8, 0],
            [4, 0, 0],
            (1 - 0.5 / 8) * ln(16) + (0.5 / 4 - 1) * ln(0.5 / 4),
            0,
        ),
        (
            "missing values in both",
            [nan, 1.0, 2, 3, nan, 4, 5],
            [nan, 1.0, nan, nan],
            2,
            [3],
            [2, 3, 2],
            [1, 0, 3],
            (1 / 4 - 2 / 7) * ln(7 / 8) + (1 / 8 - 3 / 7) * ln(7 / 24) + (3 / 4 - 2 / 7) * ln(21 / 8),
            2,
        ),
        (
            "a window in which every value is missing",
            ten,
            [nan] * 5,
            2,
            [4.5],
            [5, 5, 0],
            [0, 0, 5],
            2 * (0.1 - 0.5) * ln(0.1 / 0.5) + (1 - 0.05) * ln(20),
            2,
        ),
        (
            "a sensor that reads zero",
            [*ten, nan, nan],
            [0.0] * 6,
            5,
            [1.8, 3.6, 5.4, 7.2],
            [2, 2, 2, 2, 2, 2],
            [6, 0, 0, 0, 0, 0],
            (1 - 1 / 6) * ln(6) + 5 * (0.5 / 6 - 1 / 6) * ln(0.5),
            0,
        ),
        (
            "a column in which everything was missing but one value",
            [nan, nan, nan, 7.0],
            [8.0, 6.0],
            3,
            [7],
            [0, 1, 3],
            [1, 1, 0],
            (0.5 - 0.125) * ln(4) + (0.5 - 0.25) * ln(2) + (0.25 - 0.75) * ln(1 / 3),
            2,
        ),
    ]
    for what, reference, window, bins, edges, before, now, psi, worst in cases:
        got = stability(np.array(reference), np.array(window), bins)
        told = f"With {what}, reference {reference}, window {window} and {bins} bins,"
        came = np.asarray(got["edges"], dtype=float)
        same = came.shape == (len(edges),) and np.allclose(came, edges)
        assert same, (
            f'{told} "edges" should be {edges} (equal quantiles once, missing values left out) and are {came.tolist()}.'
        )
        for key, rows in (("reference", before), ("window", now)):
            came = np.asarray(got[key]).tolist()
            assert came == rows, f'{told} "{key}" should be {rows} and is {came}.'
        same = isinstance(got["psi"], float) and math.isclose(got["psi"], psi, rel_tol=1e-9, abs_tol=1e-12)
        assert same, (
            f'{told} "psi" should be {psi:.6f} and is {got["psi"]}. A bin that is empty on one side counts as half a '
            "row, and one that is empty on both sides is left out."
        )
        same = got["worst"] == worst or psi == 0  # nothing moved: no bin is the worst
        assert same, f'{told} "worst" should be {worst} and is {got["worst"]!r}.'
    refused = False
    try:
        stability(np.array([1.0, 2.0]), np.zeros(0), 10)
    except ValueError:
        refused = True
    assert refused, "A window without rows has to be refused with ValueError: 0 of 0 rows is no share."


test_stability_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. What was known on Tuesday?
#
# Predictions wait for the truth. It comes hours or weeks later, is corrected now and then, and some of it belongs to predictions that nobody made. Whoever
# asks today how good the model was last Tuesday joins the two tables, and all is well. Whoever asks how good it *looked* on Tuesday evening, because a monitor or a
# refitting policy is to be tried on the past, has to leave out everything that came after Tuesday evening. With a plain join they peek into the future, and the policy will look better than it can ever be.
#
# So the moment, `as_of`, is an argument. Times are days: 3.25 is the fourth day (its number is 3) at six in the morning.
#
# ```
# served                          labels
# id   time   prediction          id   value   arrived
# 11   3.25      10               11     14      5.5
# 12   3.50      20               12     20      4.0
# 13   4.75      30               12     26      6.5     a correction
#                                 99      7      4.5     of a prediction that we never made
#
# as of 5.0:   day 3: 2 served, 1 labelled (id 12, by 20), mean error 0     day 4: 1 served, 0 labelled, no error known
# as of 7.0:   day 3: 2 served, 2 labelled (by 14 and 26), mean error (4 + 6) / 2
# ```
#
# An error belongs to the day of its *prediction*, not to the day on which its label came.

# %% nbgrader={"grade": false, "grade_id": "errors_by_day", "locked": false, "schema_version": 3, "solution": true, "task": false}
def errors_by_day(served, labels, as_of):
    """The mean error of each day's predictions, as it was known at the moment `as_of`.

    Arguments:
        served: dict of arrays of one length n, in no particular order:
            "id": int64, each once. "time": float64, days, 0 or more; when it was answered. "prediction": float64,
            finite.
        labels: dict of arrays of one length m, in no particular order:
            "id": int64. "value": float64; what turned out to be true; NaN takes the label of this id back.
            "arrived": float64, days; when it reached us. That may be before the prediction was answered.
            An id may have several rows (corrections), and may be one that was never served.
        as_of: float, days. What has a later time, or arrived later, is not known yet; what has exactly
            this time is.

    The label of an id is the row that arrived last, of those known; of rows that arrived at the same moment,
    the one further down in `labels`.

    Returns:
        dict:
        "day": int64 array, ascending; the days (whole part of "time") on which something known was served.
        "served": int64 array; how many predictions of the day are known.
        "labelled": int64 array; how many of them have a label.
        "error": float64 array; the mean of |prediction - value| over these, NaN where there is none.
        "orphans": int; how many different ids have known rows in `labels` and no known prediction.
    """
    ### BEGIN SOLUTION
    known = labels["arrived"] <= as_of
    order = np.argsort(labels["arrived"][known], kind="stable")
    value = dict(zip(labels["id"][known][order].tolist(), labels["value"][known][order].tolist(), strict=True))
    there = served["time"] <= as_of
    ids = served["id"][there].tolist()
    error = np.abs(served["prediction"][there] - np.array([value.get(one, math.nan) for one in ids], dtype=float))
    days, place = np.unique(np.floor(served["time"][there]).astype(np.int64), return_inverse=True)
    has = ~np.isnan(error)
    labelled = np.bincount(place[has], minlength=len(days))
    total = np.bincount(place[has], weights=error[has], minlength=len(days))
    return {
        "day": days,
        "served": np.bincount(place, minlength=len(days)),
        "labelled": labelled,
        "error": np.where(labelled > 0, total / np.maximum(labelled, 1), math.nan),
        "orphans": len(set(value) - set(ids)),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_errors_by_day", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, asked at four moments.
# Why: the same question about the same day has another answer later, and each of them was right at its time.
# Expected: what was known at that moment, and nothing that came later.
import numpy as np


def test_errors_by_day():
    served = {
        "id": np.array([13, 11, 12]),
        "time": np.array([4.75, 3.25, 3.5]),
        "prediction": np.array([30.0, 10.0, 20.0]),
    }
    labels = {
        "id": np.array([12, 11, 99, 12]),
        "value": np.array([26.0, 14.0, 7.0, 20.0]),
        "arrived": np.array([6.5, 5.5, 4.5, 4.0]),
    }
    nan = float("nan")
    cases = [
        (3.4, [3], [1], [0], [nan], 0, "only id 11 was served by then"),
        (5.0, [3, 4], [2, 1], [1, 0], [0.0, nan], 1, "the label of 11 and the correction of 12 come later"),
        (5.5, [3, 4], [2, 1], [2, 0], [2.0, nan], 1, "the label of 11 arrives at this very moment"),
        (7.0, [3, 4], [2, 1], [2, 0], [5.0, nan], 1, "the correction of 12 has arrived"),
    ]
    for as_of, *lists, orphans, reason in cases:
        got = errors_by_day(served, labels, as_of)
        assert isinstance(got, dict), "errors_by_day must return a dict."
        keys = ["day", "error", "labelled", "orphans", "served"]
        assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
        for key, expected in zip(("day", "served", "labelled", "error"), lists, strict=True):
            came = np.asarray(got[key], dtype=float)
            same = came.shape == (len(expected),) and np.allclose(came, expected, equal_nan=True)
            assert same, f'As of {as_of}, "{key}" should be {expected} and is {came.tolist()}: {reason}.'
        assert got["orphans"] == orphans, f'As of {as_of}, "orphans" should be {orphans} and is {got["orphans"]!r}.'


test_errors_by_day()

# %% nbgrader={"grade": true, "grade_id": "test_errors_by_day_peek", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: 40 days of predictions whose labels come up to three weeks late, asked at many moments.
# Why: what is tried on the past with labels of the future looks better than it will ever be.
# Expected: at each moment what was known then. Rows that came later change nothing.
### BEGIN HIDDEN TESTS
import numpy as np


def test_errors_by_day_peek():
    def table(served, labels, as_of, moment, first=False, row_order=False, by_arrival=False):
        """What is known as of one moment, with labels as of another, or made by other mistakes."""
        found, days = {}, {}
        rows = range(len(labels["id"])) if row_order else np.argsort(labels["arrived"], kind="stable").tolist()
        for row in rows[::-1] if first else rows:
            if labels["arrived"][row] <= moment:
                found[int(labels["id"][row])] = (labels["value"][row], labels["arrived"][row])
        for one, when, said in zip(*(column.tolist() for column in served.values()), strict=True):
            if when <= as_of:
                on = days.setdefault(int(when), [0, []])
                on[0] += 1
                if one in found:
                    on = days.setdefault(int(found[one][1]), [0, []]) if by_arrival else on
                    on[1].append(abs(said - found[one][0]))
        return {day: (count, len(errors), sum(errors) / max(1, len(errors))) for day, (count, errors) in days.items()}

    for seed in (1, 2, 3):
        random = np.random.default_rng(seed)
        n = 800
        ids = random.permutation(5 * n)[:n]
        time = random.uniform(0, 40, n)
        prediction = random.normal(50, 10, n)
        arrived = time + random.uniform(0.2, 21, n)
        value = prediction + random.normal(0, 3, n) + time / 4  # the model goes stale
        has = random.uniform(size=n) < 0.9
        again = has & (random.uniform(size=n) < 0.3)  # corrected later
        served = {"id": ids, "time": time, "prediction": prediction}
        labels = {
            "id": np.concatenate([ids[has], ids[again]]),
            "value": np.concatenate([value[has], value[again] + random.normal(8, 1, again.sum())]),
            "arrived": np.concatenate([arrived[has], arrived[again] + random.uniform(0.5, 9, again.sum())]),
        }
        order = random.permutation(len(labels["id"]))
        labels = {name: column[order] for name, column in labels.items()}

        for as_of in (0.5, 7.3, 15.0, 22.9, 39.99, 55.0, 80.0):
            both = (served, labels, as_of)
            expected = table(*both, as_of)
            mistakes = {
                "These are labels that had not arrived yet.": table(*both, np.inf),
                "A corrected label counts by its last known value, not by its first.": table(*both, as_of, first=True),
                "Which label is the last is a matter of when it arrived, not of its row.": table(
                    *both, as_of, row_order=True
                ),
                "An error belongs to the day of its prediction, not to that of its label.": table(
                    *both, as_of, by_arrival=True
                ),
            }
            got = errors_by_day(served, labels, as_of)
            came = np.asarray(got["day"]).tolist()
            assert came == sorted(expected), (
                f'As of {as_of}, "day" should be the {len(expected)} days from 0 to {max(expected)} and is {came}.'
            )
            for place, key in enumerate(("served", "labelled", "error")):

                def column(table, place=place, days=came):
                    rows = [table.get(day, (0, 0, 0.0)) for day in days]
                    return np.array([np.nan if place == 2 and not row[1] else row[place] for row in rows], dtype=float)

                numbers, true = np.asarray(got[key], dtype=float), column(expected)
                assert numbers.shape == true.shape, f'As of {as_of}, "{key}" should hold {len(came)} numbers.'
                same = np.isclose(numbers, true, equal_nan=True)
                why = [text for text, t in mistakes.items() if np.allclose(numbers, column(t), equal_nan=True)]
                assert same.all(), (
                    f'As of {as_of}, "{key}" of day {came[same.argmin()]} should be {true[same.argmin()]:.6g} and is '
                    f"{numbers[same.argmin()]:.6g}. {' '.join(why)}"
                )
            assert got["orphans"] == 0, (
                f'As of {as_of}, "orphans" should be 0: labels are known of predictions alone that were served before. '
                f"It is {got['orphans']!r}."
            )


test_errors_by_day_peek()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_errors_by_day_corrections", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: labels that are corrected, taken back, come twice, come early or belong to nobody; empty tables.
# Why: none of this is an error of the one who sends labels. It is how labels come.
# Expected: the rules of the docstring.
### BEGIN HIDDEN TESTS
import numpy as np


def test_errors_by_day_corrections():
    nan = float("nan")

    def of(*rows):
        ids, values, arrived = zip(*rows, strict=True) if rows else ((), (), ())
        return {
            "id": np.array(ids, dtype=np.int64),
            "value": np.array(values, dtype=float),
            "arrived": np.array(arrived, dtype=float),
        }

    def predictions(*rows):
        ids, times, said = zip(*rows, strict=True) if rows else ((), (), ())
        return {
            "id": np.array(ids, dtype=np.int64),
            "time": np.array(times, dtype=float),
            "prediction": np.array(said, dtype=float),
        }

    two = predictions((7, 2.5, 10.0), (8, 2.0, 20.0))
    gap = predictions((7, 9.9, 1.0), (8, 2.0, 1.0), (9, 2.0, 5.0))
    cases = [
        ("no labels at all", two, of(), 9.0, [2], [2], [0], [nan], 0),
        ("nothing served, and a label", predictions(), of((5, 1.0, 1.0)), 9.0, [], [], [], [], 1),
        ("nothing known yet", two, of((7, 1.0, 3.0)), 1.0, [], [], [], [], 0),
        ("a label that comes in one moment with its prediction", two, of((8, 23.0, 2.0)), 2.0, [2], [1], [1], [3.0], 0),
        ("a label that came before its prediction", two, of((7, 14.0, 1.0)), 2.5, [2], [2], [1], [4.0], 0),
        ("the same one before the prediction was served", two, of((7, 14.0, 1.0)), 2.25, [2], [1], [0], [nan], 1),
        (
            "a correction that stands above the first label",
            two,
            of((7, 16.0, 5.0), (7, 11.0, 3.0)),
            9.0,
            [2],
            [2],
            [1],
            [6.0],
            0,
        ),
        (
            "two labels that arrived at the same moment (the lower row counts)",
            two,
            of((7, 16.0, 3.0), (7, 11.0, 3.0)),
            9.0,
            [2],
            [2],
            [1],
            [1.0],
            0,
        ),
        ("a label that was taken back", two, of((7, 16.0, 3.0), (7, nan, 4.0)), 9.0, [2], [2], [0], [nan], 0),
        ("the same one before it was taken back", two, of((7, 16.0, 3.0), (7, nan, 4.0)), 3.5, [2], [2], [1], [6.0], 0),
        (
            "a label that was taken back and given again",
            two,
            of((7, 16.0, 3.0), (7, 12.0, 5.0), (7, nan, 4.0), (8, 20.0, 3.0)),
            9.0,
            [2],
            [2],
            [2],
            [1.0],
            0,
        ),
        (
            "labels of two predictions that were never made, one of them corrected",
            two,
            of((1, 1.0, 3.0), (1, 2.0, 4.0), (3, nan, 4.0), (7, 10.0, 4.0)),
            9.0,
            [2],
            [2],
            [1],
            [0.0],
            2,
        ),
        ("days between which nothing was served", gap, of((8, 2.0, 3.0)), 10.0, [2, 9], [2, 1], [1, 0], [1.0, nan], 0),
    ]
    for what, served, labels, as_of, *lists, orphans in cases:
        got = errors_by_day(served, labels, as_of)
        for key, expected in zip(("day", "served", "labelled", "error"), lists, strict=True):
            came = np.asarray(got[key], dtype=float)
            same = came.shape == (len(expected),) and np.allclose(came, expected, equal_nan=True)
            assert same, f'With {what}, as of {as_of}, "{key}" should be {expected} and is {came.tolist()}.'
        assert got["orphans"] == orphans, (
            f'With {what}, as of {as_of}, "orphans" should be {orphans} and is {got["orphans"]!r}.'
        )


test_errors_by_day_corrections()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. An honest record
#
# Every monitor gives a score, and somebody chooses the threshold above which it rings. Set it where past scores would have rung rarely, and you know how often it rings for nothing: on
# *that* past. So the days in which nothing happened are divided: the first half sets the threshold, the second half counts the false alarms.
#
# A count needs its uncertainty. No false alarm in 20 days does not mean none in a year: with a true rate of one in seven, 20 quiet days still happen 1 time in 20. The interval of Clopper and
# Pearson (`scipy.stats.binomtest`) says how far the rate may reach.
#
# ```
# scores   3  1  2  5    4  6  1  5    2  2  7  3  1  6     control = 8, rate = 0.25, something changed on days 8 and 11
#          first half    second half
# threshold 3: one of the first four days lies above it, and more may not
# false alarms: 4, 6 and 5 lie above it, 3 of 4 days
# delays: from day 8 to the alarm of day 10: 2 days; from day 11 to that of day 13: 2 days
# ```

# %% nbgrader={"grade": false, "grade_id": "honest_record", "locked": false, "schema_version": 3, "solution": true, "task": false}
def honest_record(scores, control, changes, rate):
    """What a monitor's scores are worth.

    Arguments:
        scores: float64 array (days,); a score a day, the higher the more suspicious. NaN on a day without one:
            that day cannot ring, and counts nowhere.
        control: even whole number, at least 2; on the first `control` days nothing was wrong. Either half of
            them has at least one score.
        changes: list of days on which something changed for good, ascending, each different, each at least
            `control` and below len(scores); may be empty.
        rate: number, 0 <= rate < 1.

    Returns:
        dict:
        "threshold": float; the smallest of the scores of the first control // 2 days, such that at most the share
            `rate` of these scores lies above it (or exceeds that share by less than 1e-9). A day rings when its
            score lies above the threshold; a score equal to it does not.
        "false": int; how many of the other days in control ring.
        "at_most": float; the upper end of the two-sided 95 % interval of Clopper and Pearson ("exact") for the
            rate of false alarms, by the scores of these other days.
        "delays": list with a whole number or None for each change: days from the change to the first day that
            rings, the day of the change itself included. An alarm on the day of the next change, or later,
            comes too late: None.
    """
    ### BEGIN SOLUTION
    first, second = scores[: control // 2], scores[control // 2 : control]
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    threshold = np.sort(first)[::-1][math.floor(rate * len(first) + 1e-9)]
    false = int((second > threshold).sum())
    delays = []
    for change, end in pairwise([*changes, len(scores)]):
        rings = np.flatnonzero(scores[change:end] > threshold)
        delays.append(int(rings[0]) if len(rings) else None)
    return {
        "threshold": float(threshold),
        "false": false,
        "at_most": float(scipy.stats.binomtest(false, len(second)).proportion_ci(0.95, "exact").high),
        "delays": delays,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_honest_record", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, and twenty quiet days.
# Why: three of four days rang, although the threshold let one of four through: that is what the second half is for.
# Expected: threshold 3, 3 false alarms, delays of 2 days each; and that 0 of 20 may be as much as 0.168.
import math

import numpy as np


def test_honest_record():
    scores = np.array([3.0, 1, 2, 5, 4, 6, 1, 5, 2, 2, 7, 3, 1, 6])
    got = honest_record(scores, 8, [8, 11], 0.25)
    assert isinstance(got, dict), "honest_record must return a dict."
    keys = ["at_most", "delays", "false", "threshold"]
    assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
    assert got["threshold"] == 3, f'"threshold" should be 3: of 3, 1, 2 and 5 one lies above. It is {got["threshold"]}.'
    assert got["false"] == 3, f'"false" should be 3: of 4, 6, 1 and 5 three lie above 3. It is {got["false"]}.'
    assert got["delays"] == [2, 2], f'"delays" should be [2, 2], for the alarms of days 10 and 13: {got["delays"]}.'
    assert math.isclose(got["at_most"], 0.993690, abs_tol=1e-4), (
        f'"at_most" should be 0.9937 for 3 of 4 days, and is {got["at_most"]}.'
    )
    quiet = honest_record(np.full(40, 0.5), 40, [], 0.1)
    assert (quiet["false"], round(quiet["at_most"], 3)) == (0, 0.168), (
        f"0 of 20 days should give at_most 0.1684, and 40 equal scores no alarm; you returned {quiet}."
    )


test_honest_record()

# %% nbgrader={"grade": true, "grade_id": "test_honest_record_threshold", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: scores of some hundred days, with ties and missing ones.
# Why: a threshold that is judged on the days that chose it gets the false alarms that it was promised, by construction.
# Expected: the threshold from the first half, false alarms and their interval from the second.
### BEGIN HIDDEN TESTS
import math

import numpy as np
import scipy.stats


def test_honest_record_threshold():
    for seed, control, rate, holes, ties in (
        (1, 400, 0.05, 0.0, False),
        (2, 200, 0.01, 0.2, False),
        (3, 60, 0.1, 0.1, True),
        (4, 20, 0.3, 0.0, True),
        (5, 300, 0.0, 0.1, False),
        (6, 2, 0.5, 0.0, False),
    ):
        random = np.random.default_rng(seed)
        scores = random.gamma(2.0, 1.0, control + 50)
        scores[control // 2 :] *= 1.3
        scores = np.round(scores) if ties else scores
        scores[(random.uniform(size=len(scores)) < holes) & (np.arange(len(scores)) > 0)] = math.nan
        first, second = ([x for x in half if x == x] for half in np.split(scores[:control], 2))
        threshold = min(x for x in first if sum(y > x for y in first) <= rate * len(first) + 1e-9)
        false = sum(x > threshold for x in second)
        both = first + second
        what = f"{control} days in control, {len(both)} of them with a score, and a rate of {rate}"
        got = honest_record(scores, control, [], rate)
        mistakes = {
            "That is set on all days in control, and the second half is to judge it.": min(
                x for x in both if sum(y > x for y in both) <= rate * len(both) + 1e-9
            ),
            "That interpolates between scores; asked for is one of the scores.": np.quantile(first, 1 - rate),
            "That lets one alarm too few through.": sorted(first)[-max(1, math.floor(rate * len(first) + 1e-9))],
        }
        came = got["threshold"]
        assert isinstance(came, int | float), f'With {what}, "threshold" should be a number and is {came!r}.'
        why = [text for text, other in mistakes.items() if math.isclose(came, other, rel_tol=1e-9)]
        assert math.isclose(came, threshold, rel_tol=1e-9), (
            f'With {what}, "threshold" should be {threshold:.6g} and is {came:.6g}. {(why or [""])[0]}'
        )
        mistakes = {
            "That counts the days on which the threshold was set.": sum(x > threshold for x in first),
            "That counts all days in control.": sum(x > threshold for x in both),
            "A score equal to the threshold does not ring.": sum(x >= threshold for x in second),
        }
        why = [text for text, other in mistakes.items() if got["false"] == other]
        assert got["false"] == false, (
            f'With {what}, "false" should be {false} and is {got["false"]}. {(why or [""])[0]}'
        )
        high = scipy.stats.binomtest(false, len(second)).proportion_ci(0.95, "exact").high
        assert math.isclose(got["at_most"], high, abs_tol=1e-6), (
            f'With {what}, "at_most" should be {high:.6f}, for {false} of {len(second)} days, and is {got["at_most"]}.'
        )


test_honest_record_threshold()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_honest_record_delays", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: changes that were found at once, late, by the wrong change's alarm, or never.
# Why: an alarm after the next change found that one. And a change that nobody found has no delay, not a long one.
# Expected: whole numbers, and None for what was missed.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_honest_record_delays():
    nan, calm = math.nan, [1.0, 0.0, 0.0, 1.0]
    cases = [
        ("found on the day of the change", [5.0, 0, 0], [4], [0]),
        ("found two days later", [0.0, 0, 5], [4], [2]),
        ("an alarm before the change finds nothing", [5.0, 0, 0], [5], [None]),
        ("an alarm on the day of the next change belongs to that one", [0.0, 0, 5, 0], [4, 6], [None, 0]),
        ("the first alarm counts, not the last one", [0.0, 5, 5, 5], [4], [1]),
        ("never found", [0.0, 1, 0, 1], [4], [None]),
        ("a score equal to the threshold does not ring", [0.0, 1, 2], [4], [2]),
        ("days without a score do not ring, and count as days", [nan, nan, 5.0, nan], [4], [2]),
        ("no change, whatever rings", [5.0, 5, 5], [], []),
        ("three changes, the second one missed", [0.0, 5, 0, 0, 5, 5], [4, 6, 8], [1, None, 0]),
        ("changes on days that follow each other", [5.0, 5, 0, 5], [4, 5, 6], [0, 0, 1]),
        ("a change on the last day", [0.0, 0, 5], [6], [0]),
    ]
    for what, after, changes, expected in cases:
        got = honest_record(np.array(calm + after), 4, changes, 0.0)["delays"]
        assert got == expected, (
            f"{what[0].upper()}{what[1:]}: with scores {after} from day 4 on, a threshold of 1 and changes on "
            f'{changes}, "delays" should be {expected} and is {got!r}.'
        )


test_honest_record_delays()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. A monitor that needs no labels
#
# It sees what comes in and what the model answers, a day at a time, and knows how both looked while all was well. It has two words for a column: *stuck*, when the
# sensor behind it repeats one value, and *moved*, when the column is for good elsewhere than it was.
#
# *Stuck* is a rule. A thermometer that reads 0 in February lies well inside its old range, so no mean and no quantile notices; that sixty readings in a row are alike does. On a dry day
# all values of rain are alike, too, and that is weather: the reference has such days.
#
# *Moved* is a judgement, and the place where monitors **cry wolf**. Rows of one day share their weather. A cold day differs from the pool of all days as clearly as a statistical test can say, with fifty rows that all
# confirm each other, and it is a cold day. What is to be compared is a day with *days*. And who watches several columns has several chances a day to be wrong.
#
# The visible test plays such a stream, and you can play others: `streams.inputs(seed=5, change="load", size=6)` has a `reference`, and `days` of which those from day 40 on have moved by about
# `size` standard deviations of the daily means. With `change="late"` more flights are late, which shows in the predictions; with `change="none"` nothing happens.

# %% nbgrader={"grade": false, "grade_id": "InputWatch", "locked": false, "schema_version": 3, "solution": true, "task": false}
class InputWatch:
    """Watches the columns that a model sees, and its predictions, day by day.

    A day is a dict from names of columns to float64 arrays of one length, that day's rows: 40 or more, another
    number each day, no value missing. All days have the same columns.
    """

    def __init__(self, reference):
        """reference: list of at least 120 days in which all was well, and which follow each other."""
        ### BEGIN SOLUTION
        self.center, self.scale, self.limit, self.recent, self.repeats = {}, {}, {}, {}, {}
        for name in reference[0]:
            means = np.array([day[name].mean() for day in reference])
            self.center[name], self.scale[name] = means.mean(), max(means.std(), 1e-12)
            scores = np.convolve((means - means.mean()) / self.scale[name], np.ones(5) / 5, "valid")
            self.limit[name] = 1.3 * np.abs(scores).max()
            self.recent[name] = deque(maxlen=5)
            self.repeats[name] = any(self._repeats(day[name]) for day in reference)
        ### END SOLUTION

    def day(self, columns):
        """Tell of the next day. It follows the day of the last call, and the first one follows the reference.

        Returns:
            dict from names of columns to "stuck" or "moved"; {} when nothing is to be said.

            "stuck": more than half of the day's rows hold one and the same value of this column, although on no
            day of the reference did more than half of its rows. To be said of each such day, and of no other.

            "moved": the column's daily means are for good elsewhere than in the reference, by any method. When
            they have moved by at least 4 times the standard deviation that they have in the reference, this is to be
            said on one of the first ten days. Not to be said of a column that is stuck on this day. What a stuck
            sensor reads says nothing about where the column lies: leave such days out of what you say later.

            While all is well, days on which anything is said, of whatever column, are at most 1 in 50.
        """
        ### BEGIN SOLUTION
        said = {}
        for name, values in columns.items():
            if self._repeats(values) and not self.repeats[name]:
                said[name] = "stuck"
                continue
            self.recent[name].append((values.mean() - self.center[name]) / self.scale[name])
            if len(self.recent[name]) == 5 and abs(np.mean(self.recent[name])) > self.limit[name]:
                said[name] = "moved"
        return said

    def _repeats(self, values):
        return 2 * np.unique(values, return_counts=True)[1].max() > len(values)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_InputWatch", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: a stream in which the temperature jumps on day 40, by 8 standard deviations of its daily means.
# Why: a watch that rings on half of the quiet days would have found this, too, and nobody would have looked.
# Expected: "moved" on one of days 40 to 49, and something said on at most 10 of the 40 days before.
from modelserving import streams


def test_InputWatch():
    stream = streams.inputs(seed=1, change="temperature", size=8.0)
    watch = InputWatch(stream.reference)
    said = [watch.day(columns) for columns in stream.days]
    for day, words in enumerate(said):
        assert isinstance(words, dict), f"day must return a dict; of day {day} it returned {words!r}."
        known = all(word in ("stuck", "moved") for word in words.values())
        assert known, f'The words are "stuck" and "moved"; of day {day} it said {words}.'
    after = [words for words in said[40:50] if words.get("temperature") == "moved"]
    before = [words for words in said[:40] if words]
    assert after, f"The temperature moved by 8 standard deviations, and no day from 40 to 49 said so: {said[40:50]}."
    assert len(before) <= 10, f"On {len(before)} of 40 days you said something, and nothing was: {before[:3]}, …"


test_InputWatch()

# %% nbgrader={"grade": true, "grade_id": "test_InputWatch_quiet", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: 800 days in five streams in which nothing happens, and in the end something that is plain.
# Why: a monitor that rings every day is switched off by the second week; one that never rings might as well be.
# Expected: something said on at most 1 day in 50; the test lets 1 in 20 pass. "moved", after 25 standard deviations.
### BEGIN HIDDEN TESTS
from modelserving import streams


def test_InputWatch_quiet():
    loud, by_column = 0, {}
    for number in range(5):
        column = ("temperature", "load")[number % 2]
        stream = streams.inputs(610472931855 + number, column, 25.0, start=160, days=170)
        watch = InputWatch(stream.reference)
        said = [watch.day(columns) for columns in stream.days]
        loud += sum(bool(words) for words in said[:160])
        for words in said[:160]:
            for name, word in words.items():
                by_column[f"{name} {word}"] = by_column.get(f"{name} {word}", 0) + 1
        assert any(words.get(column) == "moved" for words in said[160:]), (
            f"After 160 quiet days {column} moved by 25 standard deviations of its daily means, and your watch did not "
            f"say so in ten days: {said[160:]}. A watch that is always silent is no watch."
        )
    assert loud <= 40, (
        f"On {loud} of 800 days your watch said something, and nothing had happened. 16 are allowed, and this test "
        f"lets 40 pass. It said: {by_column}. Compare a day with days: rows of one day share their weather. And four "
        "columns have four chances a day."
    )


test_InputWatch_quiet()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_InputWatch_moved", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: streams in which a column moves, or in which more flights than before are late, which shows in
# the predictions (covariate shift, prior shift).
# Why: what nobody is told of in time goes on for weeks.
# Expected: "moved" for the column on one of the first ten days, in 8 of 9 streams; and seldom before, of any column:
# at most 1 day in 50, where the test lets 1 in 10 pass.
### BEGIN HIDDEN TESTS
from modelserving import streams


def test_InputWatch_moved():
    found, loud = {}, 0
    for number in range(9):
        change, column = (("temperature",) * 2, ("load",) * 2, ("late", "prediction"))[number % 3]
        stream = streams.inputs(721580394011 + number, change, (5.0, -5.0, 7.0)[number // 3], start=30, days=40)
        watch = InputWatch(stream.reference)
        said = [watch.day(columns) for columns in stream.days]
        loud += sum("moved" in words.values() for words in said[:30])
        found.setdefault(change, []).append(any(words.get(column) == "moved" for words in said[30:]))
    missed = sum(not one for several in found.values() for one in several)
    assert missed <= 1, (
        "In each of 9 streams something moved on day 30, by at least 5 standard deviations of the daily means: the "
        "temperature, the load, or the share of late flights (from 20 % to 70 %, seen in the predictions). "
        "Said within ten days: "
        + ", ".join(f"{sum(several)} of {len(several)} ({change})" for change, several in found.items())
        + "."
    )
    assert loud <= 27, (
        f'On {loud} of 270 days before the change you said "moved", and nothing had; 5 are allowed, and this test lets '
        "27 pass. Who always rings has found nothing."
    )


test_InputWatch_moved()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_InputWatch_stuck", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: sensors that read zero, or the last value for ever, on some or on all rows; dry days.
# Why: the model goes on predicting from it, with every sign of health.
# Expected: "stuck" on the days on which the docstring says so, from the first one, and on no others.
### BEGIN HIDDEN TESTS
import numpy as np


def test_InputWatch_stuck():
    random = np.random.default_rng(60)

    def draw(rows, wet):
        return {
            "temperature": 2 + 3 * random.normal() + random.normal(0, 1, rows),
            "rain": wet * random.exponential(1, rows),
            "wind": np.maximum(0, random.normal(1 + 0.3 * random.normal(), 1, rows)),
        }

    reference = [draw(int(random.integers(40, 81)), random.uniform() < 0.3) for _ in range(120)]
    watch = InputWatch(reference)
    cases = [
        ("a day like any other", "", None, 0, False),
        ("a dry day, as there were many", "rain", 0.0, 60, False),
        ("a thermometer that reads zero on all rows", "temperature", 0.0, 60, True),
        ("a thermometer that reads zero on all rows, on the second day", "temperature", 0.0, 60, True),
        ("a thermometer that is well again", "", None, 0, False),
        ("a thermometer that reads 3.7 on 31 rows of 60", "temperature", 3.7, 31, True),
        ("a thermometer that reads 3.7 on 30 rows of 60, which is half and not more", "temperature", 3.7, 30, False),
        ("an anemometer that reads zero on 55 rows of 60", "wind", 0.0, 55, True),
        ("an anemometer that reads zero on 12 rows of 60, as on calm days", "wind", 0.0, 12, False),
        ("another day like any other", "", None, 0, False),
    ]
    for what, column, value, rows, stuck in cases:
        day = draw(60, True)
        if column:
            if column == "wind":  # above zero but for the rows in question
                day["wind"] = np.abs(random.normal(1, 0.5, 60)) + 0.01
            day[column][:rows] = value
            day[column] = random.permutation(day[column])
        said = watch.day(day)
        assert isinstance(said, dict), f"day must return a dict; it returned {said!r}."
        told = [name for name, word in said.items() if word == "stuck"]
        expected = [column] if stuck else []
        assert told == expected, (
            f"On {what}, the columns that are stuck should be {expected} and you said {said}. Count the most frequent "
            "value of the day's rows, and look whether the reference had a day like that."
        )


test_InputWatch_stuck()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. A monitor that lives on labels
#
# Once labels are there, the error itself can be watched, and nothing is nearer to what matters. But errors come a day at a time. At weekends no labels are entered. Now and then there is a **storm**: for one day all errors are two or three
# times as large, and tomorrow they are as before. A monitor that rings at each storm teaches people to ignore it. A monitor that waits for three months to be sure is no use either. **Page–Hinkley**, **CUSUM**
# and **ADWIN** add small things up until they are too many to be chance; so does the median of the last days. (`river.drift.ADWIN` looks at every 32nd value unless told otherwise, which was made for
# hundreds of values a second: here it would look once in six weeks. And what it calls a large difference counts on values whose standard deviation is about one half to one.)
#
# And labels may stop. Then there is no error to be seen, which looks exactly like a model without errors. So a missing day is news of its own, once it is one more than usual.
#
# To play other streams than the visible test: `streams.errors(seed=5, change="slow")` has a `reference`, and `days` of which those from day 70 on are worse; `change` is `"sudden"`, `"slow"` or `"none"`.

# %% nbgrader={"grade": false, "grade_id": "ErrorWatch", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ErrorWatch:
    """Watches the errors of a model, as labels come, day by day.

    A day is a float64 array: the absolute errors of the predictions whose labels came on that day, above 0,
    and finite. It has length 0 when no label came; otherwise as many as it may be, and they differ from day to day.
    """

    def __init__(self, reference):
        """reference: list of at least 100 days in which all was well. Labels came on the first and on the last one."""
        ### BEGIN SOLUTION
        means = [day.mean() for day in reference if len(day)]
        medians = [np.median(means[first : first + 9]) for first in range(len(means) - 8)]
        self.limit = 1.1 * max(medians)
        self.recent = deque(maxlen=9)
        self.empty, self.longest, run = 0, 0, 0
        for day in reference:
            run = 0 if len(day) else run + 1
            self.longest = max(self.longest, run)
        ### END SOLUTION

    def day(self, errors):
        """Tell of the next day. It follows the day of the last call, and the first one follows the reference.

        Returns:
            "feed", "error" or None.

            "feed": for more days in a row than ever in the reference no label has come, this day included. To be said
            of each such day, and of no other.

            "error": the errors have risen for good, by any method; never of a day without labels. When they have
            risen to twice what they were, this is to be said within 40 days. When they grow by 1.5 % of what they
            were each day, within 90. These are days of the calendar, weekends without labels included; no outage
            falls among them. A single day of large errors, up to four times as large as usual, is no rise.

            While all is well, "error" is said at most once in 200 days (days that follow each other count once, days
            without labels are passed over), and on at most 1 day in 10. That holds also after labels have stayed away
            and come back, many at once or not, with errors as before.
        """
        ### BEGIN SOLUTION
        if len(errors) == 0:
            self.empty += 1
            return "feed" if self.empty > self.longest else None
        self.empty = 0
        self.recent.append(errors.mean())
        full = len(self.recent) == self.recent.maxlen
        return "error" if full and np.median(self.recent) > self.limit else None
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_ErrorWatch", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: a stream whose errors are twice as large from day 70 on, without labels on days 40 to 49.
# Why: two things go wrong here, and they ask for different people.
# Expected: "error" on one of days 70 to 109; "feed" between days 40 and 49; "error" at most twice before.
from modelserving import streams


def test_ErrorWatch():
    stream = streams.errors(seed=1, change="sudden")
    watch = ErrorWatch(stream.reference)
    said = [watch.day(errors) for errors in stream.days]
    for day, word in enumerate(said):
        known = word in (None, "feed", "error")
        assert known, f'day must return "feed", "error" or None; of day {day} it said {word!r}.'
    early = [day for day in range(70) if said[day] == "error"]
    assert "error" in said[70:110], "Errors are twice as large from day 70 on, and no day up to 109 said so."
    assert len(early) <= 2, f'"error" was said on days {early}, and until day 70 nothing had happened to the errors.'
    assert "feed" in said[40:50], "No label came on days 40 to 49, and none of these days said so."


test_ErrorWatch()

# %% nbgrader={"grade": true, "grade_id": "test_ErrorWatch_quiet", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: 2,520 days in twelve streams with storms, weekends and an outage, and errors that do not rise.
# Why: one false alarm a month, and within a year nobody gets up for the right one.
# Expected: "error" at most once in 200 days, where the test lets twice as many pass. Then a rise, which is heard of.
### BEGIN HIDDEN TESTS
from itertools import pairwise

from modelserving import streams


def test_ErrorWatch_quiet():
    false = found = rang = 0
    for number in range(12):
        stream = streams.errors(338019627542 + number, "sudden", start=210, days=250)
        watch = ErrorWatch(stream.reference)
        said = [watch.day(errors) for errors in stream.days]
        days = [day for day in range(210) if said[day] == "error"]
        false += sum(day - last > 3 for last, day in pairwise([-9, *days]))  # not once more after a weekend
        rang += len(days)
        found += "error" in said[210:]
    assert found >= 6, (
        f"After 210 quiet days the errors doubled in each of 12 streams, and in {found} of them your watch "
        "said so within 40 days. A watch that is always silent is no watch. Does a day without labels leave it deaf? "
        "The mean of nothing is NaN."
    )
    assert false <= 24, (
        f'"error" was said {false} times in 12 streams of 210 days, and the errors were as ever; 12 are allowed, '
        "and this test lets 24 pass. On one day in thirty all errors are two or three times as large: that is no rise."
    )
    assert rang <= 252, (
        f'"error" was said on {rang} of 2,520 days, and the errors were as ever. An alarm without end tells nothing.'
    )


test_ErrorWatch_quiet()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_ErrorWatch_rise", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: concept drift in 24 streams, at once or slowly. The inputs would show nothing of it.
# Why: how late the alarm was is what it cost.
# Expected: "error" within 40 days where errors double, within 90 days where they grow by 1.5 % a day, each in 10 of 12
# streams; and seldom before.
### BEGIN HIDDEN TESTS
from itertools import pairwise

from modelserving import streams


def test_ErrorWatch_rise():
    false = 0
    for change, within, what in (
        ("sudden", 40, "the errors doubled at once"),
        ("slow", 90, "the errors grew by 1.5 % a day"),
    ):
        delays = []
        for number in range(12):
            stream = streams.errors(946802713573 + number, change, start=70, days=70 + within)
            watch = ErrorWatch(stream.reference)
            said = [watch.day(errors) for errors in stream.days]
            days = [day for day in range(70) if said[day] == "error"]
            false += sum(day - last > 3 for last, day in pairwise([-9, *days]))
            delays.append(next((day for day, word in enumerate(said[70:]) if word == "error"), None))
        missed = delays.count(None)
        assert missed <= 2, (
            f'In 12 streams {what}, and in {missed} of them no "error" was said within {within} days. Days from the '
            f"change to the alarm: {delays}. Labels stayed away for a while before: does that leave your watch deaf?"
        )
    assert false <= 16, (
        f'"error" was said {false} times in 24 times 70 days before anything had risen. Who always rings finds nothing.'
    )


test_ErrorWatch_rise()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_ErrorWatch_feed", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: outages of the label feed, short and long, the first at once, and labels that come in one lot.
# Why: an error that nobody measures is not small.
# Expected: "feed" on each day on which the run of empty days is longer than any in the reference; then no "error".
### BEGIN HIDDEN TESTS
import numpy as np


def test_ErrorWatch_feed():
    random = np.random.default_rng(8)

    def draw(rows):
        return random.uniform(0.8, 1.25) * np.abs(random.normal(size=rows))

    for longest in (0, 1, 3, 6):
        counts = [30] * 120
        for first in (10, 40, 77):
            counts[first : first + longest] = [0] * longest
        watch = ErrorWatch([draw(rows) for rows in counts])
        runs = [longest + 2, longest, longest + 1, 12, 1, 30]
        history, empty, words = [], 0, []
        for run in runs:
            for rows in [0] * run + [40 * run] + [30] * 12:  # what stayed away comes all at once
                empty = 0 if rows else empty + 1
                word = watch.day(draw(rows))
                history.append(rows)
                words.append(word)
                expected = "feed" if empty > longest else None
                assert (word == "feed") == (expected == "feed"), (
                    f"The longest run of days without labels was {longest} in the reference. Now there were {empty} "
                    f"in a row, and you said {word!r}, not {expected!r}. Labels of the last days: {history[-15:]}."
                    if empty
                    else f"Labels came on this day, and you said {word!r}. Labels of the last days: {history[-15:]}."
                )
                assert rows or word != "error", "An error cannot have risen on a day without labels."
        false = words.count("error")
        assert false <= 12, (
            f'On {false} of {len(words)} days you said "error", and the errors were as before. Labels stayed away for '
            "up to 30 days and came back all at once. A day of many labels is one day; a day of none has no error of 0."
        )


test_ErrorWatch_feed()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6. When is a refit worth its price?
#
# A refit costs: somebody checks the data, computers run, the new model is looked at. Let `price` be that cost, in the unit of one day's mean error. A model
# that errs by 0.6 more than it could, on each day, loses about 108 in half a year, which is more than ten refits cost at 10 each; a refit that changes nothing loses 10.
#
# Your policy is asked every morning. It is told the errors whose labels came, and answers with the days to fit on and the days to check on, or with None. The new model is fitted to
# the first, both models are compared on the second, and the better one serves from this very day on. You pay either way.
#
# Three things make it harder than it looks:
#
# - Labels come late. For some days after a refit the errors that come in are still those of the *old* model. Who takes them for the new one's refits again, and again.
# - Days from before a change teach what is no longer so. Days from after it are few, when you first learn of it.
# - A model is not to be checked on days that it was fitted to. It always looks good on these.
#
# `streams.year("slow", 5, Policy)` plays such a year of 300 days and returns its account: `.cost`, and `.refits`, the days on which you refitted. The kinds are `"none"` (nothing changes), `"sudden"`, `"outage"` (a sudden change while
# labels stay away) and `"slow"`. To compare, give a rule in place of your class: `30` refits every 30 days, `"never"` never, and `"known"` is told of a sudden change and refits once, as soon as ten labelled days after it are there.

# %% nbgrader={"grade": false, "grade_id": "Policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Policy:
    """Decides, day by day, whether the model is fitted anew, and on which days. Days are numbered from 0."""

    def __init__(self, reference, price, delay):
        """What is known before day 0.

        reference: float64 array of 60 numbers; the model's mean absolute error on each of 60 days, all being well.
        price: number above 0; what a refit costs, in the unit of one day's mean error.
        delay: whole number, at least 1; the labels of a day come `delay` days later, in the morning, unless there
            is an outage: then those of several days come together, later.
        """
        ### BEGIN SOLUTION
        self.limit = 1.25 * np.mean(reference)
        self.errors, self.since = {}, 0
        ### END SOLUTION

    def day(self, today, errors):
        """It is the morning of day `today`.

        Called for each day, in order, from 0 on.

        Arguments:
            today: the number of the day.
            errors: list of pairs (day, error) of the days whose labels came this morning; error is the mean absolute
                error, on that day, of the model that served on that day. Often one pair, sometimes none or many.

        Returns:
            None: no refit. Or a dict of two lists of days:
            "train": the days to fit on, at least three.
            "check": the days on which old and new model are compared, at least one.
            Both may hold only days whose labels have come by now (their pair was in `errors`, today or before), and no
            day may be in both. The better of the two models serves from `today` on.

        The cost of a stream is the sum of its daily errors plus `price` times the number of refits. Regret is how much
        your cost is above that of the best of these: never refit; refit every 20, 40 or 80 days; refit once, in full
        knowledge of a sudden change, as soon as ten labelled days after it are there. They take the last ten labelled
        days, eight to fit on and two to check on. On average over streams of one kind, regret is to be at most 3 times
        the price.
        """
        ### BEGIN SOLUTION
        self.errors.update(errors)
        known = sorted(self.errors)
        mine = [self.errors[day] for day in known if day >= self.since]  # of the model that serves now
        if len(mine) < 5 or np.median(mine[-5:]) <= self.limit:
            return None
        self.since = today
        return {"train": known[-10:-2], "check": known[-2:]}
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_Policy", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: a year with a sudden change, whose labels come six days late.
# Why: the rules first: no label is used before it comes, and no model is checked on what it was fitted to.
# Expected: plans that keep the rules, at least one refit in the 60 days after the change, and at most 6 in the year.
from modelserving import streams


def test_Policy():
    account = streams.year("sudden", 1, Policy)
    assert account.broken is None, account.broken
    after = [day for day in account.refits if account.changed <= day < account.changed + 60]
    assert after, (
        f"All changed on day {account.changed}, and you did not refit before day {account.changed + 60}. "
        f"Your refits: {account.refits}."
    )
    assert len(account.refits) <= 6, (
        f"You refitted {len(account.refits)} times, for one change on day {account.changed}: {account.refits}."
    )


test_Policy()

# %% nbgrader={"grade": true, "grade_id": "test_Policy_quiet", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: years in which nothing changes; and in the end one in which something does.
# Why: a refit that changes nothing costs as much as one that saves the year.
# Expected: a mean regret of at most 3 refits; and at least one refit where all changes at once.
### BEGIN HIDDEN TESTS
from modelserving import streams


def test_Policy_quiet():
    regrets, refits = [], []
    for number in range(4):
        yours = streams.year("none", 559038461204 + number, Policy)
        assert yours.broken is None, yours.broken
        regrets.append(yours.cost - streams.year("none", 559038461204 + number, "never").cost)
        refits.append(len(yours.refits))
    mean = sum(regrets) / len(regrets)
    assert mean <= 30, (
        f"In four years in which nothing changed you refitted {refits} times, at 10 each. Who never refits has the "
        f"best of it here. Your cost was {mean:.1f} higher on average; 30 are allowed."
    )
    turned = streams.year("sudden", 559038461204 + 10, Policy)
    assert turned.broken is None, turned.broken
    late = [day for day in turned.refits if day >= turned.changed]
    assert late, f"In another year all changed on day {turned.changed}, and you did not refit to its end."


test_Policy_quiet()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Policy_sudden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: years with a sudden change, with labels that come on time, or stay away for a month around it.
# Why: until the labels of the new model's days are there, the old model's errors go on coming in.
# Expected: a mean regret of at most 3 refits against the best of the policies in the docstring, for either kind.
### BEGIN HIDDEN TESTS
from modelserving import streams


def test_Policy_sudden():
    for kind in ("sudden", "outage"):
        regrets, refits, names = [], [], []
        for number in range(4):
            yours = streams.year(kind, 861724095385 + number, Policy)
            assert yours.broken is None, yours.broken
            rules = ("never", 20, 40, 80, "known")
            others = {str(rule): streams.year(kind, 861724095385 + number, rule).cost for rule in rules}
            names.append(min(others, key=others.get))
            regrets.append(yours.cost - others[names[-1]])
            refits.append(len(yours.refits))
        mean = sum(regrets) / len(regrets)
        assert mean <= 30, (
            f'In four years of kind "{kind}" you refitted {refits} times, at 10 each. Your cost was {mean:.1f} above '
            f"that of the best policies ({', '.join(names)}) on average; 30 are allowed. Many refits: do you take "
            "errors of the old model, whose labels come late, for the new one's? Few, and costly: are days from before "
            "the change among those that you fit to?"
        )


test_Policy_sudden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Policy_slow", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: years in which what is right changes a little every day.
# Why: no single refit ends it, and a model fitted to the whole past is one for the middle of the past.
# Expected: a mean regret of at most 3 refits against the best of the policies in the docstring.
### BEGIN HIDDEN TESTS
from modelserving import streams


def test_Policy_slow():
    regrets, refits = [], []
    for number in range(4):
        yours = streams.year("slow", 272649150836 + number, Policy)
        assert yours.broken is None, yours.broken
        others = [streams.year("slow", 272649150836 + number, rule).cost for rule in ("never", 20, 40, 80)]
        regrets.append(yours.cost - min(others))
        refits.append(len(yours.refits))
    mean = sum(regrets) / len(regrets)
    assert mean <= 30, (
        f"In four years of slow change you refitted {refits} times, at 10 each. Your cost was {mean:.1f} above that of "
        "the best calendar on average; 30 are allowed."
    )


test_Policy_slow()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
