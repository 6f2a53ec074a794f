"""Plain C float32 leaky ReLU."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.leaky_relu import LeakyRelu


class Float32LeakyRelu(Float32Pointwise[LeakyRelu]):
    """Value by value."""

    op: ClassVar[type[Op]] = LeakyRelu
    function: ClassVar[str] = "leaky_relu"

    def parameters(self, op: LeakyRelu) -> tuple[float, ...]:
        """See `Float32Pointwise.parameters`."""
        return (op.alpha,)
