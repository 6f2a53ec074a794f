"""QUANTIZE by table, one byte at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.scalar_table import ScalarTable
from edgegen.ops.quantize import Quantize
from edgegen.target.cores import Core


class ScalarQuantize(ScalarTable[Quantize]):
    """See `ScalarTable`."""

    op: ClassVar[type[Op]] = Quantize

    def rejects(self, op: Quantize, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if io.output.type.dtype is DType.INT16:
            return "the output is int16"
        return super().rejects(op, io, core)

    def table(self, op: Quantize, io: OpIO) -> Array:
        """See `ScalarTable.table`."""
        return op.table(io)
