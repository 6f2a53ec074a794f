"""Dense layer with long rows for cores with the DSP extension, without scratch memory.

The tile is that of `dsp`; a few blocks of channels at a time go through all chunks of a row, so
that the sums between chunks fit the stack. The row is widened anew for each such group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed, Piece
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
from edgegen.kernels.order import NO_PROMISE, AccessOrder
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

GROUP = 4
"""Blocks whose sums lie on the stack: 32 bytes each."""
DRIVER_BYTES = 330
"""Code that all layers share."""
FETCH_FACTOR = 3.3
"""By how much straight code is slower where flash has wait states: 33 bytes take 9 cycles."""


class DspNarrowFullyConnected(DspDense):
    """For rows that `dsp` takes in chunks, where the arena has no room for sums."""

    name: ClassVar[str] = "dsp_narrow"

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        reason = super().rejects(op, io, core)
        if reason:
            return reason
        units, depth = io.input(1).type.shape
        if units % BLOCK:
            return "the last block of channels is not whole"
        if depth <= chunk_of(depth, units):
            return "the row is short: `dsp` needs no scratch memory either"
        return ""

    def order(self, op: FullyConnected, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`: outputs are written while the row is still needed."""
        return NO_PROMISE

    def code(self, op: FullyConnected, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`: driver and widening, tile, requantisation."""
        rows = Rows.of(op, io)
        return {
            self.path: DRIVER_BYTES,
            **tile_code(chunk_of(rows.depth, rows.units)),
            **finish_code(self.solved(op, io), io),
        }

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`: as `dsp`, but every group widens the row."""
        rows, solved = Rows.of(op, io), self.solved(op, io)
        chunk = chunk_of(rows.depth, rows.units)
        counts = [min(chunk, rows.depth - i) for i in range(0, rows.depth, chunk)]
        groups = -(-rows.blocks // GROUP)
        row = 40 + rows.blocks * (16 * (len(counts) - 1) + finish_cycles(solved))
        for count in counts:
            row += groups * (60 + rows.source.expand_cycles(count))
            row += rows.blocks * (9 * count + 27)
        fetch = 1.0 if io.core.loop_bytes is None else FETCH_FACTOR
        return Cost(round(rows.count * row * 0.93), round(rows.count * row * fetch))

    def flash_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        rows, words = Rows.of(op, io), self.solved(op, io).words_per_channel
        return BLOCK * rows.blocks * (rows.depth + 4 * words)

    def pack(self, op: FullyConnected, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        rows, solved = Rows.of(op, io), self.solved(op, io)
        chunk, weights = chunk_of(rows.depth, rows.units), self.weights(io, rows)
        parts = []
        for first in range(0, rows.units, GROUP * BLOCK):
            part = np.s_[first : first + GROUP * BLOCK]
            own = replace(solved, words=solved.words[part], constant=solved.constant[part])
            parts.append(pack_blocks(weights[part], own, chunk))
        stream = np.concatenate(parts).astype(np.uint32)
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "rows": rows,
                "chunk": chunk,
                "block_words": 2 * chunk,
                "group_words": len(parts[0]),
            },
            pieces={
                "expand": rows.source.expand,
                "store": Piece("dsp_dense_store", "sums", {}),
                **finish_pieces(solved, io),
                "tile": tile_piece(chunk),
            },
        )
