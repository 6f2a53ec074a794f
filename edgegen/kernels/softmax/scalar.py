"""Plain C softmax: a table of exponentials, integer arithmetic only."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Kernel, KernelIO, Packed
from edgegen.kernels.image_order import value_order
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder
from edgegen.ops.softmax import Softmax

# Below half a step of the Q12.19 sum an exponential adds nothing to it, nor to any output.
_SMALLEST = 1 << 11


class ScalarSoftmax(Kernel[Softmax]):
    """The table holds exp of minus 0, 1, 2 ... input steps, as far as it matters."""

    op: ClassVar[type[Op]] = Softmax
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 528

    def order(self, op: Softmax, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`: a row is read twice before its first value is written."""
        return value_order(io)

    def cost(self, op: Softmax, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 50 cycles a value and 300 a row for the reciprocal."""
        elements = io.output.type.elements
        rows = elements // io.output.type.shape[-1]
        return Cost(40 * elements + 220 * rows, 50 * elements + 300 * rows)

    def flash_bytes(self, op: Softmax, io: OpIO) -> int:
        """See `Kernel.flash_bytes`."""
        return exp_table(op, io).data.nbytes + sum(c.data.nbytes for c in operand_constants(io, 1))

    def pack(self, op: Softmax, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        depth = io.input(0).type.shape[-1]
        table = exp_table(op, io)
        return Packed(
            constants=(table, *operand_constants(io, 1)),
            call={
                "count": table.data.size,
                "rows": io.input(0).type.elements // depth,
                "depth": depth,
            },
            helpers=("doubling_high", "reciprocal"),
        )


def exp_table(op: Softmax, io: OpIO) -> Constant:
    """The exponentials that matter, Q0.31 as int32."""
    table = op.exponentials(io)
    count = int(np.flatnonzero(table >= _SMALLEST)[-1]) + 1
    return Constant("exponentials", table[:count].astype(np.int32), ConstantKind.TABLE)
