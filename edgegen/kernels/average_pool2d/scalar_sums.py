"""Average pooling of a whole image, a row at a time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, KernelIO, Packed
from edgegen.kernels.row_sums import RowSums, sum_formats
from edgegen.kernels.rows import RowKernel
from edgegen.ops.average_pool2d import AveragePool2D
from edgegen.target.cores import Core


class ScalarAveragePool2DSums(RowKernel[AveragePool2D]):
    """One window that covers the image."""

    op: ClassVar[type[Op]] = AveragePool2D
    name: ClassVar[str] = "scalar_sums"
    code_bytes: ClassVar[int] = 250
    accumulates: ClassVar[bool] = True

    def rejects(self, op: AveragePool2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        rows, columns = op.spans(io)
        whole = [slice(0, n) for n in io.input(0).type.shape[1:3]]
        return "" if [*rows, *columns] == whole else "there are several windows"

    def formats(self, op: AveragePool2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return sum_formats(io)

    def state_bytes(self, op: AveragePool2D, io: KernelIO) -> int:  # noqa: ARG002
        """See `RowKernel.state_bytes`."""
        return _sums(io).bytes

    def flash_bytes(self, op: AveragePool2D, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return 0

    def cost(self, op: AveragePool2D, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return _sums(io).cost(each=40)

    def pack(self, op: AveragePool2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        sums = _sums(io)
        low, high = op.output_range(io)
        return Packed(
            call={**sums.call, "count": sums.count, "out_min": low + 128, "out_max": high + 128},
            routine=sums.routine,
            variant=sums.variant,
        )


def _sums(io: KernelIO) -> RowSums:
    return RowSums.of(io, whole_rows=True)
