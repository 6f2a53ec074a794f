"""Plain C convolution on float32, any shape that the operator allows."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Packed
from edgegen.kernels.strided_convolution import (
    CHANNELS_LAST,
    Float32Layer,
    pack_convolution,
    strided,
)
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.real import activation_limits


class Float32Conv2D(Float32Layer[Conv2D]):
    """Weights as the model has them: [out, high, wide, in / groups]."""

    op: ClassVar[type[Op]] = Conv2D
    pixels_per_pass: ClassVar[int] = 1

    def pack(self, op: Conv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        windows, (_, height, width, _) = op.window(io), io.input(0).type.shape
        shape = strided(
            (io.input(0).type.shape, io.output.type.shape),
            CHANNELS_LAST,
            (io.input(1).type.shape, CHANNELS_LAST),
            op.groups(io),
            op.stride,
            op.dilation,
            [w.before(size) for w, size in zip(windows, (height, width), strict=True)],
        )
        return pack_convolution(io, shape, activation_limits(op.activation))
