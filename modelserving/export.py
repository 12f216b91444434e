"""From a trained scikit-learn model to ONNX, and the proof that both give the same probabilities (lesson 02).

ONNX (https://onnx.ai) writes a model down as a graph of operations with their numbers. Whatever reads the file needs
neither scikit-learn nor Python. The conversion is done by skl2onnx, and it can be wrong without saying so: a model is
exported when :func:`parity` holds on thousands of rows, and not before.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import Pipeline

OPSET = {"": 18, "ai.onnx.ml": 3}  # the newest operations that may be used: every onnxruntime since 1.14 knows them


def to_onnx(model: Any, width: int, *, raw: bool = False) -> bytes:
    """The ONNX file, as bytes, of a fitted scikit-learn classifier or of a pipeline that ends in one.

    One input, ``input``, FP32 (rows, ``width``). Two outputs: ``label``, INT64 (rows,) or text for classes with names,
    and ``probability``, FP32 (rows, classes), columns in the order of ``model.classes_``. The number of rows is free.
    With ``raw`` the second output is ``score``: the model's sums before they become probabilities.

    Raises what skl2onnx raises when it has no converter for a step. That it raises nothing proves nothing: compare
    the two with :func:`parity`.
    """
    last = model[-1] if isinstance(model, Pipeline) else model
    # Options are found by the object they are for: those given for a whole pipeline would be dropped without a word.
    # zipmap would give one dictionary a row in place of an array, which no client of a server expects.
    options = {id(last): {"zipmap": False} | ({"raw_scores": True} if raw else {})}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Field onnx.AttributeProto", category=DeprecationWarning)
        graph = convert_sklearn(
            model, initial_types=[("input", FloatTensorType([None, width]))], options=options, target_opset=OPSET
        )
    rename_output(graph.graph, "probabilities", "score" if raw else "probability")
    return graph.SerializeToString()


def rename_output(graph: Any, old: str, new: str) -> None:
    """Give an output of an ``onnx.GraphProto`` another name, where it is declared and where it is computed."""
    for output in graph.output:
        if output.name == old:
            output.name = new
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]


@dataclass(frozen=True)
class Parity:
    """How far two sides' probabilities for the same rows lie apart. Distances are absolute, in probability."""

    rows: int
    largest: float
    mean: float  # over rows, of each row's largest distance
    worst: int  # the row that has the largest distance; -1 when there are no rows
    distance: np.ndarray = field(repr=False, compare=False)  # float64 (rows,): each row's largest distance

    def over(self, tolerance: float) -> float:
        """The share of rows that lie more than ``tolerance`` apart, 0 to 1."""
        return float((self.distance > tolerance).mean()) if self.rows else 0.0

    def holds(self, tolerance: float = 1e-5) -> bool:
        """True when there were rows to compare and none of them lies more than ``tolerance`` apart."""
        return self.rows > 0 and self.largest <= tolerance

    def __str__(self) -> str:
        where = f", in row {self.worst}" if self.rows else ""
        return f"{self.rows} rows: largest distance {self.largest:.2g}{where}, mean {self.mean:.2g}"


def parity(expected: np.ndarray, got: np.ndarray) -> Parity:
    """Compare probabilities, both (rows,) or both (rows, classes), of any floating-point type.

    A NaN on one side alone counts as a distance of infinity: it is a difference that no tolerance covers. NaN on
    both sides is none. Raises ValueError when the shapes differ, for then the two are not the same rows.
    """
    expected, got = np.atleast_1d(expected).astype(np.float64), np.atleast_1d(got).astype(np.float64)
    if expected.shape != got.shape:
        raise ValueError(f"the two sides must have one shape: {expected.shape} was expected, {got.shape} came")
    nan = np.isnan(expected), np.isnan(got)
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        distance = np.abs(expected - got)
    distance[(expected == got) | (nan[0] & nan[1])] = 0
    distance[nan[0] != nan[1]] = np.inf
    distance = distance.max(axis=tuple(range(1, distance.ndim)), initial=0)
    if not len(distance):
        return Parity(0, 0.0, 0.0, -1, distance)
    return Parity(len(distance), float(distance.max()), float(distance.mean()), int(distance.argmax()), distance)
