"""Exact integer Winograd for 3x3 convolutions: transforms, requantisation and packed weights.

Winograd's minimal filtering computes a tile of m x m outputs from n x n inputs, n = m + 2, with one
multiplication for each of the n * n positions of the transformed tile instead of 9 for each output:

    Y = A' ((G w G') * (B' d B)) A          sums over input channels go inside the brackets

The filter transform G has fractions. Scaled to integers, everything is linear over the integers,
so that it holds modulo 2**32 too: intermediate sums may wrap, and factor * y comes out exact as
long as it fits int32. The factor never has to be divided out: requantisation multiplies anyway.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.ir import OpIO
from edgegen.kernels.conv2d.gemm_input import PERMUTED
from edgegen.kernels.formats import round_up
from edgegen.kernels.gemm import pad_channels
from edgegen.kernels.solved import Solved, solve_layer
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.requantise import channel_multipliers
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solver import WINOGRAD_2X2, WINOGRAD_4X4, Shifts
from edgegen.quant.staircase import Channels, accumulator_range


@dataclass(frozen=True)
class Transform:
    """Scaled Winograd F(m x m, 3 x 3).

    Attributes:
        outputs: m, outputs of a tile along each axis.
        filter: rows of the scaled G.
        factor: what accumulators come out multiplied by.
        bias: added to the first input channel of each pair, at every position; see `fixes`.
        down: whether positions run down the columns of the transformed tile, or along its rows.
        shifts: what requantisation may shift by.
    """

    outputs: int
    filter: tuple[tuple[int, int, int], ...]
    factor: int
    bias: int
    down: bool
    shifts: Shifts

    @property
    def inputs(self) -> int:
        """Inputs of a tile along each axis."""
        return self.outputs + 2

    @property
    def positions(self) -> int:
        """Multiplications of a tile for each pair of channels."""
        return self.inputs**2

    @property
    def fixes(self) -> int:
        """Outputs of a tile that the bias disturbs, each of which has a constant."""
        return 4 if self.bias else 0


# The last row of G is a quarter of what it should be, or products with it would not fit; the output
# transform shifts that term by 2 bits. |U| <= 12 * 12 * 128 then fits int16.
F4X4 = Transform(
    outputs=4,
    filter=((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 6)),
    factor=576,
    # Two channels are transformed at once as low + 65536 * high. That is two lanes only while
    # 0 <= low: transformed bytes lie in [-12750, 17340], so that this lifts them into int16.
    bias=14336,
    down=True,
    shifts=WINOGRAD_4X4,
)
F2X2 = Transform(
    outputs=2,
    filter=((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2)),
    factor=4,
    # Additions alone: SADD16 and SSUB16 keep the lanes apart.
    bias=0,
    down=False,
    shifts=WINOGRAD_2X2,
)


@dataclass(frozen=True)
class _Layer:
    """Everything that the constants depend on, hashable."""

    transform: Transform
    weights: bytes
    shape: tuple[int, ...]
    bias: bytes | None
    multipliers: bytes
    zero_points: tuple[int, int]
    limits: tuple[int, int]


def solved_layer(transform: Transform, op: Conv2D, io: OpIO) -> Solved | None:
    """The layer's requantisation; None where none can be proved."""
    weights, bias = io.input(1), io.optional(2)
    multipliers = np.stack(channel_multipliers(io, weights.type.shape[0]))
    return _solve(
        _Layer(
            transform,
            weights.values.tobytes(),
            weights.type.shape,
            None if bias is None else bias.values.tobytes(),
            multipliers.tobytes(),
            (io.input(0).type.zero_point, io.output.type.zero_point),
            op.output_range(io),
        )
    )


@functools.lru_cache(maxsize=256)
def _solve(layer: _Layer) -> Solved | None:
    count = layer.shape[0]
    weights = np.frombuffer(layer.weights, np.int8).astype(np.int64).reshape(count, -1)
    # Inputs are u = q + 128, and padding holds the u of real zero.
    offset = -(layer.zero_points[0] + 128) * weights.sum(axis=1)
    if layer.bias is not None:
        offset = offset + np.frombuffer(layer.bias, np.int32)
    mantissa, shift = np.frombuffer(layer.multipliers, np.int64).reshape(2, count)
    low, high = accumulator_range(weights)
    if max(np.abs(v).max(initial=0) for v in (offset, low, high)) > 1 << 31:
        return None
    channels = Channels(mantissa, shift, offset, low, high, layer.zero_points[1], *layer.limits)
    return solve_layer(channels, layer.transform.shifts, factor=layer.transform.factor)


def rejection(transform: Transform, op: Conv2D, io: OpIO) -> str:
    """Why Winograd does not apply to the operator; empty when it does."""
    for window in op.window(io):
        if (window.size, window.stride, window.dilation) != (3, 1, 1):
            return "the filter is not 3x3 with stride 1 and dilation 1"
    if op.groups(io) != 1:
        return "the convolution has groups"
    if solved_layer(transform, op, io) is None:
        return (
            f"no requantisation constants could be proved for some channel, "
            f"{transform.factor} * |accumulator| and the bias within 31 bits"
        )
    return ""


def pack_weights(
    transform: Transform, weights: Int64, solved: Solved, run: int
) -> npt.NDArray[np.uint32]:
    """The stream that the tiles read: for every four output channels weights, then constants.

    Weights come by position, pair of input channels and output channel, a word for two input
    channels: those of a pair as UXTB16 leaves them, 0 and 2, then 1 and 3. After the
    requantisation's constants, each channel has those that undo the bias.

    Args:
        transform: the scaled transform.
        weights: [out, 3, 3, in].
        solved: the layer's requantisation.
        run: pairs of input channels of a position, some of them perhaps padding.
    """
    out, depth = weights.shape[0], weights.shape[3]
    flat, words = pad_channels(weights.reshape(out, -1), solved)
    live = flat.reshape(-1, 3, 3, depth)
    padded = np.pad(live, ((0, 0), (0, 0), (0, 0), (0, round_up(depth, 4) - depth)))
    ordered = padded.reshape(*padded.shape[:3], -1, 4)[..., list(PERMUTED)]
    pairs = ordered.reshape(*padded.shape[:3], -1, 2)  # [out, high, wide, pair, lane]
    g = np.array(transform.filter, np.int64)
    order = "ojipl" if transform.down else "oijpl"
    lanes = np.einsum(f"ia,oabpl,jb->{order}", g, pairs, g)
    assert np.abs(lanes).max(initial=0) < 1 << 15
    lanes = np.pad(lanes, ((0, 0), (0, 0), (0, 0), (0, run - lanes.shape[3]), (0, 0)))
    packed = (lanes[..., 0] & 0xFFFF) | ((lanes[..., 1] & 0xFFFF) << 16)
    blocks = packed.reshape(-1, 4, transform.positions * run).transpose(0, 2, 1)
    tail = [words]
    if transform.fixes:
        tail.append(_fixes(transform, pairs[..., 0].sum(axis=3)))
    constants = np.concatenate(tail, axis=1).reshape(blocks.shape[0], -1)
    stream = np.concatenate([blocks.reshape(blocks.shape[0], -1), constants], axis=1)
    result: npt.NDArray[np.uint32] = (stream & 0xFFFFFFFF).astype(np.uint32).ravel()
    return result


def _fixes(transform: Transform, first: Int64) -> Int64:
    """What undoes the bias in the outputs (2, 2), (2, 3), (3, 2) and (3, 3) of a tile.

    The bias is added to the four inputs of the lower right corner, which the input transform
    spreads evenly over all positions. So outputs get a convolution with that corner.

    Args:
        transform: F(4 x 4).
        first: sums [out, 3, 3] of the weights of each pair's first channel.
    """
    corner = first[:, 1:, 1:]
    sums = (corner[:, 1, 1], corner[:, 1].sum(1), corner[:, :, 1].sum(1), corner.sum((1, 2)))
    return -transform.factor * transform.bias * np.stack(sums, axis=1)
