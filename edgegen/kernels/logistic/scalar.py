"""Logistic function by table."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Kernel, Packed
from edgegen.kernels.lookup import lookup_cost, lookup_packed
from edgegen.kernels.order import AccessOrder, elementwise
from edgegen.ops.logistic import Logistic


class ScalarLogistic(Kernel[Logistic]):
    """One byte in, one byte out; the table has 256 bytes."""

    op: ClassVar[type[Op]] = Logistic
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 32

    def order(self, op: Logistic, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        elements = io.output.type.elements
        return elementwise((elements,), elements)

    def cost(self, op: Logistic, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return lookup_cost(io.output.type.elements)

    def pack(self, op: Logistic, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return lookup_packed(op.table(io), io.output.type.elements)
