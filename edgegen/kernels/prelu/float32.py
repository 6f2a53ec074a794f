"""Plain C float32 PReLU."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.pointwise_layer import Float32Pointwise
from edgegen.ops.prelu import Prelu


class Float32Prelu(Float32Pointwise[Prelu]):
    """Value by value."""

    op: ClassVar[type[Op]] = Prelu
    function: ClassVar[str] = "prelu"
