"""Types and values of single operators, from the onnx package's own inference and reference."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from edgegen.errors import ModelFormatError, Problem, UnsupportedError
from edgegen.frontends.onnx import proto
from edgegen.frontends.onnx.load import onnx_package
from edgegen.frontends.onnx.model import MAX_ELEMENTS, Array, Node, Value

MAX_SHAPE_DATA = 4096
"""Largest constant whose values shape inference may look at, in elements."""


def infer(node: Node, inputs: list[Value | None], opset: int) -> list[Value]:
    """Types of a node's outputs, from ONNX's own inference.

    Raises:
        ModelFormatError: the inference finds a contradiction.
        UnsupportedError: the operator is unknown, or a shape depends on values.
    """
    onnx = onnx_package()
    try:
        schema = onnx.defs.get_schema(node.op, opset, node.domain)
    except onnx.defs.SchemaError as error:
        raise UnsupportedError(
            Problem(f"operator {node.op} of domain {node.domain or 'ai.onnx'!r} is not supported")
        ) from error
    data = {}
    types = {}
    for position, (name, value) in enumerate(zip(node.inputs, inputs, strict=True)):
        if value is not None:
            if position == 2 and node.op in ("Conv", "Gemm") and value.dtype == np.int32:
                # The bias of a QOperator node, which stays in accumulator steps.
                value = Value(np.dtype(np.float32), value.shape)
            types[name] = proto.type_message(value)
            if value.data is not None and value.data.size <= MAX_SHAPE_DATA:
                data[name] = onnx.numpy_helper.from_array(np.asarray(value.data, order="C"), name)
    try:
        found = onnx.shape_inference.infer_node_outputs(
            schema,
            proto.node_message(node),
            types,
            data,
            opset_imports=[onnx.helper.make_opsetid(node.domain, opset)],
            ir_version=10,
        )
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        RuntimeError,
        ValueError,
        TypeError,
        OverflowError,
        KeyError,
    ) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ModelFormatError(
            Problem("its types do not fit together", why="; ".join(lines[:3]))
        ) from error
    return [_inferred(name, found.get(name)) for name in node.outputs]


def _inferred(name: str, message: Any) -> Value:
    """The type of one output."""
    if not name:
        return Value(np.dtype(np.float32), ())
    kind = None if message is None else message.tensor_type
    dims = None if kind is None or not kind.HasField("shape") else kind.shape.dim
    if kind is None or dims is None or not all(d.HasField("dim_value") for d in dims):
        raise UnsupportedError(
            Problem(
                f"the shape of {name!r} depends on values that are computed at run time",
                hint="export the model with fixed input shapes",
            )
        )
    shape = tuple(int(d.dim_value) for d in dims)
    if any(d < 0 for d in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise UnsupportedError(Problem(f"{name!r} has the shape {list(shape)}"))
    return Value(proto.element_type(kind.elem_type), shape)


def evaluate(node: Node, inputs: list[Value | None], opset: int) -> list[Array]:
    """The outputs of a node whose inputs are all known, by ONNX's reference implementation."""
    onnx = onnx_package()
    # Heavy, and needed for few models: imported here.
    reference = importlib.import_module("onnx.reference")
    known = {n: v for n, v in zip(node.inputs, inputs, strict=True) if v is not None}
    helper = onnx.helper
    graph = helper.make_graph(
        [proto.node_message(node)],
        "fold",
        [
            helper.make_tensor_value_info(n, proto.element_code(v.dtype), v.shape)
            for n, v in known.items()
        ],
        [helper.make_tensor_value_info(n, 0, None) for n in node.outputs if n],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    feeds = {n: v.data for n, v in known.items()}
    try:
        with np.errstate(all="ignore"):
            results = reference.ReferenceEvaluator(model).run(None, feeds)
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelFormatError(
            Problem("it cannot be computed from its constants", why=str(error)[:200])
        ) from error
    arrays = iter(results)
    return [np.asarray(next(arrays)) if n else np.zeros(()) for n in node.outputs]


def quantized(inputs: list[Value | None], dtype: np.dtype[Any], axis: int) -> Array:
    """QuantizeLinear of a constant; the reference implementation lacks it before opset 19.

    Raises:
        UnsupportedError: the type is no integer type, or scales are of blocks.
        ModelFormatError: numbers are not finite, or shapes do not fit.
    """
    x, scale, zero = (None if v is None else v.data for v in (*inputs, None)[:3])
    assert x is not None
    assert scale is not None
    if dtype.kind not in "iu" or scale.ndim > 1:
        raise UnsupportedError(f"quantising a constant to {dtype.name} is not supported")
    shape = [1] * x.ndim
    if scale.size > 1 and x.ndim:
        shape[axis] = -1
    with np.errstate(all="ignore"):
        steps = np.rint(x.astype(np.float64) / scale.astype(np.float64).reshape(shape))
    if zero is not None:
        steps = steps + zero.astype(np.float64).reshape(shape)
    if not np.isfinite(steps).all() or steps.shape != x.shape:
        raise ModelFormatError("a constant, its scales and zero points do not fit together")
    info = np.iinfo(dtype)
    return np.asarray(np.clip(steps, info.min, info.max).astype(dtype))
