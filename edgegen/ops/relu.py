"""RELU and its bounded relatives as operators of their own, on int8, int16 and float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import rescale_problems, unary_problems
from edgegen.ops.real import activate
from edgegen.ops.requantise import multiplier_to
from edgegen.quant.fixed_point import Multiplier, activation_range, multiply_by
from edgegen.quant.lookup import Int8, apply

INT16_KINDS = ("RELU", "RELU6")
"""Those that TFLite 2.14 computes on int16."""


@dataclass(frozen=True)
class Relu(Op):
    """Clamps; on integers, rescales from the input's to the output's quantisation first."""

    activation: str

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "relu"
    sources: ClassVar[tuple[str, ...]] = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Relu:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin, node.type)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(self.activation, rules.version(io, int8=2, int16=3))

    def int16_form(self, io: OpIO) -> Int8Form | None:
        """See `Op.int16_form`."""
        return super().int16_form(io) if self.activation in INT16_KINDS else None

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = unary_problems(io, int16=self.activation in INT16_KINDS)
        if problems or rules.is_float(io):
            return problems
        return rescale_problems(self._factor(io), 1 << 15 if rules.is_int16(io) else 255)

    def _factor(self, io: OpIO) -> float:
        """From input to output steps; TFLite 2.14 `activations.cc` divides in float32."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float32(io.input(0).type.scale) / np.float32(io.output.type.scale))

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output."""
        out = io.output.type

        def bounds(activation: str) -> tuple[int, int]:
            return activation_range(activation, out.scale, out.zero_point, rules.limits(io))

        if self.activation == "RELU_0_TO_1":
            return bounds("RELU")[0], bounds("RELU_N1_TO_1")[1]
        return bounds(self.activation)

    def table(self, io: OpIO) -> Int8:
        """The output for every input q, int8 [256], at index q modulo 256."""
        values = np.arange(256, dtype=np.uint8).view(np.int8)
        return self._rescaled(io, values).astype(np.int8)

    def multiplier(self, io: OpIO) -> Multiplier:
        """From input to output steps."""
        return multiplier_to(io.output, self._factor(io))

    def _rescaled(self, io: OpIO, x: Array) -> Array:
        """The outputs of integers."""
        out = multiply_by(x.astype(np.int64) - io.input(0).type.zero_point, self.multiplier(io))
        out = out + io.output.type.zero_point
        return rules.saturate(out, *self.output_range(io), dtype=io.output.type.dtype)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/reference_ops.h` ReluX."""
        x = values[0]
        assert x is not None
        if rules.is_float(io):
            return (activate(x, self.activation),)
        if rules.is_int16(io):
            return (self._rescaled(io, x),)
        return (apply(self.table(io), x),)
