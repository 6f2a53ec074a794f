"""Quantisation for values that a quantised model leaves in float between integer operators.

PyTorch's quantisers keep some pairs, such as a convolution and the addition after it, free of
QuantizeLinear between them. Integer kernels need a scale there: it is made from bounds that the
value cannot leave, or can leave only where the result saturates anyway:

1. An activation bounds it.
2. What a sum reads is bounded by the sum's own range and that of the other operand.
3. Weights, bias and the input's range bound the result of a convolution or Dense.

A value that an operator in float or a graph output reads gets none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgegen.frontends.onnx.model import Node, Value
from edgegen.ir import QuantParams

Bounds = tuple[float, float]

ACTIVATIONS: Mapping[str, Bounds] = {
    "NONE": (-np.inf, np.inf),
    "RELU": (0.0, np.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def fill_gaps(nodes: Sequence[Node], values: dict[str, Value], outputs: Sequence[str]) -> None:
    """Gives such values a quantisation, in execution order.

    Args:
        nodes: in execution order.
        values: by name; changed in place.
        outputs: names of the graph's outputs.
    """
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    for node in nodes:
        name = node.outputs[0]
        value = values[name]
        reading = readers.get(name, [])
        if value.quant is not None or value.dtype != np.float32 or name in outputs or not reading:
            continue
        sources = [values[n] for n in node.inputs if n and values[n].data is None]
        integer = [values[r.outputs[0]].quant is not None for r in reading]
        if all(integer) and sources and all(s.quant is not None for s in sources):
            bounds = _bounds(node, name, reading, values)
            if bounds is not None:
                quant = affine(*bounds)
                values[name] = replace(value, dtype=np.dtype(np.int8), quant=quant)


def affine(low: float, high: float) -> QuantParams:
    """The int8 quantisation of a range, 0 included."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max((high - low) / 255.0, 1e-12)))
    zero = int(np.clip(np.rint(-128.0 - low / scale), -128, 127))
    return QuantParams((scale,), (zero,), rounds_once=True)


def _bounds(
    node: Node, name: str, readers: Sequence[Node], values: Mapping[str, Value]
) -> Bounds | None:
    """The narrowest bounds that the rules give; None where one end stays open."""
    low, high = ACTIVATIONS[node.activation]
    for found in (_from_sum(name, readers, values), _from_weights(node, values)):
        if found is not None:
            low, high = max(low, found[0]), min(high, found[1])
    return (low, high) if np.isfinite([low, high]).all() and low <= high else None


def _range(value: Value) -> Bounds | None:
    """What a quantised value can be."""
    if value.quant is None or value.dtype != np.int8:
        return None
    zero, scale = value.quant.zero_point, value.quant.scale
    return (-128 - zero) * scale, (127 - zero) * scale


def _from_sum(name: str, readers: Sequence[Node], values: Mapping[str, Value]) -> Bounds | None:
    """Rule 2, for a value that one sum or difference reads."""
    if len(readers) != 1 or readers[0].op not in ("Add", "Sub"):
        return None
    node = readers[0]
    first = node.inputs[0] == name
    result, other = _range(values[node.outputs[0]]), _range(values[node.inputs[1 if first else 0]])
    if result is None or other is None or node.inputs[0] == node.inputs[1]:
        return None
    if node.op == "Add":
        return result[0] - other[1], result[1] - other[0]
    if first:
        return result[0] + other[0], result[1] + other[1]
    return other[0] - result[1], other[1] - result[0]


def _from_weights(node: Node, values: Mapping[str, Value]) -> Bounds | None:
    """Rule 3."""
    if node.op not in ("Conv", "Dense"):
        return None
    source, weights = _range(values[node.inputs[0]]), values[node.inputs[1]]
    if source is None or weights.data is None or weights.quant is None:
        return None
    shape = (-1,) + (1,) * (weights.rank - 1)
    scales = np.array(weights.quant.scales).reshape(shape)
    zeros = np.array(weights.quant.zero_points).reshape(shape)
    real = ((weights.data.astype(np.float64) - zeros) * scales).reshape(len(weights.data), -1)
    # Padding is 0.
    low, high = min(source[0], 0.0), max(source[1], 0.0)
    least = np.minimum(real * low, real * high).sum(axis=1)
    most = np.maximum(real * low, real * high).sum(axis=1)
    bias = values[node.input(2)] if node.input(2) else None
    if bias is not None:
        if bias.data is None:
            return None
        offset = bias.data.astype(np.float64).ravel()
        if bias.quant is not None:
            offset = offset * np.array(bias.quant.scales)
        elif bias.dtype.kind != "f":
            return None
        least, most = least + offset, most + offset
    return float(least.min()), float(most.max())
