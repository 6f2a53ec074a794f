"""The plain C convolution, one output row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.conv2d.scalar import ScalarConv2D
from edgegen.kernels.row_call import HeldRows, row_cost
from edgegen.ops.conv2d import Conv2D


class ScalarConv2DRows(HeldRows[Conv2D], ScalarConv2D):
    """Shares its routine with the kernel over whole images."""

    name: ClassVar[str] = "scalar_rows"
    by_rows: ClassVar[bool] = True

    @property
    def template(self) -> str:
        """That of `scalar`."""
        return ScalarConv2D().template

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return ScalarConv2D().code(op, io)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return row_cost(io, op.window(io)[0], super().cost(op, io))
