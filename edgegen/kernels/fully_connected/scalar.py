"""Plain C dense layer: one output at a time."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Constant, Cost, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.fitted import FittedTable, fitted
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import Accesses, AccessOrder, by_byte
from edgegen.kernels.requantise import bias_constant
from edgegen.kernels.sums import sums_bias, sums_multipliers, sums_of
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.rules import is_int16

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
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS

    def order(self, op: FullyConnected, io: OpIO) -> AccessOrder:
        """See `Kernel.order`: row by row, every unit reads its whole row."""
        units, depth = io.input(1).type.shape
        rows = op.rows(io)

        def promise() -> Accesses:
            written = np.arange(rows * units, dtype=np.int64)
            read = np.repeat(written[units - 1 :: units], depth)
            item = io.output.type.dtype.bytes
            return by_byte({0: np.repeat(read, item)}, np.repeat(written, item))

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
        multipliers = op.multipliers(io)
        sums = sums_of(io, 0, multipliers[1])
        mantissa, shift = sums_multipliers(*multipliers, sums)
        constants = [
            Constant("weights", io.input(1).values.astype(np.int8)),
            sums_bias(io, units, sums) if is_int16(io) else folded_bias(io),
            *operand_constants(io, 1),
        ]
        call: dict[str, Any] = {
            **sums.routine,
            "per_channel": quant.per_channel,
            "rows": op.rows(io),
            "depth": depth,
            "units": units,
            "out_zero_point": io.output.type.zero_point,
            "out_min": low,
            "out_max": high,
        }
        if quant.per_channel:
            constants += [mantissa, shift]
        else:
            call |= {"mantissa": int(mantissa.data[0]), "shift": int(shift.data[0])}
        return Packed(
            constants=tuple(constants),
            call=call,
            routine={"per_channel": quant.per_channel, **sums.routine},
            variant=sums.variant + ("per_channel" if quant.per_channel else ""),
            helpers=sums.helpers,
        )


def folded_bias(io: OpIO) -> Constant:
    """The bias minus the input's zero point times each unit's weights, int32 [units].

    It fits: `overflow_problems` leaves room for both terms.
    """
    bias = bias_constant(io, io.input(1).type.shape[0]).data.astype(np.int64)
    sums = io.input(1).values.astype(np.int64).sum(axis=1)
    return Constant("bias", (bias - io.input(0).type.zero_point * sums).astype(np.int32))
