"""Plain C softmax on float32."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import float_literal
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import Float32Kernel
from edgegen.ops.softmax import Softmax

_CYCLES_PER_VALUE = 150
"""Rough: a call of expf and a division."""


class Float32Softmax(Float32Kernel[Softmax]):
    """Three passes over each row."""

    op: ClassVar[type[Op]] = Softmax
    code_bytes: ClassVar[int] = 200

    def cost(self, op: Softmax, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: Softmax, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        depth = io.input(0).type.shape[-1]
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "rows": io.input(0).type.elements // depth,
                "depth": depth,
                "beta": float_literal(op.beta),
            },
        )
