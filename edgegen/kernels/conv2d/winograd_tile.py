"""The stages of Winograd's convolution made to measure: records, template variables, cost.

Two tiles at a time are transformed, multiplied with four output channels at a time, and
transformed back. What belongs to one position of the transformed tiles lies together in a record:

    [pairs of channels of tile 0][those of tile 1][4 products of tile 0][4 products of tile 1]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgegen.kernels.base import Piece
from edgegen.kernels.conv2d.winograd_layer import Transform
from edgegen.kernels.gemm import MAX_OFFSET, add, split_run
from edgegen.kernels.solved import Solved

CYCLES = {4: (660, 267, 301), 2: (188, 78, 88)}
"""By outputs of a tile along an axis, on a Cortex-M4: the input transform of four channels, and the
output transform of one channel with linear and with two-branch requantisation."""

UNROLLED_PAIRS = 24
"""Pairs of channels multiplied in one round of the loop over positions: 56 bytes of code each."""


@dataclass(frozen=True)
class Records:
    """The transformed tiles of a layer.

    Attributes:
        transform: the scaled transform.
        channels: of the input, padding included.
    """

    transform: Transform
    channels: int

    @property
    def chunks(self) -> int:
        """Loops over the pairs of a position."""
        return split_run(self.channels // 2)[0]

    @property
    def pairs(self) -> int:
        """Pairs of channels in a chunk."""
        return split_run(self.channels // 2)[1]

    @property
    def run(self) -> int:
        """Pairs of channels of a position; the last ones may be padding with weights of 0."""
        return self.chunks * self.pairs

    @property
    def tile(self) -> int:
        """Bytes from tile 0 to tile 1 in a record."""
        return 4 * self.run

    @property
    def bytes(self) -> int:
        """Bytes of a record."""
        return 2 * self.tile + 32

    @property
    def size(self) -> int:
        """Bytes of all records."""
        return self.transform.positions * self.bytes

    @property
    def reachable(self) -> bool:
        """Whether a line of records is within the address range of loads and stores."""
        line = (self.transform.inputs - 1) * self.bytes
        return line + 4 <= MAX_OFFSET and self.size < 1 << 16

    @property
    def unrolled(self) -> int:
        """Positions multiplied in one round of the loop."""
        fitting = [
            n
            for n in range(1, self.transform.inputs + 1)
            if self.transform.positions % n == 0
            and n * self.run <= UNROLLED_PAIRS
            and n * self.bytes <= MAX_OFFSET
        ]
        return max(fitting, default=1)


@dataclass(frozen=True)
class Stages:
    """The three stages of a layer.

    Attributes:
        records: the transformed tiles.
        solved: the requantisation.
        pixel: bytes from an output pixel to the next.
        signed: whether outputs are TFLite's int8 instead of u8.
    """

    records: Records
    solved: Solved
    pixel: int
    signed: bool

    @property
    def words_per_channel(self) -> int:
        """Constants of an output channel, in 32-bit words."""
        return self.solved.words_per_channel + self.records.transform.fixes

    @property
    def block(self) -> int:
        """Words of four output channels: weights and constants."""
        r = self.records
        return 4 * (r.transform.positions * r.run + self.words_per_channel)

    @property
    def input_cycles(self) -> int:
        """Cycles of the input transform of a tile on a Cortex-M4."""
        return 13 + CYCLES[self.records.transform.outputs][0] * (self.records.channels // 4)

    @property
    def multiply_cycles(self) -> int:
        """Cycles of the products of two tiles and four channels."""
        r = self.records
        position = 16 * r.run + 8 + (5 + 9 * r.chunks if r.chunks > 1 else 0)
        return 12 + r.transform.positions * position + 7 * r.transform.positions // r.unrolled

    @property
    def output_cycles(self) -> int:
        """Cycles of the output transform of a tile and four channels."""
        s, m = self.solved.saturation, self.records.transform.outputs
        each = 3 * (s.ceiling is not None) + bool(s.offset) + self.signed
        _, linear, branches = CYCLES[m]
        return 12 + 4 * ((linear if self.solved.form == "linear" else branches) + m**2 * each)

    @property
    def code(self) -> dict[str, int]:
        """Bytes of the C functions by name."""
        r, s = self.records, self.solved.saturation
        large = r.transform.outputs == 4
        each = 6 * (self.solved.form != "linear") + 10 * (s.ceiling is not None)
        each += 4 * (s.offset > 0) + 4 * self.signed
        sizes = {
            "input": 2300 if large else 700,
            "multiply": 90 + 56 * r.pairs * r.unrolled,
            "output": (880 if large else 240) + r.transform.outputs**2 * each,
        }
        return {self.pieces[key].name(""): size for key, size in sizes.items()}

    @property
    def _top(self) -> int:
        s = self.solved.saturation
        return (1 << s.bits) - 1 if s.ceiling is None else s.ceiling

    @property
    def _requantise(self) -> str:
        s = self.solved.saturation
        full = s.bits == 8 and s.ceiling is None and not s.offset
        clamp = "" if full else f"_{s.bits}_{self._top}_{s.offset}"
        form = f"{self.solved.form}{self.solved.k or ''}_{self.solved.e}"
        return f"wg_{form}{clamp}{'_s8' if self.signed else ''}"

    @property
    def pieces(self) -> dict[str, Piece]:
        """The C functions of the stages, and the requantisation of their portable twin."""
        r, s = self.records, self.solved
        saturation = s.saturation
        requantise = {
            "form": s.form,
            "e": s.e,
            "top": self._top,
            "offset": saturation.offset,
            "signed": self.signed,
        }
        m, channels = r.transform.outputs, str(r.channels)
        output = f"{channels}_to{self.pixel}_{self._requantise}"
        return {
            "requantise": Piece("dsp_requantise", self._requantise, requantise),
            "input": Piece(f"dsp_winograd_input_{m}x{m}", channels, self._input()),
            "multiply": Piece("dsp_winograd_multiply", f"{m}x{m}_{channels}", self._multiply()),
            "output": Piece(f"dsp_winograd_output_{m}x{m}", output, self._output()),
        }

    def _input(self) -> dict[str, Any]:
        r = self.records
        return {
            "channels": r.channels,
            "groups": r.channels // 4,
            "record": r.bytes,
            "column": add("r0", r.transform.inputs * r.bytes, "r8"),
            "line": add("r2", r.transform.inputs * r.bytes, "lr"),
            "bias": r.transform.bias,
        }

    def _multiply(self) -> dict[str, Any]:
        r = self.records
        return {
            "positions": r.transform.positions,
            "record": r.bytes,
            "tile": r.tile,
            "chunks": r.chunks,
            "pairs": r.pairs,
            "unrolled": r.unrolled,
            "size": r.size,
            # Where the products lie from where the loop over chunks leaves the record.
            "products": 2 * r.tile if r.chunks == 1 else r.tile,
            "next_record": add("r0", r.unrolled * r.bytes - (r.chunks > 1) * r.tile, "lr"),
            "next_weights": add("r1", 16 * r.pairs * r.unrolled, "lr"),
        }

    def _output(self) -> dict[str, Any]:
        r, s = self.records, self.solved
        after = s.saturation.offset
        return {
            "record": r.bytes,
            "line": add("r0", r.transform.inputs * r.bytes, "r12"),
            "pixel": self.pixel,
            "k": s.k,
            "shift": f", lsl #{s.k}" if s.k else "",
            "words": self.words_per_channel,
            "fixes": s.words_per_channel,
            "form": s.form,
            "e": s.e,
            "bits": s.saturation.bits,
            "ceiling": s.saturation.ceiling,
            "u_offset": after,
            "signed": self.signed,
            "requantise": self._requantise,
        }
