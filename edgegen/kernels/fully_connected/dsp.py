"""Dense layer for cores with the DSP extension: eight channels at a time, two-lane weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed, Piece
from edgegen.kernels.conv2d.gemm_input import GemmInput
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, image, round_up
from edgegen.kernels.fully_connected.dense_layer import BLOCK, pack_blocks, solved_dense
from edgegen.kernels.gemm import Taps, Tile, stream_constant
from edgegen.kernels.order import AccessOrder, Span
from edgegen.kernels.pairwise import saturation_variables
from edgegen.kernels.solved import Solved, Source
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

CHUNKS = (128, 64, 32, 16)
"""Taps that tiles are made for: a few sizes, so that layers share them."""
BYTES_PER_TAP = 33
"""Code of a tile for each of its taps."""
DRIVER_BYTES = 300
"""Code that all layers share."""
CODE_BYTES_PER_WEIGHT = 5
"""A small layer does not deserve the largest tile: its code may be this many times its weights."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a layer as the kernel sees it.

    Attributes:
        rows: rows of inputs.
        in_row: bytes from one row of inputs to the next.
        out_row: bytes from one row of outputs to the next.
        depth: inputs of a row, a multiple of 4.
        units: outputs of a row.
        chunk: taps that the tile takes at a time.
        copied: outputs of a row if they go through scratch memory, else 0.
    """

    rows: int
    in_row: int
    out_row: int
    depth: int
    units: int
    chunk: int
    copied: int

    @classmethod
    def of(cls, op: FullyConnected, io: KernelIO) -> Shape:
        """The sizes for the formats of `io`."""
        units, depth = io.input(1).type.shape
        in_row = _row_bytes(op, io, io.input_formats[0])
        assert in_row is not None
        dense = io.output_format.layout is Layout.DENSE
        return cls(
            op.rows(io),
            in_row,
            units if dense else round_up(units, 4),
            round_up(depth, 4),
            units,
            _chunk(depth, units),
            # A dense buffer has no room for what is computed beyond the last unit.
            units if dense and units % BLOCK else 0,
        )

    @property
    def blocks(self) -> int:
        """Blocks of channels, dummy channels in the last one."""
        return -(-self.units // BLOCK)

    @property
    def sums_bytes(self) -> int:
        """Scratch memory for sums between chunks of taps."""
        return 4 * BLOCK * self.blocks if self.depth > self.chunk else 0

    @property
    def chunks(self) -> list[int]:
        """Taps of every chunk."""
        return [min(self.chunk, self.depth - i) for i in range(0, self.depth, self.chunk)]


def _chunk(depth: int, units: int) -> int:
    """The size of the tile: the smallest that holds all taps, within the code that pays."""
    fitting = [c for c in CHUNKS if BYTES_PER_TAP * c <= CODE_BYTES_PER_WEIGHT * depth * units]
    sizes = fitting or CHUNKS[-1:]
    return min((c for c in sizes if c >= depth), default=max(sizes))


def _row_bytes(op: FullyConnected, io: OpIO, form: Format) -> int | None:
    """Bytes from one row of inputs to the next, or None where rows are not whole words."""
    depth = io.input(1).type.shape[1]
    channels = image(io.input(0).type)[2]
    if form.layout is Layout.DENSE:
        # What is read beyond the end of a single row, within its last word, meets zero weights.
        return depth if depth % 4 == 0 or op.rows(io) == 1 else None
    if channels == depth:
        return round_up(depth, 4)
    return depth if channels % 4 == 0 and depth % 4 == 0 else None


class DspFullyConnected(Kernel[FullyConnected]):
    """The input is widened to int16 once; long rows are taken in chunks, with sums in scratch."""

    op: ClassVar[type[Op]] = FullyConnected
    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        if not self._sources(op, io):
            return "rows of inputs are not whole words in any format"
        for form in self._sources(op, io):
            if solved_dense(op, io, form) is None:
                return "no two-lane weights and requantisation constants could be proved"
        return ""

    def _sources(self, op: FullyConnected, io: OpIO) -> list[Format]:
        return [f for f in (HWC, DENSE) if _row_bytes(op, io, f) is not None]

    def formats(self, op: FullyConnected, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(
            Formats((source, *rest), target)
            for source in self._sources(op, io)
            for target in (HWC, DENSE)
        )

    def scratch_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """Sums between chunks, and a row of outputs that must not go straight to its buffer."""
        shape = Shape.of(op, io)
        return shape.sums_bytes + round_up(shape.copied, BLOCK)

    def order(self, op: FullyConnected, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: a row is read before the first of its outputs is written."""
        shape = Shape.of(op, io)

        def trace() -> Iterator[tuple[Span, ...]]:
            for row in range(shape.rows):
                read, written = row * shape.in_row, row * shape.out_row
                units = shape.copied or BLOCK * shape.blocks
                yield ((0, read, read + shape.depth), (-1, written, written + units))

        return AccessOrder(trace)

    def code(self, op: FullyConnected, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`: driver and widening, tile, requantisation."""
        solved, chunk = self._solved(op, io), Shape.of(op, io).chunk
        finish = _finish(solved, signed=io.output_format.layout is Layout.DENSE)["finish"]
        return {
            self.path: DRIVER_BYTES,
            f"dsp_dense {chunk}": 130 + BYTES_PER_TAP * chunk,
            f"dsp_dense_finish {finish.variant}": 200 if solved.form == "linear" else 310,
        }

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        shape, solved = Shape.of(op, io), self._solved(op, io)
        source = self._input(io, shape)
        stores = len(shape.chunks) - 1
        row = 30 + (20 + shape.copied if shape.copied else 0)
        for count in shape.chunks:
            # 18 cycles a pair of taps; a block starts in 17 and ends in 10 besides `finish`.
            row += 60 + source.expand_cycles(count) + shape.blocks * (9 * count + 27)
        finish = (60 if solved.form == "linear" else 96) + (0 if solved.e == 16 else 4)
        row += shape.blocks * (16 * stores + finish)
        cycles = shape.rows * row
        return Cost(round(cycles * 0.93), cycles)

    def flash_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        shape = Shape.of(op, io)
        words = self._solved(op, io).words_per_channel
        return BLOCK * shape.blocks * (shape.depth + 4 * words)

    def _solved(self, op: FullyConnected, io: KernelIO) -> Solved:
        solved = solved_dense(op, io, io.input_formats[0])
        assert solved is not None
        return solved

    def _input(self, io: KernelIO, shape: Shape) -> GemmInput:
        """How the input is widened: whole words, in the order 0, 2, 1, 3."""
        signed = io.input_formats[0].layout is Layout.DENSE
        source = Source.of(io.input(0).type.zero_point, signed)
        return GemmInput(signed, permuted=True, channels=shape.depth, source=source)

    def pack(self, op: FullyConnected, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        shape, solved = Shape.of(op, io), self._solved(op, io)
        source = self._input(io, shape)
        weights = source.order(io.input(1).values.astype(np.int64))
        stream = pack_blocks(weights, solved, shape.chunk).astype(np.uint32)
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "rows": shape.rows,
                "in_row": shape.in_row,
                "out_row": shape.out_row,
                "depth": shape.depth,
                "chunk": shape.chunk,
                "chunk_words": 2 * shape.chunk * shape.blocks,
                "copied": shape.copied,
                "at": shape.sums_bytes,
            },
            pieces={
                "expand": source.expand,
                "store": Piece("dsp_dense_store", "sums", {}),
                **_finish(solved, signed=io.output_format.layout is Layout.DENSE),
                "tile": _tile(shape.chunk),
            },
        )


def _tile(taps: int) -> Piece:
    """The tile for up to `taps` taps; its arguments lie beyond its frame and ten registers."""
    frame = 16 + 2 * taps
    variables = {"taps": taps, "pairs": taps // 2, "frame": frame}
    for index, argument in enumerate(("start", "out", "expand", "finish")):
        variables[argument] = frame + 40 + 4 * index
    return Piece("dsp_dense", str(taps), variables)


def _finish(solved: Solved, *, signed: bool) -> dict[str, Piece]:
    """The requantisation of eight sums, and that of its portable twin."""
    taps = Taps(rows=1, row=2, chunks=1, chunk=2, pairs=1, pixel=0)
    scalar = Tile(taps, solved, False, signed).pieces["requantise"]
    step = 8 * solved.words_per_channel  # bytes of the constants of two channels
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
