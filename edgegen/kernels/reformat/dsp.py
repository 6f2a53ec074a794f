"""Between int8 and u8 where the bytes lie in the same order, eight words at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Kernel, KernelIO, Packed, Piece
from edgegen.kernels.formats import DENSE, HWC, image
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pairwise import stepwise_order, stored_bytes
from edgegen.ops.reformat import Reformat
from edgegen.target.cores import Core


class DspReformat(Kernel[Reformat]):
    """`dense` to `hwc` and back, for whole words of channels."""

    op: ClassVar[type[Op]] = Reformat
    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 80

    def rejects(self, op: Reformat, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        assert isinstance(io, KernelIO)
        if {*io.input_formats, io.output_format} != {DENSE, HWC} or image(io.output.type)[2] % 4:
            return "the bytes do not lie in the same order"
        return ""

    def order(self, op: Reformat, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return stepwise_order(io)

    def cost(self, op: Reformat, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: 30 cycles for eight words, 8 for one that is left."""
        words = stored_bytes(io) // 4
        cycles = 50 + 30 * (words // 8) + 8 * (words % 8)
        return Cost(round(0.5 * cycles), cycles)

    def pack(self, op: Reformat, io: KernelIO) -> Packed:  # noqa: ARG002
        """See `Kernel.pack`."""
        return Packed(
            call={"count": stored_bytes(io)},
            pieces={"flip": Piece("dsp_flip", "words", {})},
        )
