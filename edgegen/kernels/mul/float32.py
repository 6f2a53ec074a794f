"""Plain C float32 multiplication with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.mul import Mul
from edgegen.ops.real import activation_limits


class Float32Mul(Float32Pointwise[Mul]):
    """Value by value."""

    op: ClassVar[type[Op]] = Mul
    function: ClassVar[str] = "mul"

    def limits(self, op: Mul) -> tuple[float, float]:
        """See `Float32Pointwise.limits`."""
        return activation_limits(op.activation)
