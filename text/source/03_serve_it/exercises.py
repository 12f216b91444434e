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
#     agreed: 0f39d4818cd0e339
# ---

# %% [markdown]
# # Assignment 03: serve it
#
# Lesson 03 sent good and bad requests to a server that was there. Here you write the server: the five pieces that stand between
# the bytes of a request and those of its answer.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `to_array`: decode a tensor of a JSON request, or refuse it, which earns half of the points | 4 |
# | 2 | `to_tensor`: encode an array for a JSON answer | 3 |
# | 3 | `unpack`: take a request with binary tensors apart, or refuse it, which earns half of the points | 4 |
# | 4 | `Model`: validate inputs, predict, describe yourself | 4 |
# | 5 | `respond`: the right status for every request, ready or not | 5 |
#
# It takes 90 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 5 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The visible tests earn 5
#   of the 20 points, so *Validate* saying "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on models and requests that you
#   have not seen. The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points. No exercise needs an earlier one: where a piece of yours would be needed, the course's library
#   does the work.
# - Write with `json`, `numpy`, `onnxruntime` and Python's standard library alone. The docstrings ask for things that `modelserving` does otherwise or not at all, so
#   wrapping its functions will not do.
# - What counts is how your code behaves, not how it is written and not how fast it is.
#
# In the last cell `tritonclient`, which other people wrote, talks to the server that you built.

# %% [markdown]
# Run the next two cells first. The first holds the protocol's names for the types of numbers.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import json

import numpy as np
import onnxruntime

DATATYPES = {
    "BOOL": np.dtype("bool"),
    "UINT8": np.dtype("uint8"),
    "UINT16": np.dtype("uint16"),
    "UINT32": np.dtype("uint32"),
    "UINT64": np.dtype("uint64"),
    "INT8": np.dtype("int8"),
    "INT16": np.dtype("int16"),
    "INT32": np.dtype("int32"),
    "INT64": np.dtype("int64"),
    "FP16": np.dtype("float16"),
    "FP32": np.dtype("float32"),
    "FP64": np.dtype("float64"),
}
ONNX_TYPES = {  # what a session of onnxruntime calls them
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
}

# %% [markdown]
# The second writes a model to try things on: `late.onnx`, the probability that a flight is late, from its scheduled hour (`hour`, INT64, shape `[-1, 1]`) and
# three readings of the weather (`weather`, FP32, shape `[-1, 3]`). The numbers in it are made up. The grader has other models.

# %% nbgrader={"grade": false, "grade_id": "given_model", "locked": true, "schema_version": 3, "solution": false, "task": false}
from onnx import TensorProto, helper, numpy_helper, save

numbers = {
    "weights": np.array([[0.5], [-0.25], [1.0]], dtype=np.float32),
    "an_hour": np.array([0.125], dtype=np.float32),
    "bias": np.array([-2.0], dtype=np.float32),
}
operations = [
    helper.make_node("MatMul", ["weather", "weights"], ["from_weather"]),
    helper.make_node("Cast", ["hour"], ["hours"], to=TensorProto.FLOAT),
    helper.make_node("Mul", ["hours", "an_hour"], ["from_hour"]),
    helper.make_node("Add", ["from_weather", "from_hour"], ["both"]),
    helper.make_node("Add", ["both", "bias"], ["log_odds"]),
    helper.make_node("Sigmoid", ["log_odds"], ["probability"]),
]
late = helper.make_model(
    helper.make_graph(
        operations,
        "late",
        [
            helper.make_tensor_value_info("hour", TensorProto.INT64, ["rows", 1]),
            helper.make_tensor_value_info("weather", TensorProto.FLOAT, ["rows", 3]),
        ],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["rows", 1]),
            helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, ["rows", 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    ),
    opset_imports=[helper.make_opsetid("", 17)],
    ir_version=8,
)
save(late, "late.onnx")


# %% [markdown]
# ## Exercise 1. From JSON to an array
#
# A tensor in a JSON request, after `json.loads`:
#
# ```python
# {"name": "weather", "datatype": "FP32", "shape": [2, 3], "data": [0.1, 0.2, 0.3, 1.1, 1.2, 1.3]}
# ```
#
# `data` holds the values row by row, flat as above or nested as the shape says: `[[0.1, 0.2, 0.3], [1.1, 1.2, 1.3]]`.
#
# JSON knows fewer numbers than a model does. It has no NaN, yet a missing reading has to travel somehow. It has no limit on integers either, but the
# many clients that read its numbers as doubles round them above $2^{53}$. This server follows what
# Protocol Buffers do in JSON: `"NaN"`, `"Infinity"` and `"-Infinity"` are texts, and an integer may come as the text of its digits.
#
# A **whole number**, in this notebook, is one that JSON writes with digits alone, or with a minus before them: `2`, not `2.0` (Python reads that as a
# float) and not `true` (which Python counts as 1).
#
# A client's mistakes end here, with a sentence that it can use. NumPy helps less than you may hope: it takes `True` for 1, turns
# 3.7 into 3, and multiplies a shape like `[4294967296, 4294967296]` to 0.

# %% nbgrader={"grade": false, "grade_id": "to_array", "locked": false, "schema_version": 3, "solution": true, "task": false}
def to_array(tensor):
    """One tensor of a JSON request as an array.

    Arguments:
        tensor: dict, as json.loads gives it. "name" is there and is text. Each of "datatype",
            "shape" and "data" may be missing or hold anything that JSON can.

    Returns:
        array of dtype DATATYPES[datatype] and of the given shape. A shape may be [] (then "data" is a
        list of one value) and may hold 0 (no values).

    What is accepted:
        - "data" is a flat list of all values, row by row, or a list nested as the shape says.
        - BOOL: true and false, and nothing else.
        - INT8 to UINT64: a whole number, or a text of its digits such as "-12": one or more of the
          digits 0 to 9, after a minus or not, and nothing else ("+5" and " 7" are refused). It must
          fit into the datatype. A number with a point, such as 3.7 or 3.0, is refused; so is true.
        - FP16, FP32, FP64: a number, whole or not, or one of the texts "NaN", "Infinity" and
          "-Infinity". No other text ("0.5", "nan"), no true. A number so large that it would become
          infinite in the datatype is refused.

    Raises:
        ValueError, and no other exception, for anything else: a datatype that is not in DATATYPES
            (BYTES, for one), a shape that is no list of whole numbers from 0 up ([2.0] is none, nor
            is [true]), more or fewer values than the shape has places, lists nested otherwise than the
            shape says, null. The message holds the tensor's name.
    """
    ### BEGIN SOLUTION
    name, datatype, shape, data = (tensor.get(key) for key in ("name", "datatype", "shape", "data"))

    def refuse(why):
        raise ValueError(f'Input "{name}": {why}.')

    def flat(part, sizes):
        if not sizes:
            return [part]
        if not isinstance(part, list) or len(part) != sizes[0]:
            refuse(f"its data are not nested as its shape {shape} says")
        return [value for inner in part for value in flat(inner, sizes[1:])]

    def integer(value):
        if isinstance(value, str) and len(value) < 30:  # int() reads no more than 4,300 digits
            digits = value.removeprefix("-")
            value = int(value) if digits.isascii() and digits.isdecimal() else value
        if type(value) is not int:
            refuse(f"{value!r} is no whole number")
        if not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            refuse(f"{value} does not fit into {datatype}")
        return value

    def real(value):
        if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        if type(value) not in (int, float):
            refuse(f"{value!r} is no number")
        try:
            with np.errstate(over="ignore"):
                fits = np.isfinite(dtype.type(float(value)))
        except OverflowError:
            fits = False
        if not fits:
            refuse(f"a number is too large for {datatype}")
        return float(value)

    def truth(value):
        if type(value) is not bool:
            refuse(f"{value!r} is neither true nor false")
        return value

    if not isinstance(datatype, str) or datatype not in DATATYPES:
        refuse(f"datatype {datatype!r} is none of {', '.join(DATATYPES)}")
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        refuse(f"shape {shape!r} is no list of whole numbers from 0 up")
    if not isinstance(data, list):
        refuse("it has no list of data")
    dtype = DATATYPES[datatype]
    convert = {"b": truth, "i": integer, "u": integer, "f": real}[dtype.kind]
    nested = any(isinstance(value, list) for value in data)
    values = flat(data, shape) if nested else data
    places = 1
    for size in shape:
        places *= size  # of Python's integers, which have no end
    if len(values) != places:
        refuse(f"shape {shape} has {places} places, and {len(values)} values came")
    return np.array([convert(value) for value in values], dtype=dtype).reshape(shape)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_to_array", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: two tensors, flat and nested, and three requests to refuse.
# Why: these arrays are all that a model ever sees of a request.
# Expected: dtype and shape as the tensor says, values row by row; ValueError that names the tensor.
import numpy as np


def test_to_array():
    expected = np.array([[0.5, 1.0, -2.0], [3.25, 0.0, 8.0]], dtype=np.float32)
    for form, data in {
        "flat": [0.5, 1, -2.0, 3.25, 0, 8],
        "nested": [[0.5, 1, -2.0], [3.25, 0, 8]],
    }.items():
        got = to_array({"name": "weather", "datatype": "FP32", "shape": [2, 3], "data": data})
        assert isinstance(got, np.ndarray), "to_array must return an array of NumPy."
        assert got.dtype == np.float32, f"FP32 is float32 in NumPy; yours is {got.dtype}."
        assert got.shape == (2, 3), f"With {form} data, shape (2, 3) was expected, and {got.shape} came."
        assert np.array_equal(got, expected), f"With {form} data the array should be {expected.tolist()}, not {got}."
    hours = to_array({"name": "hour", "datatype": "INT64", "shape": [3], "data": [7, -1, 23]})
    assert hours.dtype == np.int64, f"INT64 is int64 in NumPy; yours is {hours.dtype}."
    assert hours.tolist() == [7, -1, 23], f"Values 7, -1 and 23 went in, and {hours.tolist()} came out."
    for what, wrong in {
        "five values for six places": {"datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5]},
        "the datatype FLOAT, which does not exist": {"datatype": "FLOAT", "shape": [1], "data": [1.5]},
        "no shape": {"datatype": "FP32", "data": [1.5]},
    }.items():
        message = None
        try:
            got = to_array({"name": "weather"} | wrong)
        except ValueError as error:
            message = str(error)
        assert message is not None, f"A tensor with {what} must be refused with ValueError; yours gave {got}."
        assert "weather" in message, f'Say which tensor is at fault: "{message}" does not name "weather".'


test_to_array()

# %% nbgrader={"grade": true, "grade_id": "test_to_array_values", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: every datatype at its limits, special numbers, shapes with 0, with nothing, with
# three dimensions.
# Why: a value that arrives changed is worse than a refusal, since nobody sees it.
# Expected: each value as it was sent, in the dtype and the shape that were sent with it.
### BEGIN HIDDEN TESTS
import numpy as np


def test_to_array_values():
    cases = [
        ("BOOL", "bool", [4], [True, False, False, True], [True, False, False, True]),
        ("FP64", "float64", [2, 2], [[0.1, 1e300], [-7, 0]], [[0.1, 1e300], [-7.0, 0.0]]),
        ("FP16", "float16", [2], [65504, -0.5], [65504.0, -0.5]),
        ("FP32", "float32", [3], [16777217, 1e-45, 3.4e38], [16777216.0, 1e-45, 3.4e38]),
        ("INT16", "int16", [1, 3], ["-12", 5, "0"], [[-12, 5, 0]]),
        ("INT32", "int32", [2, 1, 2], [1, 2, 3, 4], [[[1, 2]], [[3, 4]]]),
        ("INT32", "int32", [2, 1, 2], [[[1, 2]], [[3, 4]]], [[[1, 2]], [[3, 4]]]),
        ("FP32", "float32", [0, 3], [], np.zeros((0, 3))),
        ("FP64", "float64", [2, 0], [[], []], np.zeros((2, 0))),
        ("FP64", "float64", [], [2.5], 2.5),
        ("INT64", "int64", [2], ["9007199254740993", -9007199254740993], [9007199254740993, -9007199254740993]),
    ]
    for bits in (8, 16, 32, 64):
        for datatype, smallest, largest in (
            (f"INT{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
            (f"UINT{bits}", 0, 2**bits - 1),
        ):
            dtype = datatype.lower()
            cases.append((datatype, dtype, [2], [smallest, largest], [smallest, largest]))
            cases.append((datatype, dtype, [2], [str(smallest), str(largest)], [smallest, largest]))
    for datatype, dtype, shape, data, values in cases:
        case = f"datatype {datatype}, shape {shape}, data {data}"
        expected = np.array(values, dtype=dtype)
        try:
            got = to_array({"name": "wind_speed", "datatype": datatype, "shape": shape, "data": data})
        except ValueError as error:
            raise AssertionError(f"A tensor that is right was refused ({case}): {error}") from None
        assert isinstance(got, np.ndarray), f"to_array must return an array of NumPy ({case})."
        assert got.dtype == expected.dtype, f"dtype {expected.dtype} was expected, not {got.dtype} ({case})."
        assert got.shape == expected.shape, f"Shape {expected.shape} was expected, not {got.shape} ({case})."
        hint = ""
        if datatype in ("INT64", "UINT64"):
            hint = " Take the digits as a whole number: a float holds 53 bits of it."
        assert np.array_equal(got, expected), (
            f"The values came out as {got.tolist()}, not {expected.tolist()} ({case}).{hint}"
        )
    for datatype, dtype in (("FP16", "float16"), ("FP32", "float32"), ("FP64", "float64")):
        special = {"name": "gust", "datatype": datatype, "shape": [2, 2], "data": ["NaN", "Infinity", 1.5, "-Infinity"]}
        try:
            got = to_array(special)
        except ValueError as error:
            raise AssertionError(f'The texts "NaN" and "Infinity" are numbers in {datatype}: {error}') from None
        expected = np.array([[np.nan, np.inf], [1.5, -np.inf]], dtype=dtype)
        assert isinstance(got, np.ndarray), "to_array must return an array of NumPy."
        assert got.dtype == expected.dtype, f"dtype {expected.dtype} was expected, not {got.dtype}."
        assert np.array_equal(got, expected, equal_nan=True), (
            f'"NaN", "Infinity", 1.5 and "-Infinity" as {datatype} came out as {got.tolist()}.'
        )


test_to_array_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_to_array_refusals", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: some forty tensors with something wrong.
# Why: what is let through here ends as a wrong prediction with status 200, or as a crash with 500.
# Expected: ValueError for each of them, whose message names the tensor.
### BEGIN HIDDEN TESTS
import numpy as np


def test_to_array_refusals():
    deep = 1.0
    for _ in range(40):
        deep = [deep]
    cases = [
        ("BOOL", [1], [1], "1 is not true"),
        ("BOOL", [1], ["true"], 'the text "true" is not the value true'),
        ("INT64", [1], [True], "true is no number, though Python counts it as 1"),
        ("FP32", [1], [True], "true is no number, though Python counts it as 1"),
        ("INT32", [2], [1, 3.7], "3.7 is no whole number: int() cuts it off"),
        ("INT32", [1], [3.0], "3.0 is written with a point"),
        ("INT8", [1], [128], "128 does not fit into 8 bits: NumPy may wrap it to -128"),
        ("UINT8", [1], [-1], "-1 does not fit into UINT8"),
        ("UINT64", [1], ["18446744073709551616"], "2 to the power of 64 does not fit into UINT64"),
        ("INT64", [1], [9223372036854775808], "2 to the power of 63 does not fit into INT64"),
        ("INT64", [1], ["12.0"], '"12.0" is not a text of digits'),
        ("INT64", [1], [""], "an empty text has no digits"),
        ("INT64", [1], ["NaN"], "no integer is NaN"),
        ("INT16", [1], ["+5"], '"+5" is more than digits, though int() reads it'),
        ("INT16", [1], [" 7"], '" 7" is more than digits, though int() reads it'),
        ("INT16", [1], ["1_0"], '"1_0" is more than digits, though int() reads it'),
        ("FP64", [1], ["0.5"], 'the text "0.5" is none of the three that are allowed'),
        ("FP64", [1], ["nan"], 'the text "nan" is none of the three that are allowed'),
        ("FP32", [2], [0.5, None], "null is no number: np.array makes NaN of it"),
        ("FP32", [1], [1e39], "1e39 becomes infinite in FP32"),
        ("FP16", [1], [70000], "70000 becomes infinite in FP16"),
        ("FP64", [1], [10**400], "a whole number of 401 digits becomes infinite in FP64"),
        ("FP32", [1], [{}], "an object is no number"),
        ("FP32", [2, 2], [1, 2, 3], "3 values for 4 places"),
        ("FP32", [2, 2], [1, 2, 3, 4, 5], "5 values for 4 places"),
        ("FP32", [2, 2], [[1, 2, 3, 4]], "one row of four where the shape says two rows of two"),
        ("FP32", [2, 3], [[1, 2], [3, 4], [5, 6]], "three rows of two where the shape says two rows of three"),
        ("FP32", [2, 2], [[1, 2], [3]], "rows of different lengths"),
        ("FP32", [4], [1, 2, [3, 4]], "values and lists side by side"),
        ("FP32", [1], deep, "lists nested 40 deep for a shape of one dimension"),
        ("FP32", [2], 5, "data that is no list"),
        ("FP32", [2], {"0": 1, "1": 2}, "data that is an object"),
        ("FP32", [-1, 2], [1, 2], "a shape with -1, which only reshape understands"),
        ("FP32", [2.0], [1, 2], "a shape with 2.0, a number with a point"),
        ("FP32", [True], [1], "a shape with true"),
        ("FP32", 2, [1, 2], "a shape that is no list"),
        ("FP32", [4294967296, 4294967296], [], "2 to the power of 64 places: np.prod says 0"),
        ("FP32", [1000000000000, 1000000], [1.0], "places for an exabyte and one value"),
        ("BYTES", [1], ["AA"], "BYTES, which this server does not take"),
        ("fp32", [1], [1.0], "fp32 in small letters"),
        ("float32", [1], [1.0], "NumPy's name for the type"),
        (None, [1], [1.0], "a datatype of null"),
        (["FP32"], [1], [1.0], "a datatype that is a list"),
    ]
    for datatype, shape, data, what in cases:
        message, got = None, None
        tensor = {"name": "dew_point", "datatype": datatype, "shape": shape, "data": data}
        try:
            got = to_array(tensor)
        except ValueError as error:
            message = str(error)
        except (TypeError, OverflowError, KeyError, IndexError, AttributeError, MemoryError, RecursionError) as error:
            raise AssertionError(
                f"{type(error).__name__} instead of ValueError, for {what}: in a server that is status 500, and the "
                f"client never learns what was wrong. The tensor was {str(tensor)[:200]}."
            ) from None
        assert message is not None, (
            f"This had to be refused with ValueError: {what}. The tensor was {str(tensor)[:200]}, and to_array "
            f"returned {np.asarray(got).tolist()}."
        )
        assert "dew_point" in message, (
            f'Say which tensor is at fault: "{message}" does not name "dew_point". The case: {what}; the tensor was '
            f"{str(tensor)[:200]}."
        )


test_to_array_refusals()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. From an array to JSON
#
# The way back. `json.dumps` writes `NaN` for NaN, without quotes: Python reads it again, and most other languages call the whole answer
# malformed. With `allow_nan=False` it raises an exception, which is a status 500. So the texts of exercise 1 are
# used here, too.

# %% nbgrader={"grade": false, "grade_id": "to_tensor", "locked": false, "schema_version": 3, "solution": true, "task": false}
def to_tensor(name, array):
    """One array as a tensor of a JSON answer.

    Arguments:
        name: text.
        array: NumPy array of any shape and of one of the dtypes of DATATYPES; it may be transposed
            or a slice of another, have no dimension at all, or no values.

    Returns:
        dict with the keys "name", "datatype", "shape" and "data" in this order, of Python's own
        types alone, so that json.dumps(..., allow_nan=False) writes it.
            "data" is one flat list, row by row. NaN and the two infinities are the texts "NaN",
            "Infinity" and "-Infinity". Integers of INT64 and UINT64 above 2**53 or below -2**53 are
            texts of their digits; all other values are numbers, or true and false.
            Each value, converted back, is the same in the array's dtype: nothing is rounded.

    Raises:
        ValueError: the dtype of the array is not in DATATYPES.
    """
    ### BEGIN SOLUTION
    datatype = next((known for known, dtype in DATATYPES.items() if dtype == array.dtype), None)
    if datatype is None:
        raise ValueError(f'Output "{name}" has the dtype {array.dtype}, for which the protocol has no name.')
    values = array.ravel().tolist()
    if array.dtype.kind == "f":
        words = {np.inf: "Infinity", -np.inf: "-Infinity"}
        values = ["NaN" if value != value else words.get(value, value) for value in values]
    elif array.dtype.kind in "iu":
        values = [value if abs(value) <= 2**53 else str(value) for value in values]
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": values}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_to_tensor", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: probabilities and labels.
# Why: a client of any language has to read this.
# Expected: the four keys, with Python's own numbers in one flat list.
import json

import numpy as np


def test_to_tensor():
    probability = np.array([[0.25], [0.75], [1.0]], dtype=np.float32)
    tensor = to_tensor("probability", probability)
    assert isinstance(tensor, dict), "to_tensor must return a dict."
    try:
        text = json.dumps(tensor, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"json.dumps cannot write what to_tensor returned: {error}. Arrays and NumPy's own numbers have to become "
            "Python's: .tolist() does that."
        ) from None
    expected = {"name": "probability", "datatype": "FP32", "shape": [3, 1], "data": [0.25, 0.75, 1.0]}
    assert json.loads(text) == expected, f"Expected {expected}, and {text} came."
    labels = json.loads(json.dumps(to_tensor("label", np.array([1, 0, 1]))))
    expected = {"name": "label", "datatype": "INT64", "shape": [3], "data": [1, 0, 1]}
    assert labels == expected, f"Expected {expected}, and {labels} came."


test_to_tensor()

# %% nbgrader={"grade": true, "grade_id": "test_to_tensor_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: every dtype, NaN and infinity, large integers, arrays with many dimensions and none.
# Why: one NaN makes a whole answer unreadable, and a rounded number looks like any other.
# Expected: JSON by the letter of its standard, from which the array comes back bit by bit.
### BEGIN HIDDEN TESTS
import json

import numpy as np


def test_to_tensor_hidden():
    names = {"BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
    names |= {f"{kind}{bits}": f"{kind.lower()}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)}
    generator = np.random.default_rng(3)
    table = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
    cases = {f"dtype {dtype}": generator.integers(0, 2, (4, 3)).astype(dtype) for dtype in names.values()}
    cases |= {
        "a table, transposed": table.T,
        "every other column of a table": table[:, ::2],
        "a table in the order of Fortran": np.asfortranarray(table),
        "one value, without dimensions": np.array(0.1, dtype=np.float32),
        "no rows": np.zeros((0, 5), dtype=np.float64),
        "three dimensions": np.arange(8, dtype=np.int16).reshape(2, 2, 2),
        "NaN and infinity": np.array([[np.nan, np.inf], [-np.inf, 0.5]], dtype=np.float32),
        "NaN and infinity in FP16": np.array([np.nan, -np.inf, np.inf, 1], dtype=np.float16),
        "integers above 2**53": np.array([2**53 + 1, -(2**53) - 1, 2**63 - 1, 7]),
        "the largest UINT64": np.array([2**64 - 1, 0], dtype=np.uint64),
        "the limits of INT32": np.array([2**31 - 1, -(2**31)], dtype=np.int32),
        "a third": np.array([1 / 3, 0.1]),
    }
    for what, array in cases.items():
        try:
            tensor = to_tensor("flown", array)
        except ValueError as error:
            raise AssertionError(f"This was refused ({what}): {error}") from None
        try:
            text = json.dumps(tensor, allow_nan=False)
        except ValueError:
            raise AssertionError(
                f"NaN or infinity stands in the answer as a number, which JSON does not have ({what}): write the text."
            ) from None
        except TypeError as error:
            raise AssertionError(f"json.dumps cannot write what to_tensor returned ({what}): {error}.") from None
        read = json.loads(text)
        assert isinstance(read, dict), f"to_tensor must return a dict ({what})."
        assert list(read) == ["name", "datatype", "shape", "data"], (
            f"The keys must be name, datatype, shape and data in this order, not {', '.join(read)} ({what})."
        )
        assert read["name"] == "flown", f'The name is "flown", and "{read["name"]}" came.'
        assert read["datatype"] in names, f"There is no datatype {read['datatype']} ({what})."
        assert names[read["datatype"]] == array.dtype, (
            f"{read['datatype']} is not the datatype of an array of dtype {array.dtype}."
        )
        assert read["shape"] == list(array.shape), f"Shape {list(array.shape)} became {read['shape']} ({what})."
        data = read["data"]
        assert isinstance(data, list), f'"data" must be a list ({what}); yours is {str(data)[:80]}.'
        assert not any(isinstance(value, list) for value in data), f'"data" must be flat, and is nested ({what}).'
        assert len(data) == array.size, f"{array.size} values went in and {len(data)} came out ({what})."
        for value, sent in zip(data, array.ravel().tolist(), strict=True):
            if array.dtype.kind == "b":
                assert isinstance(value, bool), f"BOOL is true or false in JSON, not {value!r} ({what})."
            elif array.dtype.kind == "f":
                if np.isfinite(sent):
                    assert type(value) in (int, float), f"{sent} has to be a number in JSON, not {value!r} ({what})."
                else:
                    assert value in ("NaN", "Infinity", "-Infinity"), (
                        f'{sent} has to be the text "NaN", "Infinity" or "-Infinity", not {value!r} ({what}).'
                    )
            elif abs(sent) > 2**53:
                assert isinstance(value, str), (
                    f"{sent} is above 2**53: as a number in JSON, many clients would round it. Write it as text."
                )
            else:
                assert type(value) is int, f"{sent} has to be a whole number in JSON, not {value!r} ({what})."
        kind = int if array.dtype.kind in "iu" else float
        back = [value if isinstance(value, bool) else kind(value) for value in data]
        came_back = np.array(back, dtype=array.dtype).reshape(array.shape)
        assert np.array_equal(came_back, array, equal_nan=array.dtype.kind == "f"), (
            f"{array.tolist()} came back as {came_back.tolist()} ({what}). Go row by row, and round nothing."
        )
    for dtype in ("complex64", "datetime64[s]"):
        try:
            tensor = to_tensor("flown", np.zeros(2, dtype=dtype))
        except ValueError:
            continue
        raise AssertionError(f"The protocol has no name for {dtype}: raise ValueError. to_tensor gave {tensor}.")


test_to_tensor_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. A request with binary tensors
#
# Binary tensors stand behind the JSON, one after the other in the order of the inputs, with nothing between them. The header
# `Inference-Header-Content-Length` says how many bytes the JSON takes, and each binary input says how many bytes are its own:
#
# ```
# {"inputs": [{"name": "hour", "datatype": "INT64", "shape": [1, 1], "data": [7]},
#             {"name": "weather", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}]}············
# ◂────────────────────────────────────────── header_length bytes ────────────────────────────────────────────▸◂── 12 ──▸
# ```
#
# The bytes are those of the array in memory, row by row, little-endian. A BOOL takes one byte: 0 is false and 1 is true; the others do not occur, and what you make
# of them is not tested. Nothing in the bytes says what they are, so every length has to fit every other.

# %% nbgrader={"grade": false, "grade_id": "unpack", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unpack(body, header_length):
    """Take the body of an inference request apart.

    Arguments:
        body: bytes: JSON in UTF-8, followed by the binary tensors, if there are any.
        header_length: int, how many bytes of the body are JSON; len(body) when no tensor is binary. It
            is what the client says and may be wrong.

    Returns:
        request: dict, the JSON as json.loads gives it.
        arrays: dict from name to array: of each input that has a binary_data_size among its
            "parameters", in the dtype of its datatype and in its shape. Inputs with "data" are not in
            it and not looked into: that is what exercise 1 is for.

    Raises:
        ValueError, and no other exception, when
            - header_length is negative or larger than the body;
            - the first header_length bytes are no JSON by the standard (NaN and Infinity without
              quotes are not, though Python reads them), or lists in it are nested so deep that
              Python gives up (RecursionError);
            - the JSON is no object with a list "inputs" of objects, each with a text "name", all
              names different; or "parameters" of an input are there and no object (null is none);
            - bytes are left over behind the last tensor.
        For these, the message may say anything. ValueError with the input's name in the message when
            - the datatype of a binary input is not in DATATYPES, or its shape is no list of whole
              numbers from 0 up;
            - its binary_data_size is no whole number (8.0 is none, nor is true), or not the size of
              its shape in its datatype;
            - fewer bytes follow than announced;
            - it has both a binary_data_size and "data".
    """

    ### BEGIN SOLUTION
    def refuse(why):
        raise ValueError(why)

    def no_number(word):
        refuse(f"{word} is no JSON")

    if not 0 <= header_length <= len(body):
        refuse(f"{header_length} bytes of JSON were announced in a body of {len(body)}.")
    try:
        request = json.loads(body[:header_length].decode(), parse_constant=no_number)
    except RecursionError:
        refuse("The JSON is nested too deep.")
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(tensor, dict) for tensor in inputs):
        refuse('The request needs a list "inputs" of objects.')
    arrays, names, start = {}, set(), header_length
    for tensor in inputs:
        name, parameters = tensor.get("name"), tensor.get("parameters", {})
        if not isinstance(name, str) or name in names or not isinstance(parameters, dict):
            refuse("Each input needs a name of its own, and parameters, if any, are an object.")
        names.add(name)
        if "binary_data_size" not in parameters:
            continue
        datatype, shape, size = tensor.get("datatype"), tensor.get("shape"), parameters["binary_data_size"]
        if not isinstance(datatype, str) or datatype not in DATATYPES:
            refuse(f'Input "{name}": {datatype!r} is no datatype.')
        if not isinstance(shape, list) or any(type(length) is not int or length < 0 for length in shape):
            refuse(f'Input "{name}": {shape!r} is no shape.')
        needed = DATATYPES[datatype].itemsize
        for length in shape:
            needed *= length
        if type(size) is not int or size != needed:
            refuse(f'Input "{name}": its shape takes {needed} bytes, and binary_data_size is {size!r}.')
        if "data" in tensor:
            refuse(f'Input "{name}" has data both in the JSON and behind it.')
        if start + size > len(body):
            refuse(f'Input "{name}": {size} bytes were announced, and {len(body) - start} follow.')
        arrays[name] = np.frombuffer(body[start : start + size], DATATYPES[datatype]).reshape(shape)
        start += size
    if start != len(body):
        refuse(f"{len(body) - start} bytes are left over behind the last tensor.")
    return request, arrays
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_unpack", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the request of the explanation, with one row of weather; one that is cut short.
# Why: a byte too early or too late, and every number of the tensor is another.
# Expected: the JSON as a dict, the binary input as an array, the other input left alone; ValueError when
# bytes are missing.
import json

import numpy as np


def test_unpack():
    weather = np.array([[0.5, -1.25, 3.0]], dtype=np.float32)
    sent = {
        "inputs": [
            {"name": "hour", "datatype": "INT64", "shape": [1, 1], "data": [7]},
            {"name": "weather", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}},
        ]
    }
    header = json.dumps(sent).encode()
    both = unpack(header + weather.tobytes(), len(header))
    assert isinstance(both, (tuple, list)), "unpack must return two things, the request and the arrays."
    assert len(both) == 2, f"unpack must return two things, the request and the arrays; yours returned {len(both)}."
    request, arrays = both
    assert request == sent, f"The request should be the JSON as it came: {sent}. It is {request}."
    assert isinstance(arrays, dict), "The arrays must be a dict from name to array."
    assert sorted(arrays) == ["weather"], f"Only weather is binary; your arrays are {sorted(arrays)}."
    got = arrays["weather"]
    assert isinstance(got, np.ndarray), "The value of weather must be an array of NumPy."
    assert got.dtype == np.float32, f"FP32 is float32 in NumPy; yours is {got.dtype}."
    assert got.shape == (1, 3), f"Shape (1, 3) was announced, and yours is {got.shape}."
    assert np.array_equal(got, weather), f"The bytes say {weather.tolist()}; yours is {got.tolist()}."
    message = None
    try:
        got = unpack(header + weather.tobytes()[:-1], len(header))
    except ValueError as error:
        message = str(error)
    assert message is not None, f"A byte of weather was missing. Raise ValueError; yours returned {got[1]}."
    assert "weather" in message, f'Say which input is too short: "{message}" does not name "weather".'


test_unpack()

# %% nbgrader={"grade": true, "grade_id": "test_unpack_hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: several binary tensors of every dtype, mixed with JSON; other alphabets; none at all.
# Why: the JSON's length counts bytes, not characters, and the tensors have no marks between them.
# Expected: each array bit by bit, whatever stands before it.
### BEGIN HIDDEN TESTS
import json

import numpy as np


def test_unpack_hidden():
    generator = np.random.default_rng(33)
    names = {"BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
    names |= {f"{kind}{bits}": f"{kind.lower()}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)}
    cases = {}
    every = {}
    for datatype, dtype in names.items():
        shape = tuple(int(n) for n in generator.integers(1, 5, 2))
        values = generator.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
        every[f"of_{dtype}"] = (datatype, values)
    cases["every datatype in one request"] = (every, {})
    cases["names with accents and other alphabets"] = (
        {"température": ("FP32", np.array([[21.5]], dtype=np.float32)), "气温": ("INT16", np.array([3, -3], "int16"))},
        {"région": "Île-de-France ✈"},
    )
    cases["no rows, one value, three dimensions"] = (
        {
            "none": ("FP32", np.zeros((0, 4), dtype=np.float32)),
            "one": ("FP64", np.array(0.1)),
            "cube": ("INT8", np.arange(-4, 4, dtype=np.int8).reshape(2, 2, 2)),
        },
        {"id": "r-17"},
    )
    cases["NaN, infinity, and bytes that look like JSON"] = (
        {
            "special": ("FP64", np.array([np.nan, np.inf, -np.inf])),
            "look": ("UINT8", np.frombuffer(b'{"inputs": []}', dtype=np.uint8)),
        },
        {"parameters": {"priority": 2}},
    )
    cases["JSON alone"] = ({}, {"id": "only JSON"})
    for what, (tensors, extra) in cases.items():
        for ascii_only in (True, False):
            inputs, tail = [], b""
            for number, (name, (datatype, values)) in enumerate(tensors.items()):
                tensor = {"name": name, "shape": list(values.shape), "datatype": datatype}
                inputs.append(tensor | {"parameters": {"binary_data_size": values.nbytes}})
                tail += values.tobytes()
                if number % 2 == 0:
                    inputs.append(
                        {"name": f"{name} in JSON", "shape": [2], "datatype": "FP32", "data": [number, "NaN"]}
                    )
            inputs.append({"name": "last", "shape": [1], "datatype": "INT64", "data": ["2"], "parameters": {"in": "m"}})
            sent = extra | {"inputs": inputs}
            header = json.dumps(sent, ensure_ascii=ascii_only).encode()
            try:
                request, arrays = unpack(header + tail, len(header))
            except ValueError as error:
                raise AssertionError(f"A request that is right was refused ({what}): {error}") from None
            assert request == sent, f"The request should be the JSON as it came ({what}): {sent}. It is {request}."
            assert isinstance(arrays, dict), f"The arrays must be a dict from name to array ({what})."
            assert sorted(arrays) == sorted(tensors), (
                f"The binary inputs are {sorted(tensors)}, and your arrays {sorted(arrays)} ({what})."
            )
            for name, (datatype, values) in tensors.items():
                got = arrays[name]
                assert isinstance(got, np.ndarray), f"{name} must be an array of NumPy ({what})."
                assert got.dtype == values.dtype, f"{datatype} is {values.dtype} in NumPy, not {got.dtype} ({what})."
                assert got.shape == values.shape, f"{name} has shape {values.shape}, not {got.shape} ({what})."
                assert np.array_equal(got, values, equal_nan=values.dtype.kind == "f"), (
                    f"{name} holds {values.ravel()[:4].tolist()}… and yours {got.ravel()[:4].tolist()}… ({what}). "
                    "A tensor begins where the one before it ended; inputs with data take no bytes there."
                )


test_unpack_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_unpack_refusals", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: lengths that lie, JSON that is none, inputs that contradict themselves.
# Why: these bytes come from anybody. A length that nobody checked is how servers leak memory and crash.
# Expected: ValueError for each of them; the input's name where the docstring asks for it.
### BEGIN HIDDEN TESTS
import json


def test_unpack_refusals():
    eight = {"name": "gust", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}
    whole = json.dumps({"inputs": [eight]}).encode()
    no_inputs = b'{"inputs": []}'
    cases = [
        (whole + bytes(8), -1, "", "header_length is negative"),
        (whole + bytes(8), len(whole) + 9, "", "header_length is larger than the body"),
        (whole + bytes(8), len(whole) - 1, "", "header_length ends one byte before the JSON does"),
        (whole + bytes(8), len(whole) + 8, "", "header_length takes the tensor for JSON"),
        (b"", 0, "", "an empty body"),
        (b"\xff\xfe{}", 4, "", "bytes that are no text"),
        (b'{"inputs": [', 12, "", "JSON that is cut off"),
        (b'{"inputs": [], "x": NaN}', 24, "", "NaN without quotes"),
        (b'{"inputs": [], "x": [-Infinity]}', 32, "", "-Infinity without quotes"),
        (b"[" * 100_000, 100_000, "", "100,000 opening brackets"),
        (b"[]", 2, "", "JSON that is a list"),
        (b"7", 1, "", "JSON that is a number"),
        (b"{}", 2, "", "no inputs"),
        (b'{"inputs": {"gust": 1}}', 23, "", "inputs that are an object"),
        (b'{"inputs": [1]}', 15, "", "an input that is a number"),
        (b'{"inputs": [{"datatype": "FP32"}]}', 34, "", "an input without a name"),
        (b'{"inputs": [{"name": ["a"]}]}', 29, "", "an input whose name is a list"),
        (b'{"inputs": [{"name": "a"}, {"name": "a"}]}', 42, "", "two inputs of one name"),
        (b'{"inputs": [{"name": "a", "parameters": 3}]}', 44, "", "parameters that are a number"),
        (b'{"inputs": [{"name": "a", "parameters": null}]}', 47, "", "parameters that are there, and null"),
        (no_inputs + b"\0", len(no_inputs), "", "a byte left over where no tensor is binary"),
        (whole + bytes(9), len(whole), "", "a byte left over behind the last tensor"),
        (whole + bytes(7), len(whole), "gust", "a byte too few"),
        (whole, len(whole), "gust", "no bytes at all behind the JSON"),
    ]
    changes = [
        ({"datatype": "BYTES"}, "BYTES, which this server does not take"),
        ({"datatype": None}, "no datatype"),
        ({"datatype": {}}, "a datatype that is an object"),
        ({"shape": [-2]}, "a negative length in the shape"),
        ({"shape": [-1, -2]}, "two negative lengths, whose product is right"),
        ({"shape": [2.0]}, "a length of 2.0, a number with a point"),
        ({"shape": None}, "no shape"),
        ({"shape": [3]}, "a shape that takes more bytes than binary_data_size"),
        ({"shape": [1]}, "a shape that takes fewer bytes than binary_data_size"),
        ({"datatype": "FP64"}, "a datatype that takes more bytes than binary_data_size"),
        ({"parameters": {"binary_data_size": "8"}}, "a binary_data_size that is text"),
        ({"parameters": {"binary_data_size": -8}}, "a negative binary_data_size"),
        ({"parameters": {"binary_data_size": 8.0}}, "a binary_data_size of 8.0, a number with a point"),
        ({"parameters": {"binary_data_size": None}}, "a binary_data_size of null"),
        (
            {"shape": [4294967296, 4294967296], "parameters": {"binary_data_size": 0}},
            "2 to the power of 64 values in no bytes: np.prod says 0",
        ),
        ({"shape": [10**18], "parameters": {"binary_data_size": 4 * 10**18}}, "exabytes announced, eight bytes there"),
        ({"data": [1, 2]}, "both data and binary_data_size"),
    ]
    for change, what in changes:
        header = json.dumps({"inputs": [eight | change]}).encode()
        cases.append((header + bytes(8), len(header), "gust", what))
    for body, header_length, name, what in cases:
        sent = f"The body began with {str(body[:160])[1:]}, and header_length was {header_length}"
        message, got = None, None
        try:
            got = unpack(body, header_length)
        except ValueError as error:
            message = str(error)
        except (TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RecursionError) as error:
            raise AssertionError(
                f"{type(error).__name__} instead of ValueError, for {what}: in a server that is status 500, and the "
                f"client never learns what was wrong. {sent}."
            ) from None
        assert message is not None, (
            f"This had to be refused with ValueError: {what}. {sent}. unpack returned {str(got)[:200]}."
        )
        assert name in message, (
            f'Say which input is at fault: "{message}" does not name "{name}". The case: {what}. {sent}.'
        )


test_unpack_refusals()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. Validate, predict, describe
#
# ONNX Runtime checks its inputs, too, but in its own time and words: it stops at the first that does not fit, and its exceptions are none of Python's
# usual ones. A client that is told one mistake per request needs as many requests as it made mistakes. Tell all of them at once.
#
# Inputs may also fit one by one and not together. Two hours and the weather of three flights: both have the right type and columns, and no flight has both. The model says which
# lengths belong together: a free dimension has a name, here `rows`, and inputs in which it stands have to agree on it. ONNX Runtime leaves that to the operations, and fails in the
# middle of them, with an exception that looks like a fault of the server.
#
# A session describes itself: `session.get_inputs()` and `session.get_outputs()` have a `name`, a `type` such as `tensor(float)` (a key of `ONNX_TYPES`) and a
# `shape`, in which a dimension of any length is a text (its name) or None. The protocol writes -1 for both.

# %% nbgrader={"grade": false, "grade_id": "Model", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Model:
    """A model behind the protocol: it validates, predicts and describes itself."""

    def __init__(self, name, path):
        """Open the ONNX file at `path` (text) with onnxruntime; `name` is what the server calls it."""
        ### BEGIN SOLUTION
        self.name, self.session = name, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.inputs, self.outputs = self._tensors(self.session.get_inputs()), self._tensors(self.session.get_outputs())
        self.places = {}  # of each named dimension: the inputs that have it, and where
        for argument in self.session.get_inputs():
            for axis, size in enumerate(argument.shape):
                if isinstance(size, str):
                    self.places.setdefault(size, []).append((argument.name, axis))
        ### END SOLUTION

    def metadata(self):
        """A dict with these keys, in this order:

        "name": the model's name; "versions": ["1"]; "platform": "onnxruntime_onnx";
        "inputs", "outputs": lists of dicts with "name", "datatype" (a key of DATATYPES) and "shape" (a
            list of int, -1 for a dimension of any length), in the order of the session's.
        """
        ### BEGIN SOLUTION
        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": self.inputs,
            "outputs": self.outputs,
        }
        ### END SOLUTION

    def predict(self, inputs, wanted=None):
        """Run the model.

        Arguments:
            inputs: dict from name to array.
            wanted: list of names of outputs; None for all of them.

        Returns:
            dict from name to array of the outputs wanted, in the order in which `wanted` has them
            (that of the session, without it).

        Raises:
            ValueError, with a message that names *every* input at fault and no other: inputs that
                the model lacks, inputs that are missing, arrays of another dtype than the model's
                (nothing is converted), and arrays with another number of dimensions or another
                length in a dimension that is fixed. (The server of lesson 03 lists the inputs that the
                model has. This one must not: it would name inputs with which nothing is wrong.)
            ValueError, if each input fits by itself, when inputs have different lengths in a dimension
                to which the session gives the same text in all of them ("rows"). The message names
                all inputs that have this dimension, and no other input. Dimensions that are None
                may have any lengths.
            ValueError, if no input is at fault, for a wanted output that the model does not have;
                the message names it.
        """
        ### BEGIN SOLUTION
        faults = [f'"{name}" is no input of this model' for name in inputs if name not in self._names(self.inputs)]
        for expected in self.inputs:
            name, shape = expected["name"], expected["shape"]
            if name not in inputs:
                faults.append(f'"{name}" is missing')
                continue
            array = inputs[name]
            if array.dtype != DATATYPES[expected["datatype"]]:
                faults.append(f'"{name}" has to be {expected["datatype"]} and is {array.dtype}')
            fits = (size in (-1, came) for size, came in zip(shape, array.shape, strict=False))
            if array.ndim != len(shape) or not all(fits):
                faults.append(f'"{name}" has to have the shape {shape} and has {list(array.shape)}')
        if not faults:
            for places in self.places.values():
                lengths = {f'"{name}"': inputs[name].shape[axis] for name, axis in places}
                if len(set(lengths.values())) > 1:
                    faults.append(f"{' and '.join(lengths)} have to agree in a length, and have {[*lengths.values()]}")
        if not faults and wanted is not None:
            faults = [
                f'"{name}" is no output of this model' for name in wanted if name not in self._names(self.outputs)
            ]
        if faults:
            raise ValueError("; ".join(faults) + ".")
        names = self._names(self.outputs) if wanted is None else list(wanted)
        return dict(zip(names, self.session.run(names, inputs), strict=True))

    @staticmethod
    def _tensors(arguments):
        return [
            {
                "name": argument.name,
                "datatype": ONNX_TYPES[argument.type],
                "shape": [size if isinstance(size, int) else -1 for size in argument.shape],
            }
            for argument in arguments
        ]

    @staticmethod
    def _names(tensors):
        return [tensor["name"] for tensor in tensors]

    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_Model", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the model that came with this notebook, asked rightly and wrongly.
# Why: metadata tell a client what to send; a refusal tells it what to mend.
# Expected: metadata in the protocol's words; probabilities of two flights; both mistakes in one message.
import numpy as np


def test_Model():
    model = Model("late", "late.onnx")
    metadata = model.metadata()
    expected = {
        "name": "late",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "hour", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "weather", "datatype": "FP32", "shape": [-1, 3]},
        ],
        "outputs": [
            {"name": "probability", "datatype": "FP32", "shape": [-1, 1]},
            {"name": "log_odds", "datatype": "FP32", "shape": [-1, 1]},
        ],
    }
    assert isinstance(metadata, dict), "metadata must return a dict."
    for key, value in expected.items():
        assert metadata.get(key) == value, f'"{key}" should be {value} and is {metadata.get(key)}.'
    weather = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]], dtype=np.float32)
    outputs = model.predict({"hour": np.array([[8], [16]]), "weather": weather}, ["log_odds", "probability"])
    assert isinstance(outputs, dict), "predict must return a dict from name to array."
    assert list(outputs) == ["log_odds", "probability"], f"Wanted were log_odds and probability, not {list(outputs)}."
    log_odds = np.asarray(outputs["log_odds"]).ravel()
    assert np.allclose(log_odds, [-0.5, 0.0], atol=1e-5), f"log_odds should be -0.5 and 0, not {log_odds}."
    message = None
    try:
        model.predict({"hour": np.array([[8.0]]), "weather": weather[:1, :2]})
    except ValueError as error:
        message = str(error)
    assert message is not None, "hour came as float64 and weather with two columns: raise ValueError."
    for name in ("hour", "weather"):
        assert name in message, f'"{message}" does not name {name}. Find everything that is wrong before you raise.'


test_Model()

# %% nbgrader={"grade": true, "grade_id": "test_Model_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: another model, with other names, dtypes, widths and numbers of dimensions.
# Why: a server does not know its models in advance.
# Expected: its metadata; its outputs, all of them or those wanted, in the order wanted.
### BEGIN HIDDEN TESTS
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save


def test_Model_hidden():
    types = {"celsius": TensorProto.DOUBLE, "rain": TensorProto.BOOL, "bias": TensorProto.FLOAT16}
    shapes = {"celsius": ["n", 2, 4], "rain": [None, 5], "bias": [3]}
    save(
        helper.make_model(
            helper.make_graph(
                [
                    helper.make_node("Mul", ["celsius", "factor"], ["scaled"]),
                    helper.make_node("Add", ["scaled", "offset"], ["fahrenheit"]),
                    helper.make_node("Not", ["rain"], ["dry"]),
                    helper.make_node("Cast", ["bias"], ["rounded"], to=TensorProto.INT8),
                ],
                "hidden",
                [helper.make_tensor_value_info(name, types[name], shapes[name]) for name in types],
                [
                    helper.make_tensor_value_info("rounded", TensorProto.INT8, [3]),
                    helper.make_tensor_value_info("fahrenheit", TensorProto.DOUBLE, ["n", 2, 4]),
                    helper.make_tensor_value_info("dry", TensorProto.BOOL, [None, 5]),
                ],
                [
                    numpy_helper.from_array(np.array([1.8]), "factor"),
                    numpy_helper.from_array(np.array([32.0]), "offset"),
                ],
            ),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8,
        ),
        "hidden_model.onnx",
    )
    model = Model("weather-7", "hidden_model.onnx")
    metadata = model.metadata()
    expected = {
        "name": "weather-7",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "celsius", "datatype": "FP64", "shape": [-1, 2, 4]},
            {"name": "rain", "datatype": "BOOL", "shape": [-1, 5]},
            {"name": "bias", "datatype": "FP16", "shape": [3]},
        ],
        "outputs": [
            {"name": "rounded", "datatype": "INT8", "shape": [3]},
            {"name": "fahrenheit", "datatype": "FP64", "shape": [-1, 2, 4]},
            {"name": "dry", "datatype": "BOOL", "shape": [-1, 5]},
        ],
    }
    assert isinstance(metadata, dict), "metadata must return a dict."
    assert list(metadata) == list(expected), f"The keys must be {list(expected)}, not {list(metadata)}."
    for key, value in expected.items():
        assert metadata[key] == value, f'"{key}" should be {value} and is {metadata[key]}.'
    for rows in (1, 6):
        celsius = np.linspace(-20, 40, rows * 8).reshape(rows, 2, 4)
        rain = np.arange(rows * 5).reshape(rows, 5) % 3 == 0
        inputs = {"rain": rain, "bias": np.array([1, -2, 3], dtype=np.float16), "celsius": celsius}
        right = {"rounded": np.array([1, -2, 3], np.int8), "fahrenheit": celsius * 1.8 + 32.0, "dry": ~rain}
        for wanted in (None, ["dry"], ["fahrenheit", "rounded"], ["dry", "rounded", "fahrenheit"]):
            try:
                outputs = model.predict(inputs, wanted) if wanted else model.predict(inputs)
            except ValueError as error:
                raise AssertionError(f"Inputs that fit were refused ({rows} rows, wanted {wanted}): {error}") from None
            assert isinstance(outputs, dict), "predict must return a dict from name to array."
            names = wanted or list(right)
            assert list(outputs) == names, f"The outputs should be {names} in this order, not {list(outputs)}."
            for name in names:
                got = outputs[name]
                assert isinstance(got, np.ndarray), f"{name} must be an array of NumPy."
                assert got.dtype == right[name].dtype, (
                    f"{name} should be of dtype {right[name].dtype}, not {got.dtype}."
                )
                assert got.shape == right[name].shape, f"{name} should have shape {right[name].shape}, not {got.shape}."
                assert np.allclose(got, right[name]), f"{name} holds other values than the model's ({rows} rows)."


test_Model_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_Model_refusals", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: inputs that do not fit, one mistake or several at a time.
# Why: an error that names one mistake of three costs the client two more requests; one that names a
# healthy input costs an afternoon.
# Expected: ValueError that names every input at fault and no other, or the unknown output.
### BEGIN HIDDEN TESTS
import numpy as np
from onnx import TensorProto, helper, save


def test_Model_refusals():
    types = {"celsius": TensorProto.DOUBLE, "minutes": TensorProto.INT32, "rain": TensorProto.BOOL}
    shapes = {"celsius": [None, 2], "minutes": ["n"], "rain": ["n", 3]}
    save(
        helper.make_model(
            helper.make_graph(
                [
                    helper.make_node("Neg", ["celsius"], ["colder"]),
                    helper.make_node("Neg", ["minutes"], ["earlier"]),
                    helper.make_node("Not", ["rain"], ["dry"]),
                ],
                "hidden",
                [helper.make_tensor_value_info(name, types[name], shapes[name]) for name in types],
                [
                    helper.make_tensor_value_info("colder", TensorProto.DOUBLE, [None, 2]),
                    helper.make_tensor_value_info("earlier", TensorProto.INT32, ["n"]),
                    helper.make_tensor_value_info("dry", TensorProto.BOOL, ["n", 3]),
                ],
            ),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8,
        ),
        "hidden_strict.onnx",
    )
    model = Model("strict", "hidden_strict.onnx")
    right = {
        "celsius": np.zeros((4, 2)),
        "minutes": np.zeros(4, dtype=np.int32),
        "rain": np.zeros((4, 3), dtype=bool),
    }
    for fits in (right, right | {"celsius": np.zeros((7, 2))}):
        shapes_of_it = {name: array.shape for name, array in fits.items()}
        try:
            model.predict(fits)
        except ValueError as error:
            raise AssertionError(
                f"Inputs that fit were refused. Their shapes are {shapes_of_it}, the model's {shapes}: {error}"
            ) from None
    floats, wide, flat = np.zeros((4, 2), dtype=np.float32), np.zeros((4, 3)), np.zeros(2)
    cases = [
        ({"celsius": floats}, "", "float32 for FP64, which fits and is not what was asked for"),
        ({"minutes": np.zeros(4, dtype=np.int64)}, "", "int64 for INT32"),
        ({"rain": np.zeros((4, 3), dtype=np.uint8)}, "", "uint8 for BOOL"),
        ({"celsius": wide}, "", "three columns for two"),
        ({"celsius": flat}, "", "one dimension for two"),
        ({"minutes": np.zeros((4, 1), dtype=np.int32)}, "", "two dimensions for one"),
        ({"rain": np.zeros((4, 3, 1), dtype=bool)}, "", "three dimensions for two"),
        ({"minutes": np.array(3, dtype=np.int32)}, "", "no dimension for one"),
        ({"humidity": flat}, "", "an input that the model does not have"),
        ({"celsius": floats, "rain": np.zeros((4, 2), dtype=bool)}, "", "a wrong dtype and a wrong shape"),
        ({"celsius": flat, "minutes": flat, "rain": flat}, "", "three inputs that do not fit"),
        ({"humidity": flat, "gust": flat}, "", "two inputs that the model does not have"),
        ({}, "celsius", "a missing input"),
        ({}, "celsius minutes", "two missing inputs"),
        ({}, "celsius minutes rain", "no inputs"),
        ({"humidity": flat, "minutes": flat}, "rain", "one unknown, one of the wrong dtype, one missing"),
    ]
    few = {"minutes": np.zeros(2, dtype=np.int32), "rain": np.zeros((3, 3), dtype=bool)}
    cases.append((few, "", "minutes of 2 flights and rain of 3, where the model calls both lengths n"))
    for change, missing, what in cases:
        inputs = {name: array for name, array in (right | change).items() if name not in missing.split()}
        at_fault, message = {*change, *missing.split()}, None
        try:
            model.predict(inputs)
        except ValueError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(f"Another exception than ValueError came, for {what}: {error}") from None
        assert message is not None, f"This had to be refused with ValueError: {what}."
        for name in ("celsius", "minutes", "rain", "humidity", "gust"):
            if name in at_fault:
                assert name in message, (
                    f'"{message}" does not name {name}. The case: {what}. Find all before you raise.'
                )
            else:
                assert name not in message, f'"{message}" names {name}, with which nothing is wrong. The case: {what}.'
    for wanted, unknown in ((["warmer"], "warmer"), (["dry", "wetter"], "wetter")):
        message = None
        try:
            model.predict(right, wanted)
        except ValueError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(
                f"Another exception than ValueError came, for the unknown output {unknown}: {error}"
            ) from None
        assert message is not None, f"The model has no output {unknown}: raise ValueError."
        assert unknown in message, f'"{message}" does not name the unknown output {unknown}.'


test_Model_refusals()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. The right status for every request
#
# Here everything comes together. `respond` is a pure function from a request to an answer. The next two cells, which are given, put it behind a socket:
# `application` makes an **ASGI** callable of it (asynchronous server gateway interface: the form in which Python servers hand over requests), and `Server` runs that with uvicorn in a thread of this notebook. The models behind it are
# the library's, so this exercise stands alone.

# %% nbgrader={"grade": false, "grade_id": "given_application", "locked": true, "schema_version": 3, "solution": false, "task": false}
import asyncio


def application(respond, models):
    """`respond` as an ASGI callable: collects the bytes of a request, sends the answer."""

    async def answer(scope, receive, send):
        body, more = b"", True
        while more:  # the whole body, however long; a real server counts here, and stops at its limit
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        names = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            asked = (scope["method"], scope["path"], names, body, models)
            status, headers, content = await asyncio.to_thread(respond, *asked)
            lines = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
        except Exception as problem:  # a fault in respond, shown to you; a real server would hide it
            status, lines, content = 500, [], f"respond raised {type(problem).__name__}: {problem}".encode()
        lines.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": content})

    return answer


# %% nbgrader={"grade": false, "grade_id": "given_server", "locked": true, "schema_version": 3, "solution": false, "task": false}
import socket
import threading

import uvicorn

from modelserving import protocol
from modelserving.interpreter import Interpreter


class LibraryModel:
    """A model as `respond` finds it among `models`, made of the library's parts."""

    def __init__(self, name, path):
        self.name, self.interpreter = name, Interpreter(path)

    def metadata(self):
        return protocol.model_metadata(self.name, ["1"], self.interpreter.signature)

    def infer(self, body, header_length):
        try:
            request = protocol.decode(body, header_length)
        except protocol.ProtocolError as problem:
            raise ValueError(problem.message) from None
        outputs = self.interpreter.predict(request.inputs, request.outputs)
        return protocol.encode(self.name, "1", request, outputs)


class BrokenModel(LibraryModel):
    """A model that fails, which is not the client's fault."""

    def infer(self, body, header_length):
        raise RuntimeError("out of memory at 0x7f3a2c in /srv/models/plan.bin")


class Server:
    """`respond` on a port of its own. A context manager: `with Server(respond) as server: …`."""

    def __init__(self, respond, make=LibraryModel):
        self.models, self.make = {}, make
        self.socket = socket.create_server(("127.0.0.1", 0))  # 0: any port that is free
        self.port = self.socket.getsockname()[1]
        app = application(respond, self.models)
        self.uvicorn = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        self.thread = threading.Thread(target=self.uvicorn.run, args=[[self.socket]], daemon=True)
        self.thread.start()

    def load(self, name, path):
        self.models[name] = self.make(name, path)

    def load_broken(self, name, path):
        self.models[name] = BrokenModel(name, path)

    def begin_to_load(self, name):
        self.models[name] = None  # its place, until load() fills it

    def unload(self, name):
        del self.models[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.uvicorn.should_exit = True  # finishes what it accepted, then ends
        self.thread.join(5)


# %% [markdown]
# A small example of what `respond` has to return:
#
# ```python
# respond("GET", "/v2/health/live", {}, b"", {})
# (200, {}, b"")
# respond("GET", "/v2/models/lat", {}, b"", {"late": …})
# (404, {"content-type": "application/json"}, b'{"error": "There is no model lat."}')
# ```
#
# Two rules decide most cases. Whoever can mend it gets told: 4xx is for the client, 5xx for whoever runs the server. And *live* is not *ready*: a
# process that is still loading a model must not be restarted (live), and must not get requests either (not ready). The server of lesson 03 was
# ready as soon as the models of its start were loaded. Yours is stricter: it is ready when *no* model is being loaded, whenever that began. And a model that somebody
# unloaded got 503 there, since its file still lay in the repository; `respond` sees only what is loaded or being loaded, so here such a model is unknown: 404. Servers
# differ in both, and say so.

# %% nbgrader={"grade": false, "grade_id": "respond", "locked": false, "schema_version": 3, "solution": true, "task": false}
LARGEST = 1_000_000  # bytes of a body


def respond(method, path, headers, body, models):
    """Answer one request.

    Arguments:
        method: text, such as "GET".
        path: text, such as "/v2/models/late/infer".
        headers: dict of texts; the names are in small letters.
        body: bytes.
        models: dict from name to model; None in place of a model that is still being loaded.
            A model has
            .metadata(): dict; "versions" in it is a list of texts, the versions that it has;
            .infer(body, header_length): the answer to an inference request, as a pair (body,
                header_length), whose header_length is None if the answer is JSON alone. Raises
                ValueError when the request is at fault, with a message meant for the client;
                any other exception is the model's fault.

    Returns:
        status (int), headers (dict of texts), body (bytes).

    | request                      | answer                                                 |
    |------------------------------|--------------------------------------------------------|
    | GET /v2/health/live          | 200, always                                            |
    | GET /v2/health/ready         | 200 if no model is still being loaded, else 503        |
    | GET /v2                      | 200, a JSON object with "name" and "version" (texts)   |
    |                              | and "extensions", a list with "binary_tensor_data"     |
    | GET /v2/models/NAME          | 200, metadata of the model, as JSON                    |
    | GET /v2/models/NAME/ready    | 200                                                    |
    | POST /v2/models/NAME/infer   | 200, what .infer gives                                 |

    NAME may be followed by /versions/VERSION, with the same answers for a version that the model
    has.

    The header_length passed to .infer is the number in the header inference-header-content-length
    of the request, and len(body) when there is none. When .infer gives a header_length, the answer
    has the content type application/octet-stream and that number in the header
    Inference-Header-Content-Length; otherwise it has no such header, and the content type
    application/json.

    Everything else is an error. Its body is a JSON object with one key, "error", whose value is a
    text that is not empty; its content type is application/json.

    | status | when                                                                         |
    |--------|------------------------------------------------------------------------------|
    | 404    | a path that is not in the table; a model that is not among `models`;         |
    |        | a version that the model lacks                                               |
    | 405    | a path of the table with another method; the header Allow holds the method   |
    |        | that is allowed                                                              |
    | 413    | an inference request with a body of more than LARGEST bytes                  |
    | 400    | an inference-header-content-length that is not one or more of the digits     |
    |        | 0 to 9 ("+5" is not); a ValueError of .infer, whose text is the error        |
    | 503    | metadata, readiness or inference of a model that is still being loaded;      |
    |        | with a header Retry-After                                                    |
    | 500    | any other exception of .infer; nothing of its text is in the answer          |

    If several of these apply to one request, any of them is right.

    No request makes `respond` raise an exception. The body and the headers of a GET request do not
    matter, and neither does the content type of a POST request, which may be missing.
    """

    ### BEGIN SOLUTION
    def error(status, sentence, **more):
        extra = {name.replace("_", "-"): value for name, value in more.items()}
        return status, {"content-type": "application/json"} | extra, json.dumps({"error": sentence}).encode()

    def found(value):
        return 200, {"content-type": "application/json"}, json.dumps(value).encode()

    def infer(model):
        if len(body) > LARGEST:
            return error(413, f"The body has {len(body)} bytes; at most {LARGEST} are taken.")
        length = headers.get("inference-header-content-length", str(len(body)))
        if not (length.isascii() and length.isdecimal()):
            return error(400, f"Inference-Header-Content-Length is no whole number: {length}.")
        try:
            content, header_length = model.infer(body, int(length))
        except ValueError as problem:
            return error(400, str(problem) or "The request is wrong.")
        except Exception:
            return error(500, "The model failed; it was not your fault.")
        if header_length is None:
            return 200, {"content-type": "application/json"}, content
        binary = {"content-type": "application/octet-stream", "inference-header-content-length": str(header_length)}
        return 200, binary, content

    match path.split("/")[1:]:
        case ["v2"]:
            what = "server"
        case ["v2", "health", "live" | "ready" as what]:
            pass
        case ["v2", "models", name, "versions", version, *rest] if rest in ([], ["ready"], ["infer"]):
            what = "model"
        case ["v2", "models", name, *rest] if rest in ([], ["ready"], ["infer"]):
            what, version = "model", None
        case _:
            return error(404, f"There is nothing at {path}.")
    if what == "model" and name not in models:
        return error(404, f"There is no model {name}.")
    allowed = "POST" if what == "model" and rest == ["infer"] else "GET"
    if method != allowed:
        return error(405, f"{path} takes {allowed}, not {method}.", allow=allowed)
    if what == "server":
        return found({"name": "mine", "version": "1", "extensions": ["binary_tensor_data"]})
    if what == "live":
        return 200, {}, b""
    if what == "ready":
        waiting = [name for name, model in list(models.items()) if model is None]
        return error(503, f"Still loading: {', '.join(waiting)}.") if waiting else (200, {}, b"")
    model = models.get(name)
    if model is None:
        return error(503, f"The model {name} is still being loaded.", retry_after="1")
    if version is not None and version not in model.metadata()["versions"]:
        return error(404, f"The model {name} has no version {version}.")
    if not rest:
        return found(model.metadata())
    return (200, {}, b"") if rest == ["ready"] else infer(model)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_respond", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: your server, asked over HTTP for health, metadata and what does not exist.
# Why: from here on a client that knows nothing of your code decides.
# Expected: 200 with the right JSON; 404 with an error in JSON.
import json
from http.client import HTTPConnection


def test_respond():
    with Server(respond) as server:
        server.load("late", "late.onnx")
        client = HTTPConnection("127.0.0.1", server.port, timeout=20)
        answers = {}
        for path in ("/v2/health/live", "/v2/health/ready", "/v2", "/v2/models/late", "/v2/models/lat"):
            client.request("GET", path)
            answer = client.getresponse()
            answers[path] = answer.status, answer.getheader("content-type"), answer.read().decode()
        client.close()
    for path, (status, content_type, text) in answers.items():
        expected = 404 if path.endswith("lat") else 200
        assert status == expected, f"GET {path} should have the status {expected} and has {status}: {text[:300]}"
        if "health" in path:
            continue
        assert (content_type or "").startswith("application/json"), (
            f"GET {path} should have the content type application/json and has {content_type}."
        )
        try:
            read = json.loads(text)
        except ValueError:
            raise AssertionError(f"The body of GET {path} is no JSON: {text[:300]}") from None
        if expected == 404:
            assert (list(read) if isinstance(read, dict) else None) == ["error"], (
                f'An error is a JSON object with the one key "error"; GET {path} gave {text[:300]}'
            )
        elif path == "/v2":
            extensions = read.get("extensions") if isinstance(read, dict) else None
            assert "binary_tensor_data" in (extensions or []), f"GET /v2 lacks its extensions: {text[:300]}"
        else:
            inputs = [
                {"name": "hour", "datatype": "INT64", "shape": [-1, 1]},
                {"name": "weather", "datatype": "FP32", "shape": [-1, 3]},
            ]
            assert (read.get("inputs") if isinstance(read, dict) else None) == inputs, (
                f"GET {path} should give what the model's metadata() gives, and gave {text[:300]}"
            )


test_respond()

# %% nbgrader={"grade": true, "grade_id": "test_respond_answers", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: two other models, asked in JSON and in binary, with and without a version.
# Why: what the protocol promises has to hold for a client that relies on every word of it.
# Expected: the model's numbers; headers that say where the JSON ends, when tensors follow it, and only then.
### BEGIN HIDDEN TESTS
import json
from http.client import HTTPConnection

import numpy as np
from onnx import TensorProto, helper, save


def test_respond_answers():
    for number, (operation, kind, width) in enumerate((("Neg", TensorProto.DOUBLE, 4), ("Abs", TensorProto.INT32, 2))):
        shape = ["rows", width]
        graph = helper.make_graph(
            [helper.make_node(operation, [f"in{number}"], [f"out{number}"])],
            "hidden",
            [helper.make_tensor_value_info(f"in{number}", kind, shape)],
            [helper.make_tensor_value_info(f"out{number}", kind, shape)],
        )
        file = "hidden_neg.onnx" if number == 0 else "hidden_abs.onnx"
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    with Server(respond) as server:
        server.load("neg", "hidden_neg.onnx")
        server.load("abs-2", "hidden_abs.onnx")
        client = HTTPConnection("127.0.0.1", server.port, timeout=20)
        for name, tensor, datatype, array in (
            ("neg", "in0", "FP64", np.linspace(-1, 1, 12).reshape(3, 4)),
            ("abs-2", "in1", "INT32", np.array([[3, -4]], dtype=np.int32)),
        ):
            expected = -array if name == "neg" else np.abs(array)
            for prefix in (f"/v2/models/{name}", f"/v2/models/{name}/versions/1"):
                client.request("GET", prefix)
                answer = client.getresponse()
                text = answer.read().decode()
                assert answer.status == 200, f"GET {prefix} should be 200 and is {answer.status}: {text[:300]}"
                inputs = [{"name": tensor, "datatype": datatype, "shape": [-1, array.shape[1]]}]
                try:
                    read = json.loads(text)
                except ValueError:
                    raise AssertionError(f"The body of GET {prefix} is no JSON: {text[:300]}") from None
                assert (read.get("inputs") if isinstance(read, dict) else None) == inputs, (
                    f"GET {prefix} should give what the model's metadata() gives, and gave {text[:300]}"
                )
                client.request("GET", f"{prefix}/ready")
                answer = client.getresponse()
                text = answer.read().decode()
                assert answer.status == 200, f"GET {prefix}/ready should be 200 and is {answer.status}: {text[:300]}"

                asked = {"name": tensor, "datatype": datatype, "shape": list(array.shape)}
                plain = json.dumps({"id": "a1", "inputs": [asked | {"data": array.ravel().tolist()}]}).encode()
                for headers in ({"Content-Type": "application/json"}, {}):
                    client.request("POST", f"{prefix}/infer", plain, headers)
                    answer = client.getresponse()
                    came = answer.read()
                    where = f"POST {prefix}/infer, JSON" + ("" if headers else ", without a content type")
                    assert answer.status == 200, f"{where}: 200 was expected, and {answer.status} came: {came[:300]}"
                    assert answer.getheader("inference-header-content-length") is None, (
                        f"{where}: Inference-Header-Content-Length says that binary tensors follow; here none do."
                    )
                    assert (answer.getheader("content-type") or "").startswith("application/json"), (
                        f"{where}: the content type should be application/json."
                    )
                    try:
                        output = json.loads(came)["outputs"][0]
                        got = np.reshape(output["data"], output["shape"])
                    except (ValueError, LookupError, TypeError):
                        raise AssertionError(f"{where}: this is not what .infer gives: {came[:300]}") from None
                    assert np.allclose(got, expected), f"{where}: {got.tolist()} came, not {expected.tolist()}."

                asked |= {"parameters": {"binary_data_size": array.nbytes}}
                header = json.dumps({"inputs": [asked], "parameters": {"binary_data_output": True}}).encode()
                sent = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(header))}
                client.request("POST", f"{prefix}/infer", header + array.tobytes(), sent)
                answer = client.getresponse()
                came, where = answer.read(), f"POST {prefix}/infer, binary"
                assert answer.status == 200, f"{where}: 200 was expected, and {answer.status} came: {came[:300]}"
                length = answer.getheader("inference-header-content-length")
                assert length is not None, f"{where}: the answer lacks Inference-Header-Content-Length."
                assert length.isdecimal(), f"{where}: Inference-Header-Content-Length is {length}, which is no number."
                assert (answer.getheader("content-type") or "").startswith("application/octet-stream"), (
                    f"{where}: the content type should be application/octet-stream."
                )
                assert len(came) - int(length) == array.nbytes, (
                    f"{where}: {array.nbytes} bytes of tensor were expected behind {length} of JSON; the body has "
                    f"{len(came)}."
                )
                got = np.frombuffer(came[int(length) :], array.dtype).reshape(array.shape)
                assert np.allclose(got, expected), f"{where}: {got.tolist()} came, not {expected.tolist()}."
        client.close()


test_respond_answers()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_respond_statuses", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: some thirty requests with something wrong.
# Why: the status decides whether a client mends its request, waits, or calls whoever runs the server.
# Expected: the statuses of the docstring, an error in JSON with each, and the headers that belong to them.
### BEGIN HIDDEN TESTS
import json
from http.client import HTTPConnection

from onnx import TensorProto, helper, save


def test_respond_statuses():
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "hidden",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 2])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "hidden_neg.onnx")
    infer, length = "/v2/models/neg/infer", "Inference-Header-Content-Length"
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, -2.0]}
    right = json.dumps({"inputs": [tensor]}).encode()
    cases = [
        ("GET", "/", b"", {}, 404),
        ("GET", "/v1", b"", {}, 404),
        ("GET", "/v2/health", b"", {}, 404),
        ("GET", "/v2/health/alive", b"", {}, 404),
        ("GET", "/v2/models/ne", b"", {}, 404),
        ("GET", "/v2/models/NEG", b"", {}, 404),
        ("GET", "/v2/models/neg/metadata", b"", {}, 404),
        ("GET", "/v2/models/neg/versions/2", b"", {}, 404),
        ("GET", "/v2/models/neg/versions/01/ready", b"", {}, 404),
        ("GET", "/v2/models/neg/versions", b"", {}, 404),
        ("GET", "/v2/models/neg/ready/now", b"", {}, 404),
        ("POST", "/v2/models/ne/infer", right, {}, 404),
        ("POST", "/v2/models/neg/versions/7/infer", right, {}, 404),
        ("POST", "/v2/models/neg/predict", right, {}, 404),
        ("POST", "/v2/health/live", b"", {}, 405),
        ("DELETE", "/v2/health/ready", b"", {}, 405),
        ("PUT", "/v2", b"", {}, 405),
        ("DELETE", "/v2/models/neg", b"", {}, 405),
        ("POST", "/v2/models/neg/ready", b"", {}, 405),
        ("GET", infer, b"", {}, 405),
        ("PUT", "/v2/models/neg/versions/1/infer", right, {}, 405),
        ("POST", infer, b"", {}, 400),
        ("POST", infer, right[:-1], {}, 400),
        ("POST", infer, b"[" * 50_000, {}, 400),
        ("POST", infer, right.replace(b'"x"', b'"z"'), {}, 400),
        ("POST", infer, right.replace(b"FP32", b"FP64"), {}, 400),
        ("POST", infer, right.replace(b"[1, 2]", b"[2, 1]"), {}, 400),
        ("POST", infer, right, {length: "twelve"}, 400),
        ("POST", infer, right, {length: "-1"}, 400),
        ("POST", infer, right, {length: "1.5"}, 400),
        ("POST", infer, right, {length: f"+{len(right)}"}, 400),
        ("POST", infer, right, {length: str(len(right) + 1)}, 400),
        ("POST", infer, right + b" " * (1_000_001 - len(right)), {}, 413),
        ("POST", "/v2/models/plan/infer", right, {}, 500),
        ("GET", "/v2/models/neg", b"\xff\xfe", {length: "twelve"}, 200),
        ("POST", infer, right + b" " * (1_000_000 - len(right)), {"Content-Type": "text/plain"}, 200),
        ("POST", "/v2/models/neg/versions/1/infer", right, {length: str(len(right))}, 200),
    ]
    sayings = {
        404: "no such path, model or version",
        405: "the path is there, and takes another method",
        400: "the client sent something wrong and can mend it",
        413: "more than LARGEST bytes",
        500: "the model failed, the request was right",
        200: "nothing is wrong with this request",
    }
    with Server(respond) as server:
        server.load("neg", "hidden_neg.onnx")
        server.load_broken("plan", "hidden_neg.onnx")
        for method, path, body, headers, expected in cases:
            client = HTTPConnection("127.0.0.1", server.port, timeout=20)
            client.request(method, path, body, headers)
            answer = client.getresponse()
            came = answer.read()
            client.close()
            where = f"{method} {path}"
            if body:
                where += f" with {body[:60].decode('latin-1')}" + f"… ({len(body):,} bytes)" * (len(body) > 60)
            if headers:
                where += f" and {headers}"
            assert answer.status == expected, (
                f"{where}: the status should be {expected} ({sayings[expected]}), and {answer.status} came: "
                f"{came[:200].decode('latin-1')}"
            )
            if expected == 200:
                continue
            try:
                read = json.loads(came)
            except ValueError:
                raise AssertionError(f"{where}: the body of an error must be JSON; this came: {came[:200]}") from None
            assert (list(read) if isinstance(read, dict) else None) == ["error"], (
                f'{where}: an error is a JSON object with the one key "error"; this came: {came[:200]}'
            )
            assert str(read["error"] or "").strip(), f"{where}: the error is empty: {came[:200]}"
            assert isinstance(read["error"], str), f"{where}: the error is no text: {came[:200]}"
            assert (answer.getheader("content-type") or "").startswith("application/json"), (
                f"{where}: an error's content type is application/json, not {answer.getheader('content-type')}."
            )
            if expected == 405:
                allowed = "POST" if path.endswith("infer") else "GET"
                assert (answer.getheader("allow") or "").replace(",", " ").split() == [allowed], (
                    f"{where}: the header Allow should be {allowed}, and is {answer.getheader('allow')}."
                )
            if expected == 500:
                for secret in ("0x7f3a2c", "/srv/models", "out of memory"):
                    assert secret not in came.decode("latin-1"), (
                        f'{where}: the answer tells "{secret}", from the text of the exception. Paths and addresses '
                        "are nobody's business outside."
                    )
        client = HTTPConnection("127.0.0.1", server.port, timeout=20)
        client.request("GET", "/v2/health/live")
        assert client.getresponse().status == 200, "After all this the server is no longer live."
        client.close()
        # Where .infer says what is wrong, its words are the error.
        message = None
        try:
            server.models["neg"].infer(right[:-1], len(right) - 1)
        except ValueError as error:
            message = str(error)
    status, _, content = respond("POST", infer, {}, right[:-1], server.models)
    assert status == 400, f"respond called directly with the same request gave {status}."
    assert json.loads(content) == {"error": message}, (
        f'The ValueError of .infer said "{message}". It is meant for the client; your error is {content[:200]}.'
    )


test_respond_statuses()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_respond_readiness", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: one model serves while another is being loaded, arrives, and goes.
# Why: an orchestrator restarts what is not live and sends no requests to what is not ready. Mixed up, it restarts
# a server again and again because its model takes long to load.
# Expected: live throughout; ready when nothing is being loaded; 503 with Retry-After for the model that is not
# there yet, and 200 for the one that is; 404 when a model is gone.
### BEGIN HIDDEN TESTS
import json
from http.client import HTTPConnection

from onnx import TensorProto, helper, save


def test_respond_readiness():
    graph = helper.make_graph(
        [helper.make_node("Not", ["x"], ["y"])],
        "hidden",
        [helper.make_tensor_value_info("x", TensorProto.BOOL, ["rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.BOOL, ["rows", 1])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "hidden_not.onnx")
    body = json.dumps({"inputs": [{"name": "x", "datatype": "BOOL", "shape": [1, 1], "data": [True]}]}).encode()
    live, ready = ("GET", "/v2/health/live"), ("GET", "/v2/health/ready")
    of_first = [("GET", "/v2/models/first"), ("GET", "/v2/models/first/ready"), ("POST", "/v2/models/first/infer")]
    of_late = [("GET", "/v2/models/slow"), ("GET", "/v2/models/slow/ready"), ("POST", "/v2/models/slow/infer")]
    of_late += [("POST", "/v2/models/slow/versions/1/infer"), ("GET", "/v2/models/slow/versions/1/ready")]
    with Server(respond) as server:
        phases = [
            ("with no model at all", None, {live: 200, ready: 200, of_first[0]: 404}),
            ("with one model loaded", "first", dict.fromkeys([live, ready, *of_first], 200) | {of_late[2]: 404}),
            (
                "while a second model is being loaded",
                "begin",
                {live: 200, ready: 503} | dict.fromkeys(of_first, 200) | dict.fromkeys(of_late, 503),
            ),
            ("when the second model is there", "slow", dict.fromkeys([live, ready, *of_first, *of_late], 200)),
            (
                "when the second model is gone",
                "unload",
                dict.fromkeys([live, ready, *of_first], 200) | dict.fromkeys(of_late, 404),
            ),
        ]
        for when, step, expected in phases:
            if step in ("first", "slow"):
                server.load(step, "hidden_not.onnx")
            elif step == "begin":
                server.begin_to_load("slow")
            elif step == "unload":
                server.unload("slow")
            for (method, path), status in expected.items():
                client = HTTPConnection("127.0.0.1", server.port, timeout=20)
                client.request(method, path, body if method == "POST" else b"")
                answer = client.getresponse()
                came = answer.read().decode("latin-1")
                client.close()
                assert answer.status == status, (
                    f"{method} {path} {when}: the status should be {status}, and {answer.status} came: {came[:200]}"
                )
                if status == 503:
                    try:
                        told = json.loads(came)
                    except ValueError:
                        raise AssertionError(f"{method} {path} {when}: the error is no JSON: {came[:200]}") from None
                    assert (list(told) if isinstance(told, dict) else None) == ["error"], (
                        f'{method} {path} {when}: an error is a JSON object with the one key "error": {came[:200]}'
                    )
                    if "models" in path:
                        assert answer.getheader("retry-after"), (
                            f"{method} {path} {when}: say with the header Retry-After when to come back."
                        )


test_respond_readiness()
### END HIDDEN TESTS

# %% [markdown]
# ## Your server
#
# Now the library steps back. `OwnModel` puts your `unpack`, `to_array`, `Model` and `to_tensor` behind your `respond`, and `tritonclient`, which NVIDIA wrote for its own server and
# which has never heard of yours, asks it for predictions: once in JSON, once with binary tensors. These two cells are not graded, and run when all five exercises are solved.

# %% nbgrader={"grade": false, "grade_id": "given_own_model", "locked": true, "schema_version": 3, "solution": false, "task": false}
class OwnModel:
    """Your four pieces in place of the library's."""

    def __init__(self, name, path):
        self.name, self.model = name, Model(name, path)

    def metadata(self):
        return self.model.metadata()

    def infer(self, body, header_length):
        request, inputs = unpack(body, header_length)
        inputs |= {tensor["name"]: to_array(tensor) for tensor in request["inputs"] if tensor["name"] not in inputs}
        listed = request.get("outputs", [])
        if not isinstance(listed, list) or not all(isinstance(output, dict) for output in listed):
            raise ValueError('"outputs" has to be a list of objects.')
        if not all(isinstance(output.get("name"), str) for output in listed):
            raise ValueError('Each of the "outputs" needs a name.')
        asked = {output["name"]: self.parameters(output) for output in listed}
        by_default = self.parameters(request).get("binary_data_output", False)
        outputs = self.model.predict(inputs, list(asked) or None)
        tensors, tail = [], b""
        for name, array in outputs.items():
            tensor = to_tensor(name, array)
            if asked.get(name, {}).get("binary_data", by_default):
                del tensor["data"]
                tensor["parameters"] = {"binary_data_size": array.nbytes}
                tail += array.tobytes()
            tensors.append(tensor)
        answer = {"model_name": self.name, "model_version": "1", "outputs": tensors}
        answer |= {"id": request["id"]} if "id" in request else {}
        content = json.dumps(answer).encode()
        return content + tail, len(content) if tail else None

    @staticmethod
    def parameters(part):
        found = part.get("parameters", {})
        if not isinstance(found, dict):
            raise ValueError('"parameters" have to be an object.')
        return found


# %% nbgrader={"grade": false, "grade_id": "given_client", "locked": true, "schema_version": 3, "solution": false, "task": false}
import tritonclient.http as triton

hour, weather = np.array([[8], [16]]), np.array([[1, 2, 0.5], [0, 0, 0]], dtype=np.float32)
with Server(respond, make=OwnModel) as server:
    server.load("late", "late.onnx")
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    print("live:", client.is_server_live(), "  ready:", client.is_server_ready())
    print("model ready:", client.is_model_ready("late"))
    for tensor in client.get_model_metadata("late")["inputs"]:
        print(f"input {tensor['name']}: {tensor['datatype']} {tensor['shape']}")
    for form, binary in {"JSON": False, "binary": True}.items():
        inputs = [triton.InferInput("hour", [2, 1], "INT64"), triton.InferInput("weather", [2, 3], "FP32")]
        inputs[0].set_data_from_numpy(hour, binary_data=binary)
        inputs[1].set_data_from_numpy(weather, binary_data=binary)
        wanted = [triton.InferRequestedOutput("log_odds", binary_data=binary)]
        print(f"{form:6} log_odds", client.infer("late", inputs, outputs=wanted).as_numpy("log_odds").ravel())
    client.close()

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
