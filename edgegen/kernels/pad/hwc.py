"""Padding of u8 pixels whose channels are whole words: the same bytes as dense, flipped."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from edgegen.ir import OpIO
from edgegen.kernels.base import Formats, KernelIO, Packed
from edgegen.kernels.formats import DENSE, HWC
from edgegen.kernels.operands import storage_offset
from edgegen.kernels.pad.scalar import ScalarPad
from edgegen.ops.pad import Pad
from edgegen.target.cores import Core


class HwcPad(ScalarPad):
    """`ScalarPad` with a fill of 128 more."""

    name: ClassVar[str] = "hwc"

    def rejects(self, op: Pad, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if not HWC.survives_reshape(io.input(0).type, io.output.type):
            return "channels are not whole words"
        return ""

    def formats(self, op: Pad, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return (Formats((HWC, *(DENSE for _ in io.inputs[1:])), HWC),)

    def pack(self, op: Pad, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        packed = super().pack(op, io)
        fill = op.fill(io) + storage_offset(io.output_format)
        return replace(packed, call={**packed.call, "fill": fill})
