"""What kernels on int16 share that multiply with SMLAD: packed weights, requantisation, costs.

A word of four weights widens to two pairs with two instructions, so that weights stay int8 in
flash. Sums are int32: layers whose sums could leave it are not for these kernels.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.base import Constant, Kernel, Numbers
from edgegen.kernels.formats import round_up
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import INT16_ONLY
from edgegen.kernels.sums import Sums, sums_bias, sums_multipliers, sums_of
from edgegen.quant.fixed_point import Int64
from edgegen.target.cores import Core

OpT = TypeVar("OpT", bound=Op)

BLOCK = 4
"""Channels computed at a time, and weights of a word."""
ORDER = (0, 2, 1, 3)
"""Which of four weights each byte of a word is."""

CYCLES_PER_QUAD, CYCLES_PER_BLOCK, CYCLES_PER_OUTPUT = 28, 70, 32
"""Of a Cortex-M4: for four taps of four channels, around them, and to requantise an output."""


class DspInt16(Kernel[OpT]):
    """Base of layers with weights on int16."""

    name: ClassVar[str] = "dsp_int16"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    computes: ClassVar[frozenset[Numbers]] = INT16_ONLY
    axis: ClassVar[int] = 0
    """The weights' dimension of output channels."""

    def rejects(self, op: OpT, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if sums_of(io, self.axis).sum != "int32_t":
            return "sums need 64 bits"
        return ""


def padded(taps: int) -> int:
    """Taps in whole words of weights."""
    return round_up(taps, BLOCK)


def packed_bytes(taps: int, channels: int) -> int:
    """Bytes of constants, a bias, mantissa and shift for each channel included."""
    return round_up(channels, BLOCK) * (padded(taps) + 4 + 2 + 1)


def channels_cycles(taps: int, channels: int) -> int:
    """All channels of one output."""
    blocks = round_up(channels, BLOCK) // BLOCK
    block = padded(taps) // BLOCK * CYCLES_PER_QUAD + CYCLES_PER_BLOCK
    return blocks * block + channels * CYCLES_PER_OUTPUT


def weight_words(weights: Array) -> Array:
    """Weights int8 [..., 4] as words with the first in the lowest byte, in order."""
    stream = np.ascontiguousarray(weights).reshape(-1, BLOCK).view(np.uint8)
    words = stream.astype(np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)
    return np.asarray(words.sum(axis=1, dtype=np.uint32))


def pack_dot16(
    io: OpIO, weights: Array, multipliers: tuple[Int64, Int64], limits: tuple[int, int]
) -> tuple[Sums, tuple[Constant, ...], dict[str, Any]]:
    """The types, constants and variables of templates/lib/dsp_dense16.j2.

    Args:
        io: the operator's tensors.
        weights: int8 [channels, taps], in the order of the inputs.
        multipliers: mantissas and shifts, [channels] or [1].
        limits: lowest and highest output.
    """
    channels, taps = weights.shape
    sums = sums_of(io, 0, multipliers[1])
    full = np.zeros((round_up(channels, BLOCK), padded(taps)), np.int8)
    full[:channels, :taps] = weights
    # [block, channel, quad, byte] to [block, quad, channel, byte]
    quads = full.reshape(-1, BLOCK, full.shape[1] // BLOCK, BLOCK)[..., list(ORDER)]
    spare = (0, -channels % BLOCK)
    bias = sums_bias(io, channels, sums).data
    every = tuple(np.broadcast_to(m, (channels,)) for m in multipliers)
    mantissa, shift = sums_multipliers(every[0], every[1], sums)
    constants = (
        Constant("weights", weight_words(quads.transpose(0, 2, 1, 3))),
        Constant("bias", np.pad(bias, spare)),
        mantissa,
        shift,
        *operand_constants(io, 1),
    )
    variables = {
        "quads": padded(taps) // BLOCK,
        "channels": channels,
        "out_min": limits[0],
        "out_max": limits[1],
    }
    return sums, constants, variables
