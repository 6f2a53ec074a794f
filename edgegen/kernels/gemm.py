"""Two-lane weights and the tile that multiplies two pixels with four channels at a time.

A 32-bit weight word holds two taps of two channels: each 16-bit lane is a + 256 * b, a and b being
the weights of channels c and c + 2. SMLAD with the word accumulates A + 256 B; with the lanes'
sign-extended low bytes, A alone; the difference is 256 B. One byte of flash a weight, and half of
the unpacking instructions of plain int8.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.kernels.base import Constant, ConstantKind, Piece
from edgegen.kernels.formats import round_up
from edgegen.kernels.gemm_finish import GemmFinish
from edgegen.kernels.solved import Solved
from edgegen.quant.fixed_point import Int64
from edgegen.target.cores import Core

UNROLLED_PAIRS = 40
"""Most tap pairs without a loop."""
CHUNK_PAIRS = 32
"""Pairs of a loop's body: 1.8 kB of code, 1 % of its cycles spent on the loop."""
PAIR_BYTES = 56
"""Code of one tap pair."""
FRAME_BYTES = 336
"""Code of a tile besides its tap pairs: 200 to 400, by form of requantisation and stores."""


def unrolled_pairs(core: Core) -> int:
    """Most tap pairs that a tile may unroll on this core."""
    if core.loop_bytes is None:
        return UNROLLED_PAIRS
    return min(UNROLLED_PAIRS, max(1, (core.loop_bytes - FRAME_BYTES) // PAIR_BYTES))


@dataclass(frozen=True)
class Taps:
    """How the taps of one output lie in the int16 input: rows of runs of pairs.

    Attributes:
        rows: number of rows.
        row: int16 elements from one row's start to the next.
        chunks: runs in a row.
        chunk: int16 elements from one run's start to the next.
        pairs: tap pairs of a run.
        pixel: int16 elements from pixel 0 to pixel 1.
        unroll: most pairs without a loop.
    """

    rows: int
    row: int
    chunks: int
    chunk: int
    pairs: int
    pixel: int
    unroll: int = UNROLLED_PAIRS

    @property
    def taps(self) -> int:
        """Taps of one output, padding included."""
        return self.rows * self.chunks * self.pairs * 2

    @cached_property
    def rows_at_once(self) -> int:
        """Rows whose taps are reached by immediate offsets, without any loop.

        All of them if possible, else a divisor of their number; 0 where runs need a loop.
        """
        for rows in range(self.rows, 0, -1):
            last = (rows - 1) * self.row + (self.chunks - 1) * self.chunk + 2 * self.pairs
            fits = rows * self.chunks * self.pairs <= self.unroll
            if self.rows % rows == 0 and fits and 2 * (last + self.pixel) <= MAX_OFFSET:
                return rows
        return 0

    @property
    def unrolled(self) -> bool:
        """Whether there is no loop at all."""
        return self.rows_at_once == self.rows

    @property
    def offset(self) -> str:
        """The assembler's expression for the byte offset of tap pair `i` of a loop's body."""
        parts = [f"i % {self.pairs} * 4"]
        if self.rows_at_once and self.chunks > 1:
            parts.append(f"i / {self.pairs} % {self.chunks} * {2 * self.chunk}")
        if self.rows_at_once > 1:
            parts.append(f"i / {self.pairs * self.chunks} * {2 * self.row}")
        return " + ".join(f"({part})" for part in parts) if len(parts) > 1 else "4 * i"


def split_run(pairs: int, unroll: int = UNROLLED_PAIRS) -> tuple[int, int]:
    """Chunks and pairs of a chunk for a contiguous run; the run may grow to fill the last."""
    if pairs <= unroll:
        return 1, pairs
    chunks = -(-pairs // min(CHUNK_PAIRS, unroll))
    return chunks, -(-pairs // chunks)


def pack_two_lane(weights: Int64, words: Int64) -> npt.NDArray[np.uint32] | None:
    """Packs weights and constants in the order of the tile.

    Args:
        weights: [channels, taps] in the tile's tap order, both padded: channels to a multiple of
            4, taps to a multiple of 2.
        words: constants [channels, n].

    Returns:
        The stream, or None where a lane does not fit int16: b = -128 with a negative a.
    """
    channels, taps = weights.shape
    blocks = weights.reshape(channels // 4, 2, 2, taps)  # [block, half (a or b), word, tap]
    lanes = blocks[:, 0] + 256 * blocks[:, 1]  # [block, word, tap]
    if lanes.min(initial=0) < -(1 << 15):
        return None
    lanes = lanes.reshape(channels // 4, 2, taps // 2, 2) & 0xFFFF
    packed = lanes[..., 0] | (lanes[..., 1] << 16)  # [block, word, pair]
    stream = packed.transpose(0, 2, 1).reshape(channels // 4, taps)
    # Constants of channels 0, 2, 1, 3: the order in which the accumulators come.
    tail = words.reshape(channels // 4, 4, -1)[:, [0, 2, 1, 3]].reshape(channels // 4, -1)
    result: npt.NDArray[np.uint32] = np.concatenate([stream, tail & 0xFFFFFFFF], axis=1)
    return result.astype(np.uint32).ravel()


def pad_channels(weights: Int64, solved: Solved) -> tuple[Int64, Int64]:
    """Zeroes constant channels and adds dummy ones up to a multiple of 4."""
    live = np.where(solved.constant[:, np.newaxis], 0, weights)
    extra = round_up(len(weights), 4) - len(weights)
    return (
        np.pad(live, ((0, extra), (0, 0))),
        np.pad(solved.words, ((0, extra), (0, 0))),
    )


@dataclass(frozen=True)
class Tile:
    """A tile made to measure.

    Attributes:
        taps: where its input lies.
        solved: the requantisation.
        planes: whether outputs go to one plane a channel, not together.
        signed: whether it writes TFLite's int8 instead of u8.
    """

    taps: Taps
    solved: Solved
    planes: bool
    signed: bool

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        t = self.taps
        row, chunk = t.row * (t.rows > 1), t.chunk * (t.chunks > 1)
        shape = f"{t.rows}x{t.chunks}x{t.pairs}_{row}_{chunk}_{t.pixel}"
        target = "planes" if self.planes else ("s8" if self.signed else "u8")
        return f"{shape}_{target}_{self.finish.variant}"

    @property
    def code(self) -> dict[str, int]:
        """Its function's name and estimated bytes."""
        pairs = self.taps.pairs
        if self.taps.rows_at_once:
            pairs *= self.taps.chunks * self.taps.rows_at_once
        return {f"dsp_gemm {self.variant}": FRAME_BYTES + PAIR_BYTES * pairs}

    @property
    def finish(self) -> GemmFinish:
        """Its last steps."""
        return GemmFinish(self.solved, self.signed)

    @property
    def pieces(self) -> dict[str, Piece]:
        """The tile and the requantisation of its portable twin."""
        tile = Piece("dsp_gemm", self.variant, self._variables())
        return {"requantise": self.finish.piece, "tile": tile}

    def _variables(self) -> dict[str, Any]:
        t, s = self.taps, self.solved
        row, chunk = t.row * (t.rows > 1), t.chunk * (t.chunks > 1)
        loops = not t.unrolled
        chunk_loop = not t.rows_at_once and t.chunks > 1
        repeats = t.pairs * (t.chunks * t.rows_at_once or 1)
        row_steps = t.rows // (t.rows_at_once or 1)
        walked = chunk * t.chunks if chunk_loop else 0
        at = 0 if loops else t.taps * 4
        total = t.rows * row if t.rows > 1 else walked
        return {
            "rows": t.rows,
            "row": 2 * row,
            "chunks": t.chunks,
            "chunk": 2 * chunk,
            "pairs": t.pairs,
            "pixel": 2 * t.pixel,
            "loops": loops,
            "row_loop": row_steps > 1,
            "row_steps": row_steps,
            "chunk_loop": chunk_loop,
            "repeats": repeats,
            "offset": t.offset,
            "next_weights": add("r1", 8 * repeats, "lr"),
            "next_chunk": add("r0", 2 * chunk, "lr"),
            "next_row": add("r0", 2 * (row * (t.rows_at_once or 1) - walked), "lr"),
            "rewind": add("r0", -2 * total, "lr") if loops else "",
            "at": at,
            "second_word": at + 8 * s.words_per_channel,
            "block_tail": add("r1", at + 16 * s.words_per_channel, "lr"),
            "planes": self.planes,
            **self.finish.variables(planes=self.planes),
        }

    def cycles(self, blocks: int) -> int:
        """Cycles of one call on a Cortex-M4: two pixels, `blocks` blocks of four channels."""
        t = self.taps
        runs = t.rows * t.chunks
        step = 15 * t.pairs * runs
        looping = 0
        if not t.unrolled:
            steps = t.rows // (t.rows_at_once or 1)
            looping = 9 + (8 * steps if steps > 1 else 0)
            looping += steps if t.rows_at_once else runs + (8 * runs if t.chunks > 1 else 0)
        return 30 + blocks * (step + looping + self.finish.cycles(planes=self.planes) + 12)


MAX_OFFSET = 4095
"""Largest immediate offset of LDR, ADDW and SUBW."""


def add(register: str, value: int, spare: str) -> str:
    """Assembly that adds a constant of up to 16 bits to a register.

    >>> add("r0", 8, "lr"), add("r0", -4100, "lr")
    ('add r0, #8', 'movw lr, #4100; sub r0, lr')
    """
    word, size = ("add", value) if value >= 0 else ("sub", -value)
    if size <= 255:
        return f"{word} {register}, #{size}"
    if size <= MAX_OFFSET:
        return f"{word}w {register}, {register}, #{size}"
    assert size < 1 << 16
    return f"movw {spare}, #{size}; {word} {register}, {spare}"


def stream_constant(stream: npt.NDArray[np.uint32]) -> Constant:
    """The packed stream as a constant of the library."""
    return Constant("weights", stream, ConstantKind.WEIGHTS)
