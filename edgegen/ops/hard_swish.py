"""HARD_SWISH on int8 and float32: x * relu6(x + 3) / 6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.raw import RawNode
from edgegen.ops import rules
from edgegen.ops.table_op import Float64, TableOp, all_values
from edgegen.quant.fixed_point import Multiplier, quantize_multiplier, rounding_divide_by_pot
from edgegen.quant.half_word import high_multiply, left_shift, narrowed, rounding_high_multiply
from edgegen.quant.lookup import Int8

FRACTION_BITS = 7
"""Inputs are computed on with this many bits after the point."""
MAX_SHIFT = 15


@dataclass(frozen=True)
class HardSwish(TableOp):
    """x * relu6(x + 3) / 6 of every element."""

    stem: ClassVar[str] = "hard_swish"
    sources: ClassVar[tuple[str, ...]] = ("HARD_SWISH",)

    def node(self, io: OpIO) -> RawNode:  # noqa: ARG002
        """See `Op.node`."""
        return self.tflite("HARD_SWISH", 1)

    def _multipliers(self, io: OpIO) -> tuple[Multiplier, Multiplier]:
        """From fine input steps to output steps, and to steps of 3 / 2**15.

        Source: TFLite 2.14 `activations.cc` HardSwishPrepare, in float32.
        """
        with np.errstate(over="ignore", under="ignore"):
            fine = np.float32(1.0 / (1 << FRACTION_BITS)) * np.float32(io.input(0).type.scale)
            output = float(fine / np.float32(io.output.type.scale))
            reluish = float(fine / np.float32(3.0 / 32768.0))
        return quantize_multiplier(min(output, 2.0**31)), quantize_multiplier(min(reluish, 2.0**31))

    def quantised_problems(self, io: OpIO) -> list[Problem]:
        """See `TableOp.quantised_problems`."""
        output, reluish = self._multipliers(io)
        if -MAX_SHIFT <= output.shift <= 0 and abs(reluish.shift) <= MAX_SHIFT:
            return []
        source, target = io.input(0).type.scale, io.output.type.scale
        return [
            Problem(
                f"input scale {source:.4g} and output scale {target:.4g} are too far apart",
                why="TFLite's kernel needs an output scale above 1/128 of the input's, "
                "and shifts by less than 16 bits",
            )
        ]

    def table(self, io: OpIO) -> Int8:
        """See `TableOp.table`; source: TFLite `reference/hard_swish.h`."""
        output, reluish = self._multipliers(io)
        fine = (all_values() - io.input(0).type.zero_point) << FRACTION_BITS
        unshifted = rounding_high_multiply(fine, narrowed(output.mantissa))
        gate = fine
        if reluish.shift > 0:
            gate = left_shift(gate, reluish.shift - 1)
        gate = rounding_high_multiply(gate, narrowed(reluish.mantissa))
        if reluish.shift > 0:
            gate = left_shift(gate, 1)
        elif reluish.shift < 0:
            gate = rounding_divide_by_pot(gate, -reluish.shift)
        # From [-1, 1] to [0, 1].
        gate = (gate + (1 << 15)) >> 1
        out = rounding_divide_by_pot(high_multiply(gate, unshifted), -output.shift)
        return rules.saturate(out + io.output.type.zero_point, -128, 127).astype(np.int8)

    def real(self, x: Float64) -> Float64:
        """See `TableOp.real`."""
        return x * np.clip(x + 3.0, 0.0, 6.0) / 6.0
