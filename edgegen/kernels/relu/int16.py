"""RELU and RELU6 of int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.rescaled import Rescaled16
from edgegen.ops.relu import Relu
from edgegen.quant.fixed_point import Multiplier


class Int16Relu(Rescaled16[Relu]):
    """A requantisation that ends at the activation's bounds."""

    op: ClassVar[type[Op]] = Relu

    def rescaling(self, op: Relu, io: OpIO) -> tuple[Multiplier, tuple[int, int]]:
        """See `Rescaled16.rescaling`."""
        return op.multiplier(io), op.output_range(io)
