"""Plain C: one element at a time, along steps or tables."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_rearrangement import axes_of, pack_rearrangement, rearrange_cost
from edgegen.ops.rearrange import Rearrange


class ScalarRearrange(PlainKernel[Rearrange]):
    """A table is stored only where offsets are not evenly spaced."""

    op: ClassVar[type[Op]] = Rearrange
    code_bytes: ClassVar[int] = 160

    def flash_bytes(self, op: Rearrange, io: OpIO) -> int:
        """See `Kernel.flash_bytes`."""
        source = io.input(0)
        stored = sum(4 * a.size for a in axes_of(op.tables(io)) if a.table is not None)
        return stored + (source.type.bytes if source.data is not None else 0)

    def cost(self, op: Rearrange, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return rearrange_cost(io)

    def pack(self, op: Rearrange, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_rearrangement(io, op.tables(io), op.start, op.fill)
