"""PRELU on int8 and float32: a slope of its own for negative values, with broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import binary_problems, rescale_problems
from edgegen.ops.real import float_operands
from edgegen.quant.fixed_point import Multiplier, multiply_by, quantize_multiplier

MAX_BROADCAST_RANK = 4


@dataclass(frozen=True)
class Prelu(Op):
    """x, or slope times x where x is negative. Input 1: the slopes."""

    stem: ClassVar[str] = "prelu"
    sources: ClassVar[tuple[str, ...]] = ("PRELU",)
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Prelu:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:  # noqa: ARG002
        """See `Op.node`."""
        return self.tflite("PRELU", 1)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = binary_problems(io, "NONE", MAX_BROADCAST_RANK)
        if problems:
            return problems
        problems = rules.shape_problems(io.output, io.input(0).type.shape)
        if problems or rules.is_float(io):
            return problems
        positive, negative = self._factors(io)
        return rescale_problems(positive, 255) + rescale_problems(negative, 255 * 255)

    def _factors(self, io: OpIO) -> tuple[float, float]:
        """From input steps, and from products of steps, to output steps.

        Source: TFLite 2.14 `activations.cc` PreluPrepare, in float32.
        """
        x, slope, out = (np.float32(t.type.scale) for t in (io.input(0), io.input(1), io.output))
        with np.errstate(over="ignore", under="ignore"):
            return float(x / out), float(x * slope / out)

    def multipliers(self, io: OpIO) -> tuple[Multiplier, Multiplier]:
        """The requantisations of positive values and of products."""
        positive, negative = self._factors(io)
        return quantize_multiplier(positive), quantize_multiplier(negative)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/prelu.h`."""
        if rules.is_float(io):
            x, slope = float_operands(values)
            return (np.where(x >= 0, x, slope * x).astype(np.float32),)
        a, b = values[0], values[1]
        assert a is not None
        assert b is not None
        steps = a.astype(np.int64) - io.input(0).type.zero_point
        slopes = b.astype(np.int64) - io.input(1).type.zero_point
        positive, negative = self.multipliers(io)
        out = np.where(
            steps >= 0, multiply_by(steps, positive), multiply_by(steps * slopes, negative)
        )
        return (rules.saturate(out + io.output.type.zero_point, -128, 127),)
