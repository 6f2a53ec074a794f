"""Plain C mean of float32."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.plain import Float32Kernel
from edgegen.kernels.strided_reduction import TEMPLATE, pack_reduction, reduction_cost
from edgegen.ops.mean import Mean


class Float32Mean(Float32Kernel[Mean]):
    """Output by output."""

    op: ClassVar[type[Op]] = Mean
    code_bytes: ClassVar[int] = 240
    shared_template: ClassVar[str] = TEMPLATE

    def cost(self, op: Mean, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return reduction_cost(io)

    def pack(self, op: Mean, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_reduction(io, "mean", op.axes(io))
