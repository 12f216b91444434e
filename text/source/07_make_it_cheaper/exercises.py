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
#     agreed: aef6ee2670f6345b
# ---

# %% [markdown]
# # Assignment 07: make it cheaper
#
# Lesson 07 made a prediction cheaper in half a dozen ways, and asked of each what it costs in quality, on average and for a single row. Here you write the
# tools: whole numbers in place of fractions, a network with fewer units, a small one taught by a large one, and what decides which of them is served.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `quantise`: a layer's weights in 8 bits, with a scale for each unit | 4 |
# | 2 | `run_int8`: a layer computed with whole numbers, and who shares the batch | 5 |
# | 3 | `compare`: what a change of model did, on average and to single rows | 4 |
# | 4 | `remove_units`: a smaller network that says the same | 5 |
# | 5 | `distil`: a file under a limit, taught by a model that is too large | 4 |
# | 6 | `choose`: the cheapest variant inside all gates, with the reasons | 4 |
#
# It takes 90 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 5 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 6
#   of the 26 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on weights, rows and readings that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one.
# - `numpy`, `onnx`, `onnxruntime` and `scikit-learn` are at hand. What the docstrings ask for differs from what `modelserving` does, so wrapping its functions will not do.
# - What counts is how your code behaves, not how it is written, and not how fast it is (only exercise 5 has a limit, a wide one).

# %% [markdown]
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

import numpy as np
import onnx
import onnxruntime
from sklearn.neural_network import MLPRegressor


# %% [markdown]
# ## Exercise 1. Eight bits for a weight
#
# A weight takes 32 bits. Kept as a whole number from -127 to 127, together with one **scale** for many of them, it takes 8. The scale is the
# largest absolute weight divided by 127, so that the largest one becomes 127 or -127 and all others something between. No weight moves by more than half a scale.
#
# The question is who shares a scale. With one for the whole matrix, a unit with small weights pays for its neighbour with large ones:
#
# ```
#             weights                       one scale, 0.02            a scale for each unit: 0.02, 0.0001, 1
#           unit 0   unit 1   unit 2
# input 0    2.54    0.0127     0            127     1     0            127   127     0
# input 1   -1.00   -0.0050     0            -50     0     0            -50   -50     0
# input 2    0.026   0.0004     0              1     0     0              1     4     0
# ```
#
# In the middle one number is left of unit 1, and it is half as large again as the weight that it stands for. On the right the unit is as good as new, for 4 bytes more a unit: this is called quantisation **per channel**. A unit whose weights are all
# 0 has no largest one to divide by. Its scale is 1.

# %% nbgrader={"grade": false, "grade_id": "quantise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def quantise(weights):
    """A layer's weights as whole numbers of 8 bits, with a scale for each unit.

    Arguments:
        weights: float32 array (inputs, units), at least one of each; column j holds the weights of unit j.
            Weights other than 0 lie between 1e-30 and 1e30 in magnitude.

    Returns:
        dict:
        "values": int8 array (inputs, units), from -127 to 127: the whole number nearest to weight / scale. Of two
            that are equally near, either will do.
        "scale": float32 array (units,): the largest |weight| of the column divided by 127; 1 where that is 0.
        "restored": float32 array (inputs, units): values times scale, what the layer will compute with.
        "error": float array (units,): the largest |weight - restored| of each column.
        "bytes": int; how many bytes values and scales take together.

    Raises:
        ValueError: if a weight is infinite or not a number.
    """
    ### BEGIN SOLUTION
    if not np.isfinite(weights).all():
        raise ValueError("A weight is infinite or not a number.")
    largest = np.abs(weights).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    values = np.rint(weights / scale).astype(np.int8)
    restored = values * scale
    return {
        "values": values,
        "scale": scale,
        "restored": restored,
        "error": np.abs(weights.astype(float) - restored).max(axis=0),
        "bytes": values.nbytes + scale.nbytes,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_quantise", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above.
# Why: with one scale for all, the smaller unit would lose its weights.
# Expected: the whole numbers and scales on the right, in 9 + 12 bytes, and an error of 0.006 for unit 0.
import numpy as np


def test_quantise():
    weights = np.array([[2.54, 0.0127, 0], [-1.0, -0.005, 0], [0.026, 0.0004, 0]], dtype=np.float32)
    got = quantise(weights)
    assert isinstance(got, dict), "quantise must return a dict."
    keys = ["bytes", "error", "restored", "scale", "values"]
    assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
    for key, dtype, shape in (("values", "int8", (3, 3)), ("scale", "float32", (3,)), ("restored", "float32", (3, 3))):
        came = got[key]
        assert isinstance(came, np.ndarray), f'"{key}" should be an array and is {came!r}.'
        assert (came.dtype.name, came.shape) == (dtype, shape), (
            f'"{key}" should be {dtype} of shape {shape} and is {came.dtype.name} of shape {came.shape}.'
        )
    assert np.allclose(got["scale"], [0.02, 0.0001, 1], rtol=1e-5), (
        f'"scale" should be [0.02, 0.0001, 1] and is {got["scale"].tolist()}.'
    )
    expected = [[127, 127, 0], [-50, -50, 0], [1, 4, 0]]
    assert got["values"].tolist() == expected, f'"values" should be {expected} and is {got["values"].tolist()}.'
    restored = [[2.54, 0.0127, 0], [-1.0, -0.005, 0], [0.02, 0.0004, 0]]
    assert np.allclose(got["restored"], restored, rtol=1e-5), (
        f'"restored" should be {restored} and is {got["restored"].tolist()}.'
    )
    error = np.asarray(got["error"], dtype=float)
    assert error.shape == (3,), f'"error" should hold one number for each unit and is {got["error"]!r}.'
    assert np.allclose(error, [0.006, 0, 0], atol=1e-6), (
        f'"error" should be [0.006, 0, 0], from the 0.026 that became 0.02, and is {error.tolist()}.'
    )
    assert got["bytes"] == 21, f'"bytes" should be 9 of values and 12 of scales, 21, and is {got["bytes"]!r}.'


test_quantise()

# %% nbgrader={"grade": true, "grade_id": "test_quantise_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: matrices of other shapes, whose units differ in size a thousandfold.
# Why: what a scale is shared by decides how much of a weight survives.
# Expected: the five things of the docstring; no weight moves by more than half of its unit's scale.
### BEGIN HIDDEN TESTS
import numpy as np


def test_quantise_hidden():
    random = np.random.default_rng(7)
    for rows, units in ((40, 7), (7, 40), (200, 3), (30, 30)):
        weights = random.normal(size=(rows, units)) * 10 ** random.uniform(-3, 1, units)
        weights[:, 0] = -np.abs(weights[:, 0]) - 0.01  # a unit whose largest weight is below zero
        weights = weights.astype(np.float32)
        what = f"With {rows} inputs and {units} units"
        got = quantise(weights)
        scale = np.abs(weights).max(axis=0).astype(float) / 127
        came = np.asarray(got["scale"])
        assert came.shape == (units,), f'{what}, "scale" should hold {units} numbers and has the shape {came.shape}.'
        assert came.dtype == np.float32, f'{what}, "scale" should be float32 and is {came.dtype}.'
        why = "."
        for text, other in (
            (": that is one scale for the whole matrix.", np.full(units, np.abs(weights).max() / 127)),
            (": that is a 128th. 128 does not fit into 8 bits with a sign.", scale * 127 / 128),
            (
                ": that takes the largest weight, not the largest absolute one.",
                np.where(weights.max(axis=0) > 0, weights.max(axis=0) / 127, 1),
            ),
            (": that is for 255 steps between smallest and largest.", np.ptp(weights, axis=0) / 255),
        ):
            why = text if np.allclose(came, other, rtol=1e-4) else why
        assert np.allclose(came, scale, rtol=1e-4), (
            f'{what}, "scale" should begin with {scale[:3].tolist()} and begins with {came[:3].tolist()}{why}'
        )
        values = got["values"]
        assert (values.dtype, values.shape) == (np.int8, weights.shape), (
            f'{what}, "values" should be int8 of shape {weights.shape} and is {values.dtype} of {values.shape}.'
        )
        off = np.abs(values - weights / scale)
        row, unit = np.unravel_index(off.argmax(), off.shape)
        cut = off.max() <= 1.001 and (np.abs(values) <= np.abs(weights / scale) + 0.001).all()
        assert off.max() <= 0.501, (
            f"{what}, weight [{row}, {unit}] is {weights[row, unit] / scale[unit]:.3f} scales and became "
            f"{values[row, unit]}. {'That cuts the fraction off: take the nearest.' if cut else 'Take the nearest.'}"
        )
        restored = np.asarray(got["restored"], dtype=float)
        assert restored.shape == weights.shape, f'{what}, "restored" should have the shape {weights.shape}.'
        assert np.allclose(restored, values * scale, rtol=1e-4, atol=0), (
            f'{what}, "restored" should be the values times the scale of their unit.'
        )
        error = np.abs(weights - values * scale).max(axis=0)
        came = np.asarray(got["error"], dtype=float)
        assert came.shape == (units,), f'{what}, "error" should hold {units} numbers; its shape is {came.shape}.'
        assert np.allclose(came, error, rtol=1e-2), (
            f'{what}, "error" should begin with {error[:3].tolist()}, the largest |weight - restored| of each unit, '
            f"and begins with {came[:3].tolist()}."
        )
        size = rows * units + 4 * units
        assert got["bytes"] == size, (
            f'{what}, "bytes" should be {rows * units} of values and {4 * units} of scales, {size}: {got["bytes"]!r}.'
        )


test_quantise_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_quantise_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: units of zeros, a single weight, very large and very small ones, and broken ones.
# Why: pruned networks have units of zeros, and 0 / 0 is no weight.
# Expected: finite numbers throughout, and ValueError for a weight that is none.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_quantise_edges():
    cases = [
        ("a single weight", [[0.5]], [[127]], [0.5 / 127]),
        ("a single weight below zero", [[-0.5]], [[-127]], [0.5 / 127]),
        ("a matrix of zeros", [[0.0, 0.0], [0.0, 0.0]], [[0, 0], [0, 0]], [1, 1]),
        ("a unit of zeros between others", [[254.0, 0, 1], [-2.0, 0, -127]], [[127, 0, 1], [-1, 0, -127]], [2, 1, 1]),
        (
            "very large and very small units",
            [[1e30, 1e-30], [-1e30, 0]],
            [[127, 127], [-127, 0]],
            [1e30 / 127, 1e-30 / 127],
        ),
        ("equal weights", [[3.0], [3.0], [-3.0]], [[127], [127], [-127]], [3 / 127]),
    ]
    for what, weights, values, scale in cases:
        got = quantise(np.array(weights, dtype=np.float32))
        told = f"With {what}, weights {weights},"
        came = np.asarray(got["scale"], dtype=float)
        assert (came > 0).all(), f'{told} "scale" is {came.tolist()}. The scale of a unit of zeros is 1.'
        assert np.allclose(came, scale, rtol=1e-4, atol=0), f'{told} "scale" should be {scale} and is {came.tolist()}.'
        assert got["values"].tolist() == values, (
            f'{told} "values" should be {values} and is {got["values"].tolist()}. A number of 8 bits that is too large '
            "wraps round to the other end."
        )
        for key in ("restored", "error"):
            assert np.isfinite(np.asarray(got[key], dtype=float)).all(), f'{told} "{key}" is {got[key]!r}.'
        assert np.asarray(got["error"]).shape == (len(scale),), f'{told} "error" should hold a number for each unit.'
    for broken in (math.nan, math.inf, -math.inf):
        refused = False
        try:
            quantise(np.array([[1.0, 2.0], [broken, 3.0]], dtype=np.float32))
        except ValueError:
            refused = True
        assert refused, f"A weight of {broken} has to be refused with ValueError: no scale holds it."


test_quantise_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. Who shares the batch
#
# The weights are whole numbers now. To compute with them the inputs must become whole numbers, too, and so they need a scale. When is it known? The weights were there
# when the file was written. The inputs come with the request.
#
# - **Dynamic** quantisation takes the largest input of whatever is computed together. No calibration is needed. But then the scale of your row depends on the row of
#   a stranger who happened to come in the same millisecond.
# - A scale **per row** is dynamic as well, and depends on nobody.
# - **Static** quantisation fixes the scale beforehand, on rows seen earlier. What lies beyond is **clipped**.
#
# ```
# X = [[1.27, 0.316]] alone             scale 0.01    whole numbers 127, 32    stand for 1.27 and 0.32
# the same row beside [[12.7, 0.0]]     scale 0.1     whole numbers  13,  3    stand for 1.3  and 0.3
# with the fixed scale 0.005            scale 0.005   whole numbers 127, 63    stand for 0.635 and 0.315, one clipped
# ```
#
# One trap lies in wait. The product of two numbers of 8 bits does not fit into 8 bits, and numpy does not say so: `np.int8(100) * np.int8(2)` is -56, and `@` of two int8 arrays
# adds up such products. Processors have instructions that multiply 8 bits and add up in 32. That is where the speed comes from.

# %% nbgrader={"grade": false, "grade_id": "run_int8", "locked": false, "schema_version": 3, "solution": true, "task": false}
def run_int8(X, layer, x_scale):
    """One layer of a network, computed with whole numbers.

    Arguments:
        X: float32 array (rows, inputs), finite, at least one of each.
        layer: dict:
            "values": int8 array (inputs, units), -127 to 127; "scale": float32 array (units,), above 0: the weight
            from input i to unit j is values[i, j] * scale[j].
            "bias": float32 array (units,).
        x_scale: where the scale of the inputs comes from:
            "batch": one for all rows, the largest |x| in X divided by 127.
            "row": for each row its own, the largest |x| of the row divided by 127.
            a float above 0: this one, for all rows.
            Where the largest |x| is 0, the scale is 1.

    Each input becomes the whole number nearest to x / scale (of two equally near, either); one beyond 127 or -127 is
    clipped to that. Sums of products of whole numbers are exact, and there are at most 10,000 inputs.

    Returns:
        dict:
        "out": float array (rows, units): the sum of the products times the scale of the row times the scale of
            the unit, plus the bias of the unit.
        "x_scale": float array (rows,): the scale that each row was computed with.
        "clipped": int; how many inputs were beyond 127 or -127, as whole numbers, before they were clipped.
    """
    ### BEGIN SOLUTION
    if x_scale == "batch":
        scales = np.full(len(X), np.abs(X).max() / 127, dtype=float)
    elif x_scale == "row":
        scales = np.abs(X).max(axis=1).astype(float) / 127
    else:
        scales = np.full(len(X), x_scale, dtype=float)
    scales[scales == 0] = 1
    whole = np.rint(X / scales[:, None])
    inputs = np.clip(whole, -127, 127).astype(np.int64)
    sums = inputs @ layer["values"].astype(np.int64)
    return {
        "out": sums * scales[:, None] * layer["scale"] + layer["bias"],
        "x_scale": scales,
        "clipped": int((np.abs(whole) > 127).sum()),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_run_int8", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the row of the example, alone, in company, and with a fixed scale.
# Why: the same row, the same layer, and another answer, because of who else was there.
# Expected: sums of whole numbers; 8 bits hold none of them.
import numpy as np


def test_run_int8():
    layer = {
        "values": np.array([[100, 1], [-50, 2]], dtype=np.int8),
        "scale": np.array([0.01, 0.5], dtype=np.float32),
        "bias": np.array([0.25, -1.0], dtype=np.float32),
    }
    alone = np.array([[1.27, 0.316]], dtype=np.float32)
    both = np.array([[1.27, 0.316], [12.7, 0.0]], dtype=np.float32)
    first = [0.01 * 0.01 * (127 * 100 - 32 * 50) + 0.25, 0.01 * 0.5 * (127 * 1 + 32 * 2) - 1]
    crowd = [0.1 * 0.01 * (13 * 100 - 3 * 50) + 0.25, 0.1 * 0.5 * (13 + 3 * 2) - 1]
    second = [0.1 * 0.01 * 127 * 100 + 0.25, 0.1 * 0.5 * 127 - 1]
    fixed = [0.005 * 0.01 * (127 * 100 - 63 * 50) + 0.25, 0.005 * 0.5 * (127 + 63 * 2) - 1]
    cases = [
        (alone, "batch", [first], [0.01], 0),
        (both, "batch", [crowd, second], [0.1, 0.1], 0),
        (both, "row", [first, second], [0.01, 0.1], 0),
        (alone, 0.005, [fixed], [0.005], 1),
    ]
    for X, x_scale, out, scales, clipped in cases:
        told = f"With X = {np.round(X, 3).tolist()} and x_scale = {x_scale!r},"
        got = run_int8(X, layer, x_scale)
        assert isinstance(got, dict), "run_int8 must return a dict."
        keys = ["clipped", "out", "x_scale"]
        assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
        for key, numbers in (("x_scale", scales), ("out", out)):
            came = np.asarray(got[key], dtype=float)
            assert came.shape == np.shape(numbers), (
                f'{told} "{key}" should have the shape {np.shape(numbers)} and has {came.shape}.'
            )
            assert np.allclose(came, numbers, rtol=1e-4), f'{told} "{key}" should be {numbers} and is {came.tolist()}.'
        assert got["clipped"] == clipped, f'{told} "clipped" should be {clipped} and is {got["clipped"]!r}.'


test_run_int8()

# %% nbgrader={"grade": true, "grade_id": "test_run_int8_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: layers of up to 2,000 inputs, with rows that differ in size a hundredfold, in all three ways.
# Why: each way has a scale of its own, and a sum of 2,000 products needs more than 16 bits.
# Expected: "out" and "x_scale" of the docstring.
### BEGIN HIDDEN TESTS
import numpy as np


def test_run_int8_hidden():
    random = np.random.default_rng(71)
    for rows, inputs, units in ((6, 5, 4), (1, 300, 3), (20, 40, 7), (5, 2000, 2), (7, 7, 7)):
        sizes = 10 ** random.uniform(-1, 1, rows)
        X = (random.normal(size=(rows, inputs)) * sizes[:, None]).astype(np.float32)
        values = random.integers(-127, 128, (inputs, units))
        values[:, 0] = np.abs(values[:, 0])
        if inputs == 2000:
            X = np.abs(X) + np.float32(0.5)  # then the sums are large, too
        layer = {
            "values": values.astype(np.int8),
            "scale": random.uniform(0.001, 0.1, units).astype(np.float32),
            "bias": random.normal(0, 5, units).astype(np.float32),
        }
        largest = np.abs(X).astype(float)
        ways = {
            "batch": np.full(rows, largest.max() / 127),
            "row": largest.max(axis=1) / 127,
            0.03125: np.full(rows, 0.03125),
        }

        def result(scales, bits=64, cut=False, wrap=False, X=X, values=values, layer=layer):
            whole = X / scales[:, None]
            whole = (np.trunc(whole) if cut else np.rint(whole)).astype(np.int64)
            whole = (whole + 128) % 256 - 128 if wrap else np.clip(whole, -127, 127)
            sums = whole @ values
            sums = sums.astype({8: np.int8, 16: np.int16, 64: np.int64}[bits])
            return sums * scales[:, None] * layer["scale"].astype(float) + layer["bias"]

        for x_scale, scales in ways.items():
            told = f"With {rows} rows, {inputs} inputs, {units} units and x_scale = {x_scale!r},"
            got = run_int8(X, layer, x_scale)
            came = np.asarray(got["x_scale"], dtype=float)
            assert came.shape == (rows,), f'{told} "x_scale" should hold {rows} numbers; its shape is {came.shape}.'
            why = [
                f" That is the scale of x_scale = {name!r}."
                for name, other in ways.items()
                if name != x_scale and np.allclose(came, other, rtol=1e-4)
            ]
            assert np.allclose(came, scales, rtol=1e-4), (
                f'{told} "x_scale" should begin with {scales[:3].tolist()} and begins with {came[:3].tolist()}.'
                + "".join(why[:1])
            )
            out, came = result(scales), np.asarray(got["out"], dtype=float)
            assert came.shape == out.shape, f'{told} "out" should have the shape {out.shape} and has {came.shape}.'
            # an input in the middle between two whole numbers may go either way: one unit of one product
            free = 1e-4 * np.abs(out).max() + 130 * scales[:, None] * layer["scale"]
            mistakes = {
                "Those are sums that wrapped round in 8 bits.": result(scales, 8),
                "Those are sums that wrapped round in 16 bits.": result(scales, 16),
                "That cuts the fractions of x / scale off: take the nearest whole number.": result(scales, cut=True),
                "There inputs beyond 127 wrapped round in place of being clipped.": result(scales, wrap=True),
                "That is without the bias.": out - layer["bias"],
                "Every unit has a scale of its own.": (out - layer["bias"]) / layer["scale"] * layer["scale"].mean()
                + layer["bias"],
            }
            near = np.abs(came - out) <= free
            why = [] if near.all() else [t for t, o in mistakes.items() if np.allclose(came, o, rtol=1e-3, atol=1e-3)]
            row, unit = np.unravel_index(np.abs(came - out).argmax(), out.shape)
            assert near.all(), (
                f'{told} "out" of row {row} and unit {unit} should be {out[row, unit]:.6g} and is '
                f"{came[row, unit]:.6g}. {''.join(why[:1])}"
            )


test_run_int8_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_run_int8_company", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: rows alone, together, and beside a row that is forty times as large.
# Why: behind a batcher a prediction must not depend on who else asked.
# Expected: with "row" and with a fixed scale each row's answer stays what it is alone; with "batch" it does not.
### BEGIN HIDDEN TESTS
import numpy as np


def test_run_int8_company():
    random = np.random.default_rng(72)
    X = random.normal(size=(12, 30)).astype(np.float32)
    X[0] *= 40
    layer = {
        "values": random.integers(-127, 128, (30, 5)).astype(np.int8),
        "scale": random.uniform(0.005, 0.02, 5).astype(np.float32),
        "bias": random.normal(size=5).astype(np.float32),
    }
    groups = [[3], [3, 4], [4, 3, 5], list(range(1, 12)), list(range(12)), [3, 0], [3, 3]]
    for x_scale in ("row", 0.0437):
        alone = np.asarray(run_int8(X[3:4], layer, x_scale)["out"], dtype=float)[0]
        for rows in groups:
            came = np.asarray(run_int8(X[rows], layer, x_scale)["out"], dtype=float)[rows.index(3)]
            assert np.allclose(came, alone, rtol=1e-6, atol=1e-6), (
                f"With x_scale = {x_scale!r} row 3 alone gives {np.round(alone, 4).tolist()}, and computed with rows "
                f"{rows} it gives {np.round(came, 4).tolist()}. Its scale must not depend on the others."
            )
    alone = np.asarray(run_int8(X[3:4], layer, "batch")["out"], dtype=float)[0]
    beside = np.asarray(run_int8(X[[3, 0]], layer, "batch")["out"], dtype=float)[0]
    assert np.abs(alone - beside).max() > 0.05, (
        f'With x_scale = "batch" row 3 alone gives {np.round(alone, 4).tolist()}, and {np.round(beside, 4).tolist()} '
        "beside a row that is forty times as large. There its scale should be forty times as coarse."
    )


test_run_int8_company()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_run_int8_clipped", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: inputs far beyond a fixed scale, rows of zeros, and inputs that reach 127 and no more.
# Why: a number of 8 bits that is too large does not stop at 127; it comes out at the other end.
# Expected: what is beyond is clipped and counted, and 0 / 0 does not happen.
### BEGIN HIDDEN TESTS
import numpy as np


def test_run_int8_clipped():
    one = {
        "values": np.array([[1], [0]], dtype=np.int8),
        "scale": np.array([1.0], dtype=np.float32),
        "bias": np.array([0.0], dtype=np.float32),
    }
    cases = [
        ("exactly 127 scales", [[127.0, 0]], 1.0, [127], 0),
        ("127.3 scales, nearest 127", [[127.3, 0]], 1.0, [127], 0),
        ("128 scales", [[128.0, 0]], 1.0, [127], 1),
        ("-128 scales", [[-128.0, 0]], 1.0, [-127], 1),
        ("200 and -300 scales", [[200.0, -300.0]], 1.0, [127], 2),
        ("255 scales, which is -1 in 8 bits", [[255.0, 0], [1.0, 0]], 1.0, [127, 1], 1),
        ("a hundred thousand scales", [[100000.0, 3.0]], 1.0, [127], 1),
        ("a row of zeros and a fixed scale", [[0.0, 0.0]], 0.5, [0], 0),
        ("nothing but zeros", [[0.0, 0.0], [0.0, 0.0]], "batch", [0, 0], 0),
        ("a row of zeros beside another", [[0.0, 0.0], [-254.0, 0.0]], "row", [0, -254], 0),
        ("the largest one, which sets the scale", [[-63.5, 1.0]], "batch", [-63.5], 0),
    ]
    for what, X, x_scale, out, clipped in cases:
        got = run_int8(np.array(X, dtype=np.float32), one, x_scale)
        told = f"With {what} (X = {X}, x_scale = {x_scale!r}, the weights 1 and 0),"
        came = np.asarray(got["out"], dtype=float)
        assert came.shape == (len(X), 1), f'{told} "out" should have the shape {(len(X), 1)} and has {came.shape}.'
        assert np.isfinite(came).all(), f'{told} "out" is {came.tolist()}. Where the largest |x| is 0, the scale is 1.'
        assert np.allclose(came[:, 0], out, rtol=1e-5), f'{told} "out" should be {out} and is {came[:, 0].tolist()}.'
        assert got["clipped"] == clipped, (
            f'{told} "clipped" should be {clipped} and is {got["clipped"]!r}. An input that becomes 127 without being '
            "beyond it is not clipped."
        )
    zeros = np.asarray(run_int8(np.zeros((2, 2), dtype=np.float32), one, "row")["x_scale"], dtype=float)
    assert zeros.tolist() == [1, 1], f'With rows of zeros "x_scale" should be [1, 1] and is {zeros.tolist()}.'


test_run_int8_clipped()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. The average, and the one
#
# A cheaper variant is as good on average: its log loss rose by a thousandth. Is it the same service, then? Three things hide in an average.
#
# - **Single rows.** Somebody's probability may have moved by 0.3.
# - **Mended and broken.** When 50 rows that were called wrongly are now called rightly, and 50 others the other way round, accuracy stays as it was, and 100 travellers get another answer than yesterday.
# - **Groups.** The rise of a thousandth may be nothing for most airports and a great deal for one.
#
# ```
# row      before   after   late     called at 0.5
#  0        0.9      0.8    yes      rightly, rightly
#  1        0.6      0.4    no       wrongly, rightly: mended
#  2        0.4      0.6    no       rightly, wrongly: broken        largest change 0.2, first in row 1
#  3        0.5      0.5    yes      rightly, rightly                (at the threshold is late)
# ```
#
# The log loss of a row is $-\ln p$ if the flight was late and $-\ln (1 - p)$ if it was not. A single 0 for a flight that was late would make it infinite, so
# a probability below 0.0000001 counts as 0.0000001, and one above 1 - 0.0000001 as that.

# %% nbgrader={"grade": false, "grade_id": "compare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compare(before, after, late, groups, threshold):
    """What a change of model did to the predictions of n rows, n at least 1.

    Arguments:
        before, after: float arrays (n,), float32 or float64; the probability of being late that the present model
            and the new one give each row. Compute in float64.
        late: bool array (n,); what happened.
        groups: int64 array (n,); the number of each row's group, for example its airport.
        threshold: float; a row is called late when its probability is at least this.

    Returns:
        dict:
        "rise": float; mean log loss of `after` minus that of `before`, with probabilities kept within 1e-7 and
            1 - 1e-7 (for the log loss alone).
        "largest": float; the largest |after - before|.
        "row": int; the row where it is, the first of equals.
        "mended": int; how many rows were called wrongly before and are called rightly after.
        "broken": int; how many the other way round.
        "hurt": tuple (group, rise): the group whose own mean log loss rose most, and by how much. When it fell in
            all groups, that is the one in which it fell least. Of equal ones the smallest number.

    Raises:
        ValueError: if the lengths of the four arrays differ, or a probability is no number from 0 to 1.
    """
    ### BEGIN SOLUTION
    if len({len(before), len(after), len(late), len(groups)}) > 1:
        raise ValueError("The four arrays must be of one length.")
    before, after = before.astype(float), after.astype(float)
    for probability in (before, after):
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError("A probability is no number from 0 to 1.")

    def losses(probability):
        kept = np.clip(probability, 1e-7, 1 - 1e-7)
        return -np.log(np.where(late, kept, 1 - kept))

    rises = losses(after) - losses(before)
    names, place = np.unique(groups, return_inverse=True)
    by_group = np.bincount(place, weights=rises) / np.bincount(place)
    change = np.abs(after - before)
    right_before, right_after = (before >= threshold) == late, (after >= threshold) == late
    return {
        "rise": float(rises.mean()),
        "largest": float(change.max()),
        "row": int(change.argmax()),
        "mended": int((right_after & ~right_before).sum()),
        "broken": int((right_before & ~right_after).sum()),
        "hurt": (int(names[by_group.argmax()]), float(by_group.max())),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_compare", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, with rows 0 and 1 in group 4 and rows 2 and 3 in group 7.
# Why: one mended and one broken make no difference to the accuracy, and are two changed answers.
# Expected: 1 mended, 1 broken, a largest change of 0.2 in row 1, and group 7 as the one that was hurt.
import math

import numpy as np


def test_compare():
    before, after = np.array([0.9, 0.6, 0.4, 0.5]), np.array([0.8, 0.4, 0.6, 0.5])
    late, groups = np.array([True, False, False, True]), np.array([4, 4, 7, 7])
    got = compare(before, after, late, groups, 0.5)
    assert isinstance(got, dict), "compare must return a dict."
    keys = ["broken", "hurt", "largest", "mended", "rise", "row"]
    assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
    assert (got["mended"], got["broken"]) == (1, 1), (
        f'"mended" and "broken" should be 1 and 1, rows 1 and 2, and are {got["mended"]} and {got["broken"]}.'
    )
    assert math.isclose(got["largest"], 0.2), f'"largest" should be 0.2 and is {got["largest"]}.'
    assert got["row"] in (1, 2), f'"row" should be 1 and is {got["row"]!r}.'  # 0.6 - 0.4 is either, in binary
    rises = [math.log(0.9 / 0.8), math.log(0.4 / 0.6), math.log(0.6 / 0.4), 0.0]
    rise = sum(rises) / 4
    assert math.isclose(got["rise"], rise, rel_tol=1e-6), f'"rise" should be {rise:.6f} and is {got["rise"]}.'
    assert len(got["hurt"]) == 2, f'"hurt" should be a pair, group and rise, and is {got["hurt"]!r}.'
    assert got["hurt"][0] == 7, f'The log loss rose most in group 7, and "hurt" is {got["hurt"]!r}.'
    hurt = (rises[2] + rises[3]) / 2
    assert math.isclose(got["hurt"][1], hurt, rel_tol=1e-6), (
        f'In group 7 the mean log loss rose by {hurt:.6f}, and "hurt" is {got["hurt"]!r}.'
    )


test_compare()

# %% nbgrader={"grade": true, "grade_id": "test_compare_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: some thousand rows in groups of very different size, float32 and float64, other thresholds.
# Why: a sum over a group says how many rows it has. Its mean says what became of them.
# Expected: the six things of the docstring.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_compare_hidden():
    for seed, dtype, threshold in (
        (1, "float64", 0.5),
        (2, "float32", 0.25),
        (3, "float64", 0.3),
        (4, "float32", 0.75),
    ):
        random = np.random.default_rng(730 + seed)
        n = 3000
        before = random.beta(1.2, 2.5, n)
        logit = np.log(before / (1 - before))
        groups = random.choice([11, 3, 29, 5], n, p=[0.8, 0.15, 0.04, 0.01])
        noise = random.normal(0, 0.5, n) * (groups != 29)
        after = 1 / (1 + np.exp(-(logit + noise + 0.9 * (groups == 29) - 0.3 * (groups == 5))))
        late = random.uniform(size=n) < before
        row = int(random.integers(n))
        before[row], after[row] = 0.97, 0.03  # one row falls far
        before, after = before.astype(dtype), after.astype(dtype)
        p, q = before.astype(float), after.astype(float)
        loss = [-np.log(np.where(late, np.clip(x, 1e-7, 1 - 1e-7), 1 - np.clip(x, 1e-7, 1 - 1e-7))) for x in (p, q)]
        rises = loss[1] - loss[0]
        means = {int(group): float(rises[groups == group].mean()) for group in np.unique(groups)}
        sums = {int(group): float(rises[groups == group].sum()) for group in np.unique(groups)}
        group = max(means, key=means.get)
        right = [(x >= threshold) == late for x in (p, q)]
        mended, broken = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
        got = compare(before, after, late, groups.astype(np.int64), threshold)
        told = f"With {n} rows of {dtype} and a threshold of {threshold},"
        gap, where = float(np.abs(q - p).max()), int(np.abs(q - p).argmax())
        why = {
            float((q - p).max()): " That is the largest rise: a fall counts as well.",
            float(np.abs(q - p).mean()): " That is the mean change.",
            float(np.abs(rises).max()): " That is the change of the log loss.",
        }
        said = [text for number, text in why.items() if math.isclose(got["largest"], number, rel_tol=1e-4)]
        assert math.isclose(got["largest"], gap, rel_tol=1e-5), (
            f'{told} "largest" should be {gap:.6f} and is {got["largest"]}.{"".join(said[:1])}'
        )
        assert got["row"] == where, f'{told} "row" should be {where} and is {got["row"]!r}.'
        rise = float(rises.mean())
        said = " The sign is the wrong way round." if math.isclose(got["rise"], -rise, rel_tol=1e-4) else ""
        assert math.isclose(got["rise"], rise, rel_tol=1e-3, abs_tol=1e-6), (
            f'{told} "rise" should be {rise:.6f} and is {got["rise"]}.{said}'
        )
        came = (got["mended"], got["broken"])
        net = (max(0, mended - broken), max(0, broken - mended))
        said = {(broken, mended): " Those are swapped.", net: " That is one minus the other."}.get(came, "")
        assert came == (mended, broken), f'{told} "mended", "broken" should be {mended}, {broken} and are {came}.{said}'
        name, size = got["hurt"]
        said = ""
        if name == max(sums, key=sums.get):
            said = " That is the group with the largest sum, which is a matter of its size."
        if name == group and math.isclose(size, sums[group], rel_tol=1e-4):
            said = " That is the sum over the group."
        same = name == group and math.isclose(size, means[group], rel_tol=1e-3)
        assert same, f'{told} "hurt" should be ({group}, {means[group]:.6f}) and is {got["hurt"]!r}.{said}'


test_compare_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_compare_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: probabilities of 0 and 1, and at the threshold; equal groups; what has to be refused.
# Why: NaN is not above any bound, so a model that answers NaN would pass every gate.
# Expected: the rules of the docstring, and ValueError where it says so.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_compare_edges():
    worst = math.log(1 / 1e-7)
    best = -math.log(1 - 1e-7)
    cases = [
        ("one row, unchanged", [0.25], [0.25], [1], [5], 0.5, 0.0, 0.0, 0, 0, 0, (5, 0.0)),
        ("sure, and wrong after", [1.0], [0.0], [1], [5], 0.5, worst - best, 1.0, 0, 0, 1, (5, worst - best)),
        ("sure, and wrong before", [1.0], [0.0], [0], [5], 0.5, best - worst, 1.0, 0, 1, 0, (5, best - worst)),
        (
            "probabilities at the threshold, which are called late",
            [0.25, 0.125],
            [0.125, 0.25],
            [0, 0],
            [2, 1],
            0.25,
            0.0,
            0.125,
            0,
            1,
            1,
            (1, math.log(0.875 / 0.75)),
        ),
        (
            "two groups that were hurt alike",
            [0.5, 0.5, 0.5, 0.5],
            [0.75, 0.25, 0.75, 0.75],
            [0, 1, 0, 1],
            [8, 6, 9, 9],
            0.9,
            0.5 * math.log(2) + 0.25 * (math.log(2) - math.log(1.5)),
            0.25,
            0,
            0,
            0,
            (6, math.log(2)),
        ),
        (
            "groups that all got better",
            [0.5, 0.5, 0.5],
            [0.75, 0.625, 0.875],
            [1, 1, 1],
            [-3, 4, -3],
            0.6,
            -(math.log(1.5) + math.log(1.25) + math.log(1.75)) / 3,
            0.375,
            2,
            3,
            0,
            (4, -math.log(1.25)),
        ),
    ]
    for what, before, after, late, groups, threshold, rise, largest, row, mended, broken, hurt in cases:
        late, groups = np.array(late, dtype=bool), np.array(groups, dtype=np.int64)
        got = compare(np.array(before), np.array(after), late, groups, threshold)
        told = f"With {what}: before {before}, after {after}, late {late.tolist()}, threshold {threshold},"
        close = math.isclose(got["rise"], rise, rel_tol=1e-6, abs_tol=1e-9)
        assert close, f'{told} "rise" should be {rise:.6f} and is {got["rise"]}.'
        assert math.isclose(got["largest"], largest, abs_tol=1e-9), (
            f'{told} "largest" should be {largest} and is {got["largest"]}.'
        )
        for key, number in (("row", row), ("mended", mended), ("broken", broken)):
            assert got[key] == number, f'{told} "{key}" should be {number} and is {got[key]!r}.'
        name, size = got["hurt"]
        same = name == hurt[0] and math.isclose(size, hurt[1], rel_tol=1e-6, abs_tol=1e-9)
        assert same, f'{told} groups {groups.tolist()}, "hurt" should be {hurt} and is {got["hurt"]!r}.'
    fine = {
        "before": np.array([0.5, 0.25]),
        "after": np.array([0.25, 0.5]),
        "late": np.array([True, False]),
        "groups": np.array([1, 2]),
    }
    for what, name, array in (
        ("NaN after", "after", np.array([0.25, math.nan])),
        ("NaN before", "before", np.array([math.nan, 0.25])),
        ("a probability above 1", "after", np.array([1.25, 0.5])),
        ("a probability below 0", "before", np.array([0.5, -0.125])),
        ("an infinite one", "after", np.array([0.5, math.inf])),
        ("one row less after", "after", np.array([0.25])),
        ("one label more", "late", np.array([True, False, True])),
        ("one group for two rows", "groups", np.array([1])),
    ):
        refused = False
        try:
            compare(*(fine | {name: array}).values(), 0.5)
        except ValueError:
            refused = True
        assert refused, f"With {what}, `{name}` = {array.tolist()}, a ValueError should have been raised."


test_compare_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. Fewer units
#
# A weight that was set to 0 is multiplied all the same. A hidden unit that is *gone* costs nothing: its column leaves one matrix, its row leaves the next one, and both are smaller.
#
# Which unit can go? One that always says the same. What it says may not be 0, and then the next layer counts on it, so what it said on average is added to that layer's bias.
# If the unit did say the same every time, nothing changes at all. If it nearly did, little does.
#
# ```
# hidden unit                              0                1              2
# incoming weights, bias                   1, 0             0, 2           0.5, 0
# answers to x = 0, 2, 4  (ReLU)           0, 2, 4          2, 2, 2        0, 1, 2
# their standard deviation                 1.633            0              0.816
# outgoing weights, to 2 units             3, 4             10, 1          1, 0
# norm of these                            5                10.05          1
# score, deviation times norm              8.165            0              0.816
# ```
#
# Unit 1 has the largest outgoing weights of all, and the lowest score. Without it the next layer's bias grows by 2 times (10, 1), its mean answer times its outgoing weights.
# Should two go, unit 2 is the next, and the bias grows by 1 times (1, 0) besides.

# %% nbgrader={"grade": false, "grade_id": "remove_units", "locked": false, "schema_version": 3, "solution": true, "task": false}
def remove_units(layers, X, remove):
    """A smaller network that says nearly the same as a given one.

    Arguments:
        layers: list of at least two pairs (weights, bias), from input to output: weights float32 (inputs, units),
            bias float32 (units,). A layer computes inputs @ weights + bias. After each but the last comes
            a ReLU, max(0, ...): the units of these layers are the hidden ones.
        X: float32 array (n, inputs of the first layer), n at least 1: rows like those that the network is used on.
        remove: list of whole numbers, one for each hidden layer: how many of its units are to go.

    In each hidden layer the units with the lowest score go, of equal scores the first. The score of a unit is
    the standard deviation (np.std) of its answers, after the ReLU, to the rows of X, times the Euclidean norm of
    its weights to the units of the next layer. The bias of the next layer grows by the mean answer of each unit
    that goes, times its weights to these units. Answers, scores and weights are those of the network as it is given,
    before anything is removed; compute them in float64.

    Returns:
        list of pairs (weights, bias), float32 arrays as in layers, without the units that go. The others stay in
        their order. The number of layers, inputs and outputs stays what it is.

    Raises:
        ValueError: if `remove` has not one number for each hidden layer, if a number is below 0, or if it leaves
            a layer without a unit.
    """
    ### BEGIN SOLUTION
    hidden = [weights.shape[1] for weights, _ in layers[:-1]]
    if len(remove) != len(hidden) or any(not 0 <= gone < units for gone, units in zip(remove, hidden, strict=True)):
        raise ValueError(f"Of {hidden} hidden units these cannot go: {remove}.")
    smaller = [[weights.astype(float), bias.astype(float)] for weights, bias in layers]
    answers = X.astype(float)
    for place, (weights, bias) in enumerate(layers[:-1]):
        answers = np.maximum(0, answers @ weights.astype(float) + bias)
        following = layers[place + 1][0].astype(float)
        order = np.argsort(answers.std(axis=0) * np.linalg.norm(following, axis=1), kind="stable")
        gone, stays = order[: remove[place]], np.sort(order[remove[place] :])
        smaller[place] = [part[..., stays] for part in smaller[place]]
        extra = answers[:, gone].mean(axis=0) @ following[gone]  # for all units of the next layer
        smaller[place + 1] = [following[stays], smaller[place + 1][1] + extra]
    return [(weights.astype(np.float32), bias.astype(np.float32)) for weights, bias in smaller]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_remove_units", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above, with one unit to go, and with two.
# Why: the unit that always says 2 is missed by nobody, if the next layer is told.
# Expected: smaller matrices, and for one unit a network that says the same.
import numpy as np


def test_remove_units():
    def single(*rows):
        return np.array(rows, dtype=np.float32)

    layers = [
        (single([1, 0, 0.5]), np.array([0, 2, 0], dtype=np.float32)),
        (single([3, 4], [10, 1], [1, 0]), np.array([0.5, -1], dtype=np.float32)),
    ]
    X = single([0], [2], [4])
    cases = [
        (1, [[[1, 0.5]], [0, 0], [[3, 4], [1, 0]], [20.5, 1]], "without unit 1"),
        (2, [[[1]], [0], [[3, 4]], [21.5, 1]], "without units 1 and 2"),
        (0, [[[1, 0, 0.5]], [0, 2, 0], [[3, 4], [10, 1], [1, 0]], [0.5, -1]], "with nothing to go"),
    ]
    for count, expected, what in cases:
        got = remove_units(layers, X, [count])
        assert isinstance(got, list | tuple), f"remove_units must return a list, not {type(got).__name__}."
        assert [len(pair) for pair in got] == [2, 2], "The list should hold two pairs (weights, bias)."
        arrays = [array for pair in got for array in pair]
        names = ["weights of layer 0", "bias of layer 0", "weights of layer 1", "bias of layer 1"]
        for name, came, numbers in zip(names, arrays, expected, strict=True):
            assert isinstance(came, np.ndarray), f"{what}: {name} should be an array and is {came!r}."
            assert came.dtype == np.float32, f"{what}: {name} should be float32 and is {came.dtype}."
            assert came.shape == np.shape(numbers), (
                f"{what}: {name} should have the shape {np.shape(numbers)} and has {came.shape}."
            )
            assert np.allclose(came, numbers), f"{what}: {name} should be {numbers} and is {came.tolist()}."


test_remove_units()

# %% nbgrader={"grade": true, "grade_id": "test_remove_units_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: networks with one to three hidden layers, and units to go from all of them.
# Why: size alone does not tell which unit matters, neither that of its incoming weights nor of its outgoing ones.
# Expected: the weights and biases of the docstring.
### BEGIN HIDDEN TESTS
from itertools import pairwise

import numpy as np


def test_remove_units_hidden():
    def score_ways(layers, X):
        """Scores by layer, in the way asked for and in others, and the mean answers with and without the ReLU."""
        ways = {"": [], "in": [], "out": [], "size": [], "mean": []}
        answers, means, bare, still = X.astype(float), [], [], []
        for (weights, bias), (following, _) in pairwise(layers):
            sums = answers @ weights.astype(float) + bias
            answers = np.maximum(0, sums)
            norm = np.linalg.norm(following.astype(float), axis=1)
            ways[""].append(answers.std(axis=0) * norm)
            ways["in"].append(np.linalg.norm(weights, axis=0))
            ways["out"].append(norm)
            ways["size"].append(np.linalg.norm(weights, axis=0) * norm)
            ways["mean"].append(answers.mean(axis=0) * norm)
            means.append(answers.mean(axis=0))
            bare.append(sums.mean(axis=0))
            still.append(np.maximum(0, bias.astype(float)))
        return ways, means, bare, still

    def smaller(layers, scores, means, remove, largest=False):
        result = [[weights.astype(float), bias.astype(float)] for weights, bias in layers]
        for place, count in enumerate(remove):
            order = np.argsort(-scores[place] if largest else scores[place], kind="stable")
            gone, stays = order[:count], np.sort(order[count:])
            following = layers[place + 1][0].astype(float)
            result[place] = [part[..., stays] for part in result[place]]
            result[place + 1] = [following[stays], result[place + 1][1] + means[place][gone] @ following[gone]]
        return result

    random = np.random.default_rng(74)
    for sizes, remove in (
        ((4, 9, 3), [4]),
        ((3, 8, 8, 2), [3, 5]),
        ((6, 10, 7, 9, 1), [2, 3, 4]),
        ((5, 6, 6, 1), [0, 2]),
        ((2, 12, 1), [11]),
    ):
        X = random.normal(1, 1.5, (60, sizes[0])).astype(np.float32)
        layers = []
        for inputs, units in pairwise(sizes):
            weights = random.normal(size=(inputs, units)) * 10 ** random.uniform(-0.7, 0.5, units) / inputs**0.5
            layers.append((weights.astype(np.float32), random.normal(0.5, 1, units).astype(np.float32)))
        ways, means, bare, still = score_ways(layers, X)
        expected = smaller(layers, ways[""], means, remove)
        zero = [0 * mean for mean in means]
        mistakes = {
            "the units with the largest scores went.": smaller(layers, ways[""], means, remove, largest=True),
            "the units were chosen by their incoming weights alone.": smaller(layers, ways["in"], means, remove),
            "the units were chosen by their outgoing weights alone.": smaller(layers, ways["out"], means, remove),
            "the units were chosen by the size of their weights. What counts is how much their answers vary.": smaller(
                layers, ways["size"], means, remove
            ),
            "the units were chosen by their mean answers, not by how much these vary.": smaller(
                layers, ways["mean"], means, remove
            ),
            "the next bias does not know what the units said on average.": smaller(layers, ways[""], zero, remove),
            "the next bias got the means before the ReLU.": smaller(layers, ways[""], bare, remove),
            "the next bias got what the units say to zeros, not what they say on average.": smaller(
                layers, ways[""], still, remove
            ),
        }
        what = f"With units {'-'.join(map(str, sizes))}, of which {remove} hidden ones are to go,"
        got = remove_units(layers, X, remove)
        assert len(got) == len(layers), f"{what} there should still be {len(layers)} layers, not {len(got)}."
        came = [[np.asarray(part) for part in pair] for pair in got]
        for place, ((weights, bias), pair) in enumerate(zip(expected, came, strict=True)):
            shapes = [part.shape for part in pair]
            assert shapes == [weights.shape, bias.shape], (
                f"{what} layer {place} should have weights of shape {weights.shape} and a bias of {bias.shape}, "
                f"and has {shapes}. A unit that goes takes its column with it, and its row in the next layer."
            )

        def same(other, came=came):
            pairs = zip(came, other, strict=True)
            return all(np.allclose(a, b, rtol=1e-3, atol=1e-4) for x, y in pairs for a, b in zip(x, y, strict=True))

        why = [text for text, other in mistakes.items() if same(other)]
        sets = [[np.sort(bias) for _, bias in layers] for layers in (came, expected)]
        if not why and all(np.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(*sets, strict=True)):
            why = ["are the others still in their order?"]
        wait = "scores and answers are those of the network as it is given, before anything is removed."
        wrong = [
            f"{name} of layer {place}"
            for place, (x, y) in enumerate(zip(came, expected, strict=True))
            for name, a, b in zip(("weights", "bias"), x, y, strict=True)
            if not np.allclose(a, b, rtol=1e-3, atol=1e-4)
        ]
        assert not wrong, f"{what} these are not as they should be: {', '.join(wrong)}: {''.join(why[:1]) or wait}"


test_remove_units_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_remove_units_dead", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: networks in which some units always say the same, or are listened to by nobody, and these go.
# Why: taking away what does nothing must do nothing, on rows that nobody has seen as well.
# Expected: the smaller network says what the larger one says, on 500 new rows.
### BEGIN HIDDEN TESTS
from itertools import pairwise

import numpy as np


def test_remove_units_dead():
    def run(layers, X):
        for place, (weights, bias) in enumerate(layers):
            X = X @ np.asarray(weights, dtype=float) + np.asarray(bias, dtype=float)
            X = np.maximum(0, X) if place < len(layers) - 1 else X
        return X

    random = np.random.default_rng(75)
    for what, sizes, remove in (
        ("one hidden layer", (5, 12, 3), [3]),
        ("two hidden layers", (4, 10, 8, 1), [3, 3]),
        ("two hidden layers, the second one whole", (4, 10, 8, 2), [3, 0]),
    ):
        layers = [
            (random.normal(size=(i, o)).astype(np.float32), random.normal(0, 1, o).astype(np.float32))
            for i, o in pairwise(sizes)
        ]
        for place, count in enumerate(remove):
            if count:
                (weights, bias), (following, _) = layers[place], layers[place + 1]
                first, second, third = random.permutation(sizes[place + 1])[:3]
                weights[:, first], bias[first] = 0, 2.5  # always says 2.5
                weights[:, second], bias[second] = -np.abs(weights[:, second]) * 0.1, -1e3  # never fires
                following[third] = 0  # nobody listens
        X = random.normal(size=(80, sizes[0])).astype(np.float32)
        new = random.normal(size=(500, sizes[0])).astype(np.float32)
        got = remove_units(layers, X, remove)
        left = [np.asarray(weights).shape[1] for weights, _ in got[:-1]]
        asked = [units - count for units, count in zip(sizes[1:-1], remove, strict=True)]
        assert left == asked, f"With {what} of {sizes[1:-1]} units and {remove} to go, {asked} should stay, not {left}."
        before, after = run(layers, new), run(got, new)
        off = float(np.abs(before - after).max())
        assert off < 1e-3, (
            f"With {what}, {remove} units to go, and as many that always say the same or that nobody listens to, the "
            f"answers to new rows change by up to {off:.4f}. They should not: do the right ones go, and is the next "
            "layer's bias told of the one that always says 2.5?"
        )


test_remove_units_dead()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_remove_units_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: equal scores, a single row, nothing to go, and requests that cannot be met.
# Why: a layer without a unit answers everybody alike, with great speed.
# Expected: of equal scores the first unit goes; ValueError where the docstring says so.
### BEGIN HIDDEN TESTS
import numpy as np


def test_remove_units_edges():
    def layer(weights, bias):
        return np.array(weights, dtype=np.float32), np.array(bias, dtype=np.float32)

    twins = [layer([[1, 2, 1, 1]], [0, 0, 0, 0]), layer([[1], [1], [1], [1]], [0])]
    X = np.array([[1.0], [3.0]], dtype=np.float32)
    cases = [
        ("units 0, 2 and 3 have equal scores and one is to go", twins, X, [1], [[2, 1, 1]], [2]),
        ("units 0, 2 and 3 have equal scores and two are to go", twins, X, [2], [[2, 1]], [4]),
        ("nothing is to go", twins, X, [0], [[1, 2, 1, 1]], [0]),
        ("X is a single row, so that no answer varies, and one is to go", twins, X[:1], [1], [[2, 1, 1]], [1]),
        ("X is a single row, and three are to go", twins, X[1:], [3], [[1]], [12]),
    ]
    for what, layers, rows, remove, first, last in cases:
        (weights, _), (_, bias) = remove_units(layers, rows, remove)
        came = np.asarray(weights).tolist()
        assert came == first, f"Where {what}, the first weights should be {first} and are {came}."
        assert np.allclose(bias, last), f"Where {what}, the last bias should be {last} and is {np.asarray(bias)}."
    deep = [*twins[:1], layer(np.ones((4, 3)), [0, 0, 0]), layer(np.ones((3, 1)), [0])]
    for what, layers, remove in (
        ("all of 4 units", twins, [4]),
        ("5 of 4 units", twins, [5]),
        ("fewer than none", twins, [-1]),
        ("two numbers for one hidden layer", twins, [1, 0]),
        ("one number for two hidden layers", deep, [1]),
        ("no number", twins, []),
        ("all units of the second hidden layer", deep, [0, 3]),
        ("fewer than none in the second hidden layer", deep, [1, -1]),
    ):
        refused = False
        try:
            remove_units(layers, X, remove)
        except ValueError:
            refused = True
        assert refused, f"{what[0].upper()}{what[1:]} (remove = {remove}) should be refused with ValueError."


test_remove_units_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. Taught by a large one
#
# A model is too large to serve. What is left of it is a table: rows, and the probability that it gave each. No outcome stands in it, and none is needed: a probability of 0.31 tells more about a row than
# "was not late". A small network fitted to these **soft targets** comes near the large one with few rows. Rounded to yes and no, they teach it to be sure where the large one is not.
#
# Three things make a file that can be served out of a fit that looks good in a notebook.
#
# - **Preparation belongs into the file.** Columns come in miles and in hours. A network learns them only when they are scaled, and whoever sends a row sends miles. The scaling can be folded into the first
#   layer: $((x - m) / s) W + b$ is $x W' + b'$ with other numbers. The scale is that of the table, not of the rows in a request: see exercise 2.
# - **The limit.** A weight takes 4 bytes, and the file has some hundreds besides.
# - **It answers probabilities**, for any number of rows.
#
# This function writes the file for you, if you like. (`MLPRegressor(hidden_layer_sizes=(8,))` fits a network to numbers: to $\ln (p / (1 - p))$, for example, which a sigmoid turns back into $p$. Its `coefs_` and `intercepts_` are the weights and biases.)

# %% nbgrader={"grade": false, "grade_id": "given_write_onnx", "locked": true, "schema_version": 3, "solution": false, "task": false}
def write_onnx(layers):
    """The bytes of an ONNX file for pairs (weights, bias): a ReLU after each layer but the last, there a sigmoid.

    Its input is "rows", float32 (any number, columns); its output "probability", float32 (any number,).
    """
    values, nodes, name = [], [], "rows"
    for place, (weights, bias) in enumerate(layers):
        for letter, array in (("W", weights), ("b", bias)):
            values.append(onnx.numpy_helper.from_array(np.asarray(array, dtype=np.float32), f"{letter}{place}"))
        nodes.append(onnx.helper.make_node("Gemm", [name, f"W{place}", f"b{place}"], [f"sum{place}"]))
        last, name = place == len(layers) - 1, f"out{place}"
        nodes.append(onnx.helper.make_node("Sigmoid" if last else "Relu", [f"sum{place}"], [name]))
    values.append(onnx.numpy_helper.from_array(np.array([-1]), "flat"))
    nodes.append(onnx.helper.make_node("Reshape", [name, "flat"], ["probability"]))
    told = [("rows", ["n", len(layers[0][0])]), ("probability", ["n"])]
    given, answer = (onnx.helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, shape) for key, shape in told)
    graph = onnx.helper.make_graph(nodes, "small", [given], [answer], values)
    opset = [onnx.helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


# %% nbgrader={"grade": false, "grade_id": "distil", "locked": false, "schema_version": 3, "solution": true, "task": false}
def distil(X, probability, most_bytes):
    """A small model that answers as a large one does, as the bytes of an ONNX file.

    Arguments:
        X: float32 array (n, k), finite; n is at least 1,500 and k from 2 to 10. Columns differ in unit and size; one
            may be constant.
        probability: float64 array (n,), what the large model said of each row; from 0 to 1, both included.
        most_bytes: whole number, at least 3000.

    Returns:
        bytes, at most most_bytes of them: an ONNX file that onnxruntime runs. Its one input is "rows", float32 (any
        number, k), in the units of X. Its one output is "probability", float32 (any number,), from 0 to 1. What it
        answers to a row does not depend on the other rows of a request.

    It is as good as this: on rows of the same kind that are not in X, suppose that each comes out as the large model
    says, with its probability. Then the mean log loss of the small model is at most 0.02 above that of the large one.
    (A straight line, or a fit to yes and no, has 0.04 and more on most tables of the tests; 0.001 can be reached.)
    It is ready within ten seconds.
    """
    ### BEGIN SOLUTION
    middle, spread = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    spread[spread == 0] = 1
    soft = np.clip(probability, 0.005, 0.995)
    units = min(16, (most_bytes - 1000) // (4 * (X.shape[1] + 2)))
    network = MLPRegressor(hidden_layer_sizes=(units,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    network.fit((X - middle) / spread, np.log(soft / (1 - soft)))
    (weights, outgoing), (bias, last) = network.coefs_, network.intercepts_
    weights = weights / spread[:, None]
    return write_onnx([(weights, bias - middle @ weights), (outgoing, last)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_distil", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: a table of 2,000 rows with four columns, in miles, hours, degrees and a share.
# Why: a file that is served must be able to do by itself what the notebook did.
# Expected: at most 8,000 bytes, one probability for each row, and at most 0.02 above the large model's log loss.
import numpy as np
import onnxruntime


def test_distil():
    def table(random, n):
        miles, hours = random.gamma(3, 350, n), random.uniform(0, 24, n)
        degrees, share = random.normal(12, 8, n), random.uniform(0, 1, n)
        evening = np.exp(-((hours - 18) ** 2) / 20)
        logit = -2.5 + 4 * evening * share + 0.08 * np.abs(degrees - 12) + miles / 1000
        return np.column_stack([miles, hours, degrees, share]).astype(np.float32), 1 / (1 + np.exp(-logit))

    random = np.random.default_rng(5)
    X, probability = table(random, 2000)
    file = distil(X, probability, 8000)
    assert isinstance(file, bytes), f"distil must return the bytes of a file, not {type(file).__name__}."
    assert len(file) <= 8000, f"The file may have 8,000 bytes and has {len(file):,}."
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [[node.name for node in side] for side in (session.get_inputs(), session.get_outputs())]
    assert names == [["rows"], ["probability"]], f"Input and output should be rows and probability, not {names}."
    shape = list(session.get_inputs()[0].shape)
    free = len(shape) == 2 and not isinstance(shape[0], int)
    assert free, f"The input has the shape {shape}. Its number of rows has to be free."
    new, p = table(random, 3000)
    q = session.run(["probability"], {"rows": new})[0]
    assert q.shape == (3000,), f"For 3,000 rows the file should give an array of shape (3000,), not {q.shape}."
    inside = bool((q >= 0).all() and (q <= 1).all())
    assert inside, f"It should answer probabilities, and answers {q.min()} to {q.max()}."
    kept = np.clip(q.astype(float), 1e-7, 1 - 1e-7)
    above = float(np.mean(p * np.log(p / kept) + (1 - p) * np.log((1 - p) / (1 - kept))))
    assert above <= 0.02, f"On new rows its log loss is {above:.4f} above the large model's; 0.02 is allowed."


test_distil()

# %% nbgrader={"grade": true, "grade_id": "test_distil_file", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: the file for other tables and limits: its size, its input and output, and rows in other company.
# Why: this is what a server would trip over, whatever the quality.
# Expected: the signature of the docstring; the same answer to a row alone and among 400; with a constant column, too.
### BEGIN HIDDEN TESTS
import numpy as np
import onnxruntime


def test_distil_file():
    random = np.random.default_rng(76)
    for columns, most, constant in ((3, 3000, False), (10, 4000, True)):
        X = random.normal(size=(1500, columns)) * 10 ** random.uniform(-2, 3, columns)
        signal = X[:, 0] / X[:, 0].std()
        if constant:
            X[:, -1] = 29.5
        probability = 1 / (1 + np.exp(-2 * signal))
        X = X.astype(np.float32)
        file = distil(X, probability, most)
        what = f"For a table of {columns} columns{', one of them constant,' if constant else ''} and {most} bytes"
        assert isinstance(file, bytes), f"{what} distil must return bytes, not {type(file).__name__}."
        assert len(file) <= most, f"{what} the file has {len(file):,} bytes. The limit is part of the job."
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        nodes = session.get_inputs(), session.get_outputs()
        names = [[node.name for node in side] for side in nodes]
        assert names == [["rows"], ["probability"]], f"{what} input and output are called {names}."
        types = [node.type for side in nodes for node in side]
        assert types == ["tensor(float)"] * 2, f"{what} input and output should be of float32, and are {types}."
        shape = list(nodes[0][0].shape)
        free = len(shape) == 2 and not isinstance(shape[0], int)
        assert free, f"{what} the input has the shape {shape}. The number of rows has to be free."
        together = session.run(["probability"], {"rows": X[:400]})[0]
        assert together.shape == (400,), f"{what}, 400 rows give the shape {together.shape}; (400,) is asked for."
        assert np.isfinite(together).all(), f"{what} it answers NaN. A column that is constant has a deviation of 0."
        inside = bool((together >= 0).all() and (together <= 1).all())
        assert inside, f"{what} it answers {together.min():.3f} to {together.max():.3f}: those are no probabilities."
        alone = np.concatenate([session.run(["probability"], {"rows": X[row : row + 1]})[0] for row in range(50)])
        off = float(np.abs(alone - together[:50]).max())
        assert off < 1e-4, (
            f"{what} a row alone is answered otherwise than among 400, by up to {off:.3f}. Scale by the table that you "
            "learned from, not by the rows of a request."
        )


test_distil_file()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_distil_quality", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: three other tables; how near the small model comes to the large one on 4,000 new rows of each.
# Why: this is what the smaller bill costs.
# Expected: at most 0.02 above the large model's log loss on each.
### BEGIN HIDDEN TESTS
import numpy as np
import onnxruntime


def test_distil_quality():
    def first(random, n):
        a, b, c = random.normal(0, 1, n), random.normal(0, 1, n), random.uniform(-1, 1, n)
        return [300 * a + 900, b / 50, 40 * c, np.full(n, 7.0)], 1.6 * a * b - 0.8 + 0.7 * c

    def second(random, n):
        hour, load, rain = random.uniform(5, 23, n), random.gamma(4, 10, n), random.exponential(0.3, n)
        logit = -1.8 + 2.2 * np.tanh((hour - 14) / 3) * np.minimum(load, 80) / 40 + 1.5 * np.minimum(rain, 1.5)
        return [hour, load, rain, random.normal(1013, 8, n), random.integers(0, 2, n)], logit

    def third(random, n):
        x = random.normal(0, 1, (n, 6))
        logit = 3 * np.abs(x[:, 0]) - 2.5 + 1.2 * np.maximum(x[:, 1], x[:, 2])
        return list((x * [1, 10, 100, 1000, 0.1, 0.01]).T), logit

    random = np.random.default_rng(77)
    for number, (kind, rows, most) in enumerate(((first, 2000, 3000), (second, 3000, 5000), (third, 2500, 20000))):
        (columns, logit), (new, truth) = kind(random, rows), kind(random, 4000)
        X, new = np.column_stack(columns).astype(np.float32), np.column_stack(new).astype(np.float32)
        probability, p = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-truth))
        probability[probability > 0.9999] = 1.0
        probability[probability < 0.0001] = 0.0
        file = distil(X, probability, most)
        assert len(file) <= most, f"The file of table {number} has {len(file):,} bytes, and {most:,} are allowed."
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        assert not isinstance(given.shape[0], int), f"For table {number} the number of rows is fixed: {given.shape}."
        q = session.run(None, {given.name: new})[0].astype(float).ravel()
        assert q.shape == (4000,), f"For 4,000 rows of table {number} the file gave {q.shape[0]} numbers."
        assert np.isfinite(q).all(), f"For table {number} the file answers NaN. Has a column there no deviation?"
        kept = np.clip(q, 1e-7, 1 - 1e-7)
        above = float(np.mean(p * np.log(p / kept) + (1 - p) * np.log((1 - p) / (1 - kept))))
        sharp = float(np.mean((q < 0.05) | (q > 0.95))) > 2 * float(np.mean((p < 0.05) | (p > 0.95))) + 0.1
        sharp = sharp and float(np.mean((q > 0.5) == (p > 0.5))) > 0.9
        why = (
            "It is far surer of itself than the large one: was it taught yes and no in place of probabilities?"
            if sharp
            else "Can it bend? Are columns of different size scaled?"
        )
        if q.min() < 0 or q.max() > 1:
            why = f"It answers {q.min():.2f} to {q.max():.2f}: those are no probabilities."
        assert above <= 0.02, (
            f"On 4,000 new rows of table {number} ({X.shape[1]} columns) the log loss is {above:.4f} above the large "
            f"model's; 0.02 is allowed. {why}"
        )


test_distil_quality()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6. Good enough, and then as cheap as can be
#
# Several variants are measured. Which is served? A **satisficing** metric has a gate: inside it, more is not better. One **optimising** metric is then made as small as can be. Here that is the CPU time of a row.
#
# It is not the model's alone. A request is read, checked, queued and answered, and that takes time however cheap the model is. With 60 µs for the request and 12 for the model of a
# row, a model that is four times cheaper saves 9 of 72: one eighth. In a request of 1,000 rows the same 60 µs are 0.06 a row, and the saving is three quarters.
#
# And readings have noise. Two costs that differ by less cannot be told apart, and then nothing is gained by a change of predictions: the one that changes them *least* is served.
#
# ```
# now "large"                            gates: log loss at most 0.002 above that of "large"; flipped at most 0
#            us    change  log_loss  flipped     cost, 1 row a request    cost, 1,000 rows
# large      12     0       0.500      0             72                       12.06        inside
# fused      10     0       0.500      0             70                       10.06        inside
# small       3     0.1     0.501      0             63                        3.06        inside
# tiny        1     0.3     0.540     21             61                        1.06        refused: log_loss, flipped
# lean        2     0.2     0.500    (none)          62                        2.06        refused: flipped was not measured
# ```
#
# For one row a request, with a noise of 15 %, "fused" is served: its 70 are within 15 % of the 63 of "small", and it changes no prediction. For 1,000 rows it is "small",
# which saves 75 %.

# %% nbgrader={"grade": false, "grade_id": "choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose(reports, gates, request, noise, now):
    """Which variant to serve: inside all gates, and then as cheap as can be.

    Arguments:
        reports: dict from the name of a variant to its readings, a dict from name to number. "us", above 0, the
            model's CPU time of a row in µs, and "change", the largest change of one prediction against the model that
            serves now, are there for all. Any other may be missing, or NaN: it was not measured.
        gates: list of dicts, each with "what", the name of a reading, and either "at_most" or "at_least", a bound
            (0 and negative numbers are bounds like others). With "of", the name of a variant, the bound is
            counted from that one's reading: at_most 0.002 of "large" is its reading plus 0.002, at_least -0.01 of
            "large" its reading minus 0.01. A reading equal to the bound is inside (a difference in the last bits
            of a sum does not count). One that was not measured is outside, and so are all when that of the variant
            "of" was not measured.
        request: dict: "rows", the rows of a request, and "path_us", the CPU time in µs that a request takes besides
            the model, however many rows it has.
        noise: float, 0 or more. Costs up to (1 + noise) times the least one cannot be told from it.
        now: name of the variant that serves now.

    Returns:
        dict:
        "cost": dict from the name of each variant to the CPU time of a row in µs, its part of the request included.
        "refused": dict from the name of each variant outside a gate to a list: the "what" of each gate that it is
            outside of, in the order of gates.
        "chosen": name of the variant to serve, or None when all are refused. Of those that are not refused and whose
            cost cannot be told from the least one among them: the one with the least "change"; of equal changes
            the one that costs least; of equal costs the first name in alphabetical order.
        "saving": float; the share of the present cost of a row that the chosen one saves, negative if it costs more.
            0 when none is chosen.
    """
    ### BEGIN SOLUTION
    cost = {name: request["path_us"] / request["rows"] + readings["us"] for name, readings in reports.items()}

    def inside(readings, gate):
        value = readings.get(gate["what"], math.nan)
        start = reports[gate["of"]].get(gate["what"], math.nan) if "of" in gate else 0
        if "at_most" in gate:
            return value <= start + gate["at_most"]
        return value >= start + gate["at_least"]

    refused = {}
    for name, readings in reports.items():
        if missed := [gate["what"] for gate in gates if not inside(readings, gate)]:
            refused[name] = missed
    left = sorted(reports.keys() - refused.keys())
    if not left:
        return {"cost": cost, "refused": refused, "chosen": None, "saving": 0.0}
    least = min(cost[name] for name in left)
    alike = [name for name in left if cost[name] <= least * (1 + noise)]
    chosen = min(alike, key=lambda name: (reports[name]["change"], cost[name]))
    return {"cost": cost, "refused": refused, "chosen": chosen, "saving": 1 - cost[chosen] / cost[now]}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_choose", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the example above.
# Why: the cheapest of all is refused, and what is worth a change depends on the request.
# Expected: "fused" for one row a request; "small" for 1,000, which saves three quarters.
import math


def test_choose():
    reports = {
        "large": {"us": 12.0, "change": 0.0, "log_loss": 0.5, "flipped": 0},
        "fused": {"us": 10.0, "change": 0.0, "log_loss": 0.5, "flipped": 0},
        "small": {"us": 3.0, "change": 0.1, "log_loss": 0.501, "flipped": 0},
        "tiny": {"us": 1.0, "change": 0.3, "log_loss": 0.54, "flipped": 21},
        "lean": {"us": 2.0, "change": 0.2, "log_loss": 0.5},
    }
    gates = [{"what": "log_loss", "at_most": 0.002, "of": "large"}, {"what": "flipped", "at_most": 0}]
    refused = {"tiny": ["log_loss", "flipped"], "lean": ["flipped"]}
    for rows, chosen, costs in ((1, "fused", (72, 70, 63, 61, 62)), (1000, "small", (12.06, 10.06, 3.06, 1.06, 2.06))):
        got = choose(reports, gates, {"rows": rows, "path_us": 60.0}, 0.15, "large")
        assert isinstance(got, dict), "choose must return a dict."
        keys = ["chosen", "cost", "refused", "saving"]
        assert sorted(got) == keys, f"The keys should be {keys} and are {sorted(got)}."
        expected = dict(zip(reports, costs, strict=True))
        assert sorted(got["cost"]) == sorted(expected), f'"cost" names {list(got["cost"])}, not all.'
        for name, cost in expected.items():
            assert math.isclose(got["cost"][name], cost, rel_tol=1e-6), (
                f'With {rows} rows a request, the cost of "{name}" should be {cost} and is {got["cost"][name]}.'
            )
        assert got["refused"] == refused, f'"refused" should be {refused} and is {got["refused"]}.'
        assert got["chosen"] == chosen, f'With {rows} rows a request, "{chosen}" should be chosen: {got["chosen"]!r}.'
        saving = 1 - expected[chosen] / expected["large"]
        assert math.isclose(got["saving"], saving, rel_tol=1e-6), (
            f'With {rows} rows a request, "saving" should be {saving:.4f} and is {got["saving"]}.'
        )


test_choose()

# %% nbgrader={"grade": true, "grade_id": "test_choose_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: some hundred sets of variants with gates of all kinds, for requests of one row and of many.
# Why: who chooses first and looks at the gates afterwards serves nothing, or what should have been refused.
# Expected: the four things of the docstring.
### BEGIN HIDDEN TESTS
import math

import numpy as np


def test_choose_hidden():
    random = np.random.default_rng(78)
    names = ["graph", "dynamic", "static", "pruned", "distilled"]
    for _ in range(200):
        reports = {}
        for name in [*random.permutation(names)[: int(random.integers(1, 5))].tolist(), "now"]:
            reports[name] = {
                "us": float(np.round(random.uniform(1, 30), 3)),
                "change": float(random.choice([0.0, 0.01, 0.05, 0.2])) if name != "now" else 0.0,
                "log_loss": float(np.round(random.uniform(0.5, 0.52), 4)),
                "auc": float(np.round(random.uniform(0.7, 0.76), 4)),
                "kb": int(random.integers(10, 2000)),
            }
        gates = [
            {"what": "log_loss", "at_most": 0.01013, "of": "now"},
            {"what": "auc", "at_least": 0.71003},
            {"what": "auc", "at_least": -0.02001, "of": "now"},
            {"what": "kb", "at_most": 1500.5},
            {"what": "change", "at_most": 0.1},
        ]
        gates = [gates[place] for place in random.permutation(5)[: int(random.integers(0, 4))]]
        rows, path, noise = int(random.choice([1, 8, 1000])), float(random.choice([0.0, 20.0, 90.0])), 0.2517
        noise = noise if random.uniform() < 0.7 else 0.0
        cost = {name: path / rows + readings["us"] for name, readings in reports.items()}
        refused = {}
        for name, readings in reports.items():
            for gate in gates:
                start = reports[gate["of"]][gate["what"]] if "of" in gate else 0
                sign = 1 if "at_most" in gate else -1
                bound = start + gate.get("at_most", gate.get("at_least"))
                if sign * readings[gate["what"]] > sign * bound:
                    refused.setdefault(name, []).append(gate["what"])
        left = [name for name in reports if name not in refused]
        least = min((cost[name] for name in left), default=math.nan)
        alike = [name for name in left if cost[name] <= least * (1 + noise)]
        chosen = min([(reports[name]["change"], cost[name], name) for name in alike], default=(None,))[-1]
        request = {"rows": rows, "path_us": path}
        got = choose(reports, gates, request, noise, "now")
        told = f"With {reports}, the gates {gates}, the request {request} and a noise of {noise},"
        for name in reports:
            came, bare = got["cost"][name], reports[name]["us"]
            why = ""
            if math.isclose(came, bare + path):
                why = " Its part of the request, not the whole request: the rows share it."
            if math.isclose(came, rows * bare + path):
                why = " That is the cost of a request."
            assert math.isclose(came, cost[name], rel_tol=1e-6), (
                f'{told} the cost of "{name}" should be {cost[name]:.4f} and is {came}.{why}'
            )
        assert got["refused"] == refused, f'{told} "refused" should be {refused} and is {got["refused"]}.'
        why = ""
        if got["chosen"] != chosen:
            if got["chosen"] in refused:
                why = " That one is refused."
            elif got["chosen"] is None:
                why = " Look at the gates first, and for the cheapest among what is left."
            elif noise and cost[got["chosen"]] == least:
                why = " That is the cheapest, but it cannot be told from one that changes less."
            elif got["chosen"] in left and cost[got["chosen"]] > least * (1 + noise):
                why = " That costs more than noise explains."
        assert got["chosen"] == chosen, f"{told} {chosen!r} should be chosen and {got['chosen']!r} is.{why}"
        saving = 1 - cost[chosen] / cost["now"] if chosen else 0.0
        why = ""
        if chosen and math.isclose(got["saving"], 1 - reports[chosen]["us"] / reports["now"]["us"], abs_tol=1e-9):
            why = " That is the saving of the model alone; the request costs as before."
        if chosen and math.isclose(got["saving"], cost["now"] / cost[chosen] - 1, abs_tol=1e-9):
            why = " That is a share of the new cost; asked for is one of the present cost."
        assert math.isclose(got["saving"], saving, rel_tol=1e-6, abs_tol=1e-9), (
            f'{told} "saving" should be {saving:.4f} and is {got["saving"]}.{why}'
        )


test_choose_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_choose_edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: bounds of 0 and below, readings at the bound, missing and NaN ones, equal costs, nothing left.
# Why: a gate at 0 is a gate, and what nobody measured has not passed it.
# Expected: the rules of the docstring.
### BEGIN HIDDEN TESTS
import math


def test_choose_edges():
    nan = math.nan
    now = {"us": 8.0, "change": 0.0, "flipped": 0, "log_loss": 0.5, "auc": 0.75, "lift": -0.5}
    cheap = {"us": 2.0, "change": 0.125, "flipped": 3, "log_loss": 0.5625, "auc": 0.6875, "lift": -0.25}
    cases = [
        ("no gate at all", [now, cheap], [], 0.0, {}, "b"),
        ("at most 0", [now, cheap], [{"what": "flipped", "at_most": 0}], 0.0, {"b": ["flipped"]}, "a"),
        ("at least 0", [now, cheap | {"lift": 0.0}], [{"what": "lift", "at_least": 0}], 0.0, {"a": ["lift"]}, "b"),
        ("at most a negative number", [now, cheap], [{"what": "lift", "at_most": -0.375}], 0.0, {"b": ["lift"]}, "a"),
        ("exactly at the bound", [now, cheap], [{"what": "log_loss", "at_most": 0.5625}], 0.0, {}, "b"),
        (
            "exactly at the bound, counted from the other",
            [now, cheap],
            [{"what": "log_loss", "at_most": 0.0625, "of": "a"}, {"what": "auc", "at_least": -0.0625, "of": "a"}],
            0.0,
            {},
            "b",
        ),
        (
            "at most 0 above the other",
            [now, cheap],
            [{"what": "log_loss", "at_most": 0, "of": "a"}],
            0.0,
            {"b": ["log_loss"]},
            "a",
        ),
        ("NaN", [now, cheap | {"auc": nan}], [{"what": "auc", "at_least": 0.5}], 0.0, {"b": ["auc"]}, "a"),
        ("NaN, with at most", [now, cheap | {"auc": nan}], [{"what": "auc", "at_most": 1.0}], 0.0, {"b": ["auc"]}, "a"),
        (
            "a reading that was not taken",
            [now, cheap],
            [{"what": "p99", "at_most": 5.0}],
            0.0,
            {"a": ["p99"], "b": ["p99"]},
            None,
        ),
        (
            "a reading that the one it is counted from does not have",
            [now | {"auc": nan}, cheap],
            [{"what": "auc", "at_least": -0.5, "of": "a"}],
            0.0,
            {"a": ["auc"], "b": ["auc"]},
            None,
        ),
        (
            "two gates that are both missed",
            [now, cheap],
            [{"what": "flipped", "at_most": 1}, {"what": "auc", "at_least": 0.7}],
            0.0,
            {"b": ["flipped", "auc"]},
            "a",
        ),
        (
            "the present one refused itself",
            [now, cheap],
            [{"what": "us", "at_most": 4}],
            9.0,
            {"a": ["us"]},
            "b",
        ),
        ("equal costs", [now, now | {"us": 8.0}], [], 0.0, {}, "a"),
        ("costs at the very edge of the noise", [now, cheap], [], 1.5, {}, "a"),
        ("equal changes, where the cheaper one is served", [now, cheap | {"change": 0.0}], [], 9.0, {}, "b"),
    ]
    for what, (first, second), gates, noise, refused, chosen in cases:
        reports = {"b": second, "a": first}
        got = choose(reports, gates, {"rows": 4, "path_us": 8.0}, noise, "a")
        told = f"With {what}: {reports}, gates {gates}, noise {noise},"
        assert got["refused"] == refused, f'{told} "refused" should be {refused} and is {got["refused"]}.'
        assert got["chosen"] == chosen, f"{told} {chosen!r} should be chosen and {got['chosen']!r} is."
        saving = {"a": 0.0, "b": 0.6, None: 0.0}[chosen]
        if second["us"] == 2.0:
            assert math.isclose(got["saving"], saving, abs_tol=1e-9), (
                f'{told} a row costs {got["cost"]}, "saving" should be {saving} and is {got["saving"]}.'
            )
    worse = {"old": now, "new": now | {"us": 18.0}}
    got = choose(worse, [{"what": "us", "at_least": 9}], {"rows": 4, "path_us": 8.0}, 0.0, "old")
    assert got["chosen"] == "new", f"Of {worse} the new one alone has us >= 9: {got['chosen']!r}."
    assert math.isclose(got["saving"], -1.0), f"A row costs twice as much then, a saving of -1, not {got['saving']}."


test_choose_edges()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
