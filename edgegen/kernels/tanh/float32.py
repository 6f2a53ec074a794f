"""Plain C float32 hyperbolic tangent."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.tanh import Tanh


class Float32Tanh(Float32Pointwise[Tanh]):
    """Value by value."""

    op: ClassVar[type[Op]] = Tanh
    function: ClassVar[str] = "tanh"
