"""Plain C transposition, element by element."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_NUMBERS, Cost, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.strided import Copy, copy_cost, copy_of, copy_order, copy_packed
from edgegen.ops.strided import strides
from edgegen.ops.transpose import Transpose


class ScalarTranspose(Kernel[Transpose]):
    """Any element type; axes that stay together are merged."""

    op: ClassVar[type[Op]] = Transpose
    name: ClassVar[str] = "scalar"
    computes: ClassVar[frozenset[Numbers]] = ANY_NUMBERS
    code_bytes: ClassVar[int] = 200

    @staticmethod
    def _copy(op: Transpose, io: OpIO) -> Copy:
        steps = strides(io.input(0).type.shape)
        return copy_of(io.output.type.shape, [steps[a] for a in op.order(io)])

    def flash_bytes(self, op: Transpose, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: the order is a parameter, not an array."""
        return io.input(0).type.bytes if io.input(0).data is not None else 0

    def order(self, op: Transpose, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return copy_order(self._copy(op, io), io)

    def cost(self, op: Transpose, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return copy_cost(self._copy(op, io))

    def pack(self, op: Transpose, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return copy_packed(self._copy(op, io), io)
