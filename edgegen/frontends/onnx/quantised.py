"""QuantizeLinear and DequantizeLinear become types of values: QDQ graphs turn into integer graphs.

A value between QuantizeLinear and DequantizeLinear has one name and one quantisation: that of its
QuantizeLinear. uint8 is moved to int8 by subtracting 128 from values and zero points, which is
exact. QuantizeLinear nodes that remain change a scale; DequantizeLinear nodes that remain feed
operators that are computed in float.

1. Constants that DequantizeLinear reads get their quantisation, and so do copies of them in another
   shape or order (`constants`, which runs before float rewrites so that these see weights).
2. A value that QuantizeLinear reads takes its quantisation.
3. Operators that only move values, and maximum pooling, hand a quantisation on, both ways.
4. The functions whose range is known (softmax, sigmoid, tanh) end in TFLite's quantisation where
   the model has none.
5. Other values between integer operators get one from bounds (`gaps`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgegen.errors import ModelError, Problem, UnsupportedError
from edgegen.frontends.onnx.gaps import fill_gaps
from edgegen.frontends.onnx.model import Array, Editor, Model, Node, Value, to_int8
from edgegen.ir import QuantParams

MOVERS = frozenset(
    "Concat DepthToSpace Expand Flatten Gather Identity MaxPool Pad Relu Clip Resize Reshape "
    "Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze Upsample".split()
)
"""Operators whose results have a quantisation of what they read."""

KNOWN_RANGES = {
    "Softmax": QuantParams((1.0 / 256.0,), (-128,), rounds_once=True),
    "Sigmoid": QuantParams((1.0 / 256.0,), (-128,), rounds_once=True),
    "Tanh": QuantParams((1.0 / 128.0,), (0,), rounds_once=True),
}

_INT8 = np.dtype(np.int8)


def is_quantised(model: Model) -> bool:
    """Whether any value of the model is quantised."""
    return any(n.op in ("QuantizeLinear", "DequantizeLinear") for n in model.nodes)


def is_dynamic(node: Node, model: Model) -> bool:
    """Whether a QuantizeLinear or DequantizeLinear has parameters computed at run time."""
    if node.op not in ("QuantizeLinear", "DequantizeLinear"):
        return False
    return any(n and model.data(n) is None for n in node.inputs[1:])


@dataclass(frozen=True)
class _Params:
    """What a QuantizeLinear or DequantizeLinear says.

    Attributes:
        quant: with uint8 moved to int8.
        dtype: element type in the IR.
        unsigned: the file has uint8.
    """

    quant: QuantParams
    dtype: np.dtype[Any]
    unsigned: bool


def _params(node: Node, model: Model, dtype: np.dtype[Any], rank: int) -> _Params:
    """The quantisation that a node states for integers of `dtype`.

    Raises:
        UnsupportedError, ModelError: it is not affine per tensor or channel with constants.
    """
    where = f"op {node.index} {node.source}"
    scale = model.data(node.inputs[1])
    zero_name = node.input(2)
    zero = model.data(zero_name) if zero_name else np.zeros(())
    if scale is None or zero is None:
        raise UnsupportedError(
            Problem(
                "its scale or zero point is computed at run time",
                where,
                hint="quantise statically: dynamic quantisation needs float arithmetic",
            )
        )
    if node.integer("block_size", 0):
        raise UnsupportedError(Problem("quantisation by blocks is not supported", where))
    if dtype.name not in ("int8", "uint8", "int16", "int32"):
        raise UnsupportedError(
            Problem(f"quantisation to {dtype.name} is not supported", where, hint="use int8")
        )
    if zero.size not in (1, scale.size) or not scale.size:
        raise ModelError(Problem(f"{scale.size} scales but {zero.size} zero points", where))
    scales = tuple(float(np.float32(s)) for s in scale.ravel())
    if not all(0.0 < s < float("inf") for s in scales):
        raise ModelError(Problem("a scale is not positive and finite", where))
    unsigned = dtype == np.uint8
    shift = 128 if unsigned else 0
    points = tuple(int(z) - shift for z in np.broadcast_to(zero.ravel(), (scale.size,)))
    axis = None
    if scale.size > 1:
        axis = node.integer("axis", 1)
        axis += rank if axis < 0 else 0
        if not 0 <= axis < rank:
            raise ModelError(Problem(f"axis {axis} is none of {rank} dimensions", where))
    quant = QuantParams(scales, points, axis, rounds_once=True)
    return _Params(quant, _INT8 if unsigned else dtype, unsigned)


def _matches(value: Value, quant: QuantParams) -> bool:
    return quant.axis is None or value.shape[quant.axis] == len(quant.scales)


def constants(model: Model) -> Model:
    """Rule 1."""
    editor = Editor(model)
    for node in model.nodes:
        source = editor.values.get(editor.resolve(node.input(0)))
        if source is None or source.data is None:
            editor.add(node)
        elif node.op == "DequantizeLinear" and not is_dynamic(node, model):
            params = _params(node, model, source.dtype, source.rank)
            if not _matches(source, params.quant):
                raise ModelError(
                    Problem("its scales do not fit the shape", f"op {node.index} {node.source}")
                )
            data = _signed(source.data, params.unsigned)
            editor.values[node.outputs[0]] = Value(params.dtype, source.shape, data, params.quant)
        elif source.quant is not None and node.op in _RESHAPED:
            moved = _RESHAPED[node.op](node, source, editor.values[node.outputs[0]])
            if moved is None:
                editor.add(node)
            else:
                editor.values[node.outputs[0]] = moved
        else:
            editor.add(node)
    return editor.model()


def _signed(data: Array, unsigned: bool) -> Array:
    """uint8 as int8, moved by 128."""
    if not unsigned:
        return data
    return (data.astype(np.int16) - 128).astype(np.int8)


def _transposed(node: Node, source: Value, target: Value) -> Value | None:  # noqa: ARG001
    assert source.data is not None
    assert source.quant is not None
    order = node.integers("perm") or tuple(reversed(range(source.rank)))
    axis = source.quant.axis
    quant = replace(source.quant, axis=None if axis is None else order.index(axis))
    data = np.ascontiguousarray(source.data.transpose(order))
    return Value(data.dtype, data.shape, data, quant)


def _reshaped(node: Node, source: Value, target: Value) -> Value | None:  # noqa: ARG001
    assert source.data is not None
    assert source.quant is not None
    axis = source.quant.axis
    if axis is not None:
        before = int(np.prod(source.shape[:axis]))
        # The channels must stay a dimension of their own, at the same distance.
        places = [
            i
            for i, d in enumerate(target.shape)
            if d == source.shape[axis] and int(np.prod(target.shape[:i])) == before
        ]
        if not places:
            return None
        axis = places[0]
    data = source.data.reshape(target.shape)
    return Value(data.dtype, data.shape, data, replace(source.quant, axis=axis))


_RESHAPED: dict[str, Callable[[Node, Value, Value], Value | None]] = {
    "Transpose": _transposed,
    "Reshape": _reshaped,
    "Flatten": _reshaped,
    "Squeeze": _reshaped,
    "Unsqueeze": _reshaped,
}


def activations(model: Model) -> Model:
    """Rules 2 to 5, and conversions where integer and float parts meet."""
    if not is_quantised(model) and not any(v.quant for v in model.values.values()):
        return model
    editor = Editor(model)
    for node in model.nodes:
        if is_dynamic(node, model):
            editor.add(node)
        elif node.op == "QuantizeLinear":
            _quantize(node, editor)
        elif node.op == "DequantizeLinear":
            _dequantize(node, editor)
        else:
            editor.add(node)
    _hand_on(editor)
    for node in editor.nodes:
        _give_range(node, editor)
    _hand_on(editor)
    fill_gaps(editor.nodes, editor.values, [editor.resolve(n) for n in model.outputs])
    _hand_on(editor)
    return _joined(replace(editor.model(), outputs=model.outputs), editor)


def _quantize(node: Node, editor: Editor) -> None:
    """Rule 2: the value read takes the quantisation, unless it has another one already."""
    name, target = editor.resolve(node.inputs[0]), node.outputs[0]
    value = editor.values[name]
    params = _params(node, editor.source, editor.values[target].dtype, value.rank)
    _need_per_tensor(node, params)
    if value.data is not None and value.quant is None:
        editor.values[target] = _quantised_constant(name, value, params)
        return
    if value.quant is None:
        editor.values[name] = _typed(value, params)
    if editor.values[name].quant == params.quant:
        editor.renamed[target] = name
        return
    editor.values[target] = _typed(value, params)
    editor.add(node)


def _dequantize(node: Node, editor: Editor) -> None:
    name = editor.resolve(node.inputs[0])
    value = editor.values[name]
    stored = np.dtype(np.uint8) if value.unsigned else value.dtype
    params = _params(node, editor.source, stored, value.rank)
    if value.quant is None:
        _need_per_tensor(node, params)
        editor.values[name] = value = _typed(value, params)
    elif value.quant != params.quant:
        raise UnsupportedError(
            Problem(
                f"{node.inputs[0]!r} is quantised in one way and read in another",
                f"op {node.index} {node.source}",
            )
        )
    editor.renamed[node.outputs[0]] = name


def _need_per_tensor(node: Node, params: _Params) -> None:
    if params.quant.per_channel or params.dtype != _INT8:
        raise UnsupportedError(
            Problem(
                f"activations are {params.dtype.name}"
                + (", each channel with a scale of its own" if params.quant.per_channel else ""),
                f"op {node.index} {node.source}",
                hint="quantise activations to int8 or uint8, per tensor",
            )
        )


def _typed(value: Value, params: _Params) -> Value:
    data = None if value.data is None else _signed(value.data, params.unsigned)
    return Value(params.dtype, value.shape, data, params.quant, params.unsigned)


def _quantised_constant(name: str, value: Value, params: _Params) -> Value:
    """A float constant as QuantizeLinear rounds it: half to even, saturated."""
    assert value.data is not None
    steps = np.rint(value.data.astype(np.float64) / params.quant.scale) + params.quant.zero_point
    data = to_int8(name, steps)
    return Value(_INT8, value.shape, data, params.quant, params.unsigned)


def _hand_on(editor: Editor) -> None:
    """Rule 3: forwards along the nodes, then backwards."""
    values = editor.values
    for node in editor.nodes:
        if node.op in MOVERS and not node.domain:
            source = values.get(editor.resolve(node.input(0)))
            if source is not None and source.data is None and source.quant is not None:
                for name in node.outputs:
                    _take(values, name, source)
    for node in reversed(editor.nodes):
        if node.op in MOVERS and not node.domain and node.outputs[0]:
            target = values[node.outputs[0]]
            count = len(node.inputs) if node.op == "Concat" else 1
            if target.quant is not None:
                for name in node.inputs[:count]:
                    if name and values[name].data is None:
                        _take(values, name, target)


def _take(values: dict[str, Value], name: str, other: Value) -> None:
    """Gives a float value the quantisation of another."""
    value = values.get(name)
    if value is None or value.quant is not None:
        return
    if value.dtype.kind == "f" or value.dtype.name in ("int8", "uint8"):
        values[name] = replace(value, dtype=other.dtype, quant=other.quant, unsigned=other.unsigned)


def _give_range(node: Node, editor: Editor) -> None:
    """Rule 4."""
    values = editor.values
    if node.op not in KNOWN_RANGES or node.domain:
        return
    source, target = values[node.inputs[0]], values[node.outputs[0]]
    if source.quant is not None and target.quant is None:
        values[node.outputs[0]] = replace(
            target, dtype=_INT8, quant=KNOWN_RANGES[node.op], unsigned=source.unsigned
        )


def _joined(model: Model, editor: Editor) -> Model:
    """Renames the graph's outputs, and converts where integer and float operators meet."""
    result = Editor(replace(model, values=editor.values))
    renamed = {name: editor.resolve(name) for name in model.outputs}
    for node in editor.nodes:
        _add_joined(node, result)
    for name, source in renamed.items():
        if name != source:
            result.values[name] = result.values[source]
            count = len(editor.source.nodes)
            result.add(Node(count, "Identity", "Identity", "", (source,), (name,), {}))
    return result.model()


def _add_joined(node: Node, editor: Editor) -> None:
    """Adds a node; one that mixes integers and floats computes in float between conversions."""
    values = editor.values
    if node.op in ("QuantizeLinear", "DequantizeLinear"):
        editor.add(node)
        return
    real = [n for n in (*node.inputs, *node.outputs) if n and _is_data(values[n])]
    mixed = {values[n].quant is None for n in real if values[n].data is None}
    if mixed != {True, False}:
        editor.add(node)
        return
    float32 = np.dtype(np.float32)

    def other(name: str, suffix: str) -> str:
        twin = editor.fresh(f"{name}_{suffix}")
        editor.values[twin] = Value(float32, values[name].shape)
        return twin

    inputs = list(node.inputs)
    for i, name in enumerate(inputs):
        if name and values[name].quant is not None and values[name].data is None:
            inputs[i] = other(name, "real")
            editor.add(_conversion(node, "DequantizeLinear", name, inputs[i]))
        elif name and values[name].quant is not None:
            inputs[i] = editor.constant(name, _dequantised(values[name]))
    outputs = list(node.outputs)
    after = []
    for i, name in enumerate(outputs):
        if name and values[name].quant is not None:
            outputs[i] = other(name, "real")
            after.append(_conversion(node, "QuantizeLinear", outputs[i], name))
    editor.add(replace(node, inputs=tuple(inputs), outputs=tuple(outputs)))
    for conversion in after:
        editor.add(conversion)


def _is_data(value: Value) -> bool:
    """Whether quantisation could stand for a value: it is no index and no shape."""
    return value.quant is not None or value.dtype.kind == "f"


def _conversion(node: Node, op: str, source: str, target: str) -> Node:
    return Node(node.index, op, node.source, "", (source,), (target,), {})


def _dequantised(value: Value) -> Array:
    assert value.data is not None
    assert value.quant is not None
    shape = [1] * value.rank
    if value.quant.axis is not None:
        shape[value.quant.axis] = -1
    scale = np.array(value.quant.scales, np.float32).reshape(shape)
    zero = np.array(value.quant.zero_points, np.int64).reshape(shape)
    return ((value.data - zero) * scale).astype(np.float32)
