"""Plain C padding of float32."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.plain import Float32Kernel
from edgegen.kernels.strided_rearrangement import TEMPLATE, pack_rearrangement, rearrange_cost
from edgegen.ops.pad import Pad
from edgegen.ops.rearrange import OUTSIDE
from edgegen.ops.strided import strides
from edgegen.quant.fixed_point import Int64


class Float32Pad(Float32Kernel[Pad]):
    """One table an axis that has a border."""

    op: ClassVar[type[Op]] = Pad
    code_bytes: ClassVar[int] = 200
    shared_template: ClassVar[str] = TEMPLATE

    def cost(self, op: Pad, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return rearrange_cost(io)

    def pack(self, op: Pad, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_rearrangement(io, pad_tables(op, io), 0, op.float_fill(io))


def pad_tables(op: Pad, io: OpIO) -> list[Int64]:
    """For each axis the offsets of the input's elements, `OUTSIDE` for the border."""
    shape = io.input(0).type.shape
    return [
        np.pad(np.arange(size) * step, border, constant_values=OUTSIDE).astype(np.int64)
        for size, step, border in zip(shape, strides(shape), op.amounts(io), strict=True)
    ]
