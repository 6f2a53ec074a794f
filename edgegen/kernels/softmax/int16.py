"""SOFTMAX of int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import Int16Kernel
from edgegen.ops.softmax import Softmax
from edgegen.ops.softmax16 import exp_table, reciprocal_table, softmax16_multiplier

_CYCLES_PER_VALUE, _CYCLES_PER_ROW = 70, 80
"""On a Cortex-M4."""


class Int16Softmax(Int16Kernel[Softmax]):
    """Three passes over each row; exponentials wait in the output."""

    op: ClassVar[type[Op]] = Softmax
    code_bytes: ClassVar[int] = 320

    def flash_bytes(self, op: Softmax, io: OpIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        tables = exp_table().nbytes + reciprocal_table().nbytes
        return tables + sum(c.data.nbytes for c in operand_constants(io, 1))

    def cost(self, op: Softmax, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        values = io.output.type.elements
        rows = values // max(io.output.type.shape[-1], 1)
        cycles = values * _CYCLES_PER_VALUE + rows * _CYCLES_PER_ROW
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: Softmax, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        depth = io.input(0).type.shape[-1]
        return Packed(
            constants=(
                *operand_constants(io, 1),
                Constant("exp", exp_table(), ConstantKind.TABLE),
                Constant("inverse", reciprocal_table(), ConstantKind.TABLE),
            ),
            call={
                "rows": io.input(0).type.elements // depth if depth else 0,
                "depth": depth,
                "multiplier": softmax16_multiplier(io, op.beta),
            },
            helpers=("requantise",),
        )
