"""Requantisation of complete accumulators in the depthwise tiles, and counting of cycles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgegen.kernels.base import Piece
from edgegen.kernels.solved import Solved


class Count:
    """Adds up instructions and Cortex-M4 cycles."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.instructions = 0
        self.cycles = 0

    def add(self, instructions: int, extra: int = 0, times: int = 1) -> None:
        """Counts instructions of one cycle each, and `extra` cycles."""
        self.instructions += instructions * times
        self.cycles += (instructions + extra) * times


@dataclass(frozen=True)
class Finish:
    """How an accumulator becomes an output byte.

    Attributes:
        solved: the requantisation.
        signed: whether outputs are int8 instead of u8.
    """

    solved: Solved
    signed: bool

    @property
    def top(self) -> int:
        """Greatest value after saturation."""
        s = self.solved.saturation
        return (1 << s.bits) - 1 if s.ceiling is None else s.ceiling

    @property
    def after(self) -> int:
        """What is added after saturation."""
        return self.solved.saturation.offset - (128 if self.signed else 0)

    @property
    def variant(self) -> str:
        """Tells requantisations apart, a C identifier."""
        s = self.solved.saturation
        full = s.bits == 8 and s.ceiling is None and not s.offset
        clamp = "" if full else f"_{s.bits}_{self.top}_{s.offset}"
        return f"dw_{self.solved.form}{self.solved.e}{clamp}{'_s8' if self.signed else ''}"

    @property
    def piece(self) -> Piece:
        """The function that does it in the portable twins."""
        variables = {
            "form": self.solved.form,
            "e": self.solved.e,
            "top": self.top,
            "offset": self.solved.saturation.offset,
            "signed": self.signed,
        }
        return Piece("dsp_requantise", self.variant, variables)

    def variables(self) -> dict[str, Any]:
        """Template variables of templates/lib/dw_done.j2."""
        word = "add" if self.after > 0 else "sub"
        return {
            "form": self.solved.form,
            "e": self.solved.e,
            "bits": self.solved.saturation.bits,
            "ceiling": self.solved.saturation.ceiling,
            "after": f"{word} \\\\r, #{abs(self.after)}" if self.after else "",
            "requantise": self.variant,
        }

    def count(self, count: Count, outputs: int, times: int = 1) -> None:
        """Counts the requantisation of some outputs together, stores aside."""
        each = 2 if self.solved.form == "linear" else 4
        each += 3 * (self.solved.saturation.ceiling is not None) + bool(self.after)
        count.add(each * outputs, 0, times)
        if self.solved.form != "linear":
            count.add(3, 1, times)


def lines_text(lines: Iterable[str]) -> str:
    r"""Instructions as they stand in a C string: separated by "\n ", without a final one."""
    return r"\n ".join(lines)
