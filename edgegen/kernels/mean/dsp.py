"""MEAN over height and width for cores with the DSP extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.means import mean_code, mean_cost, mean_packed, solve_mean
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pool_windows import Windows, reject_mean, window_formats, window_order
from edgegen.kernels.solved import Solved
from edgegen.ops.mean import Mean
from edgegen.target.cores import Core


class DspMean(Kernel[Mean]):
    """One window over the whole image."""

    op: ClassVar[type[Op]] = Mean
    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: Mean, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        shape = io.input(0).type.shape
        if len(shape) != 4 or shape[0] != 1 or not {1, 2} <= set(op.axes(io)) <= {0, 1, 2}:
            return "the axes are not height and width of one image"
        reason = reject_mean(io, _windows(io))
        if not reason and _solved(op, io) is None:
            reason = "no constants could be proved for this scale"
        return reason

    def formats(self, op: Mean, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return window_formats(io, planes=True)

    def order(self, op: Mean, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return window_order(_windows(io), io)

    def code(self, op: Mean, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        solved = _solved(op, io)
        assert solved is not None
        return mean_code(self.path, io, solved)

    def cost(self, op: Mean, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        solved = _solved(op, io)
        assert solved is not None
        return mean_cost(_windows(io), io, solved)

    def flash_bytes(self, op: Mean, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: the axes are not stored."""
        return 8

    def pack(self, op: Mean, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        solved = _solved(op, io)
        assert solved is not None
        return mean_packed(_windows(io), io, solved)


def _windows(io: OpIO) -> Windows:
    return Windows.whole(*io.input(0).type.shape[1:3])


def _solved(op: Mean, io: OpIO) -> Solved | None:
    points = (io.input(0).type.zero_point, io.output.type.zero_point)
    return solve_mean(op.count(io), points, op.multiplier(io))
