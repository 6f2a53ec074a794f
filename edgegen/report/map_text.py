"""The memory map as text: a line for each layer, the arena across, the peak marked.

Every tensor has a letter, which the line that makes it introduces; `#` marks bytes that a dying
tensor and the one made of it share. Without a terminal that speaks UTF-8 the lines are plain ASCII,
and colours only repeat what the letters say.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from edgegen.report.memory_map import Kind, MapBlock, MemoryMap, Unit

WIDTH = 100
"""Columns of a line."""
_BAR = 44
_LETTERS = string.ascii_lowercase + string.ascii_uppercase
_WORKING = {Kind.SCRATCH: "%", Kind.SUMS: "+", Kind.CONSTANTS: "=", Kind.OTHER: "?"}
_WORKING_NAMES = {"%": "scratch", "+": "sums", "=": "constants", "?": "other"}
_TINTS = ("blue", "cyan", "green", "magenta", "bright_blue", "bright_magenta")
_LINES_OF_A_STREAM = 12


@dataclass(frozen=True)
class Signs:
    """Characters that differ between terminals."""

    free: str
    shared: str
    peak: str
    levels: str


UNICODE = Signs("·", "▒", "◄ peak", "▁▂▃▄▅▆▇█")
ASCII = Signs(".", "#", "< peak", "_.:-=+*#")


def signs(console: Console) -> Signs:
    """What the console's encoding can show."""
    return UNICODE if console.encoding.lower().startswith("utf") else ASCII


@dataclass(frozen=True)
class MapLine:
    """A line of the map.

    Attributes:
        label: number and operator.
        makes: what is made, with its letter.
        cells: a character for each part of the arena.
        bytes: occupied.
        peak: whether it is the step that sets the size.
    """

    label: str
    makes: str
    cells: str
    bytes: int
    peak: bool


def print_map(console: Console, shown: MemoryMap) -> None:
    """The memory map of a plan, for a terminal."""
    mark = signs(console)
    scale = f"{'0':<{_BAR - 10}}{shown.size:>10,}"
    console.print(f"[bold]{shown.name}[/bold]: arena {shown.size:,} bytes, {shown.proof}")
    _print(console, f"{'layer':<23}{'makes':<17}{scale}{'bytes':>8}", "dim")
    used: set[str] = set()
    letters = block_letters(shown)
    for line in map_lines(shown, mark):
        used |= set(line.cells)
        text = Text(f"{line.label:<23.22}{line.makes:<17.16}")
        for sign in line.cells:
            text.append(sign, _style(sign, letters))
        text.append(f"{line.bytes:>8,}", "bold" if line.peak else "")
        text.append(f" {mark.peak}" if line.peak else "", "bold red")
        console.print(text, soft_wrap=True)
    notes = [f"{s} {_WORKING_NAMES[s]}" for s in _WORKING_NAMES if s in used]
    if mark.shared in used:
        notes.append(f"{mark.shared} shared by a tensor that dies and one that is made")
    _print(console, "; ".join([*notes, f"{mark.free} free"]), "dim")


def _print(console: Console, text: str, style: str) -> None:
    console.print(Text(text, style), soft_wrap=True)


def sparkline(shown: MemoryMap, mark: Signs) -> str:
    """The bytes occupied while each unit runs, a character each."""
    top = len(mark.levels) - 1
    sizes = [shown.occupied(shown.fullest(u.first, u.last)) for u in shown.units]
    return "".join(mark.levels[round(top * s / max(shown.size, 1))] for s in sizes)


def block_letters(shown: MemoryMap) -> dict[str, str]:
    """A letter for each tensor, a sign for working memory, by block name."""
    found: dict[str, str] = {}
    count = 0
    for block in shown.blocks:
        if block.content.kind in _WORKING:
            found[block.name] = _WORKING[block.content.kind]
        else:
            found[block.name] = _LETTERS[count % len(_LETTERS)]
            count += 1
    return found


def map_lines(shown: MemoryMap, mark: Signs, width: int = _BAR) -> Iterator[MapLine]:
    """The lines of the map.

    Args:
        shown: what to show.
        mark: characters.
        width: characters for the whole arena.
    """
    letters = block_letters(shown)
    cells = _Cells(shown, letters, mark, width)
    for block in shown.blocks:
        if block.content.kind is Kind.INPUT:
            yield MapLine("input", _makes([block], letters), cells.of([block]), block.size, False)
    for unit in shown.units:
        layers = {layer.index for layer in unit.layers}
        made = [
            b for b in shown.blocks if b.content.writer in layers and b.content.kind not in _WORKING
        ]
        number, _, title = unit.title.partition(" ")
        lines: list[tuple[int, MapLine]] = []
        for first, last in _parts(unit):
            step = shown.fullest(first, last)
            drawn, full = cells.of(shown.alive(step)), shown.occupied(step)
            fresh = [b for b in made if first <= b.lives[0][0] <= last]
            peak = step == shown.peak_step
            if lines and not fresh and (drawn, full) == (lines[-1][1].cells, lines[-1][1].bytes):
                # Nothing new to see: the line before goes on.
                first, before = lines.pop()
                peak = peak or before.peak
                made_text = before.makes
            else:
                made_text = _makes(fresh, letters)
            label = f"{number:>3} {title}" if first == unit.first else f"    steps {first}..{last}"
            lines.append((first, MapLine(label, made_text, drawn, full, peak)))
        yield from (line for _, line in lines)


def _makes(blocks: list[MapBlock], letters: dict[str, str]) -> str:
    if len(blocks) == 1:
        return f"{letters[blocks[0].name]} {blocks[0].content.shape}"
    return " ".join(letters[b.name] for b in blocks)


def _parts(unit: Unit) -> Iterator[tuple[int, int]]:
    """The steps of a unit in as many parts as it may have lines."""
    steps = unit.last - unit.first + 1
    parts = min(steps, _LINES_OF_A_STREAM)
    for k in range(parts):
        yield unit.first + steps * k // parts, unit.first + steps * (k + 1) // parts - 1


@dataclass(frozen=True)
class _Cells:
    """Draws the arena as a row of characters."""

    shown: MemoryMap
    letters: dict[str, str]
    mark: Signs
    width: int

    def of(self, alive: Sequence[MapBlock]) -> str:
        """What fills most of each part of the arena; every block at least once if there is room."""
        cells = [self._cell(k, alive) for k in range(self.width)]
        for block in sorted(alive, key=lambda b: b.lives[0][0]):
            if self.letters[block.name] not in cells:
                middle = int((block.offset + block.size / 2) * self.width / self.shown.size)
                if cells[middle] != self.mark.shared:
                    cells[middle] = self.letters[block.name]
        return "".join(cells)

    def _cell(self, index: int, alive: Sequence[MapBlock]) -> str:
        start, end = (self.shown.size * k / self.width for k in (index, index + 1))
        parts = [(max(start, b.offset), min(end, b.end), b.name) for b in alive]
        parts = [(first, last, name) for first, last, name in parts if first < last]
        union = _union([(first, last) for first, last, _ in parts])
        if sum(last - first for first, last, _ in parts) - union > (end - start) / 2:
            return self.mark.shared
        if 2 * union < end - start:
            return self.mark.free
        return self.letters[max(parts, key=lambda p: p[1] - p[0])[2]]


def _union(parts: list[tuple[float, float]]) -> float:
    total = end = 0.0
    for first, last in sorted(parts):
        total += max(last - max(first, end), 0.0)
        end = max(end, last)
    return total


def _style(sign: str, letters: dict[str, str]) -> str:
    if sign in _WORKING.values():
        return "yellow"
    if sign in letters.values():
        return f"{_TINTS[_LETTERS.index(sign) % len(_TINTS)]} reverse"
    return "dim"
