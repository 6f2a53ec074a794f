"""TANH of int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.sigmoid16 import Sigmoid16
from edgegen.ops.sigmoid16 import Rescaling
from edgegen.ops.tanh import Tanh


class Int16Tanh(Sigmoid16[Tanh]):
    """By the table of the sigmoid."""

    op: ClassVar[type[Op]] = Tanh
    function: ClassVar[str] = "tanh"

    def rescaling(self, op: Tanh, io: OpIO) -> Rescaling:
        """See `Sigmoid16.rescaling`."""
        return op.rescaling(io)
