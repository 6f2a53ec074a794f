"""LEAKY_RELU by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.leaky_relu import LeakyRelu


class ScalarLeakyRelu(ScalarTable[LeakyRelu]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = LeakyRelu

    def table(self, op: LeakyRelu, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
