"""A fully connected layer's constants: solved requantisation, weights in blocks of channels."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO, Tensor, TensorKind, TensorType
from edgegen.kernels.conv2d.gemm_layer import lanes_fit
from edgegen.kernels.formats import Format, Layout
from edgegen.kernels.solved import Solved, Source, layer_channels, solve_layer
from edgegen.ops.fully_connected import FullyConnected
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solver import Shifts

BLOCK = 8
"""Channels that the tile computes at a time."""

SHIFTS = Shifts((12, 11, 13, 10, 14, 9, 15, 16, 8), (16, 15, 14, 13, 12, 11, 10, 9, 8))
"""k is at least 8, since lanes come as a + 256 b; k = 12 suits most layers of real models, which
thus share their code; e = 16 is quickest."""


@dataclass(frozen=True)
class _Layer:
    """Everything that the constants depend on, hashable."""

    types: tuple[TensorType, TensorType, TensorType]
    limits: tuple[int, int]
    multipliers: tuple[tuple[int, ...], tuple[int, ...]]
    signed: bool
    weights: bytes
    bias: bytes | None


def solved_dense(op: FullyConnected, io: OpIO, form: Format) -> Solved | None:
    """The constants of a layer whose input is stored in `form`, or None where there are none."""
    mantissa, shift = op.multipliers(io)
    bias = io.optional(2)
    layer = _Layer(
        (io.input(0).type, io.input(1).type, io.output.type),
        op.output_range(io),
        (tuple(mantissa.tolist()), tuple(shift.tolist())),
        form.layout is Layout.DENSE,
        io.input(1).values.tobytes(),
        None if bias is None else bias.values.tobytes(),
    )
    return _solve(layer)


@functools.lru_cache(maxsize=256)
def _solve(layer: _Layer) -> Solved | None:
    source, kind, target = layer.types
    weights = np.frombuffer(layer.weights, np.int8).reshape(kind.shape)
    if not lanes_fit(weights.astype(np.int64)):
        return None
    tensors: list[Tensor | None] = [
        Tensor("x", source, TensorKind.ACTIVATION),
        Tensor("w", kind, TensorKind.CONSTANT, weights),
    ]
    if layer.bias is not None:
        bias = np.frombuffer(layer.bias, np.int32)
        tensors.append(Tensor("b", TensorType(kind.dtype, bias.shape), TensorKind.CONSTANT, bias))
    io = OpIO(tuple(tensors), (Tensor("y", target, TensorKind.ACTIVATION),))
    units = len(weights)
    mantissa, shift = (
        np.array(np.broadcast_to(np.array(v, np.int64), units)) for v in layer.multipliers
    )
    channels = layer_channels(
        io,
        weights.astype(np.int64),
        Source.of(source.zero_point, layer.signed),
        layer.limits,
        (mantissa, shift),
    )
    return solve_layer(channels, SHIFTS)


def pack_blocks(weights: Int64, solved: Solved, chunk: int) -> Int64:
    """Weights and constants in the order in which the tile reads them, as 32-bit words.

    Args:
        weights: [units, taps] in the order of the widened input, taps a multiple of 2.
        solved: the requantisation.
        chunk: taps that the tile takes at a time: all blocks of the first ones come first.
            Constants follow the weights of each block in the last chunk.
    """
    units, taps = weights.shape
    extra = -units % BLOCK
    live = np.where(solved.constant[:, np.newaxis], 0, weights)
    # [block, channels (0..3, 4..7), half (a or b), word of the half, tap]
    parts = np.pad(live, ((0, extra), (0, 0))).reshape(-1, 2, 2, 2, taps)
    lanes = (parts[:, :, 0] + 256 * parts[:, :, 1]) & 0xFFFF
    lanes = lanes.reshape(-1, 4, taps // 2, 2)
    words = (lanes[..., 0] | (lanes[..., 1] << 16)).transpose(0, 2, 1)  # [block, pair, word]
    # Constants in the order of the sums: channels 0, 2, 1, 3 of each four.
    constants = np.pad(solved.words, ((0, extra), (0, 0)))
    constants = constants.reshape(-1, 4, solved.words_per_channel)[:, [0, 2, 1, 3]]
    constants = constants.reshape(len(words), -1) & 0xFFFFFFFF
    stream = []
    for first in range(0, taps, chunk):
        part = words[:, first // 2 : (first + chunk) // 2].reshape(len(words), -1)
        if first + chunk >= taps:
            part = np.concatenate([part, constants], axis=1)
        stream.append(part.ravel())
    return np.concatenate(stream)
