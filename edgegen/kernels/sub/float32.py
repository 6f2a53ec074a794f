"""Plain C float32 subtraction with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.real import activation_limits
from edgegen.ops.sub import Sub


class Float32Sub(Float32Pointwise[Sub]):
    """Value by value."""

    op: ClassVar[type[Op]] = Sub
    function: ClassVar[str] = "sub"

    def limits(self, op: Sub) -> tuple[float, float]:
        """See `Float32Pointwise.limits`."""
        return activation_limits(op.activation)
