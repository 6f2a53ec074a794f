"""Plain C nearest-neighbour resizing, pixel by pixel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op
from edgegen.kernels.base import (
    ANY_NUMBERS,
    Constant,
    ConstantKind,
    Cost,
    Kernel,
    KernelIO,
    Numbers,
    Packed,
)
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import NO_PROMISE, AccessOrder
from edgegen.ops.resize_nearest_neighbor import ResizeNearestNeighbor


class ScalarResizeNearestNeighbor(Kernel[ResizeNearestNeighbor]):
    """Tables name the input row of each output row, and the same for columns."""

    op: ClassVar[type[Op]] = ResizeNearestNeighbor
    name: ClassVar[str] = "scalar"
    computes: ClassVar[frozenset[Numbers]] = ANY_NUMBERS
    code_bytes: ClassVar[int] = 120

    def flash_bytes(self, op: ResizeNearestNeighbor, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        _, high, wide, _ = io.output.type.shape
        return 2 * (high + wide) + sum(c.data.nbytes for c in operand_constants(io, 1))

    def order(self, op: ResizeNearestNeighbor, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`: memcpy must not see overlapping buffers."""
        return NO_PROMISE

    def cost(self, op: ResizeNearestNeighbor, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 40 cycles a pixel and 1 a byte."""
        _, high, wide, depth = io.output.type.shape
        return Cost(high * wide * (32 + depth), high * wide * (40 + depth))

    def pack(self, op: ResizeNearestNeighbor, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        _, _, width, depth = io.input(0).type.shape
        _, high, wide, _ = io.output.type.shape
        rows, columns = op.pixels(io)
        return Packed(
            constants=(
                *operand_constants(io, 1),
                Constant("rows", rows.astype(np.int16), ConstantKind.TABLE),
                Constant("columns", columns.astype(np.int16), ConstantKind.TABLE),
            ),
            call={
                "high": high,
                "wide": wide,
                "pixel": depth * io.output.type.dtype.bytes,
                "row": width * depth * io.output.type.dtype.bytes,
            },
        )
