"""QUANTIZE from 8 bits to int16 by table."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Kernel, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder, value_by_value
from edgegen.ops.quantize import Quantize
from edgegen.target.cores import Core

_CYCLES_PER_VALUE = 9
"""On a Cortex-M4."""


class WideningQuantize(Kernel[Quantize]):
    """A table of all 256 results, 512 bytes."""

    op: ClassVar[type[Op]] = Quantize
    name: ClassVar[str] = "int16_table"
    code_bytes: ClassVar[int] = 40

    def rejects(self, op: Quantize, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        return "" if io.output.type.dtype is DType.INT16 else "the output has 8 bits"

    def order(self, op: Quantize, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return value_by_value(io.output.type.elements, 1, 2)

    def flash_bytes(self, op: Quantize, io: OpIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return 512 + sum(c.data.nbytes for c in operand_constants(io, 1))

    def cost(self, op: Quantize, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: Quantize, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        table = Constant("table", op.table(io), ConstantKind.TABLE)
        return Packed(
            constants=(*operand_constants(io, 1), table), call={"count": io.output.type.elements}
        )
