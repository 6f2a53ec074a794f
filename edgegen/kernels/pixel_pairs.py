"""Two pixels a word for Armv7-M: one multiplication takes a tap of both.

A word holds p + 65536 q, p and q being two pixels in TFLite's int8. The products of two taps with
it add up to P + 65536 Q. |P| stays below 32768 unless both weights are -128, so that the two halves
can be told apart again; this takes three instructions for two taps of two pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.kernels.base import Cost, Piece
from edgegen.kernels.gemm import MAX_OFFSET, add
from edgegen.kernels.pairwise import saturation_variables, saturation_variant
from edgegen.kernels.solved import Solved
from edgegen.quant.fixed_point import Int64

UNROLLED_PAIRS = 20
"""Most tap pairs of a body: 2.1 kB of code, 1 % of its cycles spent on the loop."""


@dataclass(frozen=True)
class Runs:
    """How the taps of a pixel pair lie in the band: rows of runs of tap pairs.

    Attributes:
        rows: number of rows.
        row: words from one row's start to the next.
        chunks: runs in a row.
        chunk: words from one run's start to the next.
        pairs: tap pairs of a run.
    """

    rows: int
    row: int
    chunks: int
    chunk: int
    pairs: int

    @property
    def total(self) -> int:
        """Tap pairs of an output, padding included."""
        return self.rows * self.chunks * self.pairs

    @property
    def reach(self) -> int:
        """Words from the first tap to the last one."""
        return (self.rows - 1) * self.row + (self.chunks - 1) * self.chunk + 2 * self.pairs

    @property
    def unrolled(self) -> bool:
        """Whether there is no loop."""
        return self.total <= UNROLLED_PAIRS and 4 * self.reach <= MAX_OFFSET

    @property
    def offset(self) -> str:
        """The assembler's expression for the byte offset of tap pair `i` of a body."""
        if not self.unrolled:
            return "8 * i"
        run = f"i % {self.pairs} * 8"
        middle = f"i / {self.pairs} % {self.chunks} * {4 * self.chunk}"
        return f"{run} + {middle} + i / {self.pairs * self.chunks} * {4 * self.row}"

    def order(self, weights: Int64) -> Int64:
        """Weights [out, high, wide, channels] in the order of the taps, zero where they overrun."""
        out, high, wide, channels = weights.shape
        run = 2 * self.pairs
        if self.chunks == wide and self.chunk != run:  # a run for every tap: dilated
            return np.pad(weights, ((0, 0), (0, 0), (0, 0), (0, run - channels))).reshape(out, -1)
        rows = weights.reshape(out, high, wide * channels)
        fill = self.chunks * run - wide * channels
        return np.pad(rows, ((0, 0), (0, 0), (0, fill))).reshape(out, -1)


def split(pairs: int) -> tuple[int, int]:
    """Chunks and pairs of a chunk for a contiguous run; the run may grow to fill the last.

    >>> split(10), split(32)
    ((1, 10), (2, 16))
    """
    chunks = -(-pairs // UNROLLED_PAIRS)
    return chunks, -(-pairs // chunks)


def pairs_fit(weights: Int64) -> bool:
    """Whether the products of each two taps fit int16 for every pixel.

    Args:
        weights: [channels, taps] in the tile's order.
    """
    even = np.pad(weights, ((0, 0), (0, weights.shape[1] % 2)))
    return bool((np.abs(even).reshape(len(even), -1, 2).sum(axis=2) <= 255).all())


def pack_pairs(weights: Int64, words: Int64) -> npt.NDArray[np.uint32]:
    """Packs weights and constants in the order of the tile.

    Args:
        weights: [channels, taps], channels a multiple of 4, taps of 2.
        words: constants [channels, n].
    """
    blocks = len(weights) // 4
    stream = weights.reshape(blocks, 4, -1, 2).transpose(0, 2, 1, 3).astype(np.int8)
    packed = stream.reshape(blocks, -1).view("<u4").astype(np.uint32)
    tail = (words & 0xFFFFFFFF).astype(np.uint32).reshape(blocks, -1)
    result: npt.NDArray[np.uint32] = np.concatenate([packed, tail], axis=1).ravel()
    return result


@dataclass(frozen=True)
class PairTile:
    """A tile made to measure.

    Attributes:
        runs: where its input lies.
        solved: the requantisation.
        signed: whether it writes TFLite's int8 instead of u8.
    """

    runs: Runs
    solved: Solved
    signed: bool

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        r = self.runs
        finish = finish_piece(self.solved, signed=self.signed).variant
        shape = f"{r.rows}x{r.chunks}x{r.pairs}_{r.row}_{r.chunk}"
        return f"{shape}_{self.solved.k}_{finish}"

    @property
    def pieces(self) -> dict[str, Piece]:
        """The tile and the requantisation of its portable twin."""
        finish = finish_piece(self.solved, signed=self.signed)
        return {
            "requantise": finish,
            "tile": Piece("v7m_gemm", self.variant, self._variables()),
        }

    def _variables(self) -> dict[str, Any]:
        r, s = self.runs, self.solved
        loops = not r.unrolled
        row_loop, chunk_loop = loops and r.rows > 1, loops and r.chunks > 1
        walked = r.chunk * r.chunks if chunk_loop else 0
        total = r.rows * r.row if row_loop else walked
        at = 8 * r.total if r.unrolled else 0
        return {
            **finish_variables(s, signed=self.signed),
            "rows": r.rows,
            "row": r.row,
            "chunks": r.chunks,
            "chunk": r.chunk,
            "pairs": r.pairs,
            "total": r.total,
            "row_pairs": r.chunks * r.pairs,
            "loops": loops,
            "row_loop": row_loop,
            "chunk_loop": chunk_loop,
            "repeats": r.total if r.unrolled else r.pairs,
            "offset": r.offset,
            "next_weights": add("r1", 8 * r.pairs, "lr"),
            "next_chunk": add("r0", 4 * r.chunk, "lr"),
            "next_row": add("r0", 4 * (r.row - walked), "lr"),
            "rewind": add("r0", -4 * total, "lr") if total else "",
            "at": at,
            "block_tail": add("r1", at + 16 * s.words_per_channel, "lr"),
        }

    @property
    def code(self) -> dict[str, int]:
        """Bytes of code of the tile: 112 for a tap pair, and what each of four channels ends in."""
        r = self.runs
        pairs = r.total if r.unrolled else r.pairs
        each = 52 if self.solved.form == "linear" else 88
        return {f"v7m_gemm {self.variant}": 112 * pairs + 120 + 4 * each}

    @property
    def reject(self) -> str:
        """Why the tile cannot be made; empty when it can."""
        r = self.runs
        # Steps are immediates of 16 bits, offsets of a body of 12.
        if 4 * r.rows * r.row >= 1 << 16 or 4 * r.chunks * r.chunk >= 1 << 16:
            return "rows of taps are too long for the tile's address ranges"
        return ""

    def cost(self, blocks: int) -> Cost:
        """One call: two pixels, `blocks` blocks of four channels; counted from the template."""
        r = self.runs
        instructions, cycles = 30 * r.total, 38 * r.total
        if not r.unrolled:
            steps = r.rows * r.chunks
            instructions, cycles = instructions + steps + 2, cycles + steps + 2
            for times, loop in ((steps, r.chunks > 1), (r.rows, r.rows > 1)):
                instructions += 5 * times * loop
                cycles += 8 * times * loop
        finish = finish_cost(self.solved, 2)
        instructions += 8 + 4 + 4 * finish.instructions + 6 + 9
        cycles += 8 + 4 + 4 * finish.cycles + 6 + 12
        after = 2 * (bool(self.solved.saturation.offset) + self.signed)
        return Cost(
            blocks * (instructions + after) + 4, blocks * (cycles + after) + 12 + 1 + 1 + 12
        )


def finish_piece(solved: Solved, *, signed: bool) -> Piece:
    """The requantisation of the portable twins, k not included."""
    variables = finish_variables(solved, signed=signed)
    used = {name: variables[name] for name in ("form", "e", "top", "low", "signed")}
    return Piece("v7m_requantise", variables["requantise"], used)


def finish_variables(solved: Solved, *, signed: bool) -> dict[str, Any]:
    """Template variables of templates/lib/v7m_finish.j2."""
    saturation = solved.saturation
    offset = saturation.offset
    return {
        **saturation_variables(saturation, signed=signed),
        "form": solved.form,
        "words": solved.words_per_channel,
        "k": solved.k,
        "e": solved.e,
        "ceiling": saturation.ceiling,
        "low_lanes": f"0x{offset * 0x01010101:08x}" if offset else "",
        # Tells the portable twins' requantisations apart; k is the tile's.
        "requantise": f"{solved.form}{solved.e}_{saturation_variant(saturation, signed=signed)}",
    }


def finish_cost(solved: Solved, outputs: int) -> Cost:
    """Requantisation of `outputs` sums of one channel: loads of its constants, five for SMULL."""
    linear = solved.form == "linear"
    ceiling = 3 * (solved.saturation.ceiling is not None)
    each = 3 if linear else 7
    loads = 2 if linear else 4
    instructions = loads + outputs * (each + ceiling)
    return Cost(instructions, instructions + 1 + 4 * outputs)
