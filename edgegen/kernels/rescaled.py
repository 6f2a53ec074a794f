"""int16 values brought to another scale and clamped: base of two kernels."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder, value_by_value
from edgegen.kernels.plain import Int16Kernel
from edgegen.quant.fixed_point import Multiplier

OpT = TypeVar("OpT", bound=Op)

_CYCLES_PER_VALUE = 27
"""On a Cortex-M4."""


class Rescaled16(Int16Kernel[OpT]):
    """One requantisation a value; a subclass names the operator and its constants."""

    code_bytes: ClassVar[int] = 120

    @property
    def template(self) -> str:
        """See `Kernel.template`."""
        return "kernels/quantize/int16.c.j2"

    @abstractmethod
    def rescaling(self, op: OpT, io: OpIO) -> tuple[Multiplier, tuple[int, int]]:
        """From input to output steps, and the lowest and highest output."""

    def order(self, op: OpT, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        source, target = io.input(0).type, io.output.type
        return value_by_value(target.elements, source.dtype.bytes, target.dtype.bytes)

    def flash_bytes(self, op: OpT, io: OpIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return sum(c.data.nbytes for c in operand_constants(io, 1))

    def cost(self, op: OpT, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: OpT, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        multiplier, (low, high) = self.rescaling(op, io)
        target = io.output.type
        out = c_type(target.dtype)
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "multiplier": multiplier,
                "count": target.elements,
                "zero_point": target.zero_point,
                "low": low,
                "high": high,
                "out": out,
            },
            routine={"out": out},
            variant=short_type(target.dtype),
            helpers=("requantise",),
        )
