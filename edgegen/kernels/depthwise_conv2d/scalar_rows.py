"""The plain C depthwise convolution, one output row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.depthwise_conv2d.scalar import ScalarDepthwiseConv2D
from edgegen.kernels.row_call import HeldRows, row_cost
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D


class ScalarDepthwiseConv2DRows(HeldRows[DepthwiseConv2D], ScalarDepthwiseConv2D):
    """Shares its routine with the kernel over whole images."""

    name: ClassVar[str] = "scalar_rows"
    by_rows: ClassVar[bool] = True

    @property
    def template(self) -> str:
        """That of `scalar`."""
        return ScalarDepthwiseConv2D().template

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return ScalarDepthwiseConv2D().code(op, io)

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return row_cost(io, op.window(io)[0], super().cost(op, io))
