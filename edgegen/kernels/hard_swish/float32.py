"""Plain C float32 hard swish."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.hard_swish import HardSwish


class Float32HardSwish(Float32Pointwise[HardSwish]):
    """Value by value."""

    op: ClassVar[type[Op]] = HardSwish
    function: ClassVar[str] = "hard_swish"
