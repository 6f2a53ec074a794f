"""LOGISTIC of int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.sigmoid16 import Sigmoid16
from edgegen.ops.logistic import Logistic
from edgegen.ops.sigmoid16 import Rescaling


class Int16Logistic(Sigmoid16[Logistic]):
    """By the table of the sigmoid."""

    op: ClassVar[type[Op]] = Logistic
    function: ClassVar[str] = "logistic"

    def rescaling(self, op: Logistic, io: OpIO) -> Rescaling:
        """See `Sigmoid16.rescaling`."""
        return op.rescaling(io)
