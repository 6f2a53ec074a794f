"""Plain C: transposed convolution, channels first."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_convolution import Axes, channels_first, convolution_cost, strided
from edgegen.ops.transposed_convolution import TransposedConvolution


class ScalarTransposedConvolution(PlainKernel[TransposedConvolution]):
    """Output by output: the taps whose input lies between two strides add nothing."""

    op: ClassVar[type[Op]] = TransposedConvolution
    code_bytes: ClassVar[int] = 600

    def cost(self, op: TransposedConvolution, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return convolution_cost(op.macs(io), io.output.type.elements)

    def pack(self, op: TransposedConvolution, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        axes = channels_first(len(io.output.type.shape))
        shapes = (io.input(0).type.shape, io.output.type.shape)
        w, swapped = op.windows, Axes(1, 0, axes.space)
        filters = (io.input(1).type.shape, swapped)
        shape = strided(shapes, axes, filters, op.groups, w.stride, w.dilation, w.before)
        dtype = io.output.type.dtype
        return Packed(
            constants=operand_constants(io, len(io.inputs)),
            call={"shape": shape, "type": c_type(dtype), "bias": io.optional(2) is not None},
            routine={"type": c_type(dtype)},
            variant=short_type(dtype),
        )
