"""Constants of a depthwise layer: requantisation and packed weights."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from edgegen.ir import OpIO
from edgegen.kernels.depthwise_conv2d.own_shifts import ScaledLayer, solve_own_shifts
from edgegen.kernels.weighted_layer import WeightedLayer
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.quant.fixed_point import Int64


def solved_layer(op: DepthwiseConv2D, io: OpIO) -> ScaledLayer | None:
    """The requantisation of a layer whose input is stored as u8; None where nothing is proved."""
    return _solve(WeightedLayer.of(op, io))


@functools.lru_cache(maxsize=256)
def _solve(layer: WeightedLayer) -> ScaledLayer | None:
    return solve_own_shifts(layer.channels(signed=False))


def _channel_weights(io: OpIO, *, transposed: bool) -> Int64:
    """Weights as [channels, rows of taps, taps of a row].

    Args:
        io: the operator's tensors; input 1 is [1, high, wide, channels].
        transposed: whether a row of taps runs along the height.
    """
    order = (2, 1, 0) if transposed else (2, 0, 1)
    weights: Int64 = io.input(1).values[0].astype(np.int64)
    return weights.transpose(order)


def _lanes(io: OpIO, layer: ScaledLayer, *, transposed: bool) -> Int64:
    """Weights times 2**k, those of constant channels 0."""
    column = np.s_[:, np.newaxis, np.newaxis]
    weights = np.where(
        layer.solved.constant[column], 0, _channel_weights(io, transposed=transposed)
    )
    return weights << layer.shifts[column]


def _stream(layer: ScaledLayer, pairs: Int64) -> npt.NDArray[np.uint32]:
    """The words of each channel: those of the requantisation, then pairs of taps."""
    words = [layer.solved.words & 0xFFFFFFFF, pairs.reshape(len(pairs), -1)]
    return np.concatenate(words, axis=1).astype(np.uint32)


def packed_channels(io: OpIO, layer: ScaledLayer, *, transposed: bool) -> npt.NDArray[np.uint32]:
    """Constants of the 3x3 tile: uint32 [channels, words].

    A channel has c0 and M (and the two offsets of the two-branch form), then for each row of taps
    the words (w0, w1) and (w1, w2) in int16 lanes, times 2**k.
    """
    lanes = _lanes(io, layer, transposed=transposed) & 0xFFFF
    return _stream(layer, lanes[..., :-1] | (lanes[..., 1:] << 16))


def packed_pairs(
    io: OpIO, layer: ScaledLayer, *, transposed: bool, dilation: int
) -> npt.NDArray[np.uint32]:
    """Constants of any filter: uint32 [channels, words].

    As `packed_channels`, but a row of taps is the words (w0, w1), (w2, w3), ..., with the gaps of a
    dilated filter filled with zeros.
    """
    dense = _lanes(io, layer, transposed=transposed)
    channels, rows, taps = dense.shape
    lanes = np.zeros((channels, rows, ((taps - 1) * dilation + 2) // 2 * 2), np.int64)
    lanes[..., : (taps - 1) * dilation + 1 : dilation] = dense
    lanes &= 0xFFFF
    return _stream(layer, lanes[..., ::2] | (lanes[..., 1::2] << 16))
