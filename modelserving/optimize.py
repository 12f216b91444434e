"""From a model to a cheaper one: ONNX bytes in, ONNX bytes out, and what came in stays as it was (lesson 07).

Three of these keep what the model computes, up to rounding: :func:`graph`, :func:`dynamic_int8`, :func:`static_int8`.
The others change it: :func:`prune_weights`, :func:`prune_units`, :func:`distil`. None of them knows whether the result
is good enough or cheaper: that is measured, by :mod:`modelserving.variants`. The number of threads is no rewriting but
a setting, ``Options(threads=2)`` of :mod:`modelserving.interpreter`.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from modelserving.export import to_onnx
from modelserving.interpreter import LEVELS, InvalidModel, ort, reason
from modelserving.models import train_mlp

MULTIPLICATIONS = ("MatMul", "Gemm")
VALUE_BY_VALUE = ("Imputer", "Scaler")
ACTIVATIONS = ("Relu", "Tanh", "Sigmoid")


class CannotRewrite(ValueError):
    """The model is of a kind that has nothing to rewrite in this way; the message says what was looked for."""


# The graph


def graph(model: bytes, level: str = "all") -> bytes:
    """The model after onnxruntime's own rewriting of its graph, done once and written down.

    ``level`` is ``"off"`` (the model as it is), ``"basic"`` (what needs no computing is computed now, what nobody reads
    is dropped), ``"extended"`` (neighbours become one operator, some of them onnxruntime's own) or ``"all"`` (also the
    layout of data, for the processor of this machine). A session does the same at its start unless it is told not to:
    to see what the file alone gives, run it with ``Options(optimise=False)``. More becomes of it here, since
    :func:`with_shapes` comes first: a product and the sum after it become one only where their shapes are known.

    Raises :class:`modelserving.interpreter.InvalidModel` for what is no model.
    See https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html.
    """
    if level != "off" and level not in LEVELS:
        raise ValueError(f"level is one of 'off', 'basic', 'extended', 'all', not {level!r}")
    return model if level == "off" else rewritten(with_shapes(model), level)


def rewritten(model: bytes, level: str | bool) -> bytes:
    """What a session with ``Options(optimise=level)`` makes of the model before it runs it."""
    settings = ort.SessionOptions()
    settings.graph_optimization_level = LEVELS[level]
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1  # it starts none
    settings.log_severity_level = 4  # what goes wrong is raised
    with tempfile.TemporaryDirectory() as folder:
        settings.optimized_model_filepath = str(Path(folder, "model.onnx"))
        try:
            ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise InvalidModel(f"onnxruntime cannot load the model: {reason(error)}") from error
        return Path(settings.optimized_model_filepath).read_bytes()


def with_shapes(model: bytes) -> bytes:
    """The model with the shapes of what it computes noted, also behind operators that shape inference does not know.

    An ``Imputer`` and a ``Scaler`` give what they take, value by value: their output has their input's shape.
    """
    inferred = onnx.shape_inference.infer_shapes(load(model))
    shapes = {tensor.name: tensor for tensor in (*inferred.graph.input, *inferred.graph.value_info)}
    for node in inferred.graph.node:
        taken, given = node.input[0] if node.input else "", node.output[0]
        if node.op_type in VALUE_BY_VALUE and taken in shapes and given not in shapes:
            shapes[given] = inferred.graph.value_info.add()
            shapes[given].CopyFrom(shapes[taken])
            shapes[given].name = given
            shapes[given].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return onnx.shape_inference.infer_shapes(inferred).SerializeToString()


def load(model: bytes) -> onnx.ModelProto:
    """The model as a message whose graph can be read and changed. Raises ``InvalidModel`` for what is none."""
    try:
        return onnx.load_from_string(model)
    except DecodeError:
        raise InvalidModel("These bytes are no ONNX model.") from None


def operators(model: bytes) -> dict[str, int]:
    """How many of each operator a model's graph holds, the most frequent first."""
    types = [node.op_type for node in load(model).graph.node]
    return dict(sorted(((name, types.count(name)) for name in set(types)), key=lambda item: (-item[1], item[0])))


# Eight bits in place of thirty-two


def dynamic_int8(model: bytes) -> bytes:
    """Matrix multiplications in 8-bit integers; what the inputs are scaled by is read off each batch as it comes.

    Weights get one scale for each column, and 7 of the 8 bits: on processors without the VNNI instructions, sums of
    two full products overflow, and the same file would answer otherwise there than here. Inputs get one scale for the
    whole batch: the answer to a row depends on the rows beside it.

    Raises :class:`CannotRewrite` where nothing is multiplied by constant weights, as in trees.
    See https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with prepared(model) as (source, target):
        quantize_dynamic(
            source, target, list(MULTIPLICATIONS), per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )
        return target.read_bytes()


def static_int8(model: bytes, rows: np.ndarray) -> bytes:
    """Matrix multiplications in 8-bit integers; what the inputs are scaled by is fixed now, from ``rows``.

    ``rows``, FP32 (n, k), are rows as the model will see them: what lies beyond their least and largest values will be
    cut off. Weights as in :func:`dynamic_int8`. The answer to a row does not depend on the rows beside it.

    Raises :class:`CannotRewrite` as :func:`dynamic_int8` does.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with prepared(model) as (source, target):
        name = onnx.load(source).graph.input[0].name
        quantize_static(
            source,
            target,
            Calibration({name: rows}),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(MULTIPLICATIONS),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return target.read_bytes()


class Calibration:
    """One batch, given once, in the form in which the quantiser asks for it."""

    def __init__(self, batch: dict[str, np.ndarray]) -> None:
        self._batches = iter([batch])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, None when there is no other."""
        return next(self._batches, None)


@contextlib.contextmanager
def prepared(model: bytes) -> Iterator[tuple[Path, Path]]:
    """A file of the model, ready to be quantised, and the path to write to; both are gone afterwards."""
    from onnxruntime.quantization import quant_pre_process

    weight_matrices(load(model).graph)
    with tempfile.TemporaryDirectory() as folder, silent_root_logger():
        source, target = Path(folder, "source.onnx"), Path(folder, "target.onnx")
        quant_pre_process(flat_biases(graph(model, "basic")), source, skip_symbolic_shape=True)
        yield source, target


def flat_biases(model: bytes) -> onnx.ModelProto:
    """The model with biases of one row, (1, k), as plain vectors, (k,): the quantiser reads them as no other."""
    changed = load(model)
    biases = {node.input[2] for node in changed.graph.node if node.op_type == "Gemm" and len(node.input) > 2}
    for tensor in changed.graph.initializer:
        if tensor.name in biases and len(tensor.dims) == 2 and tensor.dims[0] == 1:
            replace(tensor, numpy_helper.to_array(tensor).ravel())
    return changed


@contextlib.contextmanager
def silent_root_logger() -> Iterator[None]:
    """Drop what is logged at the root logger itself, as onnxruntime's quantiser does, and leave that logger as it was.

    Where the root has no handler, Python would give it one for good at the first such message.
    """
    root, nowhere = logging.getLogger(), logging.NullHandler()

    def drop(record: logging.LogRecord) -> bool:
        return False

    root.addHandler(nowhere)
    root.addFilter(drop)
    try:
        yield
    finally:
        root.removeFilter(drop)
        root.removeHandler(nowhere)


# Fewer weights, fewer units


def prune_weights(model: bytes, share: float) -> bytes:
    """Set to zero the ``share`` of each weight matrix that is smallest in magnitude; the shapes stay.

    Unstructured pruning as of Han and others (2015), without training anew. A zero is multiplied like any number.
    Raises :class:`CannotRewrite` where nothing is multiplied by constant weights, ValueError for a share that is none.
    """
    check_share(share)
    changed = load(model)
    for tensor in weight_matrices(changed.graph):
        values = numpy_helper.to_array(tensor).copy()
        smallest = np.argsort(np.abs(values), axis=None, kind="stable")[: round(share * values.size)]
        values.flat[smallest] = 0
        replace(tensor, values)
    return changed.SerializeToString()


def prune_units(model: bytes, share: float) -> bytes:
    """Take the ``share`` of the units out of each hidden layer that matter least; the matrices shrink.

    A unit's weight is the Euclidean norm of what comes in, bias included, times that of what goes out: what is zero
    on either side changes nothing downstream but a constant. Structured pruning, without training anew. At least one
    unit of a layer stays.

    For the multi-layer perceptrons that skl2onnx writes: layers of MatMul, Add and an activation. Raises
    :class:`CannotRewrite` for any other model, ValueError for a share that is none.
    """
    check_share(share)
    changed = load(model)
    for layer, after in itertools.pairwise(dense_layers(changed.graph)):
        weights, bias, out = map(numpy_helper.to_array, (layer.weights, layer.bias, after.weights))
        bias = bias.reshape(1, -1)
        matters = np.linalg.norm(np.vstack([weights, bias]), axis=0) * np.linalg.norm(out, axis=1)
        dropped = min(round(share * len(matters)), len(matters) - 1)
        kept = np.sort(np.argsort(matters, kind="stable")[dropped:])
        replace(layer.weights, weights[:, kept])
        replace(layer.bias, bias[:, kept])
        replace(after.weights, out[kept])
    del changed.graph.value_info[:]  # shapes that were, if any were noted
    return changed.SerializeToString()


@dataclass(frozen=True)
class Dense:
    """One layer of a perceptron: its numbers in the graph, weights (in, out) and bias of ``out`` elements."""

    weights: onnx.TensorProto
    bias: onnx.TensorProto


def dense_layers(graph: onnx.GraphProto) -> list[Dense]:
    """The layers of a multi-layer perceptron in their order. Raises :class:`CannotRewrite` for anything else."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def only_reader(node: onnx.NodeProto, *types: str) -> onnx.NodeProto:
        """The one node that reads what ``node`` gives."""
        found = readers.get(node.output[0], [])
        if len(found) != 1 or found[0].op_type not in types:
            came = " and ".join(reader.op_type for reader in found) or "nothing"
            raise CannotRewrite(
                f"Units can be taken out of a perceptron as skl2onnx writes it: here {' or '.join(types)} should "
                f"follow a {node.op_type}, and {came} does."
            )
        return found[0]

    layers = []
    multiplications = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in constants]
    for place, node in enumerate(multiplications):
        add = only_reader(node, "Add")
        bias = next((constants[name] for name in add.input if name in constants), None)
        if bias is None:
            raise CannotRewrite(
                "Units can be taken out of a perceptron whose biases are constant: one of these is not."
            )
        layers.append(Dense(constants[node.input[1]], bias))
        if place < len(multiplications) - 1:
            following = only_reader(only_reader(add, *ACTIVATIONS), "MatMul")
            if following is not multiplications[place + 1]:
                raise CannotRewrite("Units can be taken out of layers that follow each other: these branch.")
    if len(layers) < 2:
        raise CannotRewrite(
            f"Units can be taken out of a perceptron with a hidden layer: this model has {len(layers)} of the two or "
            f"more layers of MatMul and Add that it takes. Its operators: {', '.join(seen(graph))}."
        )
    return layers


def weight_matrices(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """The constant FP32 matrices that something is multiplied by. Raises :class:`CannotRewrite` if there is none."""
    used = {node.input[1] for node in graph.node if node.op_type in MULTIPLICATIONS}
    found = [t for t in graph.initializer if t.name in used and t.data_type == onnx.TensorProto.FLOAT]
    if not found:
        raise CannotRewrite(
            f"The model multiplies by no constant matrix of FP32 weights: there is nothing to round or to prune. "
            f"Its operators: {', '.join(seen(graph))}."
        )
    return found


def seen(graph: onnx.GraphProto) -> list[str]:
    """The kinds of operators in a graph, sorted."""
    return sorted({node.op_type for node in graph.node})


def check_share(share: float) -> None:
    """Raise ValueError unless ``share`` is at least 0 and below 1."""
    if not 0 <= share < 1:
        raise ValueError(f"a share to prune is at least 0 and below 1, not {share!r}")


def replace(tensor: onnx.TensorProto, values: np.ndarray) -> None:
    """Put ``values`` in place of a constant's numbers; it keeps its name."""
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


# A small model that learns from a large one


def distil(
    probability: np.ndarray, X: np.ndarray, hidden: Sequence[int] = (32,), *, epochs: int = 5, seed: int = 0
) -> bytes:
    """A small perceptron that imitates a teacher: ONNX bytes with the signature of the flight models.

    ``probability``, float (n,), is what the teacher says of ``X``, rows of :func:`modelserving.models.flight_features`.
    What became of those flights is not asked, so that any rows will do. Each row counts twice, as late with the weight
    that the teacher gives to it and as on time with the rest: the log loss is then that against the teacher's
    probabilities (soft targets, Hinton, Vinyals and Dean 2015, at temperature 1).

    Raises ValueError where the two differ in length, or what the teacher says is no probability.
    """
    probability = np.asarray(probability, dtype=np.float64)
    if probability.shape != (len(X),):
        raise ValueError(f"one probability a row, shape ({len(X)},), is needed, and {probability.shape} came")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("the teacher's answers must be probabilities, from 0 to 1")
    late = np.repeat([True, False], len(X))
    weight = np.concatenate([probability, 1 - probability])
    rows = np.vstack([X, X])
    # hardly any penalty: it is for labels, which are partly chance, and a teacher's probabilities are not
    student = train_mlp(rows, late, hidden, epochs=epochs, seed=seed, penalty=1e-4, weight=weight)
    return to_onnx(student, X.shape[1])
