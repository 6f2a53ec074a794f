"""QUANTIZE by table, four values at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.dsp_table import DspTable
from edgegen.ops.quantize import Quantize


class DspQuantize(DspTable[Quantize]):
    """See `DspTable`."""

    op: ClassVar[type[Op]] = Quantize

    def table(self, op: Quantize, io: OpIO) -> Array:
        """See `DspTable.table`."""
        return op.table(io)
