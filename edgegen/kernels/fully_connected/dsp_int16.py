"""Dense layer on int16 for cores with the DSP extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed
from edgegen.kernels.dot16 import (
    BLOCK,
    DspInt16,
    channels_cycles,
    pack_dot16,
    packed_bytes,
    padded,
)
from edgegen.kernels.fully_connected.scalar import ScalarFullyConnected
from edgegen.kernels.order import AccessOrder, steps
from edgegen.ops.fully_connected import FullyConnected


class DspInt16FullyConnected(DspInt16[FullyConnected]):
    """Four units at a time; rows that are no whole words of weights are copied to be padded."""

    op: ClassVar[type[Op]] = FullyConnected

    def order(self, op: FullyConnected, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        if not _copied(io):
            return ScalarFullyConnected().order(op, io)
        units, depth = io.input(1).type.shape
        at = np.arange(op.rows(io) + 1, dtype=np.int64) * 2
        read, written = at * depth, at * units
        return AccessOrder(lambda: steps((read[:-1], read[1:]), (written[:-1], written[1:])))

    def scratch_bytes(self, op: FullyConnected, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.scratch_bytes`."""
        return 2 * padded(io.input(1).type.shape[1]) if _copied(io) else 0

    def flash_bytes(self, op: FullyConnected, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        units, depth = io.input(1).type.shape
        return packed_bytes(depth, units)

    def code(self, op: FullyConnected, io: KernelIO) -> Mapping[str, int]:  # noqa: ARG002
        """See `Kernel.code`."""
        return {self.path: 220, "dsp_dot16": 100}

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        units, depth = io.input(1).type.shape
        copy = 40 + depth if _copied(io) else 0
        cycles = op.rows(io) * (channels_cycles(depth, units) + copy + 20)
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: FullyConnected, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        sums, constants, variables = pack_dot16(
            io, io.input(1).values, op.multipliers(io), op.output_range(io)
        )
        copied = _copied(io)
        return Packed(
            constants=constants,
            call={
                **variables,
                "rows": op.rows(io),
                "depth": io.input(1).type.shape[1],
                "copied": copied,
            },
            routine={"sums": sums, "copied": copied},
            variant=sums.variant + ("_copied" if copied else ""),
            helpers=(*sums.helpers, "dsp_dot16"),
        )


def _copied(io: OpIO) -> bool:
    """Whether rows need padding, or do not lie on words' boundaries."""
    return io.input(1).type.shape[1] % BLOCK != 0 or io.input(0).data is not None
