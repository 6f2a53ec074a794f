"""Plain C pooling, channels first."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import float_literal
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_convolution import channels_first, triple
from edgegen.kernels.strided_pooling import pack_pooling, pooling_cost, pooling_shape
from edgegen.ops.pooling import Pooling


class ScalarPooling(PlainKernel[Pooling]):
    """Window by window."""

    op: ClassVar[type[Op]] = Pooling
    code_bytes: ClassVar[int] = 480

    def cost(self, op: Pooling, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return pooling_cost(io, math.prod(op.windows.size))

    def pack(self, op: Pooling, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        w = op.windows
        axes = channels_first(len(io.input(0).type.shape))
        shape = pooling_shape(io, axes, w.size, w.stride, w.dilation, w.before)
        return pack_pooling(io, op.function, shape, self._extra(op, io))

    def _extra(self, op: Pooling, io: OpIO) -> dict[str, Any]:
        if op.function == "average":
            low, high = zip(*op.counted(io), strict=True)
            return {"low": triple(low, 0), "high": triple(high, 1)}
        if op.function == "first_max":
            return {"index_step": triple(op.index_steps(io), 0)}
        return {"power": float_literal(op.power), "root": float_literal(1.0 / op.power)}
