"""Where things lie in the picture of a memory map: steps and bytes to pixels of the drawing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edgegen.report.memory_map import MemoryMap, Steps

LEFT, RIGHT, TOP = 84.0, 24.0, 74.0
"""Room beside and above the plot."""
PLOT_HEIGHT = 340.0
PLOT_WIDTH = 1080.0
"""At most; plans of few layers take less."""
COLUMN = 180.0
"""Widest column of a layer."""
NAMES_HEIGHT = 130.0
BAR_HEIGHT, BAR_GAP = 52.0, 26.0
NARROWEST_NAMED = 13.0
"""A column in which an operator's name, turned, can be read."""
SUBTITLE_CHARACTER = 7.2
CHARACTER, LINE = 6.1, 13.0
"""Width of a character of 11 pixels' height, about, and the height of a line."""


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of the drawing; `style` is its CSS class, `tip` what hovering shows."""

    x: float
    y: float
    width: float
    height: float
    style: str
    tip: str


@dataclass(frozen=True)
class Label:
    """A text of the drawing, anchored at its middle unless the style says otherwise."""

    x: float
    y: float
    text: str
    style: str = ""


@dataclass(frozen=True)
class Axes:
    """From steps and bytes to pixels: a layer is a column; steps share their unit's columns."""

    shown: MemoryMap
    column: float
    right: float

    @classmethod
    def of(cls, shown: MemoryMap, least: float) -> Axes:
        """The axes of a map whose plot is at least so wide."""
        count = max(sum(len(u.layers) for u in shown.units), 1)
        column = min(PLOT_WIDTH / count, COLUMN)
        return cls(shown, column, round(LEFT + max(count * column, least), 1))

    def x(self, step: int) -> float:
        """Where a step begins, or the last one ended."""
        at = LEFT
        for unit in self.shown.units:
            width = len(unit.layers) * self.column
            if step <= unit.last:
                at += width * (step - unit.first) / (unit.last - unit.first + 1)
                break
            at += width
        return round(at, 2)

    def y(self, byte: int) -> float:
        """Where a byte of the arena lies; byte 0 is at the bottom."""
        return round(TOP + PLOT_HEIGHT * (1 - byte / max(self.shown.size, 1)), 2)

    def numbers(self) -> Iterator[Label]:
        """The layers' numbers; some are left out where they would touch."""
        every = math.ceil(NARROWEST_NAMED * 1.4 / self.column)
        for k, layer in enumerate(x for u in self.shown.units for x in u.layers):
            if k % every == 0:
                x = round(LEFT + (k + 0.5) * self.column, 1)
                yield Label(x, TOP + PLOT_HEIGHT + 15, str(layer.index))

    def names(self) -> Iterator[Label]:
        """The layers' operators, turned."""
        if self.column < NARROWEST_NAMED:
            return
        for k, layer in enumerate(x for u in self.shown.units for x in u.layers):
            x = round(LEFT + (k + 0.5) * self.column + 4, 1)
            yield Label(x, TOP + PLOT_HEIGHT + 26, layer.title, "end")

    def rectangle(
        self, life: tuple[int, int], low: int, high: int, style: str, tip: str
    ) -> Rectangle:
        """A stretch of time and of bytes."""
        x, y = self.x(life[0]), self.y(high)
        width, height = self.x(life[1] + 1) - x, self.y(low) - y
        return Rectangle(x, y, round(width, 2), round(height, 2), style, tip)


def joined(axes: Axes, lives: Steps) -> Iterator[tuple[int, int]]:
    """Lives, with those made one whose gap is too narrow to be seen."""
    first, last = lives[0]
    for begin, end in lives[1:]:
        if axes.x(begin) - axes.x(last + 1) >= 1.5:
            yield first, last
            first = begin
        last = end
    yield first, last


def ticks(size: int) -> Iterator[int]:
    """About five round numbers of bytes up to the size, and the size itself."""
    step = 10 ** math.floor(math.log10(max(size / 4, 1)))
    step = next(step * k for k in (1, 2, 5, 10) if size / (step * k) <= 5)
    for value in range(0, size, step):
        if size - value >= step * 0.4:
            yield value
    yield size
