"""LOGISTIC by table, four values at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.dsp_table import DspTable
from edgegen.ops.logistic import Logistic


class DspLogistic(DspTable[Logistic]):
    """See `DspTable`."""

    op: ClassVar[type[Op]] = Logistic

    def table(self, op: Logistic, io: OpIO) -> Array:
        """See `DspTable.table`."""
        return op.table(io)
