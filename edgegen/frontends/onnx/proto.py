"""Protobuf messages as plain objects and back; nothing else of the front end touches messages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgegen.errors import ModelFormatError, Problem, UnsupportedError
from edgegen.frontends.onnx.load import onnx_package, opset_of
from edgegen.frontends.onnx.model import MAX_ELEMENTS, Array, Node, Value, constant


def array_of(tensor: Any, where: str) -> Array:
    """The values of a TensorProto.

    Raises:
        ModelFormatError: its size and shape disagree.
        UnsupportedError: numpy has no such element type.
    """
    onnx = onnx_package()
    dims = [int(d) for d in tensor.dims]
    if any(d < 0 for d in dims) or math.prod(dims) > MAX_ELEMENTS:
        raise ModelFormatError(Problem(f"a tensor of shape {dims}", where))
    try:
        value = np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ModelFormatError(
            Problem("a tensor's values do not fit its shape and type", where, str(error)[:200])
        ) from error
    if value.dtype.kind not in "fiubOU" or value.shape != tuple(dims):
        raise UnsupportedError(Problem(f"element type {value.dtype} is not supported", where))
    return value


def attribute_values(proto: Any, where: str) -> dict[str, Any]:
    """A node's attributes as plain values; subgraphs stay messages."""
    onnx = onnx_package()
    kinds = onnx.AttributeProto
    found: dict[str, Any] = {}
    for attribute in proto.attribute:
        value: Any = onnx.helper.get_attribute_value(attribute)
        if attribute.type == kinds.STRING:
            value = value.decode("utf-8", "replace")
        elif attribute.type == kinds.STRINGS:
            value = tuple(v.decode("utf-8", "replace") for v in value)
        elif attribute.type in (kinds.INTS, kinds.FLOATS):
            value = tuple(value)
        elif attribute.type == kinds.TENSOR:
            value = array_of(value, where)
        found[attribute.name] = value
    return found


def nodes_of(graph: Any) -> tuple[Node, ...]:
    """The graph's operators."""
    return tuple(
        Node(
            index,
            node.op_type,
            node.op_type,
            "" if node.domain == "ai.onnx" else node.domain,
            tuple(node.input),
            tuple(node.output),
            attribute_values(node, f"op {index} {node.op_type}"),
        )
        for index, node in enumerate(graph.node)
    )


def initialisers(graph: Any) -> dict[str, Value]:
    """The graph's constants."""
    if graph.sparse_initializer:
        raise UnsupportedError(
            Problem("sparse initialisers are not supported", hint="store the weights densely")
        )
    return {t.name: constant(array_of(t, f"initializer {t.name!r}")) for t in graph.initializer}


def declared_shape(info: Any) -> tuple[np.dtype[Any], tuple[int | str, ...] | None]:
    """Element type and dimensions of a graph input; a name or an empty string where unknown.

    Raises:
        UnsupportedError: it is no tensor.
    """
    if not info.type.HasField("tensor_type"):
        raise UnsupportedError(Problem(f"input {info.name!r} is no tensor"))
    kind = info.type.tensor_type
    dtype = element_type(kind.elem_type)
    if not kind.HasField("shape"):
        return dtype, None
    return dtype, tuple(
        int(d.dim_value) if d.HasField("dim_value") else d.dim_param for d in kind.shape.dim
    )


def node_message(node: Node) -> Any:
    """The node as a message, for ONNX's own functions."""
    onnx = onnx_package()
    message = onnx.helper.make_node(
        node.op, list(node.inputs), list(node.outputs), domain=node.domain
    )
    for name, value in node.attributes.items():
        if isinstance(value, np.ndarray):
            value = onnx.numpy_helper.from_array(value)
        message.attribute.append(onnx.helper.make_attribute(name, value))
    return message


def type_message(value: Value) -> Any:
    """A value's type as a message."""
    onnx = onnx_package()
    return onnx.helper.make_tensor_type_proto(element_code(value.dtype), list(value.shape))


def element_code(dtype: np.dtype[Any]) -> int:
    """ONNX's number for an element type."""
    code: int = onnx_package().helper.np_dtype_to_tensor_dtype(dtype)
    return code


def element_type(code: int) -> np.dtype[Any]:
    """The element type with ONNX's number `code`.

    Raises:
        UnsupportedError: numpy has no such type.
    """
    try:
        dtype: np.dtype[Any] = np.dtype(onnx_package().helper.tensor_dtype_to_np_dtype(code))
    except (KeyError, TypeError) as error:
        raise UnsupportedError(Problem(f"element type {code} is not supported")) from error
    return dtype


def opset(model: Any) -> int:
    """Version of ONNX's own operators."""
    return opset_of(model)
