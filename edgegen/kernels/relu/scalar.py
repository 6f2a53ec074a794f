"""RELU by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.relu import Relu


class ScalarRelu(ScalarTable[Relu]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = Relu

    def table(self, op: Relu, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
