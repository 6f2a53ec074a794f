"""Requantisation constants for a layer: the cheapest proved form that serves all its channels.

See `edgegen.quant.solver` for the forms. Kernels work on u = q + 128 for inputs stored as u8, or on
q for inputs in TFLite's own int8; `Source` says which, and what padding holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO
from edgegen.quant.fixed_point import Int64
from edgegen.quant.form import Saturation
from edgegen.quant.solve_branch import Branches
from edgegen.quant.solve_linear import Linear
from edgegen.quant.solver import FormName, Shifts, prove, solutions
from edgegen.quant.staircase import Bools, Channels, accumulator_range

# Layers of different scales share a tile when they agree on k; 12 or 11 suit most real layers.
GEMM_SHIFTS = Shifts((12, 11, 10, 13, 9, 8, 14, 15, 16), (16, 15, 14, 13, 12))
"""Shifts that the GEMM tiles can take: k >= 8, since lanes come as a + 256 b."""
OTHER_GEMM_SHIFTS = Shifts((11, 12, *GEMM_SHIFTS.ks[2:]), GEMM_SHIFTS.es)
"""The same with another favourite, for layers that can join those which admit no larger k."""


@dataclass(frozen=True)
class Source:
    """What a kernel multiplies with weights.

    Attributes:
        low: least value of an input element.
        high: greatest value.
        zero: the value that stands for real 0, and that padding holds.
    """

    low: int
    high: int
    zero: int

    @classmethod
    def of(cls, zero_point: int, signed: bool) -> Source:
        """For an input stored as TFLite's int8 (`signed`) or as u8."""
        return cls(-128, 127, zero_point) if signed else cls(0, 255, zero_point + 128)


@dataclass(frozen=True)
class Solved:
    """A layer's proved constants.

    Attributes:
        form: `linear` (two words a channel) or `two_branch` (four).
        k: left shift of accumulators.
        e: right shift.
        words: int64 [channels, words]; reinterpret as uint32.
        constant: channels whose weights must be zeroed.
        saturation: what follows the right shift.
    """

    form: str
    k: int
    e: int
    words: Int64
    constant: Bools
    saturation: Saturation

    @property
    def words_per_channel(self) -> int:
        """Constants of one channel, in 32-bit words."""
        return int(self.words.shape[1])


def layer_channels(
    io: OpIO,
    weights: Int64,
    source: Source,
    limits: tuple[int, int],
    multipliers: tuple[Int64, Int64],
) -> Channels:
    """The exact requantisation of a convolution or fully connected layer.

    Args:
        io: the operator's tensors; input 2 is the bias.
        weights: [out channels, taps], all taps that are accumulated for one output.
        source: the input's values.
        limits: lowest and highest output after the fused activation.
        multipliers: mantissas and shifts, both [out channels].
    """
    bias = io.optional(2)
    offset = -source.zero * weights.sum(axis=1)
    if bias is not None:
        offset = offset + bias.values.astype(np.int64).ravel()
    low, high = accumulator_range(weights, source.low, source.high)
    return Channels(*multipliers, offset, low, high, io.output.type.zero_point, *limits)


def solve_layer(
    channels: Channels,
    shifts: Shifts = GEMM_SHIFTS,
    forms: Sequence[FormName] = ("linear", "two_branch"),
    factor: int = 1,
) -> Solved | None:
    """The cheapest form that serves every channel, proved; None where there is none.

    Args:
        channels: the exact requantisation.
        shifts: what the kernel can take, best first.
        forms: what the kernel has code for, best first.
        factor: the kernel's accumulators are factor * acc.
    """
    for found in solutions(channels, forms, shifts, factor):
        if isinstance(found, (Linear, Branches)) and bool(prove(channels, found).all()):
            return _solved(found)
    return None


def _solved(found: Linear | Branches) -> Solved:
    columns: tuple[Int64, ...]
    if isinstance(found, Linear):
        form, columns = "linear", (found.c0, found.multiplier)
    elif found.two:
        form, columns = "two_branch", (found.b, found.multiplier, found.plus, found.minus)
    else:
        form, columns = "late", (found.multiplier, found.plus)
    words = np.stack(columns, axis=1)
    return Solved(form, found.k, found.e, words, found.constant, found.saturation)
