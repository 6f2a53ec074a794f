"""Layers that run row by row, so that buffers between them hold a few rows instead of an image.

A row is one index of the image's height (see `formats.image`): all its pixels and channels. A
`RowKernel` computes one output row from pointers to the input rows that it needs. Any kernel whose
operator needs one input row for an output row can do so too, as `ByRows`: it is packed for an image
of height 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from edgegen.ir import Op, OpIO, Tensor
from edgegen.ir.row_window import RowWindow
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.formats import DENSE, HWC, Format, image
from edgegen.kernels.order import NO_PROMISE, AccessOrder
from edgegen.target.cores import Core

OpT = TypeVar("OpT", bound=Op)


class RowKernel(Kernel[OpT]):
    """A kernel that computes one output row a call; it is chosen only where layers run by rows.

    Its template's `call` macro finds, besides what every kernel has (the C variables `arena` and
    `y`, the number of the row):

    * `v.window_rows[k]`: for an input with a window of several rows, a C array of pointers to them
      (`const uint8_t *const *`), NULL for rows outside the image;
    * `v.inputs[k]`: for an input of one row, the pointer to it;
    * `v.outputs[0]`: the pointer to the output row;
    * `v.state`: what `state_bytes` asked for.

    A kernel that accumulates is called for each input row instead, `y` counting them: it keeps sums
    in `v.state`, sets them up at `y == 0` and writes the whole output at the last row.
    """

    accumulates: ClassVar[bool] = False
    """Whether it takes its input a row at a time into sums."""

    def state_bytes(self, op: OpT, io: KernelIO) -> int:  # noqa: ARG002
        """Bytes that must survive between its rows."""
        return 0

    def group_pixels(self, op: OpT, io: KernelIO) -> int | None:  # noqa: ARG002
        """Output pixels that are written together once their windows have been read.

        Groups follow each other from left to right and write all channels. None: the rows that it
        reads must stay until the whole output row is written.
        """
        return None

    def order(self, op: OpT, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`; rows are looked at one by one instead."""
        return NO_PROMISE


class ByRows(RowKernel[Op]):
    """A kernel of the ordinary kind, used on one row at a time."""

    def __init__(self, kernel: Kernel[Any]) -> None:
        self.kernel = kernel
        # Per instance: the registry never lists this class.
        self.op = kernel.op  # type: ignore[misc]
        self.name = kernel.name  # type: ignore[misc]
        self.requires = kernel.requires  # type: ignore[misc]
        self.expands = kernel.expands  # type: ignore[misc]
        self.computes = kernel.computes  # type: ignore[misc]

    @property
    def template(self) -> str:
        """The kernel's own."""
        return self.kernel.template

    def rejects(self, op: Op, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        windows = op.row_windows(io)
        if windows is None or any(w is not None and w.taps > 1 for w in windows):
            return "an output row needs several input rows"
        return str(self.kernel.rejects(op, one_row(io), core))

    def formats(self, op: Op, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`; planes have no rows of pixels."""
        row = one_row(io)
        return tuple(
            f for f in self.kernel.formats(op, row) if {*f.inputs, f.output} <= {DENSE, HWC}
        )

    def scratch_bytes(self, op: Op, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`."""
        return self.kernel.scratch_bytes(op, one_row_site(io))

    def flash_bytes(self, op: Op, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return self.kernel.flash_bytes(op, one_row_site(io))

    def code(self, op: Op, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return self.kernel.code(op, one_row_site(io))

    def cost(self, op: Op, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        row = self.kernel.cost(op, one_row_site(io))
        rows = image(io.output.type)[0]
        return Cost(rows * row.instructions, rows * row.cycles)

    def pack(self, op: Op, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return self.kernel.pack(op, one_row_site(io))


def one_row(io: OpIO) -> OpIO:
    """An operator's tensors cut to an image of height 1; constants stay."""
    return OpIO(
        tuple(None if t is None else _one_row(t) for t in io.inputs),
        tuple(_one_row(t) for t in io.outputs),
    )


def one_row_site(io: KernelIO) -> KernelIO:
    """The same with formats."""
    row = one_row(io)
    return replace(io, inputs=row.inputs, outputs=row.outputs)


def _one_row(tensor: Tensor) -> Tensor:
    if tensor.data is not None:
        return tensor
    _, width, channels = image(tensor.type)
    return replace(tensor, type=replace(tensor.type, shape=(1, 1, width, channels)))


def row_bytes(form: Format, kind: Any) -> int:
    """Bytes from one row of a buffer to the next; the format must keep rows of pixels together."""
    assert form in (DENSE, HWC)
    height = image(kind)[0]
    return (form.size(kind) - form.slack) // height


@dataclass(frozen=True)
class Rows:
    """How a call goes through its tensors.

    Attributes:
        windows: for each input the rows that an output row needs; None for what is no image.
        steps: calls of its function in all: output rows, or input rows if it accumulates.
        accumulates: whether it takes input rows into sums and writes all at the last.
        group_pixels: see `RowKernel.group_pixels`.
        columns: which columns of input 0 an output column needs; None: all of them.
    """

    windows: tuple[RowWindow | None, ...]
    steps: int
    accumulates: bool = False
    group_pixels: int | None = None
    columns: RowWindow | None = None

    @property
    def pointers(self) -> bool:
        """Whether any input is given as an array of pointers to rows."""
        return any(self.needs_pointers(k) for k in range(len(self.windows)))

    def needs_pointers(self, index: int) -> bool:
        """Whether input `index` is given as an array of pointers, for want of a single row."""
        window = self.windows[index]
        return (
            window is not None and not self.accumulates and (window.taps, window.before) != (1, 0)
        )


def rows_of(op: Op, io: KernelIO, kernel: RowKernel[Any]) -> Rows:
    """How a call of a row kernel goes through its tensors."""
    windows = op.row_windows(io)
    assert windows is not None
    source = next(k for k, w in enumerate(windows) if w is not None)
    tensor = io.input(source)
    steps = image(tensor.type if kernel.accumulates else io.output.type)[0]
    return Rows(
        windows,
        steps,
        kernel.accumulates,
        kernel.group_pixels(op, io),
        op.column_window(io),
    )
