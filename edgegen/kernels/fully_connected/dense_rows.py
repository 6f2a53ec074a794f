"""What the DSP kernels of fully connected layers share: rows, formats, order, requantisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Formats, Kernel, KernelIO, Piece
from edgegen.kernels.conv2d.gemm_input import GemmInput
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, image, round_up
from edgegen.kernels.fully_connected.dense_layer import BLOCK, solved_dense
from edgegen.kernels.gemm import Taps, Tile
from edgegen.kernels.order import Accesses, AccessOrder, steps
from edgegen.kernels.pairwise import saturation_variables
from edgegen.kernels.solved import Solved, Source
from edgegen.ops.fully_connected import FullyConnected
from edgegen.quant.fixed_point import Int64
from edgegen.target.cores import Core

FINISH_CYCLES = {"linear": 60, "two_branch": 96}
FINISH_BYTES = {"linear": 200, "two_branch": 310}
"""Of requantising and storing eight outputs, by form."""


@dataclass(frozen=True)
class Rows:
    """Rows of a layer, and how its input is widened.

    Attributes:
        count: number of rows.
        in_row: bytes from one row of inputs to the next.
        out_row: bytes from one row of outputs to the next.
        units: outputs of a row.
        copied: outputs of a row if they go through scratch memory, else 0.
        source: the input; its `channels` are the inputs of a row, padded to a multiple of 4.
    """

    count: int
    in_row: int
    out_row: int
    units: int
    copied: int
    source: GemmInput

    @classmethod
    def of(cls, op: FullyConnected, io: KernelIO) -> Rows:
        """The rows for the formats of `io`."""
        units, depth = io.input(1).type.shape
        in_row = row_bytes(op, io, io.input_formats[0])
        assert in_row is not None
        signed = io.input_formats[0].layout is Layout.DENSE
        dense = io.output_format.layout is Layout.DENSE
        return cls(
            op.rows(io),
            in_row,
            units if dense else round_up(units, 4),
            units,
            # A dense buffer has no room for what is computed beyond the last unit.
            units if dense and units % BLOCK else 0,
            # Whole words are widened, in the order 0, 2, 1, 3.
            GemmInput(
                signed,
                permuted=True,
                channels=round_up(depth, 4),
                source=Source.of(io.input(0).type.zero_point, signed),
            ),
        )

    @property
    def depth(self) -> int:
        """Inputs of a row, a multiple of 4."""
        return self.source.channels

    @property
    def blocks(self) -> int:
        """Blocks of channels, dummy channels in the last one."""
        return -(-self.units // BLOCK)

    @property
    def copy_cycles(self) -> int:
        """Cycles to copy a row of outputs from scratch memory, if it is."""
        return 20 + self.copied if self.copied else 0


def row_bytes(op: FullyConnected, io: OpIO, form: Format) -> int | None:
    """Bytes from one row of inputs to the next, or None where rows are not whole words."""
    depth = io.input(1).type.shape[1]
    channels = image(io.input(0).type)[2]
    if form.layout is Layout.DENSE:
        # What is read beyond the end of a single row, within its last word, meets zero weights.
        return depth if depth % 4 == 0 or op.rows(io) == 1 else None
    if channels == depth:
        return round_up(depth, 4)
    return depth if channels % 4 == 0 and depth % 4 == 0 else None


class DspDense(Kernel[FullyConnected]):
    """Base of kernels that compute eight channels of a row at a time."""

    op: ClassVar[type[Op]] = FullyConnected
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        sources = self._sources(op, io)
        if not sources:
            return "rows of inputs are not whole words in any format"
        if any(solved_dense(op, io, form) is None for form in sources):
            return "no two-lane weights and requantisation constants could be proved"
        return ""

    def _sources(self, op: FullyConnected, io: OpIO) -> list[Format]:
        return [f for f in (HWC, DENSE) if row_bytes(op, io, f) is not None]

    def formats(self, op: FullyConnected, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(
            Formats((source, *rest), target)
            for source in self._sources(op, io)
            for target in (HWC, DENSE)
        )

    def order(self, op: FullyConnected, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: a row is read before the first of its outputs is written."""
        rows = Rows.of(op, io)

        def promise() -> Accesses:
            row = np.arange(rows.count, dtype=np.int64)
            read, written = row * rows.in_row, row * rows.out_row
            units = rows.copied or BLOCK * rows.blocks
            size = io.input_formats[0].size(io.input(0).type)
            end = np.minimum(read + rows.depth, size)
            return steps((read, end), (written, written + units))

        return AccessOrder(promise)

    def solved(self, op: FullyConnected, io: KernelIO) -> Solved:
        """The requantisation of a layer that `rejects` lets pass."""
        solved = solved_dense(op, io, io.input_formats[0])
        assert solved is not None
        return solved

    def weights(self, io: KernelIO, rows: Rows) -> Int64:
        """Weights [units, depth] in the order of the widened input."""
        return rows.source.order(io.input(1).values.astype(np.int64))


def finish_pieces(solved: Solved, io: KernelIO) -> dict[str, Piece]:
    """The requantisation of eight sums, and that of its portable twin."""
    signed = io.output_format.layout is Layout.DENSE
    taps = Taps(rows=1, row=2, chunks=1, chunk=2, pairs=1, pixel=0)
    scalar = Tile(taps, solved, False, signed).pieces["requantise"]
    step = BLOCK * solved.words_per_channel  # bytes of the constants of two channels
    variables = {
        **saturation_variables(solved.saturation, signed=signed),
        "form": solved.form,
        "k": solved.k,
        "e": solved.e,
        "pairs": [(f"r{2 + 2 * j}", f"r{3 + 2 * j}", j * step) for j in range(4)],
        "next": f"add r1, #{4 * step}",
        "constants": solved.words_per_channel,
        "scalar": scalar.variant,
    }
    return {
        "requantise": scalar,
        "finish": Piece("dsp_dense_finish", scalar.variant, variables),
    }


def finish_code(solved: Solved, io: KernelIO) -> dict[str, int]:
    """Estimated bytes of the requantisation."""
    finish = finish_pieces(solved, io)["finish"]
    return {f"{finish.template} {finish.variant}": FINISH_BYTES[solved.form]}


def finish_cycles(solved: Solved) -> int:
    """Cycles of requantising and storing eight outputs on a Cortex-M4."""
    return FINISH_CYCLES[solved.form] + (0 if solved.e == 16 else 4)
