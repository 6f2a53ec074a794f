"""The depthwise tile for one row of u8 pixels, by pointers to the rows of the filter.

Two channels at a time, every second one of a word, which UXTB16 widens together. SMLABB and SMLATT
multiply them with a word of two weights. For the odd channels the word is either read from a byte
further on, by the same code, or rotated, by code of its own that reads nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.ir import OpIO
from edgegen.kernels.base import Piece
from edgegen.kernels.depthwise_conv2d.finish import Count, Finish, lines_text
from edgegen.kernels.depthwise_conv2d.own_shifts import ScaledLayer
from edgegen.kernels.depthwise_conv2d.row_blocks import Block, Part, Row, Step
from edgegen.kernels.formats import round_up
from edgegen.kernels.gemm import MAX_OFFSET, add
from edgegen.ops.window import Window

BYTES = 3.7
"""Of an instruction, on average."""
MOST_CODE = 8192
"""Bytes of code that a tile may have."""
BYTE_CYCLES = 1 / 32
"""Worth of a byte of code when rows are cut into blocks, in cycles of one pair of channels."""

FIRST = 2
"""Number of the first accumulator's register."""
REGISTERS = ("r10", "r11", "r12", "lr")
"""Free registers of a block of four; smaller blocks leave more."""
PAIR = 2
"""Channels computed together."""


@dataclass(frozen=True)
class RowTile:
    """A tile made to measure.

    Attributes:
        high: the filter along the height.
        wide: the filter along the row.
        inputs: pixels of an input row.
        in_pixel: bytes of an input pixel.
        out_pixel: bytes from an output to its right neighbour.
        finish: the requantisation.
        aligned: whether odd channels have code of their own.
    """

    high: Window
    wide: Window
    inputs: int
    in_pixel: int
    out_pixel: int
    finish: Finish
    aligned: bool = False

    @cached_property
    def row(self) -> Row:
        """How the row is cut into blocks."""

        def price(row: Row) -> float:
            count, code = Count(), Count()
            self._count_row(count, row, static=False)
            self._count_row(code, row, static=True)
            return count.cycles + BYTE_CYCLES * BYTES * code.instructions

        return Row.best(self.wide, self.inputs, price)

    @property
    def reject(self) -> str:
        """Why the tile's immediates do not reach; empty when they do."""
        reach = max(c for s in self.row.steps for p in s.block.parts for c, _ in p.columns)
        outputs = max(s.block.outputs for s in self.row.steps)
        if reach * self.in_pixel > MAX_OFFSET or outputs * self.out_pixel > MAX_OFFSET:
            return "pixels under a filter are too far apart"
        if 4 * self.words > MAX_OFFSET or self.code > MOST_CODE:
            return "the filter is too large"
        return ""

    @property
    def constants(self) -> int:
        """Words of a channel besides its weights."""
        return self.finish.solved.words_per_channel

    @property
    def words(self) -> int:
        """Words of a pair of channels."""
        return PAIR * self.constants + self.high.size * self.wide.size

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        w = self.wide
        size = f"{self.high.size}x{w.size}_s{w.stride}_d{w.dilation}_p{w.before(self.inputs)}"
        place = f"{self.inputs}to{w.outputs(self.inputs)}_{self.in_pixel}to{self.out_pixel}"
        return f"{size}_{place}_{self.finish.variant}{'_aligned' if self.aligned else ''}"

    @property
    def piece(self) -> Piece:
        """The C function."""
        return Piece("dsp_row_depthwise", self.variant, self._variables())

    @property
    def code(self) -> int:
        """Its estimated bytes."""
        count = Count()
        self._count_row(count, self.row, static=True)
        return round(BYTES * (count.instructions * (1 + self.aligned) + 40))

    def _variables(self) -> dict[str, Any]:
        w = self.wide
        before = w.before(self.inputs)
        return {
            "rows": self.high.size,
            "taps": w.size,
            "stride": w.stride,
            "dilation": w.dilation,
            "before": before,
            "inputs": self.inputs,
            "outputs": w.outputs(self.inputs),
            "in_pixel": self.in_pixel,
            "out_pixel": self.out_pixel,
            "constants": self.constants,
            "words": self.words,
            "aligned": self.aligned,
            "next_pair": add("r2", 4 * self.words, "lr"),
            "begin": add("r12", -before * self.in_pixel, "lr"),
            "frame": 4 * self.high.size + 28,
            "halves": [
                [self._step(step, odd=odd) for step in self.row.steps]
                for odd in ((False, True) if self.aligned else (False,))
            ],
            **self.finish.variables(),
        }

    def _step(self, step: Step, *, odd: bool) -> dict[str, Any]:
        n, last = step.block.outputs, step is self.row.steps[-1]
        low = [f"r{FIRST + j}" for j in range(n)]
        high = [f"r{FIRST + n + j}" for j in range(n)]
        return {
            "repeats": step.repeats,
            "low": low,
            "high": high,
            "copies": lines_text(f"mov {r}, {a[0]}" for a in (low, high) for r in a[1:]),
            "row": [lines_text(_part_lines(p, self, n, odd=odd)) for p in step.block.parts],
            "stores": lines_text(
                f"strb {register}, [r0, #{j * self.out_pixel + 2 * half}]"
                for half, registers in enumerate((low, high))
                for j, register in enumerate(registers)
            ),
            "last": last,
            "next_out": add("r0", n * self.out_pixel, "lr"),
            "next_in": add("r10", n * self.wide.stride * self.in_pixel, "lr"),
        }

    def count(self, channels: int, inside: int) -> Count:
        """Instructions and Cortex-M4 cycles of a call.

        Args:
            channels: a multiple of 4.
            inside: rows of the filter that are on the image.
        """
        count = Count()
        count.add(13 + 2 * self.high.size, 24 + self.high.size)
        pairs = Count()
        self._count_row(pairs, self.row, static=False, inside=inside)
        count.instructions += channels // PAIR * pairs.instructions
        count.cycles += channels // PAIR * pairs.cycles
        return count

    def _count_row(
        self, count: Count, row: Row, *, static: bool, inside: int | None = None
    ) -> None:
        """Counts a row of one pair of channels; with `static`, every instruction once."""
        inside = self.high.size if inside is None or static else inside
        count.add(17, 3)
        for step in row.steps:
            repeats = 1 if static else step.repeats
            self._count_block(count, step.block, repeats, inside)
            if step is not row.steps[-1]:
                count.add(6, 1, repeats)
            if step.repeats > 1:
                count.add(2, 0)
                count.add(4, 3, repeats)

    def _count_block(self, count: Count, block: Block, repeats: int, inside: int) -> None:
        n = block.outputs
        count.add(1 + 2 * n, 2, repeats)
        count.add(5, 1, repeats * self.high.size)
        count.add(1, 0, repeats * inside)
        count.add(0, 2, repeats * (self.high.size - inside))
        for part in block.parts:
            batches = _batches(part, n)
            loads = len(part.taps) + len(part.columns)
            instructions = loads + len(part.columns) + 2 * part.products
            count.add(instructions, len(batches), repeats * inside)
        # Reloads the address and two constants, or four for each channel; the output's address.
        count.add(4, 2, repeats)
        self.finish.count(count, 2 * n, repeats)
        if self.finish.solved.form != "linear":
            count.add(5, 2, repeats)
        count.add(2 * n, 0, repeats)


def _pool(outputs: int) -> tuple[str, ...]:
    """Registers that accumulators leave free."""
    return (*(f"r{n}" for n in range(FIRST + 2 * outputs, 10)), *REGISTERS)


def _batches(part: Part, outputs: int) -> list[int]:
    """Columns that are loaded together; the first ones follow the weights."""
    room = len(_pool(outputs)) - len(part.taps) + 1
    columns = len(part.columns)
    return [min(room, columns - at) for at in range(0, columns, room)]


def _part_lines(part: Part, tile: RowTile, outputs: int, *, odd: bool) -> list[str]:
    """Instructions for a row of the filter; r0 has the address of its first tap.

    r1, the address of the constants, is loaded anew for each part, and serves for pixels then.
    """
    pool = _pool(outputs)
    weights = dict(zip(part.taps, pool, strict=False))
    free = (*pool[len(weights) :], "r1")
    base = 4 * PAIR * tile.constants
    lines = [
        f"ldr {register}, [r1, #({base} + {4 * tile.wide.size} * dw_row + {4 * tap})]"
        for tap, register in weights.items()
    ]
    at = 0
    for size in _batches(part, outputs):
        batch = list(zip(part.columns[at : at + size], free, strict=False))
        lines += [f"ldr {r}, [r0, #{column * tile.in_pixel}]" for (column, _), r in batch]
        for (_, uses), register in batch:
            lines.append(f"uxtb16 {register}, {register}{', ror #8' if odd else ''}")
            for output, tap in uses:
                low, high = f"r{FIRST + output}", f"r{FIRST + outputs + output}"
                lines.append(f"smlabb {low}, {register}, {weights[tap]}, {low}")
                lines.append(f"smlatt {high}, {register}, {weights[tap]}, {high}")
        at += size
    return lines


def packed_rows(io: OpIO, layer: ScaledLayer) -> npt.NDArray[np.uint32]:
    """Constants of the tile: uint32 [pairs of channels, words].

    Pairs are channels 0 and 2, 1 and 3 of each four, dummy ones added. A pair has the words of the
    requantisation of either channel, then a word of both weights, times 2**k, for each tap.
    """
    weights = io.input(1).values[0].astype(np.int64)
    channels = weights.shape[2]
    scaled = np.where(layer.solved.constant, 0, weights) << layer.shifts
    extra = round_up(channels, 4) - channels
    taps = np.pad(scaled.reshape(-1, channels), ((0, 0), (0, extra)))
    words = np.pad(layer.solved.words, ((0, extra), (0, 0)))
    # [four, half (0, 1 or 2, 3), channel of it, ...]: pairs take one of each half.
    halves = (taps.T & 0xFFFF).reshape(-1, 2, 2, len(taps))
    lanes = halves[:, 0] | (halves[:, 1] << 16)
    constants = words.reshape(-1, 2, 2, words.shape[1]).transpose(0, 2, 1, 3)
    pairs = [
        constants.reshape(-1, 2 * words.shape[1]) & 0xFFFFFFFF,
        lanes.reshape(-1, len(taps)),
    ]
    return np.concatenate(pairs, axis=1).astype(np.uint32)
