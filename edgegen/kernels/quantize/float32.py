"""QUANTIZE of float32 in plain C, value by value."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, float_literal, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import Float32Kernel
from edgegen.ops.quantize import Quantize

_CYCLES_PER_VALUE = 60
"""Rough: a division and a call of the mathematical library."""


class Float32Quantize(Float32Kernel[Quantize]):
    """A division, rounding and clamping for each value."""

    op: ClassVar[type[Op]] = Quantize
    code_bytes: ClassVar[int] = 120

    def cost(self, op: Quantize, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: Quantize, io: OpIO) -> Packed:  # noqa: ARG002
        """See `Kernel.pack`."""
        kind = io.output.type
        low, high = kind.dtype.limits
        even = kind.rounds_once
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "type": c_type(kind.dtype),
                "count": kind.elements,
                "zero": float_literal(kind.zero_point),
                "scale": float_literal(kind.scale),
            },
            routine={
                "type": c_type(kind.dtype),
                "round": "rintf" if even else "roundf",
                "low": float_literal(low),
                "high": float_literal(high),
            },
            variant=short_type(kind.dtype) + ("_even" if even else ""),
        )
