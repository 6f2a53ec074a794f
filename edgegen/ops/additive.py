"""What ADD and SUB share: both inputs are brought to a common scale first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import binary_problems
from edgegen.ops.powers import is_power_of_two, log2_of
from edgegen.ops.real import activate, float_operands
from edgegen.quant.fixed_point import (
    Multiplier,
    activation_range,
    multiply_by,
    quantize_multiplier,
    rounding_divide_by_pot,
)

LEFT_SHIFT, WIDE_LEFT_SHIFT = 20, 15
"""int8 and int16 inputs are scaled with this many fractional bits."""
MAX_RIGHT_SHIFT = 15
"""Beyond this a shifted int16 has no bit left."""

AdditiveT = TypeVar("AdditiveT", bound="Additive")


@dataclass(frozen=True)
class Additive(Op):
    """Base: the first input plus `sign` times the second.

    Attributes:
        activation: what the result is clamped to.
        powers_of_two: int16 tensors whose scales all are powers of two are added by shifting alone.
    """

    activation: str
    powers_of_two: bool = False

    elementwise: ClassVar[bool] = True
    sign: ClassVar[int]
    """1 or -1."""
    max_rank: ClassVar[int]
    """Dimensions that TFLite's int8 kernel broadcasts."""

    @classmethod
    def parse(cls: type[AdditiveT], node: RawNode, origin: Origin) -> AdditiveT:
        """See `Op.parse`."""
        activation = node.text("fused_activation_function", "NONE")
        shifts = node.flag("pot_scale_int16")
        return cls(node.inputs, node.outputs, origin, activation, shifts)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            self.sources[0],
            rules.version(io, int8=2, int16=3),
            fused_activation_function=self.activation,
            pot_scale_int16=self.powers_of_two,
        )

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = binary_problems(io, self.activation, self.max_rank, int16=True)
        if problems or rules.is_float(io):
            return problems
        if self.by_shifts(io):
            return self._shift_problems(io)
        factors = self._factors(io)
        # QuantizeMultiplierSmallerThanOneExp aborts on anything else, after rounding too.
        if all(0.0 < f < 1.0 and quantize_multiplier(f).shift <= 0 for f in factors):
            return []
        a, b, out = (t.type.scale for t in (io.input(0), io.input(1), io.output))
        return [
            Problem(
                f"input scales {a:.4g} and {b:.4g} are too far from output scale {out:.4g}",
                why=f"TFLite's kernel needs an output scale above 2^-{left_shift(io) - 1} "
                "of the larger input scale",
            )
        ]

    def by_shifts(self, io: OpIO) -> bool:
        """Whether TFLite adds these int16 tensors by shifting alone."""
        scales = [t.type.scale for t in (io.input(0), io.input(1), io.output)]
        return self.powers_of_two and rules.is_int16(io) and all(map(is_power_of_two, scales))

    def right_shifts(self, io: OpIO) -> tuple[int, int]:
        """By how much each input is shifted right, where that is all."""
        a, b, out = (log2_of(t.type.scale) for t in (io.input(0), io.input(1), io.output))
        return out - a, out - b

    def _shift_problems(self, io: OpIO) -> list[Problem]:
        """What the kernel that only shifts demands; source: TFLite 2.14 `add.cc` Prepare."""
        problems = []
        shifts = self.right_shifts(io)
        if min(shifts) != 0 or max(shifts) > MAX_RIGHT_SHIFT:
            problems.append(
                Problem(
                    "one input must have the output's scale, the other a smaller one",
                    why="TFLite's int16 kernel for scales that are powers of two shifts one input",
                    hint="convert with pot_scale_int16 = false",
                )
            )
        if self.sign < 0 or io.input(0).type.shape != io.input(1).type.shape:
            problems.append(
                Problem(
                    "scales that are powers of two are known for sums of equal shapes only",
                    hint="convert with pot_scale_int16 = false",
                )
            )
        return problems

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return "" if self.activation == "NONE" else self.activation

    def _factors(self, io: OpIO) -> tuple[float, float, float]:
        """Real factors of both inputs and of the output.

        Source: TFLite 2.14 `add.cc` and `sub.cc` Prepare; twice the larger scale and the
        denominator of the last one are formed in float32, the divisions are done in double.
        """
        a, b, out = (t.type.scale for t in (io.input(0), io.input(1), io.output))
        with np.errstate(over="ignore"):
            twice = float(np.float32(2.0) * np.float32(max(a, b)))
            steps = float(np.float32(1 << left_shift(io)) * np.float32(out))
        return a / twice, b / twice, twice / steps

    def multipliers(self, io: OpIO) -> tuple[Multiplier, Multiplier, Multiplier]:
        """Multipliers of both shifted inputs and of their sum, all below 1."""
        a, b, out = self._factors(io)
        return quantize_multiplier(a), quantize_multiplier(b), quantize_multiplier(out)

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output after the fused activation."""
        out = io.output.type
        return activation_range(self.activation, out.scale, out.zero_point, rules.limits(io))

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/integer_ops/add.h` AddFunc, `reference/sub.h`."""
        if rules.is_float(io):
            a, b = float_operands(values)
            return (activate(a + self.sign * b, self.activation),)
        if self.by_shifts(io):
            return (self._shifted_sum(io, values),)
        *inputs, last = self.multipliers(io)
        terms = []
        for tensor, value, multiplier in zip(io.inputs, values, inputs, strict=True):
            assert tensor is not None
            assert value is not None
            steps = value.astype(np.int64) - tensor.type.zero_point
            terms.append(multiply_by(steps << left_shift(io), multiplier))
        out = multiply_by(terms[0] + self.sign * terms[1], last) + io.output.type.zero_point
        return (rules.saturate(out, *self.output_range(io), dtype=io.output.type.dtype),)

    def _shifted_sum(self, io: OpIO, values: Sequence[Array | None]) -> Array:
        """Source: TFLite `reference/add.h` Add on int16."""
        terms = []
        for value, shift in zip(values, self.right_shifts(io), strict=True):
            assert value is not None
            terms.append(rounding_divide_by_pot(value.astype(np.int64), shift))
        kind = io.output.type.dtype
        total = np.clip(terms[0] + terms[1], *kind.limits)
        return rules.saturate(total, *self.output_range(io), dtype=kind)


def left_shift(io: OpIO) -> int:
    """Fractional bits that inputs are scaled with."""
    return WIDE_LEFT_SHIFT if rules.is_int16(io) else LEFT_SHIFT
