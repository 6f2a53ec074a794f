"""Dense layer for cores with the DSP extension and slow flash: the loop fits a small cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed, Piece
from edgegen.kernels.formats import round_up
from edgegen.kernels.fully_connected.dense_layer import BLOCK, pack_blocks
from edgegen.kernels.fully_connected.dense_rows import (
    FINISH_BYTES,
    DspDense,
    Rows,
    finish_code,
    finish_cycles,
    finish_pieces,
)
from edgegen.kernels.gemm import stream_constant
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

PAIRS = (8, 4, 2, 1)
"""Tap pairs that a round of the loop may have: powers of 2 waste the least on padding."""
PAIR_BYTES = 68
BLOCK_BYTES = 110
"""Code of a tap pair, and of a block of channels without requantisation."""
DRIVER_BYTES = 250
"""Code that all layers share."""


class DspLoopFullyConnected(DspDense):
    """The input is widened to int16 in scratch memory; a loop of few taps runs over it."""

    name: ClassVar[str] = "dsp_loop"

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if core.loop_bytes is None:
            return "code without loops is quicker on this board"
        return super().rejects(op, io, core)

    def scratch_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """The widened row, and a row of outputs that must not go straight to its buffer."""
        rows = Rows.of(op, io)
        return 2 * _taps(rows, _pairs(io.core)) + round_up(rows.copied, BLOCK)

    def code(self, op: FullyConnected, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`: driver and widening, tile, requantisation."""
        pairs = _pairs(io.core)
        return {
            self.path: DRIVER_BYTES,
            f"dsp_dense_loop {pairs}": BLOCK_BYTES + PAIR_BYTES * pairs,
            **finish_code(self.solved(op, io), io),
        }

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`: 19 cycles a pair of taps and 6 a round of the loop, for each block."""
        rows, solved = Rows.of(op, io), self.solved(op, io)
        pairs = _pairs(io.core)
        rounds = _taps(rows, pairs) // (2 * pairs)
        block = rounds * (19 * pairs + 6) + 22 + finish_cycles(solved)
        row = 90 + rows.copy_cycles + rows.source.expand_cycles(rows.depth) + rows.blocks * block
        cycles = rows.count * row
        return Cost(round(cycles * 0.9), cycles)

    def flash_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        rows, words = Rows.of(op, io), self.solved(op, io).words_per_channel
        return BLOCK * rows.blocks * (_taps(rows, _pairs(io.core)) + 4 * words)

    def pack(self, op: FullyConnected, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        rows, solved = Rows.of(op, io), self.solved(op, io)
        pairs = _pairs(io.core)
        taps = _taps(rows, pairs)
        weights = np.pad(self.weights(io, rows), ((0, 0), (0, taps - rows.depth)))
        stream = pack_blocks(weights, solved, taps).astype(np.uint32)
        return Packed(
            constants=(stream_constant(stream),),
            call={"words": stream.size, "rows": rows, "taps": taps, "at": 2 * taps},
            pieces={
                "expand": rows.source.expand,
                **finish_pieces(solved, io),
                "tile": Piece("dsp_dense_loop", str(2 * pairs), {"pairs": pairs}),
            },
        )


def _pairs(core: Core) -> int:
    """Tap pairs of a round: the loop over blocks, requantisation included, should fit the cache."""
    assert core.loop_bytes is not None
    room = core.loop_bytes - BLOCK_BYTES - FINISH_BYTES["linear"]
    return next((p for p in PAIRS if PAIR_BYTES * p <= room), PAIRS[-1])


def _taps(rows: Rows, pairs: int) -> int:
    """Taps of a row, padded to whole rounds of the loop."""
    return round_up(rows.depth, 2 * pairs)
