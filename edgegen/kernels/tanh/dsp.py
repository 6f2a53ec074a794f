"""TANH by table, four values at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.dsp_table import DspTable
from edgegen.ops.tanh import Tanh


class DspTanh(DspTable[Tanh]):
    """See `DspTable`."""

    op: ClassVar[type[Op]] = Tanh

    def table(self, op: Tanh, io: OpIO) -> Array:
        """See `DspTable.table`."""
        return op.table(io)
