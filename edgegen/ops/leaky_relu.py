"""LEAKY_RELU on int8, int16 and float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import rescale_problems
from edgegen.ops.table_op import Float64, TableOp, all_values
from edgegen.quant.fixed_point import Multiplier, multiply_by, quantize_multiplier
from edgegen.quant.lookup import Int8


@dataclass(frozen=True)
class LeakyRelu(TableOp):
    """x, or `alpha` times x where x is negative."""

    alpha: float

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "leaky_relu"
    sources: ClassVar[tuple[str, ...]] = ("LEAKY_RELU",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> LeakyRelu:
        """See `Op.parse`."""
        alpha = float(np.float32(node.number("alpha", 0.0)))
        return cls(node.inputs, node.outputs, origin, alpha)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite("LEAKY_RELU", rules.version(io, int8=2, int16=2), alpha=self.alpha)

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return f"alpha {self.alpha:g}"

    def _factors(self, io: OpIO) -> tuple[float, float]:
        """From input to output steps, for positive and for negative values.

        Source: TFLite 2.14 `activations.cc` LeakyReluPrepare, in float32.
        """
        source, target = np.float32(io.input(0).type.scale), np.float32(io.output.type.scale)
        with np.errstate(over="ignore", under="ignore"):
            return float(source / target), float(source * np.float32(self.alpha) / target)

    def quantised_problems(self, io: OpIO) -> list[Problem]:
        """See `TableOp.quantised_problems`."""
        if not self.alpha >= 0.0:
            why = "integers need one that is not negative"
            return [Problem(f"alpha is {self.alpha:g}", why=why)]
        largest = 1 << 15 if rules.is_int16(io) else 255
        return [p for factor in self._factors(io) for p in rescale_problems(factor, largest)]

    def int16_problems(self, io: OpIO) -> list[Problem]:
        """See `TableOp.int16_problems`."""
        return self.quantised_problems(io)

    def multipliers(self, io: OpIO) -> tuple[Multiplier, Multiplier]:
        """From input to output steps, for positive and for negative values."""
        up, down = self._factors(io)
        return quantize_multiplier(up), quantize_multiplier(down)

    def _rescaled(self, io: OpIO, x: Array) -> Array:
        """The outputs of integers; source: TFLite `reference/leaky_relu.h` QuantizeLeakyRelu."""
        steps = x.astype(np.int64) - io.input(0).type.zero_point
        up, down = (multiply_by(steps, m) for m in self.multipliers(io))
        kind = io.output.type
        out = np.where(steps >= 0, up, down) + kind.zero_point
        return rules.saturate(out, *kind.dtype.limits, dtype=kind.dtype)

    def evaluate_int16(self, io: OpIO, x: Array) -> Array:
        """See `TableOp.evaluate_int16`."""
        return self._rescaled(io, x)

    def table(self, io: OpIO) -> Int8:
        """See `TableOp.table`."""
        return self._rescaled(io, all_values()).astype(np.int8)

    def real(self, x: Float64) -> Float64:
        """See `TableOp.real`."""
        return np.where(x >= 0, x, self.alpha * x)
