"""A fully connected layer's constants: solved requantisation, weights in blocks of channels."""

from __future__ import annotations

import functools

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.conv2d.gemm_layer import lanes_fit
from edgegen.kernels.formats import Format, Layout
from edgegen.kernels.solved import Solved, solve_layer
from edgegen.kernels.weighted_layer import WeightedLayer
from edgegen.ops.fully_connected import FullyConnected
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solver import Shifts

BLOCK = 8
"""Channels that the tile computes at a time."""

SHIFTS = Shifts((12, 11, 13, 10, 14, 9, 15, 16, 8), (16, 15, 14, 13, 12, 11, 10, 9, 8))
"""k is at least 8, since lanes come as a + 256 b; k = 12 suits most layers of real models, which
thus share their code; e = 16 is quickest."""


def solved_dense(op: FullyConnected, io: OpIO, form: Format) -> Solved | None:
    """The constants of a layer whose input is stored in `form`, or None where there are none."""
    return _solve(WeightedLayer.of(op, io), form.layout is Layout.DENSE)


@functools.lru_cache(maxsize=256)
def _solve(layer: WeightedLayer, signed: bool) -> Solved | None:
    if not lanes_fit(layer.weights):
        return None
    return solve_layer(layer.channels(signed=signed), SHIFTS)


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
