"""Plain C bilinear resizing, value by value."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.base import Cost, Kernel, KernelIO, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import NO_PROMISE, AccessOrder
from edgegen.ops.resize_bilinear import FRACTION_BITS, ONE, ResizeBilinear


class ScalarResizeBilinear(Kernel[ResizeBilinear]):
    """Coordinates with ten fractional bits, four products a value."""

    op: ClassVar[type[Op]] = ResizeBilinear
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 360

    def flash_bytes(self, op: ResizeBilinear, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: the size is a parameter, not an array."""
        return sum(c.data.nbytes for c in operand_constants(io, 1))

    def order(self, op: ResizeBilinear, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return NO_PROMISE

    def cost(self, op: ResizeBilinear, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 24 cycles a value and 60 a pixel."""
        _, high, wide, depth = io.output.type.shape
        return Cost(high * wide * (48 + 19 * depth), high * wide * (60 + 24 * depth))

    def pack(self, op: ResizeBilinear, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        _, height, width, depth = io.input(0).type.shape
        _, high, wide, _ = io.output.type.shape
        down, right = op.scale(height, high), op.scale(width, wide)
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "height": height,
                "width": width,
                "depth": depth,
                "high": high,
                "wide": wide,
                "y_scale": down,
                "y_offset": op.offset(down),
                "x_scale": right,
                "x_offset": op.offset(right),
            },
            routine={
                "one": ONE,
                "more": ONE - 1,
                "half": ONE * ONE // 2,
                "whole": ONE * ONE,
                "bits": FRACTION_BITS,
            },
        )
