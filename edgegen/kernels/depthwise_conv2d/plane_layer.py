"""Constants of a 3x3 depthwise layer over planes: requantisation and packed weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.ir import OpIO
from edgegen.kernels.depthwise_conv2d.free_slope import free_slope_forms
from edgegen.kernels.solved import Solved, Source, layer_channels, solve_layer
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solve_branch import Branches
from edgegen.quant.solve_linear import Linear
from edgegen.quant.solver import Shifts

SHIFTS = Shifts((8,), (8, *range(21, 8, -1), *range(7, 0, -1)))
"""Weights are stored times 256, hence k = 8. Layers share code when they agree on e: e = 8 suits
scales below 1/2; a greater e only where M, then a multiple of 2**24 times the scale, is too coarse.
"""


@dataclass(frozen=True)
class _Layer:
    """Everything that the constants depend on, with the values that tensors leave out of `==`."""

    op: DepthwiseConv2D
    io: OpIO
    values: tuple[bytes, ...]


def solved_layer(op: DepthwiseConv2D, io: OpIO) -> Solved | None:
    """The requantisation of a layer whose input is stored as u8; None where nothing is proved."""
    constants = tuple(t.values.tobytes() for t in io.inputs[1:] if t is not None)
    return _solve(_Layer(op, OpIO(io.inputs, io.outputs), constants))


@functools.lru_cache(maxsize=256)
def _solve(layer: _Layer) -> Solved | None:
    op, io = layer.op, layer.io
    source = Source.of(io.input(0).type.zero_point, signed=False)
    weights = channel_weights(io, transposed=False)
    channels = layer_channels(
        io, weights.reshape(len(weights), -1), source, op.output_range(io), op.multipliers(io)
    )
    solved = solve_layer(channels, SHIFTS)
    if solved is not None:
        return solved
    return next(map(_solved, free_slope_forms(channels, SHIFTS)), None)


def _solved(form: Linear | Branches) -> Solved:
    """A form as the packer takes it."""
    if isinstance(form, Linear):
        name, words = "linear", np.stack([form.c0, form.multiplier], axis=1)
    else:
        offsets = (form.b, form.multiplier, form.plus, form.minus)
        name, words = "two_branch", np.stack(offsets, axis=1)
    return Solved(name, form.k, form.e, words, form.constant, form.saturation)


def channel_weights(io: OpIO, *, transposed: bool) -> Int64:
    """Weights as [channels, rows of taps, taps of a row].

    Args:
        io: the operator's tensors; input 1 is [1, high, wide, channels].
        transposed: whether a row of taps runs along the height.
    """
    order = (2, 1, 0) if transposed else (2, 0, 1)
    weights: Int64 = io.input(1).values[0].astype(np.int64)
    return weights.transpose(order)


def packed_channels(io: OpIO, solved: Solved, *, transposed: bool) -> npt.NDArray[np.uint32]:
    """The tile's constants: uint32 [channels, words].

    A channel has c0 and M (and the two offsets of the two-branch form), then for each row of taps
    the words (w0, w1) and (w1, w2) in int16 lanes, times 256.
    """
    weights = channel_weights(io, transposed=transposed)
    lanes = np.where(solved.constant[:, np.newaxis, np.newaxis], 0, weights * 256) & 0xFFFF
    pairs = lanes[..., :-1] | (lanes[..., 1:] << 16)
    stream = np.concatenate([solved.words & 0xFFFFFFFF, pairs.reshape(len(pairs), -1)], axis=1)
    return stream.astype(np.uint32)


def packed_pairs(
    io: OpIO, solved: Solved, *, transposed: bool, dilation: int
) -> npt.NDArray[np.uint32]:
    """Constants of any filter: uint32 [channels, words].

    As `packed_channels`, but a row of taps is the words (w0, w1), (w2, w3), ..., with the gaps of a
    dilated filter filled with zeros.
    """
    weights = channel_weights(io, transposed=transposed)
    channels, rows, taps = weights.shape
    lanes = np.zeros((channels, rows, ((taps - 1) * dilation + 2) // 2 * 2), np.int64)
    lanes[..., : (taps - 1) * dilation + 1 : dilation] = weights
    lanes = np.where(solved.constant[:, np.newaxis, np.newaxis], 0, lanes * 256) & 0xFFFF
    pairs = lanes[..., ::2] | (lanes[..., 1::2] << 16)
    stream = np.concatenate([solved.words & 0xFFFFFFFF, pairs.reshape(channels, -1)], axis=1)
    return stream.astype(np.uint32)
