"""Plain C maximum pooling."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Cost, Formats, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pooled import pool_formats, pool_order, pool_packed, pool_taps
from edgegen.ops.max_pool2d import MaxPool2D


class ScalarMaxPool2D(Kernel[MaxPool2D]):
    """One output value at a time."""

    op: ClassVar[type[Op]] = MaxPool2D
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 256
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS
    by_rows: ClassVar[bool] = False

    def formats(self, op: MaxPool2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return pool_formats(io)

    def order(self, op: MaxPool2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return pool_order(op, io)

    def cost(self, op: MaxPool2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`: about 7 cycles a value read and 17 a value written."""
        taps, outputs = pool_taps(op, io), io.output.type.elements
        return Cost(6 * taps + 12 * outputs, 7 * taps + 17 * outputs)

    def pack(self, op: MaxPool2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return pool_packed(op, io, by_rows=self.by_rows)
