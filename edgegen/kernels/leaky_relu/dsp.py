"""LEAKY_RELU by table, four values at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.dsp_table import DspTable
from edgegen.ops.leaky_relu import LeakyRelu


class DspLeakyRelu(DspTable[LeakyRelu]):
    """See `DspTable`."""

    op: ClassVar[type[Op]] = LeakyRelu

    def table(self, op: LeakyRelu, io: OpIO) -> Array:
        """See `DspTable.table`."""
        return op.table(io)
