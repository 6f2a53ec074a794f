"""Hybrid models: float32 activations with int8 weights ("dynamic range quantisation").

The weights of such a layer become float32 constants. TFLite's hybrid kernels also round each
layer's input to eight bits at run time; this leaves the input alone, which is closer to the model
that was trained.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.ir import DType, TensorType
from edgegen.ir.raw import RawGraph, RawNode, RawTensor
from edgegen.ir.types import Array, QuantParams

LAYERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Operators whose input 1 may be int8 where input 0 is float32."""


def float_weights(raw: RawGraph) -> RawGraph:
    """Dequantises the int8 weights of layers that compute on float32."""
    tensors = dict(raw.tensors)
    nodes = tuple(_float_layer(node, tensors) for node in raw.nodes)
    return replace(raw, tensors=tensors, nodes=nodes)


def _float_layer(node: RawNode, tensors: dict[str, RawTensor]) -> RawNode:
    """The node with float32 weights, which are added to `tensors` under a name of their own."""
    if node.type not in LAYERS or len(node.inputs) < 2:
        return node
    source, weights = (None if n is None else tensors.get(n) for n in node.inputs[:2])
    if source is None or weights is None or source.type.dtype is not DType.FLOAT32:
        return node
    quant = weights.type.quant
    if weights.data is None or weights.type.dtype is not DType.INT8 or quant is None:
        return node
    name = f"{weights.name} as float32"
    while name in tensors and tensors[name].data is None:
        name += "'"
    kind = TensorType(DType.FLOAT32, weights.type.shape)
    tensors[name] = RawTensor(name, kind, dequantise(weights.data, quant))
    return replace(node, inputs=(node.inputs[0], name, *node.inputs[2:]))


def dequantise(values: Array, quant: QuantParams) -> Array:
    """The real values of quantised ones, float32 of the same shape."""
    shape = [1] * values.ndim
    if quant.axis is not None:
        shape[quant.axis] = len(quant.scales)
    scales = np.array(quant.scales, np.float64).reshape(shape)
    points = np.array(quant.zero_points, np.int64).reshape(shape)
    real = (values.astype(np.int64) - points) * scales
    return real.astype(np.float32)
