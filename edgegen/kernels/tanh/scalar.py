"""TANH by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.tanh import Tanh


class ScalarTanh(ScalarTable[Tanh]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = Tanh

    def table(self, op: Tanh, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
