"""Plain C pooling of float32: the mean of every window."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.float_pool2d import Float32Pool
from edgegen.ops.average_pool2d import AveragePool2D


class Float32AveragePool2D(Float32Pool[AveragePool2D]):
    """Window by window."""

    op: ClassVar[type[Op]] = AveragePool2D
    function: ClassVar[str] = "average"
