"""RELU by table, four values at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.dsp_table import DspTable
from edgegen.ops.relu import Relu


class DspRelu(DspTable[Relu]):
    """See `DspTable`."""

    op: ClassVar[type[Op]] = Relu

    def table(self, op: Relu, io: OpIO) -> Array:
        """See `DspTable.table`."""
        return op.table(io)
