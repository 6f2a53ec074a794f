"""Float rewrites before quantisation: every value that is never stored needs no range of its own.

Scales and offsets by channel (what is left of a batch normalisation) fold into the layer before
them, and activations into the operator that feeds them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.ir import Graph, Tensor, TensorKind
from edgegen.ops.add import Add
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.mul import Mul
from edgegen.ops.relu import Relu
from edgegen.quant.fixed_point import ACTIVATIONS
from edgegen.quantise.layers import (
    Float64,
    along,
    bias_of,
    channel_axis,
    uses,
    with_weights,
    without_unused,
)

Activated = Conv2D | DepthwiseConv2D | FullyConnected | Add | Mul


def fuse(graph: Graph) -> Graph:
    """Folds and fuses until nothing more can be."""
    while True:
        smaller = _fuse_one(graph)
        if smaller is None:
            return graph
        graph = smaller


def _fuse_one(graph: Graph) -> Graph | None:
    """The graph with one operator less, or None."""
    known = uses(graph)
    for first, op in enumerate(graph.ops):
        if len(op.outputs) != 1 or not isinstance(op, Activated) or op.activation != "NONE":
            continue
        second = known.sole_reader(op.outputs[0])
        if second is None:
            continue
        after = graph.ops[second]
        if isinstance(after, Relu) and after.activation in ACTIVATIONS:
            return _absorbed(graph, first, second, after.activation)
        if isinstance(after, Mul | Add):
            folded = _fold(graph, first, second, after)
            if folded is not None:
                return folded
    return None


def _absorbed(graph: Graph, first: int, second: int, activation: str) -> Graph:
    """The first operator computes what the second did, and gets its activation."""
    ops = list(graph.ops)
    op = ops[first]
    assert isinstance(op, Activated)
    ops[first] = replace(op, outputs=ops[second].outputs, activation=activation)
    del ops[second]
    return without_unused(replace(graph, ops=tuple(ops)))


def _fold(graph: Graph, first: int, second: int, after: Mul | Add) -> Graph | None:
    """Folds a product or sum with a constant for each channel into a weighted layer."""
    op = graph.ops[first]
    axis = channel_axis(op, graph)
    others = [n for n in after.inputs if n is not None and n != op.outputs[0]]
    if axis is None or len(others) != 1:
        return None
    weights = graph.io(op).input(1).values.astype(np.float64)
    channels = weights.shape[axis]
    output = graph.tensor(after.outputs[0])
    if output.type.shape != graph.io(op).output.type.shape:
        return None
    factors = _per_channel(graph.tensor(others[0]), channels)
    if factors is None:
        return None
    bias = bias_of(op, graph, channels)
    if isinstance(after, Mul):
        values = weights * along(factors, axis, weights.ndim)
        folded = with_weights(graph, {first: (values, bias * factors)})
    else:
        folded = with_weights(graph, {first: (weights, bias + factors)})
    return _absorbed(folded, first, second, after.activation)


def _per_channel(tensor: Tensor, channels: int) -> Float64 | None:
    """A constant's value for each channel, if it differs along the last dimension only."""
    if tensor.kind is not TensorKind.CONSTANT:
        return None
    shape = tensor.type.shape
    if any(d != 1 for d in shape[:-1]) or (shape and shape[-1] not in (1, channels)):
        return None
    return np.broadcast_to(tensor.values.astype(np.float64).ravel(), (channels,))
