"""Plain C float32 clamping."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.real import activation_limits
from edgegen.ops.relu import Relu


class Float32Relu(Float32Pointwise[Relu]):
    """Value by value."""

    op: ClassVar[type[Op]] = Relu
    function: ClassVar[str] = "identity"

    def limits(self, op: Relu) -> tuple[float, float]:
        """See `Float32Pointwise.limits`."""
        return activation_limits(op.activation)
