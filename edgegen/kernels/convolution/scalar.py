"""Plain C convolution, channels first."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_convolution import (
    channels_first,
    convolution_cost,
    pack_convolution,
    strided,
)
from edgegen.ops.convolution import Convolution


class ScalarConvolution(PlainKernel[Convolution]):
    """Output by output."""

    op: ClassVar[type[Op]] = Convolution
    code_bytes: ClassVar[int] = 600

    def cost(self, op: Convolution, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return convolution_cost(op.macs(io), io.output.type.elements)

    def pack(self, op: Convolution, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        axes = channels_first(len(io.output.type.shape))
        shapes = (io.input(0).type.shape, io.output.type.shape)
        w = op.windows
        filters = (io.input(1).type.shape, axes)
        shape = strided(shapes, axes, filters, op.groups, w.stride, w.dilation, w.before)
        return pack_convolution(io, shape)
