"""The general depthwise tile made to measure: one channel, widened and padded, any filter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgegen.kernels.base import Piece
from edgegen.kernels.depthwise_conv2d.finish import Count, Finish, lines_text
from edgegen.kernels.depthwise_conv2d.gather_steps import (
    ACCUMULATORS,
    C0,
    HELD_BLOCK,
    MULTIPLIER,
    Line,
    Step,
    schedule,
)
from edgegen.kernels.depthwise_conv2d.plane_stores import MAX_OFFSET, adjust, ahead
from edgegen.kernels.formats import round_up
from edgegen.ops.window import Window

BLOCKS = (4, 6)
"""Outputs of a block. Six share more loads, but leave no register for constants."""

MAX_WORDS = 192
"""Words of taps of a channel; the code has about 15 bytes for each."""

BYTES = 3.4
"""Of an instruction, on average."""


@dataclass(frozen=True)
class Block:
    """Neighbouring outputs of a row, computed together.

    Attributes:
        outputs: how many.
        steps: what is done for each row of the filter.
        stores: instructions that store them.
        moved: outputs by which the stores have moved r2.
    """

    outputs: int
    steps: tuple[Step, ...]
    stores: tuple[str, ...]
    moved: int

    @classmethod
    def of(cls, line: Line, outputs: int, step: int) -> Block:
        """A block of outputs `step` bytes apart."""
        base = 0
        lines: list[str] = []
        for n in range(outputs):
            if (n - base) * step > MAX_OFFSET:
                lines += adjust("r2", (n - base) * step, "r3")
                base = n
            lines.append(f"strb {ACCUMULATORS[n]}, [r2, #{(n - base) * step}]")
        return cls(outputs, schedule(line, outputs), tuple(lines), base)

    @property
    def accumulators(self) -> tuple[str, ...]:
        """Its accumulators."""
        return ACCUMULATORS[: self.outputs]

    @property
    def words(self) -> int:
        """Words of pixels that it reads in a row, from the first to the last."""
        return 1 + max(word for step in self.steps for _, word in step.pixels)


@dataclass(frozen=True)
class GatherTile:
    """A tile for one shape.

    Attributes:
        across: the window across the rows of the widened plane.
        along: the window along them.
        inputs: input pixels across and along.
        row_step: bytes from an output to its neighbour in the next row.
        column_step: bytes from an output to its neighbour in the same row.
        finish: the requantisation.
    """

    across: Window
    along: Window
    inputs: tuple[int, int]
    row_step: int
    column_step: int
    finish: Finish

    @property
    def outputs(self) -> tuple[int, int]:
        """Outputs across and along."""
        return self.across.outputs(self.inputs[0]), self.along.outputs(self.inputs[1])

    @cached_property
    def line(self) -> Line:
        """A row of taps; gaps of a dilated filter are filled with zeros."""
        return Line(self.along.extent, self.along.stride)

    @cached_property
    def size(self) -> int:
        """Outputs of a block: what makes a row cheapest."""
        return min(BLOCKS, key=self._row_cycles)

    @cached_property
    def full(self) -> Block | None:
        """The block that a row repeats, or None where a row is shorter."""
        if self.outputs[1] < self.size:
            return None
        return Block.of(self.line, self.size, self.column_step)

    @cached_property
    def tail(self) -> Block | None:
        """The outputs of a row that are left, or None."""
        rest = self.outputs[1] % self.size
        return Block.of(self.line, rest, self.column_step) if rest else None

    @property
    def repeats(self) -> int:
        """Full blocks of a row."""
        return self.outputs[1] // self.size

    @property
    def pitch(self) -> int:
        """Elements of a row of the widened plane, even."""
        read = 0
        if self.full is not None:
            start = (self.repeats - 1) * self.size * self.along.stride
            read = start + 2 * self.full.words
        if self.tail is not None:
            start = self.repeats * self.size * self.along.stride
            read = max(read, start + 2 * self.tail.words)
        return round_up(max(read, self.before[1] + self.inputs[1]), 2)

    @property
    def before(self) -> tuple[int, int]:
        """Padding pixels before the first one, across and along."""
        return self.across.before(self.inputs[0]), self.along.before(self.inputs[1])

    @property
    def plane(self) -> int:
        """Elements of the widened plane."""
        read = (self.outputs[0] - 1) * self.across.stride + self.across.extent
        return max(read, self.before[0] + self.inputs[0]) * self.pitch

    @property
    def constants(self) -> int:
        """Words of a channel before its taps."""
        return self.finish.solved.words_per_channel

    @property
    def stored_words(self) -> int:
        """Words of a channel in flash: those of odd outputs follow from the others."""
        return self.constants + self.across.size * self.line.even_words

    @property
    def words(self) -> int:
        """Words of a channel as the tile reads them."""
        return self.constants + self.across.size * self.line.words

    @property
    def reject(self) -> str:
        """Why the tile's immediates do not reach; empty when they do."""
        row = 2 * self.across.dilation * self.pitch
        blocks = [b for b in (self.full, self.tail) if b is not None]
        if (self.across.size - 1) * row + 4 * max(b.words for b in blocks) > MAX_OFFSET:
            return "the rows under a filter are too far apart"
        return "the filter is too large" if self.words > MAX_WORDS else ""

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        a, b = self.across, self.along
        size = f"{a.size}x{b.size}_s{a.stride}x{b.stride}_d{a.dilation}x{b.dilation}"
        place = f"{self.outputs[0]}x{self.outputs[1]}_p{self.pitch}"
        return f"{size}_{place}_to{self.row_step}x{self.column_step}_{self.finish.variant}"

    @property
    def piece(self) -> Piece:
        """The C function."""
        return Piece("dsp_depthwise", self.variant, self._variables())

    def _variables(self) -> dict[str, Any]:
        stride = 2 * self.along.stride
        walked = self.repeats * self.size * stride if self.full else 0
        turn = self.row_step - self._moved * self.column_step
        row = 2 * self.across.stride * self.pitch
        return {
            "outputs": self.outputs,
            "strides": (self.across.stride, self.along.stride),
            "rows_of_taps": self.across.size,
            "taps_apart": self.across.dilation,
            "line": self.line,
            "dilated": self.along.dilation > 1,
            "even_step": 2 if self.line.odd_words else 1,
            "pitch": self.pitch,
            "tap_row": 2 * self.across.dilation * self.pitch,
            "taps_at": 4 * self.constants,
            "word_row": 4 * self.line.words,
            "row_step": self.row_step,
            "column_step": self.column_step,
            "held": self._held,
            "c0": C0,
            "multiplier": MULTIPLIER if self._held else "r3",
            "full": self._block(self.full),
            "tail": self._block(self.tail),
            "repeats": self.repeats,
            "rows_end": lines_text(ahead("r3", "r0", self.outputs[0] * row)),
            "row_end": lines_text(ahead("r3", "r0", walked)),
            "next_block": lines_text(
                (*self._advance(self.full), *adjust("r0", self.size * stride, "r3"))
            ),
            "next_row": lines_text((*adjust("r2", turn, "r3"), *adjust("r0", row - walked, "r3"))),
            **self.finish.variables(),
        }

    @property
    def _held(self) -> bool:
        return self.size <= HELD_BLOCK

    @property
    def _moved(self) -> int:
        """Outputs by which a row has moved r2."""
        moved = self.repeats * self.size if self.full else 0
        return moved + (self.tail.moved if self.tail else 0)

    def _advance(self, block: Block | None) -> tuple[str, ...]:
        if block is None:
            return ()
        return adjust("r2", (block.outputs - block.moved) * self.column_step, "r3")

    def _block(self, block: Block | None) -> dict[str, Any] | None:
        if block is None:
            return None
        return {
            "steps": block.steps,
            "done": ", ".join(block.accumulators),
            "stores": lines_text(block.stores),
        }

    def count(self, *, static: bool = False) -> Count:
        """Instructions and Cortex-M4 cycles of a call; with `static`, every instruction once."""
        count = Count()
        rows = 1 if static else self.outputs[0]
        count.add(9, 24)
        self._count_row(count, rows, min(self.repeats, 1) if static else self.repeats)
        # End of a row: limit, two addresses, comparison, branch.
        count.add(5, 2, rows)
        return count

    def _count_row(self, count: Count, rows: int, repeats: int) -> None:
        if self.full is not None:
            times = rows * repeats
            self._count_block(count, self.full, times)
            count.add(2, 0, times)
            if self.repeats > 1:
                count.add(3, 2, times)
                count.add(2, -2, rows)
        if self.tail is not None:
            self._count_block(count, self.tail, rows)

    def _count_block(self, count: Count, block: Block, times: int) -> None:
        for step in block.steps:
            loads, taps = step.loads, self.across.size
            count.add(loads + len(step.multiplies), bool(loads), times * taps)
        if not self._held:
            # First addends, and M after the last row.
            count.add(block.outputs + 1, 1, times)
        self.finish.count(count, block.outputs, times)
        count.add(len(block.stores), 0, times)

    def _row_cycles(self, size: int) -> int:
        """Cycles of a row with blocks of `size`, roughly."""

        def cycles(outputs: int) -> int:
            steps = schedule(self.line, outputs) if outputs else ()
            row = sum(s.loads + bool(s.loads) + len(s.multiplies) for s in steps)
            extra = 8 if outputs else 0
            return row * self.across.size + 3 * outputs + extra + (size > HELD_BLOCK) * outputs

        full, rest = divmod(self.outputs[1], size)
        return full * cycles(size) + cycles(rest)
