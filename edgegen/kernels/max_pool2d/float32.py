"""Plain C pooling of float32: the maximum of every window."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.float_pool2d import Float32Pool
from edgegen.ops.max_pool2d import MaxPool2D


class Float32MaxPool2D(Float32Pool[MaxPool2D]):
    """Window by window."""

    op: ClassVar[type[Op]] = MaxPool2D
    function: ClassVar[str] = "max"
