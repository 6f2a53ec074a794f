"""Plain C PRELU with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.broadcast import (
    binary_call,
    binary_formats,
    binary_order,
    binary_routine,
    binary_variant,
)
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder
from edgegen.ops.prelu import Prelu


class ScalarPrelu(Kernel[Prelu]):
    """Value by value, one requantisation each."""

    op: ClassVar[type[Op]] = Prelu
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 192

    def formats(self, op: Prelu, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return binary_formats(io)

    def order(self, op: Prelu, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return binary_order(io)

    def cost(self, op: Prelu, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 24 cycles a value on a Cortex-M4."""
        size = io.output_format.size(io.output.type)
        return Cost(20 * size, 24 * size)

    def pack(self, op: Prelu, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        routine = binary_routine(io)
        positive, negative = op.multipliers(io)
        return Packed(
            constants=operand_constants(io, 2),
            call={**binary_call(io, DType.INT8.limits), "ctype": routine["ctype"]}
            | {"multiplier": positive, "slope": negative},
            routine=routine,
            variant=binary_variant(io),
            helpers=("requantise",),
        )
