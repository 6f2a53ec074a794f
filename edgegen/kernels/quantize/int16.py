"""QUANTIZE of int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.rescaled import Rescaled16
from edgegen.ops.quantize import Quantize
from edgegen.quant.fixed_point import Multiplier


class Int16Quantize(Rescaled16[Quantize]):
    """To int8 or int16."""

    op: ClassVar[type[Op]] = Quantize

    def rescaling(self, op: Quantize, io: OpIO) -> tuple[Multiplier, tuple[int, int]]:
        """See `Rescaled16.rescaling`."""
        return op.multiplier(io), io.output.type.dtype.limits
