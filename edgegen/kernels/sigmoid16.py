"""LOGISTIC and TANH on int16 by one table with interpolation: base of two kernels."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder, value_by_value
from edgegen.kernels.plain import Int16Kernel
from edgegen.ops.sigmoid16 import Rescaling
from edgegen.quant.int16_tables import sigmoid_table

OpT = TypeVar("OpT", bound=Op)

_CYCLES_PER_VALUE = 28
"""On a Cortex-M4."""


class Sigmoid16(Int16Kernel[OpT]):
    """Value by value; a subclass names the operator and its function."""

    code_bytes: ClassVar[int] = 120
    function: ClassVar[str]
    """`logistic` or `tanh`."""

    @property
    def template(self) -> str:
        """See `Kernel.template`."""
        return "kernels/logistic/int16.c.j2"

    @abstractmethod
    def rescaling(self, op: OpT, io: OpIO) -> Rescaling:
        """How inputs become arguments of the table."""

    def order(self, op: OpT, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return value_by_value(io.output.type.elements, 2, 2)

    def flash_bytes(self, op: OpT, io: OpIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return 512 + sum(c.data.nbytes for c in operand_constants(io, 1))

    def cost(self, op: OpT, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: OpT, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        table = Constant("table", sigmoid_table().astype(np.uint16), ConstantKind.TABLE)
        return Packed(
            constants=(*operand_constants(io, 1), table),
            call={"how": self.rescaling(op, io), "count": io.output.type.elements},
            routine={"function": self.function},
        )
