"""LOGISTIC and TANH on int16: one table of the sigmoid, with interpolation.

Source: TFLite 2.14 `kernels/activations.cc` (Prepare), `reference/integer_ops/logistic.h` and
`reference/integer_ops/tanh.h`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops.powers import is_power_of_two, log2_of
from edgegen.quant.fixed_point import Int64
from edgegen.quant.int16_tables import SIGMOID_SCALE, sigmoid_table

INT16_SCALE = 1.0 / 32768.0
_OWN_SCALE_LOG2 = -12
"""Inputs with the scale 2^-12 need no rescaling but by 3."""


@dataclass(frozen=True)
class Rescaling:
    """How inputs become arguments of the table: (x * factor + half) >> shift.

    Attributes:
        factor: below 2**16.
        shift: to the right, 0 to 31.
    """

    factor: int
    shift: int

    @property
    def half(self) -> int:
        """What rounds the shift."""
        return 1 << (self.shift - 1) if self.shift else 0


def rescaling(io: OpIO, extra_powers: int = 0) -> Rescaling:
    """The rescaling of the input's scale.

    Args:
        io: the operator's tensors.
        extra_powers: how many powers of two above 2^-12 have a way of their own: 1 for tanh.
    """
    scale = io.input(0).type.scale
    if is_power_of_two(scale) and 0 <= log2_of(scale) - _OWN_SCALE_LOG2 <= extra_powers:
        return Rescaling(3 << (log2_of(scale) - _OWN_SCALE_LOG2), 0)
    multiplier, shift = scale * SIGMOID_SCALE, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return Rescaling(math.floor(multiplier), shift)


def sigmoid16_problems(io: OpIO, *, exact: bool = False) -> list[Problem]:
    """What the int16 kernels demand of the scales.

    Args:
        io: the operator's tensors.
        exact: whether the output's scale must be the power of two, not just near it.
    """
    problems = []
    target = io.output.type.scale
    near = is_power_of_two(target) and log2_of(target) == -15
    if not near or (exact and target != INT16_SCALE):
        problems.append(
            Problem(
                f"output {io.output.name!r} has scale {target:.7g}",
                why="on int16 the operator gives scale 2^-15",
            )
        )
    if io.input(0).type.scale * SIGMOID_SCALE >= 1 << 16:
        problems.append(
            Problem(f"input scale {io.input(0).type.scale:.4g} is too large for TFLite's kernel")
        )
    return problems


def logistic16(how: Rescaling, x: Array) -> Array:
    """Sigmoid in steps of 2**-15, int16."""
    argument, magnitude = _arguments(how, x)
    value = _between(magnitude, 9, 0x7FFF << 10)
    signed = np.where(argument >= 0, value + (1 << 9), (1 << (16 + 9)) - value + (1 << 9) - 1)
    return (signed >> 10).astype(np.int16)


def tanh16(how: Rescaling, x: Array) -> Array:
    """Hyperbolic tangent in steps of 2**-15, int16: 2 sigmoid(2 x) - 1."""
    argument, magnitude = _arguments(how, x)
    value = _between(magnitude, 8, 0xFFFF << 8)
    signed = np.where(
        argument >= 0,
        value - (1 << 23) + (1 << 7),
        -value + (1 << 23) + (1 << 7) - 1,
    )
    return (signed >> 8).astype(np.int16)


def _arguments(how: Rescaling, x: Array) -> tuple[Int64, Int64]:
    argument = (x.astype(np.int64) * how.factor + how.half) >> how.shift
    return argument, np.abs(argument)


def _between(magnitude: Int64, bits: int, highest: int) -> Int64:
    """The table between its values, with `bits` fractional bits; `highest` beyond its end."""
    table = sigmoid_table()
    index = np.minimum(magnitude >> bits, len(table) - 2)
    low, high = table[index], table[index + 1]
    inside = (low << bits) + (magnitude & ((1 << bits) - 1)) * (high - low)
    return np.where(magnitude >> bits >= len(table) - 1, np.int64(highest), inside)
