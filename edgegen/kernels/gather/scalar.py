"""Plain C: elements at indices read at run time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.indexed import (
    indexed_call,
    indexed_cost,
    indexed_routine,
    indexed_variant,
)
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.ops.gather import Gather


class ScalarGather(PlainKernel[Gather]):
    """Element by element."""

    op: ClassVar[type[Op]] = Gather
    code_bytes: ClassVar[int] = 200

    def cost(self, op: Gather, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return indexed_cost(op.addressing, io.output.type.elements)

    def pack(self, op: Gather, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return Packed(
            constants=operand_constants(io, 2),
            call=indexed_call(op.addressing, io),
            routine=indexed_routine(op.addressing, io),
            variant=indexed_variant(op.addressing, io),
        )
