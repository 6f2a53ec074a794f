"""Kernels whose C routine computes one output row: by rows, or in a loop over a whole image."""

from __future__ import annotations

from typing import Any, ClassVar

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.rows import OpT, RowKernel
from edgegen.ops.window import Window

HELD = 64
"""Most bytes of a pixel that wait on the stack until its whole window has been read."""

ROW_CYCLES = 60
"""Of a layer's function for each row, besides those for each row of its window."""
TAP_CYCLES = 16
"""Of finding the address of a row of the window."""


def row_call(io: OpIO, vertical: Window, *, by_rows: bool) -> dict[str, Any]:
    """Variables of templates/lib/each_row.j2.

    Args:
        io: input and output NHWC.
        vertical: the window along the height.
        by_rows: whether the framework calls for each row.
    """
    height = io.input(0).type.shape[1]
    out_channels = io.output.type.shape[3]
    return {
        "by_rows": by_rows,
        "held": out_channels if out_channels <= HELD else 0,
        "in_height": height,
        "out_height": io.output.type.shape[1],
        "stride_height": vertical.stride,
        "dilation_height": vertical.dilation,
        "pad_top": vertical.before(height),
    }


def row_helpers(*, by_rows: bool) -> tuple[str, ...]:
    """The helpers of templates/lib/each_row.j2."""
    return () if by_rows else ("rows",)


def rows_inside(vertical: Window, height: int) -> list[int]:
    """For each output row, how many rows of its window are on the image."""
    first = -vertical.before(height)
    starts = range(first, first + vertical.outputs(height) * vertical.stride, vertical.stride)
    taps = range(0, vertical.extent, vertical.dilation)
    return [sum(0 <= start + tap < height for tap in taps) for start in starts]


def row_cycles(io: OpIO, vertical: Window) -> int:
    """Cycles of calling a layer's function for every row and finding the rows of its window."""
    return int(io.output.type.shape[1]) * (ROW_CYCLES + TAP_CYCLES * vertical.size)


def row_cost(io: KernelIO, vertical: Window, whole: Cost) -> Cost:
    """The cost of a kernel by rows, from that over the whole image."""
    calls = row_cycles(io, vertical)
    return Cost(whole.instructions + round(0.7 * calls), whole.cycles + calls)


class HeldRows(RowKernel[OpT]):
    """Base of row kernels that write all channels of a pixel after reading its window.

    It comes before the kernel over whole images among the base classes.
    """

    by_rows: ClassVar[bool] = True

    def group_pixels(self, op: OpT, io: KernelIO) -> int | None:  # noqa: ARG002
        """See `RowKernel.group_pixels`: a pixel whose channels fit the stack."""
        return 1 if io.output.type.shape[3] <= HELD else None
