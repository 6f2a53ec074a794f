"""Plain C addition with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.broadcast import (
    binary_call,
    binary_formats,
    binary_order,
    binary_routine,
    binary_variant,
)
from edgegen.kernels.fitted import FittedTable, fitted
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder
from edgegen.ops.add import LEFT_SHIFT, Add

_COSTS: FittedTable = {
    "m0+": ((271.76,), (356.76,)),
    "m3": ((91.78,), (135.16,)),
    "m4": ((91.78,), (117.16,)),
}
"""For one output."""


class ScalarAdd(Kernel[Add]):
    """Value by value, three requantisations each."""

    op: ClassVar[type[Op]] = Add
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 256

    def formats(self, op: Add, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return binary_formats(io)

    def order(self, op: Add, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return binary_order(io)

    def features(self, op: Add, io: KernelIO) -> tuple[int, ...]:  # noqa: ARG002
        """What its cost depends on: bytes of the output."""
        return (io.output_format.size(io.output.type),)

    def cost(self, op: Add, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, self.features(op, io))

    def pack(self, op: Add, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        a, b, out = op.multipliers(io)
        routine = binary_routine(io)
        return Packed(
            constants=operand_constants(io, 2),
            call={**binary_call(io, op.output_range(io)), "ctype": routine["ctype"]}
            | {"a": a, "b": b, "out": out},
            routine={**routine, "left_shift": LEFT_SHIFT},
            variant=binary_variant(io),
            helpers=("requantise",),
        )
