"""The 3x3 depthwise tile made to measure: registers and template variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgegen.kernels.depthwise_conv2d.finish import Finish, lines_text
from edgegen.kernels.depthwise_conv2d.plane_stores import (
    Stores,
    adjust,
    ahead,
    fixed_stores,
    stepped_stores,
)
from edgegen.kernels.depthwise_conv2d.plane_walk import (
    NONE,
    TAPS,
    Axis,
    Row,
    RowGroup,
    Word,
    row_groups,
    row_of_words,
)
from edgegen.kernels.formats import round_up
from edgegen.kernels.solved import Solved

STEPPED_WORDS = 2
"""Rows of so few words take the distance of outputs from a register."""

SAVED_BYTES = 36
"""Stack that PUSH {r4-r11, lr} takes."""


@dataclass(frozen=True)
class Registers:
    """What the registers hold besides r0 input, r2 output, r3 M and r4 to r7 temporaries.

    Attributes:
        accumulators: to choose from.
        c0: first addend of an accumulator.
        base: address of the channel's constants. With `sp` they are copied to the stack, which
            frees r1: worth 20 cycles a channel for 2 cycles a word.
        held_u: taps (w0, w1) of the filter's middle row, or empty where they are loaded.
        held_v: taps (w1, w2), likewise.
        step: bytes between outputs, or empty where it is on the stack or an immediate.
    """

    accumulators: tuple[str, ...]
    c0: str
    base: str = "r1"
    held_u: str = ""
    held_v: str = ""
    step: str = ""

    @classmethod
    def choose(cls, stride: int, words: int) -> Registers:
        """The best use of them for a stride along the row and a number of words."""
        if stride == 1 and words > STEPPED_WORDS:
            return cls(("r8", "r9", "r10", "r11", "r12", "lr"), "r1", base="sp")
        if stride == 1 and words > 1:
            return cls(("r8", "r9", "r10", "r11", "r12"), "lr")
        if stride == 1:
            return cls(("r8", "r9", "r10", "r11"), "lr", step="r12")
        if words > STEPPED_WORDS:
            return cls(("r8", "r9", "r10"), "r11", held_u="r12", held_v="lr")
        return cls(("r8", "r9", "r10"), "r11", held_u="r12", step="lr")


@dataclass(frozen=True)
class Tile:
    """A tile for planes of one shape.

    Attributes:
        rows: the axis across the planes' rows.
        columns: the axis along them.
        padding: its name, see `padding_name`.
        pad: what padding holds, as u8.
        row_step: bytes from an output to its neighbour in the next row.
        column_step: bytes from an output to its neighbour in the same row.
        solved: the requantisation.
        signed: whether outputs are int8 instead of u8.
    """

    rows: Axis
    columns: Axis
    padding: str
    pad: int
    row_step: int
    column_step: int
    solved: Solved
    signed: bool

    @cached_property
    def groups(self) -> tuple[RowGroup, ...]:
        """Groups of output rows."""
        return row_groups(self.rows)

    @property
    def words(self) -> int:
        """Words of an input row."""
        return round_up(self.columns.inputs, 4) // 4

    @cached_property
    def registers(self) -> Registers:
        """The use of registers."""
        return Registers.choose(self.columns.stride, self.words)

    @cached_property
    def row(self) -> Row:
        """The words of a row."""
        return row_of_words(self.columns, self.registers.accumulators)

    @property
    def stepped(self) -> bool:
        """Whether distances between outputs are arguments."""
        return self.words <= STEPPED_WORDS

    @cached_property
    def stores(self) -> Stores:
        """The stores of a row."""
        if self.stepped:
            return stepped_stores(self.row.head, self.registers.step or "r4")
        return fixed_stores(self.row, self.column_step)

    @property
    def turn(self) -> int:
        """Bytes from where a row of outputs leaves r2 to the next row."""
        return self.row_step - self.stores.moved * self.column_step

    @property
    def words_per_channel(self) -> int:
        """32-bit words of a channel's constants."""
        return self.solved.words_per_channel + 2 * TAPS

    @property
    def corrected(self) -> bool:
        """Whether padding contributes to sums."""
        return self.pad != 0 and (self.rows.padded or self.columns.padded)

    @property
    def finish(self) -> Finish:
        """The requantisation."""
        return Finish(self.solved, self.signed)

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        r, c = self.rows, self.columns
        parts = [f"{r.inputs}x{c.inputs}_s{r.stride}x{c.stride}", self.padding]
        if self.corrected:
            parts.append(f"pad{self.pad}")
        if not self.stepped:
            parts.append(f"to{self.row_step}x{self.column_step}")
        return "_".join([*parts, self.finish.variant])

    @property
    def arguments(self) -> tuple[int, ...]:
        """Arguments that only stepped tiles take."""
        return (self.column_step, self.turn) if self.stepped else ()

    @property
    def _pitch(self) -> int:
        return round_up(self.columns.inputs, 4)

    def _advances(self) -> tuple[int, ...]:
        """Input bytes from each group's row to its next row or group, from where r0 stands."""
        starts = [g.start for g in self.groups]
        found = []
        for i, group in enumerate(self.groups):
            rows = self.rows.stride
            if group.count == 1 and i + 1 < len(starts):
                rows = starts[i + 1] - starts[i]
            found.append(rows * self._pitch - self.row.walked)
        return tuple(found)

    def variables(self) -> dict[str, Any]:
        """What the template is rendered with."""
        s, regs = self.solved, self.registers
        copied = 4 * self.words_per_channel if regs.base == "sp" else 0
        frame = copied + 20
        travelled = sum(
            g.count * (a + self.row.walked)
            for g, a in zip(self.groups, self._advances(), strict=True)
        )
        plane = self.rows.inputs * self._pitch
        return {
            "rows": self.rows,
            "columns": self.columns,
            "pitch": self._pitch,
            "plane": plane,
            "pad": self.pad,
            "corrected": self.corrected,
            "taps_at": 4 * s.words_per_channel,
            "words": self.words_per_channel,
            "regs": regs,
            "stepped": self.stepped,
            "moved": self.stores.moved,
            "row_step": 0 if self.stepped else self.row_step,
            "column_step": 0 if self.stepped else self.column_step,
            "frame": frame,
            "end_at": copied,
            "stream_at": copied + 4,
            "out_at": copied + 8,
            "rows_at": copied + 12,
            "words_at": copied + 16,
            "step_at": frame + SAVED_BYTES,
            "turn_at": frame + SAVED_BYTES + 4,
            "copied": "{r1, r3-r9}" if s.form == "linear" else "{r1, r3-r11}",
            "head": self._steps(self.row.head, self.stores.head),
            "enter": lines_text(self.stores.enter),
            "body": self._steps(self.row.body, self.stores.body),
            "again": lines_text((*adjust("r0", 4 * len(self.row.body), "r5"), *self.stores.again)),
            "walked": lines_text(ahead("r4", "r0", self.row.walked)),
            "tail": self._steps(self.row.tail, self.stores.tail),
            "groups": [
                {
                    "first": g.first,
                    "taps": g.taps,
                    "count": g.count,
                    "missing": g.missing if self.corrected else (),
                    "fresh": self.corrected and i > 0 and bool(self.groups[i - 1].missing),
                    "limit": lines_text(
                        ahead("r4", "r0", g.count * self.rows.stride * self._pitch)
                    ),
                    "advance": lines_text(adjust("r0", advance, "r5")),
                }
                for i, (g, advance) in enumerate(zip(self.groups, self._advances(), strict=True))
            ],
            "turn": "" if self.stepped else lines_text(adjust("r2", self.turn, "r5")),
            "next_in": lines_text(adjust("r0", plane - travelled, "r5")),
            "next_out": ""
            if self.stepped
            else lines_text(adjust("r2", 1 - self.rows.outputs * self.row_step, "r5")),
            **self.finish.variables(),
        }

    def _steps(
        self, words: Sequence[Word], stores: Sequence[tuple[str, ...]]
    ) -> list[dict[str, Any]]:
        return [
            {
                "word": f"{w.at}, {int(w.opens)}, {w.pixels}, {', '.join(w.targets)}, "
                f"{w.left if self.corrected else NONE}, {w.right if self.corrected else NONE}",
                "done": ", ".join(register for register, _ in w.done),
                "stores": lines_text(lines),
            }
            for w, lines in zip(words, stores, strict=True)
        ]
