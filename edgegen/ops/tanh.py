"""TANH on int8, int16 and float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.types import Array
from edgegen.ops.sigmoid16 import INT16_SCALE, Rescaling, rescaling, sigmoid16_problems, tanh16
from edgegen.ops.table_op import Float64, TableOp
from edgegen.quant.lookup import Float32, Int8, lookup_table

OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1.0 / 128.0, 0
"""What the 8-bit quantisation specification demands; the kernel takes any."""


def tanh(x: Float32) -> Float32:
    """tanhf, correctly rounded through float64."""
    return np.tanh(x.astype(np.float64)).astype(np.float32)


@dataclass(frozen=True)
class Tanh(TableOp):
    """Hyperbolic tangent of every element."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "tanh"
    sources: ClassVar[tuple[str, ...]] = ("TANH",)

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(output=(OUTPUT_SCALE, OUTPUT_ZERO_POINT))

    def int16_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int16_form`."""
        return Int8Form(output=(INT16_SCALE, 0))

    def table(self, io: OpIO) -> Int8:
        """See `TableOp.table`.

        Source: TFLite 2.14 `activations.cc`: the reference kernel is a table computed in float32.
        """
        return lookup_table(io.input(0).type, io.output.type, tanh)

    def rescaling(self, io: OpIO) -> Rescaling:
        """How int16 inputs become arguments of the table."""
        return rescaling(io, 1)

    def int16_problems(self, io: OpIO) -> list[Problem]:
        """See `TableOp.int16_problems`."""
        return sigmoid16_problems(io)

    def evaluate_int16(self, io: OpIO, x: Array) -> Array:
        """See `TableOp.evaluate_int16`."""
        return tanh16(self.rescaling(io), x)

    def real(self, x: Float64) -> Float64:
        """See `TableOp.real`."""
        return np.tanh(x)
