"""Plain C dense layer: one output at a time."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Kernel, KernelIO, Packed
from edgegen.kernels.fitted import FittedTable, fitted
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import Accesses, AccessOrder, by_byte
from edgegen.kernels.requantise import bias_constant, channel_constants
from edgegen.ops.fully_connected import FullyConnected

_COSTS: FittedTable = {
    "m0+": ((6.97, 104.61), (9.95, 139.21)),
    "m3": ((4.97, 39.91), (8.94, 60.55)),
    "m4": ((4.97, 40.54), (7.94, 55.16)),
}
"""For one multiply-accumulate, and one output."""


class ScalarFullyConnected(Kernel[FullyConnected]):
    """Weights as the model has them, [units, depth]; the input's zero point is in the bias."""

    op: ClassVar[type[Op]] = FullyConnected
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 256

    def order(self, op: FullyConnected, io: OpIO) -> AccessOrder:
        """See `Kernel.order`: row by row, every unit reads its whole row."""
        units, depth = io.input(1).type.shape
        rows = op.rows(io)

        def promise() -> Accesses:
            written = np.arange(rows * units, dtype=np.int64)
            read = np.repeat(written[units - 1 :: units], depth)
            return by_byte({0: read}, written)

        return AccessOrder(promise)

    def features(self, op: FullyConnected, io: OpIO) -> tuple[int, ...]:
        """What its cost depends on: multiply-accumulates, outputs."""
        return op.macs(io), io.output.type.elements

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, self.features(op, io))

    def pack(self, op: FullyConnected, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        units, depth = io.input(1).type.shape
        quant = io.input(1).type.quant
        assert quant is not None
        low, high = op.output_range(io)
        constants = [
            Constant("weights", io.input(1).values.astype(np.int8)),
            folded_bias(io),
            *operand_constants(io, 1),
        ]
        call: dict[str, Any] = {
            "per_channel": quant.per_channel,
            "rows": op.rows(io),
            "depth": depth,
            "units": units,
            "out_zero_point": io.output.type.zero_point,
            "out_min": low,
            "out_max": high,
        }
        if quant.per_channel:
            constants += channel_constants(io, units)
        else:
            mantissa, shift = op.multipliers(io)
            call |= {"mantissa": int(mantissa[0]), "shift": int(shift[0])}
        return Packed(
            constants=tuple(constants),
            call=call,
            routine={"per_channel": quant.per_channel},
            variant="per_channel" if quant.per_channel else "",
            helpers=("requantise", "clamp_s8"),
        )


def folded_bias(io: OpIO) -> Constant:
    """The bias minus the input's zero point times each unit's weights, int32 [units].

    It fits: `overflow_problems` leaves room for both terms.
    """
    bias = bias_constant(io, io.input(1).type.shape[0]).data.astype(np.int64)
    sums = io.input(1).values.astype(np.int64).sum(axis=1)
    return Constant("bias", (bias - io.input(0).type.zero_point * sums).astype(np.int32))
