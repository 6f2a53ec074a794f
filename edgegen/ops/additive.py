"""What ADD and SUB share: both inputs are brought to a common scale first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import binary_problems
from edgegen.ops.real import activate, float_operands
from edgegen.quant.fixed_point import (
    Multiplier,
    activation_range,
    multiply_by,
    quantize_multiplier,
)

LEFT_SHIFT = 20
"""Inputs are scaled with this many fractional bits."""


AdditiveT = TypeVar("AdditiveT", bound="Additive")


@dataclass(frozen=True)
class Additive(Op):
    """Base: the first input plus `sign` times the second."""

    activation: str

    elementwise: ClassVar[bool] = True
    sign: ClassVar[int]
    """1 or -1."""
    max_rank: ClassVar[int]
    """Dimensions that TFLite's int8 kernel broadcasts."""

    @classmethod
    def parse(cls: type[AdditiveT], node: RawNode, origin: Origin) -> AdditiveT:
        """See `Op.parse`."""
        activation = node.text("fused_activation_function", "NONE")
        return cls(node.inputs, node.outputs, origin, activation)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            self.sources[0], rules.version(io, int8=2), fused_activation_function=self.activation
        )

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = binary_problems(io, self.activation, self.max_rank)
        if problems or rules.is_float(io):
            return problems
        factors = self._factors(io)
        # QuantizeMultiplierSmallerThanOneExp aborts on anything else, after rounding too.
        if all(0.0 < f < 1.0 and quantize_multiplier(f).shift <= 0 for f in factors):
            return []
        a, b, out = (t.type.scale for t in (io.input(0), io.input(1), io.output))
        return [
            Problem(
                f"input scales {a:.4g} and {b:.4g} are too far from output scale {out:.4g}",
                why=f"TFLite's kernel needs an output scale above 2^-{LEFT_SHIFT - 1} "
                "of the larger input scale",
            )
        ]

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
            steps = float(np.float32(1 << LEFT_SHIFT) * np.float32(out))
        return a / twice, b / twice, twice / steps

    def multipliers(self, io: OpIO) -> tuple[Multiplier, Multiplier, Multiplier]:
        """Multipliers of both shifted inputs and of their sum, all below 1."""
        a, b, out = self._factors(io)
        return quantize_multiplier(a), quantize_multiplier(b), quantize_multiplier(out)

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output after the fused activation."""
        out = io.output.type
        return activation_range(self.activation, out.scale, out.zero_point, DType.INT8.limits)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/integer_ops/add.h` AddFunc, `reference/sub.h`."""
        if rules.is_float(io):
            a, b = float_operands(values)
            return (activate(a + self.sign * b, self.activation),)
        *inputs, last = self.multipliers(io)
        terms = []
        for tensor, value, multiplier in zip(io.inputs, values, inputs, strict=True):
            assert tensor is not None
            assert value is not None
            steps = value.astype(np.int64) - tensor.type.zero_point
            terms.append(multiply_by(steps << LEFT_SHIFT, multiplier))
        out = multiply_by(terms[0] + self.sign * terms[1], last) + io.output.type.zero_point
        return (rules.saturate(out, *self.output_range(io)),)
