"""MUL on int8, int16 and float32, with broadcasting."""

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
from edgegen.ops.real import activate, float_operands
from edgegen.ops.requantise import multiplier_to
from edgegen.quant.fixed_point import (
    Multiplier,
    activation_range,
    multiply_by,
)

MAX_BROADCAST_RANK = 4


@dataclass(frozen=True)
class Mul(Op):
    """Product of two tensors, value by value."""

    activation: str

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "mul"
    sources: ClassVar[tuple[str, ...]] = ("MUL",)
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Mul:
        """See `Op.parse`."""
        activation = node.text("fused_activation_function", "NONE")
        return cls(node.inputs, node.outputs, origin, activation)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            "MUL", rules.version(io, int8=2, int16=4), fused_activation_function=self.activation
        )

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = binary_problems(io, self.activation, MAX_BROADCAST_RANK, int16=True)
        if problems or rules.is_float(io):
            return problems
        return rescale_problems(self._factor(io), 1 << 30 if rules.is_int16(io) else 255 * 255)

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return "" if self.activation == "NONE" else self.activation

    def _factor(self, io: OpIO) -> float:
        """From a product of steps to output steps; TFLite 2.14 `mul.cc` forms it in float32."""
        a, b, out = (np.float32(t.type.scale) for t in (io.input(0), io.input(1), io.output))
        with np.errstate(over="ignore", under="ignore"):
            return float(a * b / out)

    def multiplier(self, io: OpIO) -> Multiplier:
        """The requantisation of products."""
        return multiplier_to(io.output, self._factor(io))

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output after the fused activation."""
        out = io.output.type
        return activation_range(self.activation, out.scale, out.zero_point, rules.limits(io))

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/integer_ops/mul.h` MulElementwise."""
        if rules.is_float(io):
            return (activate(np.multiply(*float_operands(values)), self.activation),)
        steps = []
        for tensor, value in zip(io.inputs, values, strict=True):
            assert tensor is not None
            assert value is not None
            steps.append(value.astype(np.int64) - tensor.type.zero_point)
        out = multiply_by(steps[0] * steps[1], self.multiplier(io)) + io.output.type.zero_point
        return (rules.saturate(out, *self.output_range(io), dtype=io.output.type.dtype),)
