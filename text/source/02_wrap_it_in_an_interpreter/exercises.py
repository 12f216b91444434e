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
#     agreed: 0d57f7d3d91b9db3
# ---

# %% [markdown]
# # Assignment 02: wrap it in an interpreter
#
# Lesson 02 asked whether the exported model is the model that was trained, and wrapped a session so that it refuses what does not fit. Here you write
# the pieces that gave the answer.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `compare`: say how far two programs lie apart, and in which rows | 4 |
# | 2 | `rows_needed`: how many rows a test has to compare | 2 |
# | 3 | `export`: hand out a file, or refuse because it is not the model | 5 |
# | 4 | `Runner`: a session with a signature, refusals and any number of rows | 6 |
# | 5 | `choose`: of several files, find the one that was converted rightly | 3 |
#
# It takes 60 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 6 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 5
#   of the 20 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on models and rows that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one.
# - Write with `numpy`, `onnxruntime` and `skl2onnx`. The docstrings ask for things that `modelserving` does otherwise or not at all, so
#   to call its functions does not solve them.
# - What counts is how your code behaves, not how it is written and not how fast it is.

# %% [markdown]
# Run the next cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType

Path("models").mkdir(exist_ok=True)  # the tests put files here


# %% [markdown]
# ## Exercise 1. How far apart, and where
#
# Two programs were asked for the probabilities of the same rows. `expected` is what the trained model says, `got` is what the file says. The distance of a row is the largest
# absolute difference between its two lists of probabilities:
#
# | row | expected | got | distance |
# |---|---|---|---|
# | 0 | 0.9, 0.1 | 0.9, 0.1 | 0 |
# | 1 | 0.5, 0.5 | 0.3, 0.7 | 0.2 |
#
# Whoever has to find the cause needs the rows themselves, so the report names them, the farthest first.
#
# A `NaN` is a trap: `NaN > 0.00001` is false, so a file that answers `NaN` would pass for perfect.

# %% nbgrader={"grade": false, "grade_id": "compare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compare(expected, got, tolerance):
    """How far the answers of two programs for the same rows lie apart.

    Arguments:
        expected, got: float arrays of shape (n, k), of any floating-point type: the probabilities of
            k classes for n rows. Compute in float64.
        tolerance: float, 0 or more. A distance of exactly the tolerance is within it.

    Returns:
        dict with
        "rows": int, n;
        "largest": float, the largest distance of a row (for a row: the largest over its classes);
        "over": int, the number of rows with a distance greater than the tolerance;
        "worst": list of at most five ints: the numbers of rows with a distance greater than the
            tolerance, the farthest first; of equally far rows the one with the lower number first.

        A NaN in one of the two arrays and not in the other is a distance of infinity. A NaN in
        the same place of both is no distance. The same holds for an infinity: in one of the two
        alone it is a distance of infinity, the same one in the same place of both is none.

    Raises:
        ValueError: the shapes differ (nothing is stretched), or there are no rows: to have compared
            nothing proves nothing.
    """
    ### BEGIN SOLUTION
    expected, got = np.asarray(expected, dtype=np.float64), np.asarray(got, dtype=np.float64)
    if expected.shape != got.shape:
        raise ValueError(f"the shapes differ: {expected.shape} and {got.shape}")
    if not len(expected):
        raise ValueError("no rows were compared")
    one_nan = np.isnan(expected) != np.isnan(got)
    distance = np.nan_to_num(np.abs(expected - got), nan=0.0, posinf=np.inf)
    distance = np.where(one_nan, np.inf, distance).max(axis=1)
    farthest_first = np.argsort(-distance, kind="stable")
    over = int((distance > tolerance).sum())
    return {
        "rows": len(distance),
        "largest": float(distance.max()),
        "over": over,
        "worst": farthest_first[: min(over, 5)].tolist(),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_compare", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: four rows that can be worked out by hand.
# Why: a parity check is only as good as the distance that it takes.
# Expected: distances 0, 0.2, 0.1 and 0.3; with a tolerance of 0.15 two rows are over, 3 before 1.
import numpy as np


def test_compare():
    by_model = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.6, 0.4]])
    by_file = np.array([[0.9, 0.1], [0.3, 0.7], [0.3, 0.7], [0.9, 0.1]])
    found = compare(by_model, by_file, 0.15)
    assert isinstance(found, dict), "compare must return a dict."
    missing = {"rows", "largest", "over", "worst"} - set(found)
    assert not missing, f"The dict lacks {', '.join(sorted(missing))}."
    assert found["rows"] == 4, f"Four rows were compared; rows is {found['rows']}."
    got = float(found["largest"])
    mistakes = {
        "That is the mean distance.": 0.15,
        "That is the sum over the classes: take the largest of them.": 0.6,
    }
    diagnosis = "".join(f" {what}" for what, value in mistakes.items() if np.isclose(got, value))
    assert np.isclose(got, 0.3), f"largest should be 0.3 and is {got:.4f}.{diagnosis}"
    assert found["over"] == 2, f"Two rows lie farther apart than 0.15; over is {found['over']}."
    assert list(found["worst"]) == [3, 1], (
        f"worst should be [3, 1], the farthest row first, and is {list(found['worst'])}."
    )


test_compare()

# %% nbgrader={"grade": true, "grade_id": "test_compare_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: thousands of rows, three classes, float32 against float64; more than five
# rows over, rows that are equally far, none at all; arrays that cannot be compared.
# Why: the one row that is far off must be found wherever it lies, and in whichever class.
# Expected: the report of the docstring, row numbers included; ValueError for shapes that differ and
# for no rows.
### BEGIN HIDDEN TESTS
import numpy as np


def test_compare_hidden():
    generator = np.random.default_rng(202)
    base = generator.dirichlet([2.0, 1.0, 1.0], 6000)

    def moved(places, steps, column):
        other = base.copy()
        other[places, column] += steps
        return other

    many = generator.choice(6000, 40, replace=False)
    steps = generator.permutation(np.linspace(0.001, 0.2, 40))
    two = base[:, :2] / base[:, :2].sum(axis=1, keepdims=True)
    every_sixth = np.arange(40) % 6 == 3
    cases = {
        "40 of 6,000 rows differ, in the second class": (base, moved(many, steps, 1), 1e-5),
        "one row differs, in the last class, downwards": (base, moved([4711], [-0.125], 2), 1e-5),
        "seven rows are equally far": (np.zeros((40, 3)), np.zeros((40, 3)) + 0.5 * every_sixth[:, None], 0.25),
        "float32 against float64": (base, base.astype(np.float32), 1e-5),
        "float32 against float64, no tolerance": (two[:50], two[:50].astype(np.float32), 0.0),
        "nothing differs": (base, base.copy(), 0.0),
        "exactly the tolerance": (np.zeros((3, 2)), np.array([[0.0, 0.0], [0.25, 0.0], [0.5, 0.0]]), 0.25),
        "one row": (base[:1], moved([0], [0.25], 0)[:1], 0.1),
    }
    for case, (by_model, by_file, tolerance) in cases.items():
        found = compare(by_model, by_file, tolerance)
        distance = np.abs(by_model.astype(np.float64) - by_file.astype(np.float64)).max(axis=1)
        order = np.argsort(-distance, kind="stable")
        over = int((distance > tolerance).sum())
        worst = order[: min(5, over)].tolist()
        assert int(found["rows"]) == len(by_model), f"rows should be {len(by_model)} and is {found['rows']} ({case})."
        got, largest = float(found["largest"]), float(distance.max())
        diagnosis = ""
        if np.isclose(got, np.abs(by_model - by_file)[:, -1].max()) and case.startswith("40"):
            diagnosis = " Only the last class was looked at: compare all of them."
        elif np.isclose(got, (by_file.astype(np.float64) - by_model).max()) and got < largest:
            diagnosis = " The sign was kept: a difference downwards is one, too."
        assert np.isclose(got, largest, rtol=1e-6, atol=1e-12), (
            f"largest should be {largest:.6g} and is {got:.6g} ({case}).{diagnosis}"
        )
        diagnosis = ""
        if int(found["over"]) == int((distance >= tolerance).sum()):
            diagnosis = " A distance of exactly the tolerance is within it."
        assert int(found["over"]) == over, f"over should be {over} and is {found['over']} ({case}).{diagnosis}"
        named = [int(row) for row in found["worst"]]
        diagnosis = ""
        if named == order[:5].tolist() and over < 5:
            diagnosis = " Rows within the tolerance do not belong there."
        elif len(named) > 5:
            diagnosis = " Five rows at most."
        elif sorted(distance[named].tolist()) == sorted(distance[worst].tolist()):
            diagnosis = " The farthest comes first; of equally far rows the one with the lower number."
        assert named == worst, f"worst should be {worst} and is {named} ({case}).{diagnosis}"

    for reason, by_model, by_file in (
        ("5 rows and 4 rows are not the same rows", base[:5], base[:4]),
        ("5 rows and 1 row are not the same rows (numpy stretches 1 to 5: compare the shapes)", base[:5], base[:1]),
        ("three classes and two are not the same classes", base[:5], two[:5]),
        ("no rows at all prove nothing", base[:0], base[:0]),
    ):
        try:
            compare(by_model, by_file, 1e-5)
        except ValueError:
            continue
        raise AssertionError(f"compare gave a report although {reason}: raise ValueError.")


test_compare_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_compare_nan", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: NaN on one side, on the other, on both; infinity likewise.
# Why: every comparison with NaN is false, so a file that answers NaN passes a careless check.
# Expected: a distance of infinity where one side alone has it, none where both have the same.
### BEGIN HIDDEN TESTS
import numpy as np


def test_compare_nan():
    base = np.full((8, 2), 0.5)
    by_file, by_model = base.copy(), base.copy()
    by_file[2] = np.nan
    by_file[6, 1] = 0.75
    found = compare(by_model, by_file, 1e-3)
    assert float(found["largest"]) == np.inf, (
        f"Row 2 of the file is NaN and the model's is not, so largest should be inf; it is {found['largest']}."
    )
    assert int(found["over"]) == 2, (
        f"Rows 2 (NaN in the file alone) and 6 are over the tolerance; over is {found['over']}. "
        "NaN > tolerance is false."
    )
    assert [int(row) for row in found["worst"]] == [2, 6], f"worst should be [2, 6] and is {list(found['worst'])}."
    found = compare(by_file, by_model, 1e-3)
    assert int(found["over"]) == 2, (
        f"A NaN in expected alone is a difference as well; over should be 2, not {found['over']}."
    )
    found = compare(by_file, by_file, 1e-3)
    assert (float(found["largest"]), int(found["over"]), list(found["worst"])) == (0.0, 0, []), (
        f"The same NaN on both sides is no difference; the report was {found}."
    )
    half = by_file.copy()
    half[2, 0] = 0.5
    found = compare(by_file, half, 1e-3)
    assert [int(row) for row in found["worst"]] == [2], (
        "Row 2 is NaN, NaN on one side and 0.5, NaN on the other: one class differs, so it is over; "
        f"worst is {found['worst']}."
    )
    endless, half = np.full((6, 2), 0.5), np.full((6, 2), 0.5)
    endless[[1, 4], 0] = np.inf
    found = compare(endless, half, 1e-3)
    assert (float(found["largest"]), [int(row) for row in found["worst"]]) == (np.inf, [1, 4]), (
        f"Rows 1 and 4 are infinite on one side: largest should be inf and worst [1, 4]; the report was {found}."
    )
    half[1, 0] = np.inf
    found = compare(endless, half, 1e-3)
    assert [int(row) for row in found["worst"]] == [4], (
        "Row 1 has the same infinity on both sides, which is no difference, and row 4 has one on one side; "
        f"worst should be [4] and is {found['worst']}. Infinity minus infinity is NaN."
    )


test_compare_nan()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. How many rows are a test?
#
# If a share $s$ of all rows differs, one row drawn at random misses the fault with a probability of $1 - s$, and $n$ rows, drawn one after the other with
# replacement, all miss it with $(1 - s)^n$. A test is worth its name when the chance that it *meets* the fault reaches a confidence that was settled beforehand.
#
# With $s = 0.5$ two rows meet the fault with a probability of $1 - 0.5^2 = 0.75$. So two rows are enough for a confidence of 0.75, and it takes three for 0.8.

# %% nbgrader={"grade": false, "grade_id": "rows_needed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rows_needed(share, confidence):
    """How many rows, drawn at random, it takes to meet a fault.

    Arguments:
        share: float, greater than 0 and at most 1: the share of rows that have the fault. It may be
            as small as one in a million.
        confidence: float, greater than 0 and smaller than 1.

    Returns:
        int, the smallest n, 1 or more, for which 1 - (1 - share) ** n is at least the confidence.
        But for the example above, cases that hang on the last digit of a float are not asked.

    Raises:
        ValueError: share or confidence lies outside.
    """
    ### BEGIN SOLUTION
    if not 0 < share <= 1:
        raise ValueError(f"share must be greater than 0 and at most 1, not {share}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    if share == 1:
        return 1
    return max(1, int(np.ceil(np.log1p(-confidence) / np.log1p(-share))))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_rows_needed", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: shares that can be worked out by hand, and the rule of three.
# Why: one row that agrees is no test, and nobody should have to guess how many are.
# Expected: 2 rows for half and 0.75, 3 for half and 0.8; for 1 in 100 and 0.95 close to 3 / 0.01.


def test_rows_needed():
    for share, confidence, expected in ((0.5, 0.75, 2), (0.5, 0.8, 3), (1, 0.99, 1), (0.01, 0.95, 299)):
        got = rows_needed(share, confidence)
        diagnosis = ""
        if got == expected - 1:
            diagnosis = f" With {got} rows the chance is still below the confidence: round up."
        elif got == expected + 1:
            diagnosis = f" {expected} rows reach it already: at least means >=."
        assert got == expected, (
            f"With a share of {share} and a confidence of {confidence} it takes {expected} rows, not {got}.{diagnosis}"
        )


test_rows_needed()

# %% nbgrader={"grade": true, "grade_id": "test_rows_needed_hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: rare faults, down to one in a million; high and low confidence; impossible
# shares.
# Why: the faults that matter are the rare ones.
# Expected: the smallest n that reaches the confidence; at least 1; ValueError for what is no share
# or no confidence.
### BEGIN HIDDEN TESTS
import math


def test_rows_needed_hidden():
    for share in (0.9, 0.37, 0.0162, 0.002, 5 / 84292, 1.3e-6):
        for confidence in (0.05, 0.5, 0.9, 0.95, 0.999):
            got = rows_needed(share, confidence)
            expected = max(1, math.ceil(math.log(1 - confidence) / math.log1p(-share)))
            about = f"(share {share:.3g}, confidence {confidence})"
            assert float(got) == int(got), f"A number of rows is whole, not {got} {about}."
            diagnosis = ""
            if got == 0:
                diagnosis = " No row at all meets nothing: at least 1."
            elif got == math.ceil(3 / share) or got == round(3 / share):
                diagnosis = " 3 / share is a rule of thumb for a confidence of 0.95."
            elif got == math.ceil(confidence / share):
                diagnosis = " That is confidence / share: rows may miss the fault again and again."
            assert abs(got - expected) <= 1e-9 * expected, (
                f"{expected:,} rows are needed, not {got:,} {about}.{diagnosis}"
            )
    for share, confidence in ((0, 0.9), (-0.1, 0.9), (1.2, 0.9), (0.1, 1), (0.1, 0), (0.1, 1.5)):
        try:
            got = rows_needed(share, confidence)
        except ValueError:
            continue
        raise AssertionError(
            f"rows_needed answered {got} for a share of {share} and a confidence of {confidence}: raise ValueError."
        )


test_rows_needed_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. Export, or refuse
#
# The gate between training and service: a file leaves it only if it is the model. The next cell trains models of several kinds on made-up rows. Some of them convert rightly, and some,
# as in lesson 02, wrongly and without a word: on few rows or on all.

# %% nbgrader={"grade": false, "grade_id": "given_models", "locked": true, "schema_version": 3, "solution": false, "task": false}
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def example_rows(width, seed=0, count=2000):
    """Made-up rows, float32 (count, width)."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 600, (count, width)).astype(np.float32) / np.float32(8)


def train(kind, rows, classes=2):
    """A model of one of four kinds: "logistic", "trees", "scaled trees", "calibrated"."""
    noise = np.random.default_rng(0).normal(0, 10, len(rows))
    score = rows[:, 0] - rows[:, -1] + noise
    target = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    trees = HistGradientBoostingClassifier(max_iter=8, early_stopping=False)
    line = LogisticRegression(max_iter=200)
    models = {
        "logistic": make_pipeline(StandardScaler(), line),
        "trees": trees,
        "scaled trees": make_pipeline(StandardScaler(), trees),
        "calibrated": CalibratedClassifierCV(make_pipeline(StandardScaler(), line), cv=2),
    }
    return models[kind].fit(rows, target)


# %% [markdown]
# `skl2onnx.convert_sklearn` does the conversion; `initial_types` names the input and says which dimensions are free. The option `zipmap` belongs to the *classifier*. Options are
# found by the object that they are for, `{id(classifier): {"zipmap": False}}`; for a pipeline that is its last step. `file.SerializeToString()` gives the bytes.

# %% nbgrader={"grade": false, "grade_id": "export", "locked": false, "schema_version": 3, "solution": true, "task": false}
def export(model, sample):
    """The ONNX file of a classifier, if it gives the classifier's probabilities on every row of a sample.

    Arguments:
        model: a fitted scikit-learn classifier, or a pipeline that ends in one, with any number of
            classes. It takes rows of float32.
        sample: float32 array of shape (n, width), n at least 1: the rows to compare on.

    Returns:
        bytes, an ONNX file with
        one input: "rows", float32 (any number of rows, width);
        two outputs: "label", and "probabilities", float32 (rows, classes), columns in the order of
            model.classes_, as an array and not as dictionaries.

    Raises:
        ValueError: on some row of the sample a probability of the file is farther than 0.0001 from
            the one of model.predict_proba. The message holds the number of the row that is farthest
            off, its place in the sample counted from 0.
    """
    ### BEGIN SOLUTION
    classifier = model[-1] if hasattr(model, "steps") else model
    file = skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))],
        options={id(classifier): {"zipmap": False}},
    ).SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"rows": sample})
    distance = np.abs(probabilities - model.predict_proba(sample)).max(axis=1)
    worst = int(distance.argmax())
    if not distance[worst] <= 1e-4:
        raise ValueError(f"the file is off by {distance[worst]:.2g} in row {worst} of the sample")
    return file
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_export", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: a model that converts rightly comes out as a file, one that does not is
# refused.
# Why: the converter reports no error in either case.
# Expected: a file for the logistic model, with its probabilities; ValueError for the calibrated one.
import numpy as np
import onnxruntime


def test_export():
    some_rows = example_rows(4)
    right = train("logistic", some_rows)
    exported = export(right, some_rows)
    assert isinstance(exported, bytes), f"export must return bytes, not {type(exported).__name__}."
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    takes = [(node.name, node.type) for node in session.get_inputs()]
    assert takes == [("rows", "tensor(float)")], f'One float32 input "rows" is needed; the file has {takes}.'
    gives = {node.name: node.type for node in session.get_outputs()}
    assert set(gives) == {"label", "probabilities"}, (
        f'The outputs must be called "label" and "probabilities"; yours are {", ".join(gives)}.'
    )
    assert gives["probabilities"] == "tensor(float)", (
        f"probabilities must be a float32 array, and is {gives['probabilities']}: take the zipmap away."
    )
    (answered,) = session.run(["probabilities"], {"rows": some_rows})
    off = np.abs(answered - np.asarray(right.predict_proba(some_rows))).max()
    assert off < 1e-4, f"The file's probabilities are off by {off:.2g}."
    try:
        export(train("calibrated", some_rows), some_rows)
    except ValueError:
        refused = True
    else:
        refused = False
    assert refused, "The calibrated model's file gives other probabilities than the model: raise ValueError."


test_export()

# %% nbgrader={"grade": true, "grade_id": "test_export_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: other widths, three and four classes, pipelines and bare trees; one row, many
# rows and none of them in the sample.
# Why: a gate that refuses right files is switched off by the first person in a hurry.
# Expected: the file of the docstring, which answers for any number of rows as the model does.
### BEGIN HIDDEN TESTS
import numpy as np
import onnxruntime
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def test_export_hidden():
    for kind, width, classes in (("logistic", 3, 2), ("logistic", 7, 4), ("trees", 5, 3), ("trees", 2, 2)):
        about = f"({kind}, {width} columns, {classes} classes)"
        rows = np.random.default_rng(width).integers(0, 600, (2000, width)).astype(np.float32) / np.float32(8)
        score = rows[:, 0] - rows[:, -1] + np.random.default_rng(0).normal(0, 10, len(rows))
        target = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
        trees = HistGradientBoostingClassifier(max_iter=8, early_stopping=False)
        line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        truth = {"logistic": line, "trees": trees}[kind].fit(rows, target)
        model = train(kind, rows, classes)
        for sample_size in (1, 1000):
            try:
                exported = export(model, rows[:sample_size])
            except ValueError as error:
                raise AssertionError(
                    f"export refused a model that converts rightly {about}, sample of {sample_size}: {error}"
                ) from None
        assert isinstance(exported, bytes), f"export must return bytes {about}."
        session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
        takes = [(node.name, node.type, node.shape) for node in session.get_inputs()]
        assert [(name, kind) for name, kind, _ in takes] == [("rows", "tensor(float)")], (
            f'One float32 input called "rows" is needed; the file has {takes} {about}.'
        )
        free, fixed = takes[0][2]
        assert not isinstance(free, int), (
            f"The file takes {free} rows and no other number {about}: leave the first dimension free."
        )
        assert fixed == width, f"The file takes rows of {fixed} columns; they have {width} {about}."
        gives = {node.name: node.type for node in session.get_outputs()}
        assert set(gives) == {"label", "probabilities"}, (
            f"Two outputs, label and probabilities, are needed; the file has {sorted(gives)} {about}."
        )
        assert gives["probabilities"] == "tensor(float)", f"probabilities is a {gives['probabilities']} {about}."
        fresh = np.random.default_rng(99).integers(0, 600, (500, width)).astype(np.float32) / np.float32(8)
        for count in (1, 3, 500):
            (answered,) = session.run(["probabilities"], {"rows": fresh[:count]})
            expected = truth.predict_proba(fresh[:count])
            assert answered.shape == expected.shape, (
                f"{count} rows and {classes} classes: shape {expected.shape} is needed, not {answered.shape} {about}."
            )
            off = np.abs(answered - expected).max()
            assert off < 1e-4, f"The file is off by {off:.2g} on rows that were not in the sample {about}."


test_export_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_export_refuses", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: models that convert wrongly on few rows, and samples in which those rows come
# last.
# Why: the first rows of a sample agree nearly always.
# Expected: ValueError when any row of the sample is farther off than 0.0001, with the number of the
# farthest; a file when none is.
### BEGIN HIDDEN TESTS
import re

import numpy as np
import onnxruntime
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def test_export_refuses():
    def answers(file, rows):
        """The file's probabilities, in whatever form and for however many rows at a time it gives them."""
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        try:
            outputs = session.run(None, {name: rows})
        except Exception:  # frozen at one row: another test is about that
            by_row = [session.run(None, {name: rows[i : i + 1]}) for i in range(len(rows))]
            outputs = [np.concatenate(parts) for parts in zip(*by_row, strict=True)]
        tables = [[list(row.values()) for row in o] if isinstance(o, list) else o for o in outputs]
        return next(table for table in map(np.asarray, tables) if table.ndim == 2)

    for width, classes in ((4, 2), (3, 3)):
        rows = np.random.default_rng(10 + width).integers(0, 600, (2000, width)).astype(np.float32) / np.float32(8)
        score = rows[:, 0] - rows[:, -1] + np.random.default_rng(0).normal(0, 10, len(rows))
        target = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
        trees = HistGradientBoostingClassifier(max_iter=8, early_stopping=False)
        truth = make_pipeline(StandardScaler(), trees).fit(rows, target)
        model = train("scaled trees", rows, classes)
        exported = None
        for row in range(50):  # most rows agree, so a sample of one nearly always gives the file
            try:
                exported = export(model, rows[row : row + 1])
                break
            except ValueError:
                continue
        assert isinstance(exported, bytes), (
            "Most rows of this model agree, and export refused 50 samples of one row each."
        )
        distance = np.abs(answers(exported, rows) - truth.predict_proba(rows)).max(axis=1)
        order = np.argsort(distance, kind="stable")
        right, wrong = order[distance[order] < 1e-6], order[distance[order] > 1e-3]
        farthest = wrong[-1]
        cases = {
            "the wrong row is the last of 1,701": (np.append(right[:1700], farthest), 1700),
            "the last of 1,701 rows is a little off": (np.append(right[:1700], wrong[0]), 1700),
            "two wrong rows among 1,502, the farther one second": (
                np.concatenate([right[:700], wrong[:1], right[700:1500], [farthest]]),
                1501,
            ),
            "two wrong rows, the farther one first": (
                np.concatenate([right[:10], [farthest], right[10:900], wrong[:1]]),
                10,
            ),
        }
        for case, (picked, place) in cases.items():
            message = None
            try:
                export(model, rows[picked])
            except ValueError as error:
                message = str(error)
            assert message is not None, (
                f"export handed out a file that is off by {distance[picked].max():.2g} in row {place} of the "
                f"sample ({case}). Compare every row, not the first ones and not the mean."
            )
            numbers = [int(number) for number in re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", message.replace(",", ""))]
            assert place in numbers, (
                f'The message must hold the number of the farthest row, {place} ({case}); it says "{message}".'
            )
        try:
            export(model, rows[right[:800]])
        except ValueError as error:
            raise AssertionError(
                f"On this sample no row is farther off than 0.0001, and export refused: {error}"
            ) from None


test_export_refuses()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. A session with a signature
#
# Now the wrapping. `Runner` opens an ONNX file that somebody else made: you know neither its names nor its data types, nor how many inputs it has. It says what the file takes, refuses what does not fit,
# and runs the rest.
#
# A session tells you all of it: each of `session.get_inputs()` and `session.get_outputs()` has a `name`, a `type` such as `"tensor(float)"`, and a `shape` in which a number is a fixed length and anything else
# (`None`, or a text such as `"batch"`) a free one. In ONNX's words `float` is float32 and `double` is float64; the others are called as in numpy (`int64`, `bool`, …).
#
# Then the number of rows. Some files have a **frozen** first dimension: they take 4 rows, say, and no other number. The runner hides this from its callers. Of 10 rows it makes batches of 4, 4 and 2, fills the last one up with two rows of
# any kind, and throws the answers to these two away.
#
# The next cell has two helpers to try things on. `write_example` makes a small file whose `"margin"` is the sum of `"speed"` and twice `"load"`, column by column;
# `predict_reversed` asks a runner with numbers whose bytes come in reverse order, as from a network.

# %% nbgrader={"grade": false, "grade_id": "given_file", "locked": true, "schema_version": 3, "solution": false, "task": false}
def write_example(path, rows=None):
    """An ONNX file with two inputs and one output; with rows, its first dimension is frozen at that number."""
    shape = [rows, 3]
    speed, load, margin = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("speed", "load", "margin")
    )
    two = onnx.numpy_helper.from_array(np.array([2.0], dtype=np.float32), "two")
    nodes = [
        onnx.helper.make_node("Mul", ["load", "two"], ["twice"]),
        onnx.helper.make_node("Add", ["speed", "twice"], ["margin"]),
    ]
    graph = onnx.helper.make_graph(nodes, "example", [speed, load], [margin], [two])
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def predict_reversed(runner, inputs, name):
    """What runner.predict makes of inputs in which the bytes of one array are in reverse order."""
    reverse = inputs[name].dtype.newbyteorder()
    return runner.predict(inputs | {name: inputs[name].astype(reverse)})


# %% nbgrader={"grade": false, "grade_id": "Runner", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Runner:
    """An ONNX file, ready to be asked.

    All of its inputs and outputs have one dimension or more, and the first one counts the rows: it is free in all of
    them, or frozen at one number in all of them. The other dimensions are fixed, and a row's answer depends on no other
    row. Data types are float32, float64, int32, int64 and bool.
    """

    def __init__(self, path):
        """Open the file at path, a string."""
        ### BEGIN SOLUTION
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = {"float": "float32", "double": "float64"}

        def described(nodes):
            table = {}
            for node in nodes:
                element = node.type[len("tensor(") : -1]
                shape = [length if isinstance(length, int) else None for length in node.shape]
                table[node.name] = (names.get(element, element), shape)
            return table

        self.inputs, self.outputs = described(self.session.get_inputs()), described(self.session.get_outputs())
        self.batch = next(iter(self.inputs.values()))[1][0]
        ### END SOLUTION

    def signature(self):
        """What the file takes and gives.

        Returns a dict with two entries, "inputs" and "outputs". Each is a dict from name to a tuple
        (data type, shape): the data type as numpy's name for it, such as "float32", the shape as a
        list, with None for a free length and a number for a fixed one: ("float32", [None, 3]).
        """
        ### BEGIN SOLUTION
        return {"inputs": dict(self.inputs), "outputs": dict(self.outputs)}
        ### END SOLUTION

    def predict(self, inputs):
        """Run the file.

        Arguments:
            inputs: dict from name to array, one for each input of the file. All arrays have the same
                number of rows, n, which may be any number from 0 on, whatever the file is frozen at.

        Returns:
            dict from name to array, one for each output of the file, n rows each, in the order of
            the rows given, in the data type that the signature says, also for no rows.

        Raises, before anything is run, an error whose message holds the name of the input it is about:
            KeyError: a name that the file does not have, or one that is missing.
            TypeError: no numpy array, or an array of another data type. Nothing is converted. Byte
                order counts: big-endian float32 is another data type.
            ValueError: another number of dimensions, another length in one of them after the first,
                or another number of rows than the other inputs have (the message may then name any
                of the inputs). That a file is frozen is no reason to refuse.
            Where several things are wrong, any one of them may be reported.
        """
        ### BEGIN SOLUTION
        self.check(inputs)
        rows = len(next(iter(inputs.values())))
        if not rows:
            return {name: np.empty([0, *shape[1:]], dtype) for name, (dtype, shape) in self.outputs.items()}
        size = self.batch or rows
        parts = [self.run_part(inputs, start, size) for start in range(0, rows, size)]
        return {name: np.concatenate([part[place] for part in parts])[:rows] for place, name in enumerate(self.outputs)}

    def check(self, inputs):
        for name in inputs:
            if name not in self.inputs:
                raise KeyError(f"there is no input {name!r}; the inputs are {list(self.inputs)}")
        rows = {}
        for name, (dtype, shape) in self.inputs.items():
            if name not in inputs:
                raise KeyError(f"the input {name!r} is missing")
            array = inputs[name]
            if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype):
                came = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise TypeError(f"the input {name!r} must be an array of {dtype}, not {came}")
            if array.ndim != len(shape) or list(array.shape[1:]) != shape[1:]:
                raise ValueError(f"the input {name!r} must have the shape {shape}, not {list(array.shape)}")
            rows[name] = len(array)
        if len(set(rows.values())) > 1:
            raise ValueError(f"the inputs differ in their number of rows: {rows}")

    def run_part(self, inputs, start, size):
        """The answers to size rows from start on; past the end, the last row is repeated."""
        rows = len(next(iter(inputs.values())))
        places = np.minimum(np.arange(start, start + size), rows - 1)
        return self.session.run(list(self.outputs), {name: array[places] for name, array in inputs.items()})
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_Runner", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example, with free rows and frozen at 4: signature, answers, one refusal
# of each kind, and one of bytes in reverse order.
# Why: a caller has to be told what is wrong with a request, and must not care how a file was made.
# Expected: speed + 2 * load for 10 rows, either way; KeyError, TypeError and ValueError.
import numpy as np


def test_Runner():
    generator = np.random.default_rng(4)
    asked = {name: generator.normal(size=(10, 3)).astype(np.float32) for name in ("speed", "load")}
    for path, frozen in (("models/example_free.onnx", None), ("models/example_frozen.onnx", 4)):
        write_example(path, frozen)
        runner = Runner(path)
        what = "free rows" if frozen is None else f"frozen at {frozen} rows"
        told = runner.signature()
        tensor = ("float32", [frozen, 3])
        expected = {"inputs": {"speed": tensor, "load": tensor}, "outputs": {"margin": tensor}}
        assert told == expected, f"signature should be {expected} and is {told} ({what})."
        answer = runner.predict(asked)
        assert set(answer) == {"margin"}, f'predict must return a dict with "margin"; it has {set(answer)} ({what}).'
        assert np.asarray(answer["margin"]).shape == (10, 3), (
            f"Ten rows went in and {len(answer['margin'])} came out ({what})."
        )
        assert np.allclose(answer["margin"], asked["speed"] + 2 * asked["load"], atol=1e-5), (
            f"The answers are not those of the file, or in another order ({what})."
        )
        refusals = {
            "load is missing": (KeyError, {"speed": asked["speed"]}),
            "load is float64": (TypeError, asked | {"load": asked["load"].astype(np.float64)}),
            "load has two columns": (ValueError, asked | {"load": asked["load"][:, :2]}),
        }
        for reason, (kind, bad) in refusals.items():
            message = None
            try:
                runner.predict(bad)
            except kind as error:
                message = str(error)
            assert message is not None, f"predict answered although {reason}: raise {kind.__name__} ({what})."
            assert "load" in message, f'Name the input: {reason}, and the message says "{message}" ({what}).'
        message = None
        try:
            predict_reversed(runner, asked, "load")
        except TypeError as error:
            message = str(error)
        assert message is not None, (
            f"predict answered although the bytes of load come in reverse order: raise TypeError ({what})."
        )
        assert "load" in message, f'Name the input whose bytes are reversed; the message says "{message}" ({what}).'


test_Runner()

# %% nbgrader={"grade": true, "grade_id": "test_Runner_hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: signatures of files with other names, data types and numbers of dimensions.
# Why: a client asks for the signature before it sends anything, and sends what stands there.
# Expected: numpy's names of the data types; None for a free length, whether it has a name or not; one
# and three dimensions as well as two.
### BEGIN HIDDEN TESTS
from pathlib import Path

import numpy as np
import onnx


def test_Runner_hidden():
    def write(path, inputs, outputs, nodes, values=()):
        kinds = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
        told = [
            [onnx.helper.make_tensor_value_info(name, kinds[kind], shape) for name, (kind, shape) in side.items()]
            for side in (inputs, outputs)
        ]
        steps = [onnx.helper.make_node(*step[:3], **dict(step[3:])) for step in nodes]
        known = [onnx.numpy_helper.from_array(value, name) for name, value in values]
        graph = onnx.helper.make_graph(steps, "hidden", *told, known)
        opset = [onnx.helper.make_opsetid("", 18)]
        Path(path).parent.mkdir(exist_ok=True)
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)

    cases = {
        "models/one_column.onnx": (
            {"age": ("int64", [None])},
            {"older": ("int64", [None]), "adult": ("bool", [None])},
            [("Add", ["age", "ten"], ["older"]), ("Greater", ["age", "limit"], ["adult"])],
            [("ten", np.array(10)), ("limit", np.array(17))],
        ),
        "models/pictures.onnx": (
            {"picture": ("float64", ["batch", 2, 5]), "gain": ("float64", ["batch", 1, 1])},
            {"brighter": ("float64", ["batch", 2, 5])},
            [("Mul", ["picture", "gain"], ["brighter"])],
            [],
        ),
        "models/switches.onnx": (
            {"on": ("bool", [6, 4]), "count": ("int32", [6, 4])},
            {"off": ("bool", [6, 4]), "copy": ("int32", [6, 4])},
            [("Not", ["on"], ["off"]), ("Identity", ["count"], ["copy"])],
            [],
        ),
    }
    for path, (inputs, outputs, nodes, values) in cases.items():
        write(path, inputs, outputs, nodes, values)
        told = Runner(path).signature()
        expected = {
            side: {
                name: (kind, [length if isinstance(length, int) else None for length in shape])
                for name, (kind, shape) in tensors.items()
            }
            for side, tensors in (("inputs", inputs), ("outputs", outputs))
        }
        assert isinstance(told, dict), "signature must return a dict."
        assert set(told) == {"inputs", "outputs"}, f'signature must have "inputs" and "outputs"; it has {sorted(told)}.'
        for side in ("inputs", "outputs"):
            assert set(told[side]) == set(expected[side]), (
                f"The {side} are {sorted(expected[side])}; signature says {sorted(told[side])} ({path})."
            )
            for name, (kind, shape) in expected[side].items():
                got_kind, got_shape = told[side][name]
                diagnosis = " That is ONNX's word for it." if got_kind in ("float", "double", f"tensor({kind})") else ""
                assert got_kind == kind, f"{name} is of {kind}; signature says {got_kind!r} ({path}).{diagnosis}"
                named = any(isinstance(length, str) for length in got_shape)
                diagnosis = " A length that has a name is free: None." if named else ""
                assert list(got_shape) == shape, (
                    f"{name} has the shape {shape}; signature says {list(got_shape)} ({path}).{diagnosis}"
                )


test_Runner_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Runner_refuses", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: each way in which a request can fail to fit, on a file with three inputs of
# three data types; byte order apart.
# Why: what is let through is answered wrongly, and what is refused without a name cannot be mended.
# Expected: KeyError for names, TypeError for data types, ValueError for shapes and numbers of rows,
# the input's name in the message; an answer when all is well, in any order.
### BEGIN HIDDEN TESTS
from pathlib import Path

import numpy as np
import onnx


def test_Runner_refuses():
    def write(path, inputs, outputs, nodes, values=()):
        kinds = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
        told = [
            [onnx.helper.make_tensor_value_info(name, kinds[kind], shape) for name, (kind, shape) in side.items()]
            for side in (inputs, outputs)
        ]
        steps = [onnx.helper.make_node(*step[:3], **dict(step[3:])) for step in nodes]
        known = [onnx.numpy_helper.from_array(value, name) for name, value in values]
        graph = onnx.helper.make_graph(steps, "hidden", *told, known)
        opset = [onnx.helper.make_opsetid("", 18)]
        Path(path).parent.mkdir(exist_ok=True)
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)

    shape = {"wind": ("float32", ["n", 4]), "gate": ("int64", ["n"]), "night": ("bool", ["n", 1])}
    nodes = [
        ("Cast", ["night"], ["as_number"], ("to", 1)),
        ("Mul", ["wind", "as_number"], ["by_night"]),
        ("Add", ["gate", "gate"], ["twice"]),
    ]
    write("models/three.onnx", shape, {"by_night": ("float32", ["n", 4]), "twice": ("int64", ["n"])}, nodes)
    runner = Runner("models/three.onnx")
    generator = np.random.default_rng(33)
    good = {
        "wind": generator.normal(size=(5, 4)).astype(np.float32),
        "gate": generator.integers(0, 90, 5),
        "night": generator.random((5, 1)) < 0.5,
    }
    for what, fine in (("as it should be", good), ("in another order", dict(reversed(good.items())))):
        try:
            answer = runner.predict(fine)
        except (KeyError, TypeError, ValueError) as error:
            raise AssertionError(f"predict refused a request that fits ({what}): {error}") from None
        assert np.allclose(answer["by_night"], good["wind"] * good["night"]), f"by_night is wrong ({what})."
        assert np.array_equal(answer["twice"], 2 * good["gate"]), f"twice is wrong ({what})."

    bad = {
        "an input that the file does not have": (KeyError, "gust", good | {"gust": good["wind"]}),
        "an input is missing": (KeyError, "night", {name: good[name] for name in ("wind", "gate")}),
        "nothing was sent": (KeyError, "", {}),
        "a name in capitals": (KeyError, "", {("Wind" if name == "wind" else name): a for name, a in good.items()}),
        "float64 for float32": (TypeError, "wind", good | {"wind": good["wind"].astype(np.float64)}),
        "int32 for int64": (TypeError, "gate", good | {"gate": good["gate"].astype(np.int32)}),
        "0 and 1 for bool": (TypeError, "night", good | {"night": good["night"].astype(np.int64)}),
        "a list": (TypeError, "wind", good | {"wind": good["wind"].tolist()}),
        "None": (TypeError, "gate", good | {"gate": None}),
        "three columns for four": (ValueError, "wind", good | {"wind": good["wind"][:, :3]}),
        "one row without the batch dimension": (ValueError, "wind", good | {"wind": good["wind"][0]}),
        "a dimension too many": (ValueError, "gate", good | {"gate": good["gate"][:, None]}),
        "rows and columns exchanged": (ValueError, "wind", good | {"wind": np.ascontiguousarray(good["wind"].T)}),
        "one row for five, which would be stretched": (ValueError, "", good | {"night": good["night"][:1]}),
        "three rows for five": (ValueError, "", good | {"gate": good["gate"][:3]}),
    }
    for reason, (kind, name, inputs) in bad.items():
        message, other = None, ""
        try:
            runner.predict(inputs)
        except kind as error:
            message = str(error)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
            other = f"it raised {type(error).__name__}: {error}"
        except Exception as error:
            other = f"an error of the session's own came through: {str(error)[:80]}"
        else:
            other = "it answered"
        assert message is not None, f"predict must raise {kind.__name__} ({reason}); {other}."
        assert name in message, f'The message must name the input {name!r} ({reason}); it says "{message}".'
        if not name:
            assert any(one in message.lower() for one in good), (
                f'The message must name an input ({reason}); it says "{message}".'
            )


test_Runner_refuses()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Runner_byte_order", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: numbers of four data types whose bytes come in reverse order.
# Why: the session would answer, and the answers would be nonsense that looks like numbers.
# Expected: TypeError with the input's name; an answer for the same numbers in this machine's order.
### BEGIN HIDDEN TESTS
from pathlib import Path

import numpy as np
import onnx


def test_Runner_byte_order():
    def write(path, inputs, outputs, nodes, values=()):
        kinds = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
        told = [
            [onnx.helper.make_tensor_value_info(name, kinds[kind], shape) for name, (kind, shape) in side.items()]
            for side in (inputs, outputs)
        ]
        steps = [onnx.helper.make_node(*step[:3], **dict(step[3:])) for step in nodes]
        known = [onnx.numpy_helper.from_array(value, name) for name, value in values]
        graph = onnx.helper.make_graph(steps, "hidden", *told, known)
        opset = [onnx.helper.make_opsetid("", 18)]
        Path(path).parent.mkdir(exist_ok=True)
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)

    kinds = {"height": "float32", "length": "float64", "count": "int32", "number": "int64"}
    outputs = {f"twice_{name}": (kind, ["n", 2]) for name, kind in kinds.items()}
    nodes = [("Add", [name, name], [f"twice_{name}"]) for name in kinds]
    write("models/four_kinds.onnx", {name: (kind, ["n", 2]) for name, kind in kinds.items()}, outputs, nodes)
    runner = Runner("models/four_kinds.onnx")
    good = {name: np.arange(1, 7).reshape(3, 2).astype(kind) for name, kind in kinds.items()}
    try:
        answer = runner.predict(good)
    except (KeyError, TypeError, ValueError) as error:
        raise AssertionError(f"predict refused a request that fits: {error}") from None
    for name in kinds:
        assert np.array_equal(answer[f"twice_{name}"], 2 * good[name]), f"twice_{name} is wrong."
    for name, kind in kinds.items():
        message, other = None, "it answered"
        try:
            predict_reversed(runner, good, name)
        except TypeError as error:
            message = str(error)
        except (KeyError, ValueError, AttributeError, IndexError, RuntimeError) as error:
            other = f"it raised {type(error).__name__}: {error}"
        except Exception as error:
            other = f"an error of the session's own came through: {str(error)[:80]}"
        assert message is not None, (
            f"predict must raise TypeError where the bytes of {kind} are in reverse; {other}. "
            "The names of two data types can be equal and their byte orders differ: compare the dtypes."
        )
        assert name in message, f'The message must name the input {name!r}; it says "{message}".'


test_Runner_byte_order()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Runner_rows", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: files with free rows and files frozen at 1, 4 and 7, asked for 1 to 50 rows;
# two inputs, three outputs, one to three dimensions.
# Why: callers send what they have, and the way in which a file was made is not their business.
# Expected: an answer for each row, in order, the same whatever the file is frozen at.
### BEGIN HIDDEN TESTS
from pathlib import Path

import numpy as np
import onnx


def test_Runner_rows():
    def write(path, inputs, outputs, nodes, values=()):
        kinds = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
        told = [
            [onnx.helper.make_tensor_value_info(name, kinds[kind], shape) for name, (kind, shape) in side.items()]
            for side in (inputs, outputs)
        ]
        steps = [onnx.helper.make_node(*step[:3], **dict(step[3:])) for step in nodes]
        known = [onnx.numpy_helper.from_array(value, name) for name, value in values]
        graph = onnx.helper.make_graph(steps, "hidden", *told, known)
        opset = [onnx.helper.make_opsetid("", 18)]
        Path(path).parent.mkdir(exist_ok=True)
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)

    generator = np.random.default_rng(747)
    weights = generator.normal(size=(3, 2)).astype(np.float32)
    for frozen in (None, 1, 4, 7):
        inputs = {"x": ("float32", [frozen, 3]), "day": ("int64", [frozen])}
        outputs = {"z": ("float32", [frozen, 2]), "weekend": ("bool", [frozen]), "grid": ("float32", [frozen, 1, 3])}
        nodes = [
            ("MatMul", ["x", "weights"], ["z"]),
            ("Greater", ["day", "friday"], ["weekend"]),
            ("Unsqueeze", ["x", "one"], ["grid"]),
        ]
        values = [("weights", weights), ("friday", np.array(4)), ("one", np.array([1]))]
        write("models/rows.onnx", inputs, outputs, nodes, values)
        runner = Runner("models/rows.onnx")
        what = "free rows" if frozen is None else f"frozen at {frozen}"
        for rows in (1, 4, 6, 7, 21, 50):
            about = f"({rows} rows, file with {what})"
            x = generator.normal(size=(rows, 3)).astype(np.float32)
            day = generator.integers(0, 7, rows)
            try:
                answer = runner.predict({"x": x, "day": day})
            except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
                raise AssertionError(f"predict refused a request that fits {about}: {error}") from None
            except Exception as error:
                raise AssertionError(f"The session refused to run {about}: {str(error)[:120]}") from None
            assert set(answer) == set(outputs), (
                f"The outputs are {sorted(outputs)}; predict gave {sorted(answer)} {about}."
            )
            expected = {"z": x @ weights, "weekend": day > 4, "grid": x[:, None, :]}
            for name, right in expected.items():
                got = np.asarray(answer[name])
                diagnosis = " Throw the answers to the filled-up rows away." if len(got) > rows else ""
                assert got.shape == right.shape, (
                    f"{name} must have the shape {right.shape}, not {got.shape} {about}.{diagnosis}"
                )
                assert got.dtype == right.dtype, f"{name} must be of {right.dtype}, not {got.dtype} {about}."
                assert np.allclose(got, right, atol=1e-5), f"{name} has the wrong answers, or in another order {about}."


test_Runner_rows()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Runner_no_rows", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: no rows at all, for a file with free rows and for one that is frozen.
# Why: after a filter a batch can be empty, and a service must not fall over it.
# Expected: each output with no rows, in the right shape and data type.
### BEGIN HIDDEN TESTS
from pathlib import Path

import numpy as np
import onnx


def test_Runner_no_rows():
    def write(path, inputs, outputs, nodes, values=()):
        kinds = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
        told = [
            [onnx.helper.make_tensor_value_info(name, kinds[kind], shape) for name, (kind, shape) in side.items()]
            for side in (inputs, outputs)
        ]
        steps = [onnx.helper.make_node(*step[:3], **dict(step[3:])) for step in nodes]
        known = [onnx.numpy_helper.from_array(value, name) for name, value in values]
        graph = onnx.helper.make_graph(steps, "hidden", *told, known)
        opset = [onnx.helper.make_opsetid("", 18)]
        Path(path).parent.mkdir(exist_ok=True)
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)

    for frozen in (None, 1, 5):
        inputs = {"part": ("float32", [frozen, 3]), "lot": ("int64", [frozen])}
        outputs = {
            "scaled": ("float32", [frozen, 3]),
            "late_lot": ("bool", [frozen]),
            "cube": ("float32", [frozen, 1, 3]),
        }
        nodes = [
            ("Mul", ["part", "tenth"], ["scaled"]),
            ("Greater", ["lot", "limit"], ["late_lot"]),
            ("Unsqueeze", ["part", "axis"], ["cube"]),
        ]
        values = [("tenth", np.array(0.1, np.float32)), ("limit", np.array(40)), ("axis", np.array([1]))]
        write("models/no_rows.onnx", inputs, outputs, nodes, values)
        runner = Runner("models/no_rows.onnx")
        about = f"(0 rows, file with {'free rows' if frozen is None else f'frozen at {frozen}'})"
        try:
            answer = runner.predict({"part": np.zeros((0, 3), np.float32), "lot": np.zeros(0, np.int64)})
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError, ZeroDivisionError) as error:
            raise AssertionError(f"predict refused a request that fits {about}: {error}") from None
        except Exception as error:
            raise AssertionError(f"The session refused to run {about}: {str(error)[:120]}") from None
        assert set(answer) == set(outputs), f"The outputs are {sorted(outputs)}; predict gave {sorted(answer)} {about}."
        for name, (kind, shape) in outputs.items():
            got, right = np.asarray(answer[name]), (0, *shape[1:])
            assert got.shape == right, f"{name} must have the shape {right}, not {got.shape} {about}."
            assert got.dtype == kind, f"{name} must be of {kind}, not {got.dtype} {about}."


test_Runner_no_rows()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. Choose the file that is right
#
# Three colleagues converted one model, each in their own way, and somebody has lost the notes. You have the files, some thousand rows, and the probabilities that the
# trained model gives for them. Which file may go into service?
#
# The files differ in how they call their inputs and outputs, and in their order; so find the probabilities by their form. Some files were converted wrongly, some cannot be used at all.
#
# The next cell has a helper again: `write_logistic` makes the file of a logistic model, with whatever weights it is given.

# %% nbgrader={"grade": false, "grade_id": "given_logistic", "locked": true, "schema_version": 3, "solution": false, "task": false}
def write_logistic(path, weights, rows=None):
    """An ONNX file with the input "table" and the outputs "label" and "chances"; with rows, it is frozen at them."""
    both = np.column_stack([np.zeros(len(weights)), weights]).astype(np.float32)
    table = onnx.helper.make_tensor_value_info("table", onnx.TensorProto.FLOAT, [rows, len(weights)])
    label = onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, [rows])
    chances = onnx.helper.make_tensor_value_info("chances", onnx.TensorProto.FLOAT, [rows, 2])
    nodes = [
        onnx.helper.make_node("MatMul", ["table", "both"], ["sums"]),
        onnx.helper.make_node("Softmax", ["sums"], ["chances"], axis=1),
        onnx.helper.make_node("ArgMax", ["sums"], ["label"], axis=1, keepdims=0),
    ]
    known = [onnx.numpy_helper.from_array(both, "both")]
    graph = onnx.helper.make_graph(nodes, "logistic", [table], [label, chances], known)
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)


# %% nbgrader={"grade": false, "grade_id": "choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose(files, rows, expected):
    """The name of the file that gives the expected probabilities, or None.

    Arguments:
        files: dict from a name to the path of an ONNX file, a string.
        rows: float32 array of shape (n, width).
        expected: float64 array of shape (n, classes): what the trained model says.

    Returns:
        The name of the file that is right. Where several are, the one whose file has the fewest
        bytes. None where no file is right.

    A file is right when it can be opened, has one input, runs on all rows in one call and as they are,
    and its probabilities lie within 0.0001 of the expected ones on every row and class. Its
    probabilities are the one output that is a float32 array of two dimensions. A file that has no such
    output, that answers NaN, or that fails in any way is not right; choose goes on with the others.
    """
    ### BEGIN SOLUTION
    right = [name for name, path in files.items() if gives(path, rows, expected)]
    return min(right, key=lambda name: Path(files[name]).stat().st_size, default=None)


def gives(path, rows, expected):
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (taken,) = session.get_inputs()
        answers = session.run(None, {taken.name: rows})
    except Exception:
        return False
    arrays = [a for a in answers if isinstance(a, np.ndarray) and a.dtype == np.float32 and a.ndim == 2]
    return len(arrays) == 1 and arrays[0].shape == expected.shape and bool((np.abs(arrays[0] - expected) <= 1e-4).all())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_choose", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: three files: right, made from other weights, and frozen at one row.
# Why: the one that was converted rightly cannot be told by its size or its name.
# Expected: the right one; None when it is taken away.
import numpy as np


def test_choose():
    generator = np.random.default_rng(5)
    some_rows, weights = generator.normal(size=(800, 3)).astype(np.float32), generator.normal(size=3)
    write_logistic("models/logistic_right.onnx", weights)
    write_logistic("models/logistic_wrong.onnx", 1.1 * weights)
    write_logistic("models/logistic_frozen.onnx", weights, 1)
    order = {"first": "wrong", "second": "frozen", "third": "right"}
    paths = {name: f"models/logistic_{what}.onnx" for name, what in order.items()}
    late = 1 / (1 + np.exp(-(some_rows.astype(np.float64) @ weights)))
    truth = np.column_stack([1 - late, late])
    chosen = choose(paths, some_rows, truth)
    assert chosen == "third", (
        f'Only the file called "third" gives the probabilities of the model on all rows; choose said {chosen!r}.'
    )
    chosen = choose({"first": paths["first"], "second": paths["second"]}, some_rows, truth)
    assert chosen is None, f"Without it no file is right; choose said {chosen!r}."


test_choose()

# %% nbgrader={"grade": true, "grade_id": "test_choose_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: files with other names and another order of outputs; wrong on one row of many,
# NaN, dictionaries, float64, two inputs, frozen, no ONNX file at all; several that are right.
# Why: one unusable file among the candidates must not hide the right one.
# Expected: the right file, wherever it stands; the smallest of several; None when there is none.
### BEGIN HIDDEN TESTS
from pathlib import Path

import numpy as np
import onnx


def test_choose_hidden():
    generator = np.random.default_rng(510)
    width, classes = 6, 3
    rows = generator.normal(size=(3000, width)).astype(np.float32)
    rows[:, 2] = np.abs(rows[:, 2])
    rows[-7, 2] = -0.5  # the only row with a negative third column
    weights = generator.normal(size=(width, classes)).astype(np.float32)
    bias = generator.normal(size=classes).astype(np.float32)
    raw = rows.astype(np.float64) @ weights + bias
    expected = np.exp(raw - raw.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)

    def write(path, before=(), wrong=None, after=(), kind=1, given="features", outputs=None, extra=(), size=0, n="n"):
        dtype = {1: np.float32, 11: np.float64}[kind]
        values = [("weights", (weights if wrong is None else wrong).astype(dtype)), ("bias", bias.astype(dtype))]
        values += [("padding", np.zeros(size, dtype=np.float32))] * bool(size)
        last = before[-1][2][0] if before else given
        steps = [
            *before,
            ("MatMul", [last, "weights"], ["sum"]),
            ("Add", ["sum", "bias"], ["total"]),
            ("Softmax", ["total"], ["p"], ("axis", 1)),
            ("ArgMax", ["total"], ["class"], ("axis", 1), ("keepdims", 0)),
            *after,
        ]
        told = outputs or [("class", 7, [n]), ("p", kind, [n, classes])]
        told = [onnx.helper.make_tensor_value_info(*one) if isinstance(one, tuple) else one for one in told]
        nodes = [onnx.helper.make_node(*step[:3], **dict(step[3:])) for step in steps]
        constants = {"zero": np.array(0, dtype), "third": np.array([2]), "nothing": np.array(np.nan, dtype)}
        constants["nearly"] = np.array(0.99, dtype)
        used = {name for step in steps for name in step[1]}
        values += [(name, value) for name, value in constants.items() if name in used]
        known = [onnx.numpy_helper.from_array(value, name) for name, value in values]
        takes = [onnx.helper.make_tensor_value_info(given, kind, [n, width]), *extra]
        graph = onnx.helper.make_graph(nodes, "hidden", takes, told, known)
        opset = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
        Path("models").mkdir(exist_ok=True)
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
        return path

    nudged = weights.copy()
    nudged[:, 1] *= np.float32(1.2)
    negative = [("Relu", ["features"], ["positive"])]
    odd = [("Gather", ["features", "third"], ["column"], ("axis", 1)), ("Less", ["column", "zero"], ["odd"])]
    a_little = [*odd, ("Mul", ["p", "nearly"], ["less"]), ("Where", ["odd", "less", "p"], ["q"])]
    to_nan = [*odd, ("Where", ["odd", "nothing", "p"], ["q"])]
    q_for_p = [("class", 7, ["n"]), ("q", 1, ["n", classes])]
    second = onnx.helper.make_tensor_value_info("weather", 1, ["n", width])
    to_dictionaries = [("ZipMap", ["p"], ["z"], ("domain", "ai.onnx.ml"), ("classlabels_int64s", [0, 1, 2]))]
    dictionary = onnx.helper.make_map_type_proto(7, onnx.helper.make_tensor_type_proto(1, None))
    zipped = onnx.helper.make_value_info("z", onnx.helper.make_sequence_type_proto(dictionary))
    right = write("models/right_file.onnx", given="X", outputs=[("p", 1, ["n", classes]), ("class", 7, ["n"])])
    padding = [("Identity", ["padding"], ["unused"])]
    larger = write("models/larger_file.onnx", size=5000, outputs=[("p", 1, ["n", classes])], after=padding)
    scores = write("models/scores_file.onnx", outputs=[("total", 1, ["n", classes])])
    bad = {
        "converted on other weights": write("models/weights_file.onnx", wrong=nudged),
        "negative values cut off": write("models/negative_file.onnx", before=negative),
        "wrong on one row of 3,000": write("models/one_row_file.onnx", after=a_little, outputs=q_for_p),
        "NaN on one row": write("models/nan_file.onnx", after=to_nan, outputs=q_for_p),
        "the sums in place of the probabilities": scores,
        "float64 in and out": write("models/double_file.onnx", kind=11),
        "two inputs": write("models/two_file.onnx", extra=[second]),
        "frozen at one row": write("models/frozen_file.onnx", n=1),
        "dictionaries": write("models/zipped_file.onnx", after=to_dictionaries, outputs=[("class", 7, ["n"]), zipped]),
        "labels alone": write("models/labels_file.onnx", outputs=[("class", 7, ["n"])]),
        "one probability for each row": write(
            "models/vector_file.onnx",
            after=[("ReduceMax", ["p"], ["top"], ("keepdims", 0), ("noop_with_empty_axes", 1))],
            outputs=[("class", 7, ["n"])],
        ),
        "no ONNX file": "models/text_file.onnx",
        "no file at all": "models/missing_file.onnx",
    }
    Path("models/text_file.onnx").write_bytes(b"not a model")
    for reason, path in bad.items():
        chosen = choose({"a": path}, rows, expected)
        assert chosen is None, f"The only file is not right ({reason}), and choose said {chosen!r}: say None."
        for paths in ({"left": path, "other": right}, {"other": right, "left": path}):
            chosen = choose(paths, rows, expected)
            diagnosis = " It calls its input X and its probabilities p, and gives them first." if chosen is None else ""
            assert chosen == "other", (
                f"One file is right and one is not ({reason}); choose said {chosen!r}, not 'other'.{diagnosis}"
            )
    everything = {f"file {number}": path for number, path in enumerate(bad.values())}
    chosen = choose(everything | {"the one": larger}, rows, expected)
    assert chosen == "the one", f"Only the last of many files is right; choose said {chosen!r}."
    assert choose(everything, rows, expected) is None, "None of these files is right: say None."
    assert choose({}, rows, expected) is None, "Without any file none is right: say None."
    for paths in ({"small": right, "large": larger}, {"large": larger, "small": right}):
        chosen = choose(paths, rows, expected)
        assert chosen == "small", (
            f"Two files are right; the one with fewer bytes is 'small', and choose said {chosen!r}."
        )


test_choose_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both. The folder `models/` need not be handed in.
