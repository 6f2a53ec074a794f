"""Plain C padding of int16 with any value."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.pad.float32 import pad_tables
from edgegen.kernels.plain import Int16Kernel
from edgegen.kernels.strided_rearrangement import TEMPLATE, pack_rearrangement, rearrange_cost
from edgegen.ops.pad import Pad


class Int16Pad(Int16Kernel[Pad]):
    """One table an axis that has a border."""

    op: ClassVar[type[Op]] = Pad
    code_bytes: ClassVar[int] = 200

    @property
    def template(self) -> str:
        """See `Kernel.template`."""
        return TEMPLATE

    def cost(self, op: Pad, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return rearrange_cost(io)

    def pack(self, op: Pad, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_rearrangement(io, pad_tables(op, io), 0, op.fill(io))
