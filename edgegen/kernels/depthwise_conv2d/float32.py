"""Plain C depthwise convolution on float32, any shape that the operator allows."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Packed
from edgegen.kernels.strided_convolution import (
    CHANNELS_LAST,
    Axes,
    Float32Layer,
    pack_convolution,
    strided,
)
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.real import activation_limits

FILTER_AXES = Axes(batch=3, channel=0, space=(1, 2))
"""Filters are [1, high, wide, out]: every group has one input channel."""


class Float32DepthwiseConv2D(Float32Layer[DepthwiseConv2D]):
    """A convolution with as many groups as there are input channels."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    pixels_per_pass: ClassVar[int] = 1

    def pack(self, op: DepthwiseConv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        windows, (_, height, width, depth) = op.window(io), io.input(0).type.shape
        shape = strided(
            (io.input(0).type.shape, io.output.type.shape),
            CHANNELS_LAST,
            (io.input(1).type.shape, FILTER_AXES),
            depth,
            op.stride,
            op.dilation,
            [w.before(size) for w, size in zip(windows, (height, width), strict=True)],
        )
        return pack_convolution(io, shape, activation_limits(op.activation))
