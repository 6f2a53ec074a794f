"""Constants of a convolution or fully connected layer for the quad tile, solved once a layer."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO, Tensor, TensorKind, TensorType
from edgegen.kernels.solved import Source, layer_channels
from edgegen.kernels.split import Split, solve_split
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.requantise import channel_multipliers
from edgegen.quant.fixed_point import Int64


@dataclass(frozen=True)
class _Layer:
    """Everything that the constants depend on, hashable."""

    types: tuple[TensorType, TensorType, TensorType]
    limits: tuple[int, int]
    multipliers: tuple[tuple[int, ...], tuple[int, ...]]
    weights: bytes
    bias: bytes | None


def split_layer(op: Conv2D | FullyConnected, io: OpIO) -> Split | None:
    """The requantisation of a layer, or None where none could be proved."""
    bias = io.optional(2)
    if isinstance(op, FullyConnected):
        mantissa, shift = op.multipliers(io)
    else:
        mantissa, shift = channel_multipliers(io, io.input(1).type.shape[0])
    layer = _Layer(
        (io.input(0).type, io.input(1).type, io.output.type),
        op.output_range(io),
        (tuple(mantissa.tolist()), tuple(shift.tolist())),
        io.input(1).values.tobytes(),
        None if bias is None else bias.values.tobytes(),
    )
    return _solve(layer)


@functools.lru_cache(maxsize=256)
def _solve(layer: _Layer) -> Split | None:
    source, kind, target = layer.types
    weights = np.frombuffer(layer.weights, np.int8).reshape(kind.shape)
    tensors: list[Tensor | None] = [
        Tensor("x", source, TensorKind.ACTIVATION),
        Tensor("w", kind, TensorKind.CONSTANT, weights),
    ]
    if layer.bias is not None:
        bias = np.frombuffer(layer.bias, np.int32)
        tensors.append(Tensor("b", TensorType(kind.dtype, bias.shape), TensorKind.CONSTANT, bias))
    io = OpIO(tuple(tensors), (Tensor("y", target, TensorKind.ACTIVATION),))
    count = len(weights)
    mantissa, shift = (
        np.array(np.broadcast_to(np.array(v, np.int64), count)) for v in layer.multipliers
    )
    taps: Int64 = weights.astype(np.int64).reshape(count, -1)
    # The tile multiplies x = q, whatever the buffer stores.
    inputs = Source.of(source.zero_point, signed=True)
    return solve_split(layer_channels(io, taps, inputs, layer.limits, (mantissa, shift)))
