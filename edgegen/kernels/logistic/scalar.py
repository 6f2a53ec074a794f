"""LOGISTIC by table."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.table import table_cost, table_flash, table_formats, table_order, table_packed
from edgegen.ops.logistic import Logistic


class ScalarLogistic(Kernel[Logistic]):
    """One byte in, one byte out; the table has 256 bytes."""

    op: ClassVar[type[Op]] = Logistic
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 32

    def formats(self, op: Logistic, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return table_formats(io)

    def flash_bytes(self, op: Logistic, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return table_flash(io)

    def order(self, op: Logistic, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return table_order(io)

    def cost(self, op: Logistic, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return table_cost(io)

    def pack(self, op: Logistic, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return table_packed(io, op.table(io))
