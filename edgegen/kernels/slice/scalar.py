"""Plain C slices, element by element."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_NUMBERS, Cost, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.strided import Copy, copy_cost, copy_of, copy_order, copy_packed
from edgegen.ops.slice import Slice
from edgegen.ops.strided import strides


class ScalarSlice(Kernel[Slice]):
    """Any element type; axes that are taken whole are merged."""

    op: ClassVar[type[Op]] = Slice
    name: ClassVar[str] = "scalar"
    computes: ClassVar[frozenset[Numbers]] = ANY_NUMBERS
    code_bytes: ClassVar[int] = 200

    @staticmethod
    def _copy(op: Slice, io: OpIO) -> Copy:
        steps = strides(io.input(0).type.shape)
        parts = op.parts(io)
        first = sum(p.begin * s for p, s in zip(parts, steps, strict=True))
        along = [p.stride * s for p, s in zip(parts, steps, strict=True)]
        return copy_of(io.output.type.shape, along, first)

    def flash_bytes(self, op: Slice, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: the bounds are parameters, not arrays."""
        return io.input(0).type.bytes if io.input(0).data is not None else 0

    def order(self, op: Slice, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return copy_order(self._copy(op, io), io)

    def cost(self, op: Slice, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return copy_cost(self._copy(op, io))

    def pack(self, op: Slice, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return copy_packed(self._copy(op, io), io)
