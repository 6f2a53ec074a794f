"""Plain C bilinear resizing of float32."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, KernelIO, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import Float32Kernel
from edgegen.ops.resize_bilinear import ResizeBilinear

_CYCLES_PER_VALUE = 40
"""Rough; plain C has no rivals, the figure only ranks layers."""


class Float32ResizeBilinear(Float32Kernel[ResizeBilinear]):
    """Tables name the two rows and columns of each output, and the share of the second."""

    op: ClassVar[type[Op]] = ResizeBilinear
    code_bytes: ClassVar[int] = 300

    def flash_bytes(self, op: ResizeBilinear, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        _, high, wide, _ = io.output.type.shape
        return 8 * (high + wide) + sum(c.data.nbytes for c in operand_constants(io, 1))

    def cost(self, op: ResizeBilinear, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        cycles = io.output.type.elements * _CYCLES_PER_VALUE
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: ResizeBilinear, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        (_, height, width, depth), (_, high, wide, _) = io.input(0).type.shape, io.output.type.shape
        rows, columns = op.real_axis(height, high), op.real_axis(width, wide)
        pairs = {"rows": rows, "columns": columns}
        places = {
            k: np.stack((a.first, a.second), axis=1).astype(np.int16) for k, a in pairs.items()
        }
        return Packed(
            constants=(
                *operand_constants(io, 1),
                *(Constant(k, v, ConstantKind.TABLE) for k, v in places.items()),
                *(
                    Constant(f"{k}_share", a.weight.astype(np.float32), ConstantKind.TABLE)
                    for k, a in pairs.items()
                ),
            ),
            call={"high": high, "wide": wide, "depth": depth, "row": width * depth},
        )
