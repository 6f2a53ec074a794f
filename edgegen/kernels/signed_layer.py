"""Constants of layers with weights for kernels that multiply TFLite's q, whatever is stored."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.solved import Solved, Source, layer_channels, solve_layer
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.requantise import channel_multipliers
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solver import Shifts

Weighted = Conv2D | DepthwiseConv2D | FullyConnected

SHIFTS = Shifts((12, 11, 10, 13, 9, 14, *range(8, -1, -1)), (*range(16, 7, -1), *range(17, 22)))
"""Whole accumulators take any shift; most layers of real models agree on the first ones."""


@dataclass(frozen=True)
class _Layer:
    """Everything that the constants depend on, with the values that tensors leave out of `==`."""

    op: Weighted
    io: OpIO
    values: tuple[bytes, ...]


def signed_layer(op: Weighted, io: OpIO) -> Solved | None:
    """The requantisation of a layer, or None where none could be proved."""
    constants = tuple(t.values.tobytes() for t in io.inputs[1:] if t is not None)
    return _solve(_Layer(op, OpIO(io.inputs, io.outputs), constants))


@functools.lru_cache(maxsize=256)
def _solve(layer: _Layer) -> Solved | None:
    op, io = layer.op, layer.io
    weights: Int64 = io.input(1).values.astype(np.int64)
    if isinstance(op, DepthwiseConv2D):
        weights = weights[0].transpose(2, 0, 1)
    weights = weights.reshape(len(weights), -1)
    count = len(weights)
    if isinstance(op, Conv2D):
        multipliers = channel_multipliers(io, count)
    else:
        mantissa, shift = op.multipliers(io)
        multipliers = (
            np.array(np.broadcast_to(mantissa, count)),
            np.array(np.broadcast_to(shift, count)),
        )
    inputs = Source.of(io.input(0).type.zero_point, signed=True)
    channels = layer_channels(io, weights, inputs, op.output_range(io), multipliers)
    return solve_layer(channels, SHIFTS)
