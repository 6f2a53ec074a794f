"""Plain C dense layer on float32."""

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
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.real import activation_limits


class Float32FullyConnected(Float32Layer[FullyConnected]):
    """A convolution of one tap over as many pixels as the input has rows."""

    op: ClassVar[type[Op]] = FullyConnected

    def pack(self, op: FullyConnected, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        units, depth = io.input(1).type.shape
        rows = op.rows(io)
        shape = strided(
            ((1, rows, 1, depth), (1, rows, 1, units)),
            CHANNELS_LAST,
            ((units, 1, 1, depth), CHANNELS_LAST),
            1,
            (1, 1),
            (1, 1),
            (0, 0),
        )
        return pack_convolution(io, shape, activation_limits(op.activation))
