"""GEMM tiles that read u8 pixels where they lie, by pointers to the rows of a window.

For every row of a filter the taps of an output, columns and channels, are one run of bytes. The
tiles widen them in registers, a word of four channels at a time, which costs 17 cycles for 16
products instead of the 15 of `gemm.Tile`, but needs no widened copy. Weights are those of `gemm`:
two lanes a word, channels in the order 0, 2, 1, 3 in which UXTB16 leaves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgegen.kernels.base import Piece
from edgegen.kernels.gemm import MAX_OFFSET, add
from edgegen.kernels.gemm_finish import GemmFinish
from edgegen.target.cores import Core

UNROLLED_WORDS = 16
"""Most words of four taps without a loop: 2.2 kB of code."""
WORD_BYTES = 136
"""Code of one word for two pixels."""
FRAME_BYTES = 380
"""Code of a tile besides its words."""
SINGLE_WORDS = 4
"""The same for one pixel, which serves borders: code counts more."""
SINGLE_WORD_BYTES = 76
SINGLE_FRAME_BYTES = 330


def largest_divisor(value: int, limit: int) -> int:
    """The largest divisor of a number that is at most `limit`.

    >>> largest_divisor(48, 18), largest_divisor(7, 4)
    (16, 1)
    """
    return max(d for d in range(1, min(value, limit) + 1) if value % d == 0)


@dataclass(frozen=True)
class RowTaps:
    """The taps of one output in image rows.

    Attributes:
        rows: rows of the filter.
        words: words of four taps in a row of the filter.
        column: words of one column of it: a pixel's channels.
        pixel: bytes from an output's taps to those of its right neighbour.
        unroll: most words without a loop.
    """

    rows: int
    words: int
    column: int
    pixel: int
    unroll: int = UNROLLED_WORDS

    @classmethod
    def of(cls, size: tuple[int, int], channels: int, stride: int, core: Core) -> RowTaps:
        """Those of a filter of `size` over pixels of so many bytes, a multiple of 4."""
        unroll = UNROLLED_WORDS
        if core.loop_bytes is not None:
            unroll = min(unroll, max(1, (core.loop_bytes - FRAME_BYTES) // WORD_BYTES))
        column = channels // 4
        return cls(size[0], size[1] * column, column, stride * channels, unroll)

    @property
    def chunk(self) -> int:
        """Words of a loop's body."""
        return largest_divisor(self.words, self.unroll)

    @property
    def chunks(self) -> int:
        """Times that a loop runs for a row."""
        return self.words // self.chunk

    @property
    def single_chunk(self) -> int:
        """Words of a loop's body for one pixel, whose taps may be cut off between columns."""
        return largest_divisor(self.column, SINGLE_WORDS)

    @property
    def taps(self) -> int:
        """Taps of an output."""
        return 4 * self.rows * self.words

    @property
    def reject(self) -> str:
        """Why the tiles' immediates do not reach; empty when they do."""
        if self.pixel + 4 * self.chunk > MAX_OFFSET or 16 * self.words >= 1 << 16:
            return "a row of taps is too long for the tile's address ranges"
        return ""


@dataclass(frozen=True)
class RowTiles:
    """The tile for two neighbouring pixels, and that for one, whose taps may be cut off.

    Attributes:
        taps: where their input lies.
        finish: what follows the sums.
    """

    taps: RowTaps
    finish: GemmFinish

    @property
    def pair(self) -> Piece:
        """The function for two pixels."""
        t = self.taps
        target = "s8" if self.finish.signed else "u8"
        shape = f"{t.rows}x{t.chunks}x{t.chunk}_{t.pixel}_{target}_{self.finish.variant}"
        return Piece("dsp_row_gemm", shape, self._pair_variables())

    @property
    def single(self) -> Piece:
        """The function for one pixel."""
        target = "s8" if self.finish.signed else "u8"
        shape = f"{self.taps.single_chunk}_{target}_{self.finish.variant}"
        return Piece("dsp_row_gemm_one", shape, self._single_variables())

    @property
    def pieces(self) -> dict[str, Piece]:
        """Both, and the requantisation of their portable twins."""
        return {"requantise": self.finish.piece, "pair": self.pair, "single": self.single}

    @property
    def code(self) -> dict[str, int]:
        """The functions' names and estimated bytes."""
        single = SINGLE_FRAME_BYTES + SINGLE_WORD_BYTES * self.taps.single_chunk
        return {
            f"{self.pair.template} {self.pair.variant}": FRAME_BYTES + WORD_BYTES * self.taps.chunk,
            f"{self.single.template} {self.single.variant}": single,
        }

    def _pair_variables(self) -> dict[str, Any]:
        t, words = self.taps, self.finish.solved.words_per_channel
        return {
            "rows": t.rows,
            "chunk": t.chunk,
            "chunks": t.chunks,
            "taps_of_row": 4 * t.words,
            "pixel": t.pixel,
            "next_weights": add("r1", 16 * t.chunk, "lr"),
            "next_chunk": add("r0", 4 * t.chunk, "lr"),
            "skip_row": add("r1", 16 * t.words, "lr"),
            "table": 4 * t.rows,
            "second_word": 8 * words,
            "block_tail": 16 * words,
            **self.finish.variables(planes=False),
        }

    def _single_variables(self) -> dict[str, Any]:
        words = self.finish.solved.words_per_channel
        return {
            "chunk": self.taps.single_chunk,
            "second_word": 8 * words,
            "block_tail": 16 * words,
            **self.finish.variables(planes=False),
        }

    def pair_cycles(self, blocks: int) -> int:
        """Cycles of a call for two pixels on a Cortex-M4, all rows on the image."""
        t = self.taps
        row = 34 * t.words + 14 + t.chunks + (8 * t.chunks if t.chunks > 1 else 0)
        return 34 + blocks * (14 + t.rows * row + self.finish.cycles(planes=False))

    def single_cycles(self, blocks: int, words: int) -> int:
        """Cycles of a call for one pixel with `words` words of taps on the image in a row."""
        t = self.taps
        row = 20 * words + 6 * (words // t.single_chunk) + 22
        linear = self.finish.solved.form == "linear"
        finish = (19 if linear else 36) + 10 + (2 if self.finish.solved.e != 16 else 0)
        return 40 + blocks * (8 + t.rows * row + finish + 10)
