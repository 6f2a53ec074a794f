"""The plain C average pooling, one output row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.kernels.average_pool2d.scalar import ScalarAveragePool2D
from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.row_call import HeldRows, row_cost
from edgegen.ops.average_pool2d import AveragePool2D


class ScalarAveragePool2DRows(HeldRows[AveragePool2D], ScalarAveragePool2D):
    """Shares its routine with the kernel over whole images."""

    name: ClassVar[str] = "scalar_rows"
    by_rows: ClassVar[bool] = True

    @property
    def template(self) -> str:
        """That of `scalar`."""
        return ScalarAveragePool2D().template

    def code(self, op: AveragePool2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return ScalarAveragePool2D().code(op, io)

    def cost(self, op: AveragePool2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return row_cost(io, op.window()[0], super().cost(op, io))
