"""LEAKY_RELU of int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder, value_by_value
from edgegen.kernels.plain import Int16Kernel
from edgegen.ops.leaky_relu import LeakyRelu

_CYCLES_PER_VALUE = 30
"""On a Cortex-M4."""


class Int16LeakyRelu(Int16Kernel[LeakyRelu]):
    """One requantisation a value, by the value's sign."""

    op: ClassVar[type[Op]] = LeakyRelu
    code_bytes: ClassVar[int] = 120

    def order(self, op: LeakyRelu, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return value_by_value(io.output.type.elements, 2, 2)

    def cost(self, op: LeakyRelu, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: LeakyRelu, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        up, down = op.multipliers(io)
        return Packed(
            constants=operand_constants(io, 1),
            call={"up": up, "down": down, "count": io.output.type.elements},
            helpers=("requantise", "clamp_s16"),
        )
