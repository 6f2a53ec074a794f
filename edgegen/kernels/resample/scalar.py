"""Plain C: weighted means along an axis."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Packed
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_convolution import convolution_cost
from edgegen.ops.resample import Resample


class ScalarResample(PlainKernel[Resample]):
    """Output by output; places and weights are tables."""

    op: ClassVar[type[Op]] = Resample
    code_bytes: ClassVar[int] = 160

    def cost(self, op: Resample, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return convolution_cost(op.macs(io), io.output.type.elements)

    def pack(self, op: Resample, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        shape, places = io.input(0).type.shape, io.input(1).values
        return Packed(
            constants=(
                *operand_constants(io, 1),
                Constant("places", places.astype(np.int32), ConstantKind.TABLE),
                Constant("weights", io.input(2).values.astype(np.float32), ConstantKind.TABLE),
            ),
            call={
                "outer": math.prod(shape[: op.axis]),
                "size": shape[op.axis],
                "inner": math.prod(shape[op.axis + 1 :]),
                "outputs_count": places.shape[0],
                "taps": places.shape[1],
            },
        )
