"""The plain C maximum pooling, one output row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.max_pool2d.scalar import ScalarMaxPool2D
from edgegen.kernels.row_call import HeldRows, row_cost
from edgegen.ops.max_pool2d import MaxPool2D


class ScalarMaxPool2DRows(HeldRows[MaxPool2D], ScalarMaxPool2D):
    """Shares its routine with the kernel over whole images."""

    name: ClassVar[str] = "scalar_rows"
    by_rows: ClassVar[bool] = True

    @property
    def template(self) -> str:
        """That of `scalar`."""
        return ScalarMaxPool2D().template

    def code(self, op: MaxPool2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return ScalarMaxPool2D().code(op, io)

    def cost(self, op: MaxPool2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return row_cost(io, op.window()[0], super().cost(op, io))
