"""HARD_SWISH by table, four values at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.dsp_table import DspTable
from edgegen.ops.hard_swish import HardSwish


class DspHardSwish(DspTable[HardSwish]):
    """See `DspTable`."""

    op: ClassVar[type[Op]] = HardSwish

    def table(self, op: HardSwish, io: OpIO) -> Array:
        """See `DspTable.table`."""
        return op.table(io)
