"""Plain C float32 sigmoid."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.logistic import Logistic


class Float32Logistic(Float32Pointwise[Logistic]):
    """Value by value."""

    op: ClassVar[type[Op]] = Logistic
    function: ClassVar[str] = "sigmoid"
