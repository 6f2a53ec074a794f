"""Plain C multiplication with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Cost, Formats, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.broadcast import (
    binary_call,
    binary_formats,
    binary_order,
    binary_routine,
    binary_variant,
)
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder
from edgegen.ops.mul import Mul


class ScalarMul(Kernel[Mul]):
    """Value by value, one requantisation each."""

    op: ClassVar[type[Op]] = Mul
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 192
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS

    def formats(self, op: Mul, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return binary_formats(io)

    def order(self, op: Mul, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return binary_order(io)

    def cost(self, op: Mul, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 21 cycles a value on a Cortex-M4."""
        size = io.output_format.size(io.output.type) // io.output.type.dtype.bytes
        return Cost(18 * size, 21 * size)

    def pack(self, op: Mul, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        routine = binary_routine(io)
        return Packed(
            constants=operand_constants(io, 2),
            call={**binary_call(io, op.output_range(io)), "ctype": routine["ctype"]}
            | {"multiplier": op.multiplier(io)},
            routine=routine,
            variant=binary_variant(io),
            helpers=("requantise",),
        )
