"""Plain C reduction over any axes of any type."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_reduction import pack_reduction, reduction_cost
from edgegen.ops.reduction import Reduction


class ScalarReduction(PlainKernel[Reduction]):
    """Output by output."""

    op: ClassVar[type[Op]] = Reduction
    code_bytes: ClassVar[int] = 240

    def cost(self, op: Reduction, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return reduction_cost(io)

    def pack(self, op: Reduction, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_reduction(io, op.function, op.axes)
