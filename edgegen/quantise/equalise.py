"""Cross-layer equalisation: channels of an activation get similar ranges, exactly undone after.

Source: M. Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction,
ICCV 2019. Scaling an output channel of one layer and the matching input channel of the next by
inverse factors changes nothing in a network whose activation between is positively homogeneous.
Since weights here have one scale a channel, what the factors are to even out is the activation's
own ranges, against the next layer's weights where those cannot take them up freely.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgegen.ir import Graph
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.mean import Mean
from edgegen.ops.pad import Pad
from edgegen.ops.pool2d import Pool2D
from edgegen.ops.same_bytes import SameBytes
from edgegen.quantise.convert import WeightOptions
from edgegen.quantise.layers import (
    Float64,
    along,
    bias_of,
    by_channel,
    channel_axis,
    uses,
    with_weights,
)

LARGEST_FACTOR = 64.0
"""Channels that hardly ever fire are not blown up beyond this."""


def equalise(graph: Graph, largest: Mapping[str, Float64], options: WeightOptions) -> Graph:
    """Equalises every pair of layers that allows it.

    Args:
        graph: a float graph.
        largest: for every activation the largest magnitude of each channel of its last dimension,
            observed on samples.
        options: how weights will be quantised.
    """
    for first, second in _pairs(graph):
        op = graph.ops[first]
        source = largest[op.outputs[0]]
        if not options.one_each(op):
            # One scale for all rows: the rows themselves are what must not differ much.
            axis = channel_axis(op, graph)
            assert axis is not None
            rows = by_channel(graph.io(op).input(1).values, axis)
            source = np.abs(rows).max(axis=1) * (source > 0)
        graph = _equalised(graph, first, second, source)
    return graph


def _pairs(graph: Graph) -> list[tuple[int, int]]:
    """Indices of a layer and the next, with nothing between them that minds factors."""
    known = uses(graph)
    found = []
    for first, op in enumerate(graph.ops):
        if not isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
            continue
        if op.activation not in ("NONE", "RELU") or channel_axis(op, graph) is None:
            continue
        name = op.outputs[0]
        second = known.sole_reader(name)
        while second is not None and _carries_factors(graph, second):
            name = graph.ops[second].outputs[0]
            second = known.sole_reader(name)
        if second is not None and _takes_factors(graph, second, name):
            found.append((first, second))
    return found


def _carries_factors(graph: Graph, index: int) -> bool:
    """Whether an operator gives its input's channels on with any factor that they have."""
    op = graph.ops[index]
    io = graph.io(op)
    if isinstance(op, Pad):
        return io.optional(2) is None
    if isinstance(op, Pool2D):
        return op.activation == "NONE"
    channels = io.input(0).type.shape[-1:]
    if io.output.type.shape[-1:] != channels:
        return False
    if isinstance(op, Mean):
        return len(io.input(0).type.shape) - 1 not in op.axes(io)
    return isinstance(op, SameBytes)


def _takes_factors(graph: Graph, index: int, source: str) -> bool:
    """Whether the operator's weights can undo factors on its input's channels."""
    op = graph.ops[index]
    io = graph.io(op)
    if op.inputs[0] != source or channel_axis(op, graph) is None:
        return False
    if isinstance(op, Conv2D):
        return op.groups(io) == 1
    if isinstance(op, FullyConnected):
        return io.input(1).type.shape[1] == io.input(0).type.shape[-1]
    return isinstance(op, DepthwiseConv2D)


def _equalised(graph: Graph, first: int, second: int, largest: Float64) -> Graph:
    before, after = graph.ops[first], graph.ops[second]
    reads = graph.io(after).input(1).values.astype(np.float64)
    channels = len(largest)
    used = largest > 0
    factors = np.ones(channels)
    if isinstance(after, DepthwiseConv2D):
        # Each output channel has a scale of its own: the weights take up any factor freely.
        factors[used] = largest[used] / largest.max()
    else:
        # In between: half of the unevenness moves into the columns of the next layer's weights.
        columns = np.abs(reads).reshape(-1, channels).max(axis=0)
        used &= columns > 0
        factors[used] = np.sqrt(largest[used] / columns[used])
        factors[used] /= factors[used].max(initial=0.0)
    factors = np.maximum(factors, 1 / LARGEST_FACTOR)
    if isinstance(after, DepthwiseConv2D):
        undo = along(np.repeat(factors, reads.shape[3] // channels), 3, 4)
    else:
        undo = along(factors, reads.ndim - 1, reads.ndim)
    axis = channel_axis(before, graph)
    assert axis is not None
    writes = graph.io(before).input(1).values.astype(np.float64)
    filters = writes.shape[axis]
    outputs = graph.io(after).output.type.shape[-1]
    return with_weights(
        graph,
        {
            first: (
                writes / along(factors, axis, writes.ndim),
                bias_of(before, graph, filters) / factors,
            ),
            second: (reads * undo, bias_of(after, graph, outputs)),
        },
    )
