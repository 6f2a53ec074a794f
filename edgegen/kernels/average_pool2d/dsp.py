"""Average pooling for cores with the DSP extension: sums in 16-bit lanes, no division."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.means import mean_code, mean_cost, mean_packed, solve_averages
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pool_windows import Windows, reject_mean, window_formats, window_order
from edgegen.kernels.solved import Solved
from edgegen.ops.average_pool2d import AveragePool2D
from edgegen.target.cores import Core

MOST_COUNTS = 64
"""Window sizes, cut off at the borders, that get constants of their own: 8 bytes each."""


class DspAveragePool2D(Kernel[AveragePool2D]):
    """Any windows over pixels of whole words of channels; planes if they are averaged whole."""

    op: ClassVar[type[Op]] = AveragePool2D
    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: AveragePool2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        windows = Windows.of(op, io)
        reason = reject_mean(io, windows)
        if not reason and len(windows.counts) > MOST_COUNTS:
            reason = "too many windows of different sizes"
        if not reason and _solved(op, io) is None:
            reason = "no constants could be proved for these window sizes"
        return reason

    def formats(self, op: AveragePool2D, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        return window_formats(io, planes=Windows.of(op, io).covers_all)

    def order(self, op: AveragePool2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return window_order(Windows.of(op, io), io)

    def code(self, op: AveragePool2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        solved = _solved(op, io)
        assert solved is not None
        return mean_code(self.path, io, solved)

    def cost(self, op: AveragePool2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        solved = _solved(op, io)
        assert solved is not None
        return mean_cost(Windows.of(op, io), io, solved)

    def flash_bytes(self, op: AveragePool2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return 8 * len(Windows.of(op, io).counts)

    def pack(self, op: AveragePool2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        solved = _solved(op, io)
        assert solved is not None
        return mean_packed(Windows.of(op, io), io, solved)


def _solved(op: AveragePool2D, io: OpIO) -> Solved | None:
    return solve_averages(Windows.of(op, io).counts, *op.output_range(io))
