"""What the float32 kernels of average and maximum pooling share."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeVar

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.plain import Float32Kernel
from edgegen.kernels.strided_convolution import CHANNELS_LAST
from edgegen.kernels.strided_pooling import TEMPLATE, pack_pooling, pooling_cost, pooling_shape
from edgegen.ops.pool2d import Pool2D
from edgegen.ops.real import activation_limits

PoolT = TypeVar("PoolT", bound=Pool2D)


class Float32Pool(Float32Kernel[PoolT]):
    """Pooling of NHWC; padding never counts as a value."""

    code_bytes: ClassVar[int] = 480
    shared_template: ClassVar[str] = TEMPLATE

    @property
    @abstractmethod
    def function(self) -> str:
        """One of `ops.pooling.FUNCTIONS`."""

    def cost(self, op: PoolT, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return pooling_cost(io, op.size[0] * op.size[1])

    def pack(self, op: PoolT, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        _, height, width, _ = io.input(0).type.shape
        before = [w.before(n) for w, n in zip(op.window(), (height, width), strict=True)]
        shape = pooling_shape(io, CHANNELS_LAST, op.size, op.stride, (1, 1), before)
        counted = {"low": (0, 0, 0), "high": shape.in_size}
        return pack_pooling(io, self.function, shape, counted, activation_limits(op.activation))
