"""QUANTIZE by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.quantize import Quantize


class ScalarQuantize(ScalarTable[Quantize]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = Quantize

    def table(self, op: Quantize, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
