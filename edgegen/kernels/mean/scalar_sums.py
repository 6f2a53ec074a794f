"""Mean over height, or height and width, a row at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, KernelIO, Packed
from edgegen.kernels.row_sums import RowSums, sum_formats
from edgegen.kernels.rows import RowKernel
from edgegen.ops.mean import Mean
from edgegen.target.cores import Core


class ScalarMeanSums(RowKernel[Mean]):
    """One sum for each channel, or for each column and channel."""

    op: ClassVar[type[Op]] = Mean
    name: ClassVar[str] = "scalar_sums"
    code_bytes: ClassVar[int] = 260
    accumulates: ClassVar[bool] = True

    def rejects(self, op: Mean, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if op.row_windows(io) is None or io.input(0).type.shape[0] != 1:
            return "the axes are not height, or height and width, of one image"
        return ""

    def formats(self, op: Mean, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return sum_formats(io)

    def state_bytes(self, op: Mean, io: KernelIO) -> int:
        """See `RowKernel.state_bytes`."""
        return _sums(op, io).bytes

    def flash_bytes(self, op: Mean, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: the axes are not stored."""
        return 0

    def cost(self, op: Mean, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return _sums(op, io).cost(each=45)

    def pack(self, op: Mean, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        sums = _sums(op, io)
        return Packed(
            call={
                **sums.call,
                "bias": -(io.input(0).type.zero_point + 128) * op.count(io),
                "multiplier": op.multiplier(io),
                "out_zero_point": io.output.type.zero_point,
            },
            routine=sums.routine,
            variant=sums.variant,
            helpers=("requantise", "clamp_s8"),
        )


def _sums(op: Mean, io: KernelIO) -> RowSums:
    return RowSums.of(io, whole_rows=2 in op.axes(io))
