"""HARD_SWISH by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.hard_swish import HardSwish


class ScalarHardSwish(ScalarTable[HardSwish]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = HardSwish

    def table(self, op: HardSwish, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
