"""Dense layer for cores with the DSP extension: eight channels at a time, two-lane weights.

The tile's run over the taps has no loop and finds them at offsets from the stack pointer; it is the
quickest where instructions come without wait states.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed, Piece
from edgegen.kernels.formats import round_up
from edgegen.kernels.fully_connected.dense_layer import BLOCK, pack_blocks
from edgegen.kernels.fully_connected.dense_rows import (
    DspDense,
    Rows,
    finish_code,
    finish_cycles,
    finish_pieces,
)
from edgegen.kernels.fully_connected.dense_tile import chunk_of, tile_code, tile_piece
from edgegen.kernels.gemm import stream_constant
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

DRIVER_BYTES = 300
"""Code that all layers share."""


class DspFullyConnected(DspDense):
    """The input is widened to int16 once; long rows are taken in chunks, with sums in scratch."""

    name: ClassVar[str] = "dsp"

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if core.loop_bytes is not None:
            return "code without loops does not suit the board's flash"
        return super().rejects(op, io, core)

    def scratch_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """Sums between chunks, and a row of outputs that must not go straight to its buffer."""
        rows = Rows.of(op, io)
        return _sums_bytes(rows) + round_up(rows.copied, BLOCK)

    def code(self, op: FullyConnected, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`: driver and widening, tile, requantisation."""
        chunk = _chunk(Rows.of(op, io))
        return {
            self.path: DRIVER_BYTES,
            **tile_code(chunk),
            **finish_code(self.solved(op, io), io),
        }

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`: 18 cycles a pair of taps and block, 27 and requantisation a block."""
        rows, solved = Rows.of(op, io), self.solved(op, io)
        chunk = _chunk(rows)
        counts = [min(chunk, rows.depth - i) for i in range(0, rows.depth, chunk)]
        row = 30 + rows.copy_cycles
        for count in counts:
            row += 60 + rows.source.expand_cycles(count) + rows.blocks * (9 * count + 27)
        row += rows.blocks * (16 * (len(counts) - 1) + finish_cycles(solved))
        cycles = rows.count * row
        return Cost(round(cycles * 0.93), cycles)

    def flash_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        rows, words = Rows.of(op, io), self.solved(op, io).words_per_channel
        return BLOCK * rows.blocks * (rows.depth + 4 * words)

    def pack(self, op: FullyConnected, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        rows, solved = Rows.of(op, io), self.solved(op, io)
        chunk = _chunk(rows)
        stream = pack_blocks(self.weights(io, rows), solved, chunk).astype(np.uint32)
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "rows": rows,
                "chunk": chunk,
                "chunk_words": 2 * chunk * rows.blocks,
                "at": _sums_bytes(rows),
            },
            pieces={
                "expand": rows.source.expand,
                "store": Piece("dsp_dense_store", "sums", {}),
                **finish_pieces(solved, io),
                "tile": tile_piece(chunk),
            },
        )


def _chunk(rows: Rows) -> int:
    """Taps that the tile takes at a time."""
    return chunk_of(rows.depth, rows.units)


def _sums_bytes(rows: Rows) -> int:
    """Scratch memory for sums between chunks of taps."""
    return 4 * BLOCK * rows.blocks if rows.depth > _chunk(rows) else 0
