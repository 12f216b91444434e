"""modelserving.interpreter: the signature, what it refuses, and what runs."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import onnx_models
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.interpreter import (
    DATATYPES,
    NAMES,
    ExecutionError,
    Interpreter,
    InvalidInput,
    InvalidModel,
    MissingInput,
    Options,
    Tensor,
    UnknownInput,
    WrongDatatype,
    WrongShape,
    listed,
)

X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def times() -> Interpreter:
    return Interpreter(onnx_models.times())


@pytest.fixture(scope="module")
def free() -> Interpreter:
    return Interpreter(onnx_models.echo("FP32", ["n", "m"]))


def test_predict_gives_arrays_by_name(times):
    got = times.predict({"x": X})
    assert list(got) == ["y", "total"]
    assert np.array_equal(got["y"], 2 * X)
    assert np.array_equal(got["total"], [6, 24])


def test_outputs_are_those_asked_for_in_that_order(times):
    assert list(times.predict({"x": X}, ["total"])) == ["total"]
    assert list(times.predict({"x": X}, ["total", "y"])) == ["total", "y"]
    assert list(times.predict({"x": X}, [])) == ["y", "total"]


def test_the_signature_says_what_is_free(times):
    assert times.signature.inputs == (Tensor("x", "FP32", (-1, 3)),)
    assert times.signature.outputs == (Tensor("y", "FP32", (-1, 3)), Tensor("total", "FP32", (-1,)))
    assert times.signature.batched
    assert not Interpreter(onnx_models.times(rows=2)).signature.batched
    assert not Interpreter(onnx_models.echo("FP32", [])).signature.batched


def test_a_path_works_like_bytes_and_gets_name_and_version(tmp_path):
    path = onnx_models.put(tmp_path, "times", 3, onnx_models.times())
    for place in (path, str(path)):
        found = Interpreter(place, name="times", version="3")
        assert (found.name, found.version) == ("times", "3")
        assert np.array_equal(found.predict({"x": X})["y"], 2 * X)


@pytest.mark.parametrize(
    ("inputs", "error", "says"),
    [
        ({}, MissingInput, "also needs the input 'x'"),
        ({"z": X}, UnknownInput, "no input 'z'. Its inputs: 'x'"),
        ({"x": X, "z": X}, UnknownInput, "no input 'z'"),
        ({"x": X.astype(np.float64)}, WrongDatatype, "is FP32, and FP64 came"),
        ({"x": X.astype(">f4")}, WrongDatatype, "is FP32, and >f4 came"),
        ({"x": X.astype("datetime64[s]")}, WrongDatatype, r"datetime64\[s\] came"),
        ({"x": X.tolist()}, WrongDatatype, "numpy array, and a list came"),
        ({"x": X[0]}, WrongShape, r"\[-1, 3\], where -1 is any length, and \[3\] came"),
        ({"x": X[:, :2]}, WrongShape, r"\[2, 2\] came"),
        ({"x": X[None]}, WrongShape, r"\[1, 2, 3\] came"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(times, inputs, error, says):
    for act in (times.predict, times.check):
        with pytest.raises(error, match=says) as refused:
            act(inputs)
        assert isinstance(refused.value, InvalidInput)
        assert isinstance(refused.value, ValueError)


def test_an_output_that_does_not_exist_is_refused(times):
    with pytest.raises(UnknownInput, match=r"no output 'z'\. Its outputs: 'y', 'total'"):
        times.predict({"x": X}, ["z"])


def test_fixed_lengths_are_kept():
    fixed = Interpreter(onnx_models.times(rows=2))
    assert np.array_equal(fixed.predict({"x": X})["y"], 2 * X)
    with pytest.raises(WrongShape, match=r"\[2, 3\].*\[1, 3\] came"):
        fixed.predict({"x": X[:1]})


SAMPLES = {
    "BOOL": [[True, False]],
    "BYTES": [["é", ""]],
    "FP16": [[0.5, -65504.0]],
    "FP32": [[1e-45, np.nan]],
    "FP64": [[1e300, -np.inf]],
} | {name: [[np.iinfo(dtype).min, np.iinfo(dtype).max]] for name, dtype in DATATYPES.items() if dtype.kind in "iu"}


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_data_type_goes_in_and_comes_out(datatype):
    found = Interpreter(onnx_models.echo(datatype, ["n", 2]))
    rows = np.array(SAMPLES[datatype], DATATYPES[datatype])
    got = found.predict({"x": rows})["y"]
    assert found.signature.inputs[0].datatype == datatype == NAMES[got.dtype]
    assert got.tolist() == rows.tolist() or np.array_equal(got, rows, equal_nan=True)
    none = found.predict({"x": rows[:0]})["y"]
    assert (none.shape, none.dtype) == ((0, 2), rows.dtype)


@pytest.mark.parametrize(
    "rows",
    [
        np.array([["a", "é"]]),
        np.array([["a", "é"]], object),
        np.array([[b"a", "é".encode()]], object),
        np.array([[b"a", "é".encode()]]),
    ],
    ids=["text", "object text", "object bytes", "bytes"],
)
def test_text_may_come_as_text_or_as_utf_8(rows):
    assert Interpreter(onnx_models.echo("BYTES", ["n", 2])).predict({"x": rows})["y"].tolist() == [["a", "é"]]


@pytest.mark.parametrize(("element", "says"), [(b"\xff", "not UTF-8"), (3, "a int came"), (None, "a NoneType came")])
def test_what_is_no_text_is_refused(element, says):
    rows = np.array([["a", element]], object)
    with pytest.raises(WrongDatatype, match=says):
        Interpreter(onnx_models.echo("BYTES", ["n", 2])).predict({"x": rows})


def test_no_rows_are_answered_without_running():
    """Some operations fail on an empty batch; the answer is the same for all models."""
    got = Interpreter(onnx_models.times()).predict({"x": X[:0]})
    assert {name: array.shape for name, array in got.items()} == {"y": (0, 3), "total": (0,)}


def test_a_failure_inside_the_model_is_an_error_about_the_input(capfd):
    model = Interpreter(onnx_models.look_up())
    assert model.predict({"place": np.array([4])})["value"].tolist() == [40]
    with pytest.raises(ExecutionError, match=r"could not run on this input: .*out of data bounds") as failed:
        model.predict({"place": np.array([99])})
    assert "\n" not in str(failed.value)
    assert isinstance(failed.value, InvalidInput)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("content", [b"", b"no model", onnx_models.times()[:-20]], ids=["empty", "text", "cut short"])
def test_what_is_no_model_is_refused(content, tmp_path):
    with pytest.raises(InvalidModel, match="onnxruntime cannot load the model"):
        Interpreter(content)
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match="cannot load"):
        Interpreter(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model file '.*none.onnx'"):
        Interpreter(tmp_path / "none.onnx")


def test_a_model_that_gives_dictionaries_is_refused_with_the_remedy():
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(X[[0, 1, 0, 1]], [0, 1, 0, 1])
    with pytest.raises(InvalidModel, match="zipmap=False"):
        Interpreter(to_onnx(fitted, X).SerializeToString())


@pytest.mark.parametrize("optimise", [True, False, "all", "extended", "basic"])
def test_options_change_speed_and_not_answers(optimise):
    options = Options(threads=2, optimise=optimise, spin=True)
    assert np.array_equal(Interpreter(onnx_models.times(), options=options).predict({"x": X})["y"], 2 * X)


def test_an_unknown_level_of_optimisation_is_refused():
    with pytest.raises(ValueError, match="optimise is one of True, 'all', 'extended', 'basic', False, not 'fast'"):
        Interpreter(onnx_models.times(), options=Options(optimise="fast"))


def test_warm_up_runs_any_model_and_forgives_one_that_refuses_zeros():
    for content in (onnx_models.times(), onnx_models.echo("BYTES", ["n", "m"]), onnx_models.times(rows=2)):
        Interpreter(content).warm_up(rows=2)
    Interpreter(onnx_models.echo("FP32", [0])).warm_up()


@given(rows=st.integers(1, 40), width=st.integers(0, 5))
def test_free_lengths_take_any_number(free, rows, width):
    array = np.random.default_rng(rows).normal(size=(rows, width)).astype(np.float32)
    assert np.array_equal(free.predict({"x": array})["y"], array)


def test_long_lists_of_names_are_cut():
    assert listed([]) == "none"
    assert listed(list("ab")) == "'a', 'b'"
    assert listed([str(n) for n in range(11)]).endswith("'9', …")


def test_importing_it_starts_no_telemetry_and_nothing_of_training():
    """A server starts in a fraction of a second and 80 MB because it leaves these out."""
    heavy = ("sklearn", "skl2onnx", "onnx", "matplotlib", "pandas", "scipy", "IPython")
    code = (
        "import sys, os, modelserving.cli, modelserving.listen;"
        f"print([name for name in {heavy} if name in sys.modules], os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[] 1"
