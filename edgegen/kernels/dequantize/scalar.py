"""DEQUANTIZE in plain C, value by value."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, float_literal, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.ops.dequantize import Dequantize

_CYCLES_PER_VALUE = 10
"""Rough; plain C has no rivals, the figure only ranks layers."""


class ScalarDequantize(PlainKernel[Dequantize]):
    """A subtraction and a product for each value."""

    op: ClassVar[type[Op]] = Dequantize
    code_bytes: ClassVar[int] = 60

    def cost(self, op: Dequantize, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: Dequantize, io: OpIO) -> Packed:  # noqa: ARG002
        """See `Kernel.pack`."""
        kind = io.input(0).type
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "type": c_type(kind.dtype),
                "count": kind.elements,
                "zero": kind.zero_point,
                "scale": float_literal(kind.scale),
            },
            routine={"type": c_type(kind.dtype)},
            variant=short_type(kind.dtype),
        )
