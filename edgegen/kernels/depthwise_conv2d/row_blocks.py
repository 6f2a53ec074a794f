"""Blocks of neighbouring outputs of a row of pixels: what each reads, and how a row is cut up.

Taps that fall on padding are left out, so that blocks at the ends of a row differ from those in the
middle, which are alike and become a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from edgegen.ops.window import Window

MOST_OUTPUTS = 4
"""Outputs of a block: two accumulators each."""
TAPS_AT_ONCE = 3
"""Taps whose weights are held in registers together."""


@dataclass(frozen=True)
class Part:
    """Some neighbouring taps of a block's outputs in one row of the filter.

    Attributes:
        taps: the taps that any output uses, in order.
        columns: for each column, relative to the block's first tap, which (output, tap) use it.
    """

    taps: tuple[int, ...]
    columns: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]

    @property
    def products(self) -> int:
        """Uses in all."""
        return sum(len(uses) for _, uses in self.columns)


@dataclass(frozen=True)
class Block:
    """Neighbouring outputs that are computed together.

    Attributes:
        outputs: how many.
        parts: their taps in a row of the filter.
    """

    outputs: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Step:
    """A block, and how often it is repeated.

    Attributes:
        block: the block.
        repeats: how often, one after the other.
    """

    block: Block
    repeats: int


@dataclass(frozen=True)
class Row:
    """A row of outputs.

    Attributes:
        window: along the row.
        inputs: pixels of an input row.
        steps: its blocks in order.
    """

    window: Window
    inputs: int
    steps: tuple[Step, ...]

    @classmethod
    def best(cls, window: Window, inputs: int, price: Callable[[Row], float]) -> Row:
        """The cheapest way to cut a row into blocks."""
        rows = (cls.cut(window, inputs, sizes) for sizes in _sizes(window.outputs(inputs)))
        return min(rows, key=price)

    @classmethod
    def cut(cls, window: Window, inputs: int, sizes: tuple[int, ...]) -> Row:
        """A row cut into blocks of these sizes."""
        steps: list[Step] = []
        first = 0
        for size in sizes:
            block = _block(window, inputs, first, size)
            if steps and steps[-1].block == block:
                steps[-1] = Step(block, steps[-1].repeats + 1)
            else:
                steps.append(Step(block, 1))
            first += size
        return cls(window, inputs, tuple(steps))


def _sizes(outputs: int) -> Iterator[tuple[int, ...]]:
    """Ways to cut a row: one size but for the first and the last block."""
    for size in range(MOST_OUTPUTS, 1, -1):
        for first in range(1, min(MOST_OUTPUTS, outputs) + 1):
            full, rest = divmod(outputs - first, size)
            yield (first, *([size] * full), *([rest] if rest else []))


def _block(window: Window, inputs: int, first: int, size: int) -> Block:
    base = first * window.stride - window.before(inputs)
    parts = []
    for start in range(0, window.size, TAPS_AT_ONCE):
        uses: dict[int, list[tuple[int, int]]] = {}
        for tap in range(start, min(start + TAPS_AT_ONCE, window.size)):
            for output in range(size):
                column = output * window.stride + tap * window.dilation
                if 0 <= base + column < inputs:
                    uses.setdefault(column, []).append((output, tap))
        if uses:
            parts.append(_part(uses))
    return Block(size, tuple(parts))


def _part(uses: Mapping[int, list[tuple[int, int]]]) -> Part:
    taps = sorted({tap for pairs in uses.values() for _, tap in pairs})
    columns = sorted((column, tuple(pairs)) for column, pairs in uses.items())
    return Part(tuple(taps), tuple(columns))
