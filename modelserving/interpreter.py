"""The interpreter: a model's operations, run on input data that fits them (lesson 02).

An :class:`Interpreter` is an onnxruntime session with a signature: the names, data types and shapes of what goes in
and comes out. It refuses what does not fit, in a sentence, before the session sees it.
Names of data types are those of the Open Inference Protocol.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before the import: it would start a thread that reports usage
import onnxruntime as ort

DATATYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(object),  # text or bytes, each element of its own length
}
"""The protocol's data types, and the numpy type that holds each."""

NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in DATATYPES.items()}

OF_ONNX = {
    "bool": "BOOL",
    "float16": "FP16",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    **{f"{sign}int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""The protocol's name for the type of elements that onnxruntime writes as ``tensor(float)`` and so on."""


class InvalidModel(ValueError):
    """The file is no model, or one whose inputs or outputs are not tensors."""


class InvalidInput(ValueError):
    """What was given does not fit the model; the message says what came and what is needed."""


class UnknownInput(InvalidInput):
    """A name that the model does not have: an input, or an output that was asked for."""


class MissingInput(InvalidInput):
    """An input that the model needs was not given."""


class WrongDatatype(InvalidInput):
    """An input is no array, or an array of another data type. Nothing is converted silently."""


class WrongShape(InvalidInput):
    """An input has another number of dimensions, or another length in one that is fixed."""


class ExecutionError(InvalidInput):
    """Names, types and shapes fit, and the model's operations still could not run on these values."""


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model. A length of -1 in ``shape`` is free."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives, in the order of its file."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def batched(self) -> bool:
        """True when the first dimension of every input and output is free, as the number of rows is."""
        tensors = self.inputs + self.outputs
        return bool(self.inputs) and all(tensor.shape[:1] == (-1,) for tensor in tensors)


@dataclass(frozen=True)
class Options:
    """How a session runs. The defaults suit a server that shares its cores with other models.

    ``threads`` compute inside one operation. ``optimise`` is True for all of onnxruntime's rewriting of the graph,
    False for none, or one of its levels, ``"basic"`` and ``"extended"``. With ``spin`` idle threads wait in a busy
    loop: quicker to start again, and a core that nobody else can use.
    """

    threads: int = 1
    optimise: bool | str = True
    spin: bool = False


LEVELS = {
    True: ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    False: ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


class Interpreter:
    """A model ready to run: ``interpreter.predict({"input": rows})["probability"]``.

    ``model`` is the path of an ONNX file, or its content as bytes. Raises :class:`InvalidModel` when it cannot be
    loaded, and FileNotFoundError when there is no such file. May be used by many threads at once.
    """

    def __init__(
        self, model: str | os.PathLike | bytes, *, name: str = "model", version: str = "1", options: Options = Options()
    ) -> None:
        if not isinstance(model, bytes) and not Path(model).is_file():
            raise FileNotFoundError(f"There is no model file {os.fspath(model)!r}.")
        self.name, self.version = name, version
        self._session = open_session(model if isinstance(model, bytes) else os.fspath(model), options)
        self.signature = read_signature(self._session)
        self._inputs = {tensor.name: tensor for tensor in self.signature.inputs}
        self._outputs = {tensor.name: tensor for tensor in self.signature.outputs}
        self._text = {tensor.name for tensor in self.signature.inputs if tensor.datatype == "BYTES"}

    def predict(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Run the model on arrays by name of input; give arrays by name of output, all of them or those asked for.

        An input's array has the dtype that :data:`DATATYPES` gives for its data type, and its shape, with any length
        where that says -1. BYTES hold ``str`` or UTF-8 ``bytes`` and come back as ``str``.
        Raises a subclass of :class:`InvalidInput` when something does not fit.
        """
        self.check(inputs, outputs)
        return self.run(inputs, outputs)

    def check(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> None:
        """Raise the subclass of :class:`InvalidInput` that says what does not fit the signature, if anything."""
        check(self._inputs, self._outputs, inputs, outputs)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """:meth:`predict` for inputs that :meth:`check` has already let pass, as a batch of requests has.

        Raises :class:`ExecutionError` when the model's own operations fail.
        """
        names = list(outputs) if outputs else list(self._outputs)
        if self.signature.batched and not any(array.shape[0] for array in inputs.values()):
            return {name: no_rows(self._outputs[name]) for name in names}
        if self._text:
            inputs = {name: as_text(name, array) if name in self._text else array for name, array in inputs.items()}
        try:
            return dict(zip(names, self._session.run(names, inputs), strict=True))
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise ExecutionError(f"The model could not run on this input: {reason(error)}") from error

    def warm_up(self, rows: int = 1) -> None:
        """Run once on zeros, ``rows`` of them, so that no user waits for what a session does the first time only.

        Free lengths other than the first are 1. A model that refuses zeros is left as it is.
        """
        zeros = {tensor.name: blank(tensor, rows) for tensor in self.signature.inputs}
        try:
            self.run(zeros)
        except ExecutionError:
            return

    def close(self) -> None:
        """Let go of the session and its memory, for good; nobody may be running it, or run it from now on."""
        self._session = None


def open_session(model: str | bytes, options: Options) -> ort.InferenceSession:
    """A session on the CPU, silent. Raises :class:`InvalidModel`."""
    if options.optimise not in LEVELS:
        raise ValueError(f"optimise is one of {', '.join(map(repr, LEVELS))}, not {options.optimise!r}")
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = LEVELS[options.optimise]
    settings.add_session_config_entry("session.intra_op.allow_spinning", "1" if options.spin else "0")
    settings.log_severity_level = 4  # what goes wrong is raised; a second copy on stderr helps nobody
    try:
        return ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # see Interpreter.run
        raise InvalidModel(f"onnxruntime cannot load the model: {reason(error)}") from error


def read_signature(session: ort.InferenceSession) -> Signature:
    """The signature of a session. Raises :class:`InvalidModel` for what is no tensor or of a type without a name."""
    return Signature(*(tuple(map(read_tensor, nodes)) for nodes in (session.get_inputs(), session.get_outputs())))


def read_tensor(node: ort.NodeArg) -> Tensor:
    """An input or output as the session describes it; a length that has a name, or none, is free."""
    element = node.type.removeprefix("tensor(").removesuffix(")")
    if element not in OF_ONNX:
        hint = " Export it with zipmap=False." if node.type.startswith("seq(map") else ""
        raise InvalidModel(f"{node.name!r} is a {node.type}, which the protocol has no data type for.{hint}")
    return Tensor(node.name, OF_ONNX[element], tuple(n if isinstance(n, int) and n >= 0 else -1 for n in node.shape))


def check(
    takes: Mapping[str, Tensor],
    gives: Mapping[str, Tensor],
    inputs: Mapping[str, np.ndarray],
    outputs: Sequence[str] | None = None,
) -> None:
    """Raise the subclass of :class:`InvalidInput` that says why a model with these tensors cannot run on ``inputs``."""
    for name, array in inputs.items():
        tensor = takes.get(name)
        if tensor is None:
            raise UnknownInput(f"The model has no input {name!r}. Its inputs: {listed(takes)}.")
        check_array(tensor, array)
    if len(inputs) < len(takes):
        missing = [name for name in takes if name not in inputs]
        raise MissingInput(f"The model also needs the input {listed(missing)}.")
    for name in outputs or ():
        if name not in gives:
            raise UnknownInput(f"The model has no output {name!r}. Its outputs: {listed(gives)}.")


def check_array(tensor: Tensor, array: np.ndarray) -> None:
    """Raise :class:`WrongDatatype` or :class:`WrongShape` where ``array`` is not what ``tensor`` says."""
    if not isinstance(array, np.ndarray):
        raise WrongDatatype(f"The input {tensor.name!r} must be a numpy array, and a {type(array).__name__} came.")
    if array.dtype != DATATYPES[tensor.datatype] and not (tensor.datatype == "BYTES" and array.dtype.kind in "US"):
        came = NAMES.get(array.dtype, str(array.dtype))
        raise WrongDatatype(f"The input {tensor.name!r} is {tensor.datatype}, and {came} came. Convert it first.")
    if not fits(array.shape, tensor.shape):
        raise WrongShape(
            f"The input {tensor.name!r} has the shape {list(tensor.shape)}, where -1 is any length, "
            f"and {list(array.shape)} came."
        )


def fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Is each length what is wanted, where -1 is any?"""
    if len(shape) != len(wanted):
        return False
    for have, want in zip(shape, wanted, strict=True):  # noqa: SIM110 - run for every request, and all() takes longer
        if have != want and want != -1:
            return False
    return True


def as_text(name: str, array: np.ndarray) -> np.ndarray:
    """An array of ``str``, as onnxruntime wants it. Raises :class:`WrongDatatype` for what is no text."""
    if array.dtype.kind == "U":
        return array.astype(object)
    try:
        flat = [item.decode() if isinstance(item, bytes) else item for item in array.ravel().tolist()]
    except UnicodeDecodeError:
        raise WrongDatatype(f"The input {name!r} holds bytes that are not UTF-8, and the model takes text.") from None
    for item in flat:
        if not isinstance(item, str):
            raise WrongDatatype(f"The input {name!r} is BYTES and holds text, and a {type(item).__name__} came.")
    text = np.empty(len(flat), dtype=object)
    text[:] = flat
    return text.reshape(array.shape)


def no_rows(tensor: Tensor) -> np.ndarray:
    """The answer to no rows: some operations fail on an empty batch, and the answer is known without them."""
    return np.empty([max(length, 0) for length in tensor.shape], DATATYPES[tensor.datatype])


def blank(tensor: Tensor, rows: int) -> np.ndarray:
    """An array of zeros, False or empty text that fits ``tensor``."""
    shape = [rows if length == -1 and axis == 0 else max(length, 1) for axis, length in enumerate(tensor.shape)]
    return np.full(shape, "" if tensor.datatype == "BYTES" else 0, DATATYPES[tensor.datatype])


def listed(names: Sequence[str] | Mapping[str, object]) -> str:
    """``'a', 'b'``, cut short where there are many."""
    shown = [repr(name) for name in list(names)[:10]]
    return ", ".join(shown + (["…"] if len(names) > len(shown) else [])) or "none"


def reason(error: Exception) -> str:
    """The last part of what onnxruntime says, on one line: ahead of it stand codes and places in its source."""
    text = " ".join(str(error).split())
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text).rsplit("Status Message: ", 1)[-1][:300]
