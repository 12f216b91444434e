"""Small ONNX models whose answers are known beforehand, for the tests of serving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OF_DATATYPE = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}

Shape = list[int | str]  # a text is the name of a free length


def model(nodes: list, inputs: dict, outputs: dict, **constants: np.ndarray) -> bytes:
    """A model of these nodes; inputs and outputs as ``name: (datatype, shape)``."""
    tensors = [
        [helper.make_tensor_value_info(name, OF_DATATYPE[datatype], shape) for name, (datatype, shape) in side.items()]
        for side in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", *tensors, weights)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def echo(datatype: str, shape: Shape) -> bytes:
    """x → y, the same."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return model([node], {"x": (datatype, shape)}, {"y": (datatype, shape)})


def times(factor: float = 2.0, width: int | str = 3, rows: int | str = "n") -> bytes:
    """x, FP32 → y, factor times as much, and ``total``, the sum of each row of y."""
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"]), helper.make_node("ReduceSum", ["y", "axis"], ["total"])]
    nodes[1].attribute.append(helper.make_attribute("keepdims", 0))
    return model(
        nodes,
        {"x": ("FP32", [rows, width])},
        {"y": ("FP32", [rows, width]), "total": ("FP32", [rows])},
        factor=np.float32(factor),
        axis=np.array([1]),
    )


def share() -> bytes:
    """x, FP32 (n, 1) → y, each row's share of the whole batch: rows that depend on each other."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "one"], ["more"]),
        helper.make_node("Div", ["x", "more"], ["y"]),
    ]
    return model(nodes, {"x": ("FP32", ["n", 1])}, {"y": ("FP32", ["n", 1])}, one=np.float32(1))


def look_up() -> bytes:
    """place, INT64 (n,) → value, 10 times the place; a place beyond 0 to 4 is an error of onnxruntime's."""
    node = helper.make_node("Gather", ["table", "place"], ["value"])
    table = np.arange(5, dtype=np.float32) * 10
    return model([node], {"place": ("INT64", ["n"])}, {"value": ("FP32", ["n"])}, table=table)


def nonzero() -> bytes:
    """x, FP32 (n,) → the places that are not zero: its rows are fewer than the input's."""
    nodes = [helper.make_node("NonZero", ["x"], ["flat"]), helper.make_node("Transpose", ["flat"], ["places"])]
    return model(nodes, {"x": ("FP32", ["n"])}, {"places": ("INT64", ["m", 1])})


def add() -> bytes:
    """a and b, FP32 (n, 2) → sum."""
    node = helper.make_node("Add", ["a", "b"], ["sum"])
    return model([node], {"a": ("FP32", ["n", 2]), "b": ("FP32", ["n", 2])}, {"sum": ("FP32", ["n", 2])})


def put(folder: Path, name: str, version: int | str, content: bytes) -> Path:
    """Write a model into a repository."""
    path = folder / name / str(version) / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
