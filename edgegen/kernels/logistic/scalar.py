"""LOGISTIC by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.logistic import Logistic


class ScalarLogistic(ScalarTable[Logistic]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = Logistic

    def table(self, op: Logistic, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
