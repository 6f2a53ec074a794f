"""Plain C float32 addition with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.add import Add
from edgegen.ops.real import activation_limits


class Float32Add(Float32Pointwise[Add]):
    """Value by value."""

    op: ClassVar[type[Op]] = Add
    function: ClassVar[str] = "add"

    def limits(self, op: Add) -> tuple[float, float]:
        """See `Float32Pointwise.limits`."""
        return activation_limits(op.activation)
