"""Plain C: one value at a time, any function, type and broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_NUMBERS, Cost, Kernel, Numbers, Packed
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pointwise_layer import pack_pointwise, pointwise_cost, pointwise_order
from edgegen.ops.pointwise import Pointwise


class ScalarPointwise(Kernel[Pointwise]):
    """A function of a value for each function and set of types, in loops for each depth."""

    op: ClassVar[type[Op]] = Pointwise
    name: ClassVar[str] = "scalar"
    computes: ClassVar[frozenset[Numbers]] = ANY_NUMBERS
    code_bytes: ClassVar[int] = 160

    def order(self, op: Pointwise, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return pointwise_order(io)

    def cost(self, op: Pointwise, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return pointwise_cost(io, op.function)

    def pack(self, op: Pointwise, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_pointwise(io, op.function, op.parameters)
