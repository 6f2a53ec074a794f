"""The memory map as a picture: time to the right, the arena's bytes upwards, bars for each layer.

All numbers of the picture are made here, in pixels of the drawing; the templates only print them.
Equal plans give equal bytes, and nothing is loaded from elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edgegen.codegen.environment import render
from edgegen.report.map_axes import (
    BAR_GAP,
    BAR_HEIGHT,
    CHARACTER,
    LEFT,
    LINE,
    NAMES_HEIGHT,
    PLOT_HEIGHT,
    RIGHT,
    SUBTITLE_CHARACTER,
    TOP,
    Axes,
    Label,
    Rectangle,
    joined,
    ticks,
)
from edgegen.report.memory_map import Kind, MapBlock, MemoryMap, Steps, Unit

CUTS = 16
"""Stretches of a block's life that are looked at for the place of its label."""


@dataclass(frozen=True)
class Bars:
    """Bars for each layer below the map: what they are, and the rectangles."""

    title: Label
    top: Label
    base: float
    bars: tuple[Rectangle, ...]


@dataclass(frozen=True)
class Picture:
    """All that the SVG holds, ready to print."""

    name: str
    subtitle: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    grid: tuple[Label, ...]
    columns: tuple[float, ...]
    by_rows: tuple[Rectangle, ...]
    numbers: tuple[Label, ...]
    names: tuple[Label, ...]
    blocks: tuple[Rectangle, ...]
    shared: tuple[Rectangle, ...]
    labels: tuple[Label, ...]
    peak: Rectangle
    peak_label: Label
    bars: tuple[Bars, ...]
    legend: tuple[Label, ...]


_LEGEND = {
    Kind.INPUT: "model input",
    Kind.TENSOR: "tensor between layers",
    Kind.OUTPUT: "model output",
    Kind.RING: "ring: some rows of a tensor",
    Kind.SCRATCH: "scratch of a layer",
    Kind.SUMS: "sums kept between rows",
    Kind.CONSTANTS: "copy of a layer's constants",
    Kind.OTHER: "other",
}


def svg(shown: MemoryMap, title: str) -> str:
    """The picture as a self-contained SVG file.

    Args:
        shown: the memory map.
        title: what was compiled for what, for people.
    """
    return render("report/memory_map.svg.j2", p=picture(shown, title))


def page(shown: MemoryMap, title: str) -> str:
    """The picture as a self-contained HTML page, with tables of layers and blocks."""
    return render(
        "report/memory_map.html.j2",
        p=picture(shown, title),
        title=title,
        shown=shown,
        layers=[(x, u, _ram(shown, u)) for u in shown.units for x in u.layers],
        blocks=[(b, _place(b), _time(shown, b.lives)) for b in shown.blocks],
    )


def picture(shown: MemoryMap, title: str) -> Picture:
    """Lays the picture out."""
    subtitle = f"{title}: arena {shown.size:,} bytes, {shown.proof}"
    axes = Axes.of(shown, len(subtitle) * SUBTITLE_CHARACTER)
    right, bottom = axes.right, TOP + PLOT_HEIGHT
    base = bottom + NAMES_HEIGHT
    kinds = {b.content.kind for b in shown.blocks}
    entries = [(k.value, text) for k, text in _LEGEND.items() if k in kinds]
    by_rows = [u for u in shown.units if u.by_rows]
    if by_rows:
        entries.append(("rows", "layers that run row by row, in turns"))
    if shown.shared:
        entries.append(("shared", "bytes that a dying tensor and the next one share"))
    entries.append(("peak", "the step that sets the size"))
    layers = [x for u in shown.units for x in u.layers]
    rows = (
        ("cycles", "predicted cycles", [x.cycles for x in layers]),
        ("macs", "multiply-accumulates", [x.macs for x in layers]),
        ("ram", "bytes of arena in use", [_ram(shown, u) for u in shown.units for _ in u.layers]),
    )
    bars = tuple(_bars(axes, base + i * (BAR_HEIGHT + BAR_GAP), *row) for i, row in enumerate(rows))
    legend_y = base + len(bars) * (BAR_HEIGHT + BAR_GAP) + 16
    legend = tuple(_legend(entries, right, legend_y))
    return Picture(
        name=shown.name,
        subtitle=subtitle,
        width=right + RIGHT,
        height=round(legend[-1].y + 28, 1),
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
        grid=tuple(Label(LEFT - 8, axes.y(v), f"{v:,}", "end") for v in ticks(shown.size)),
        columns=tuple(axes.x(u.first) for u in shown.units),
        by_rows=tuple(
            axes.rectangle((u.first, u.last), 0, shown.size, "rows", "") for u in by_rows
        ),
        numbers=tuple(axes.numbers()),
        names=tuple(axes.names()),
        blocks=tuple(_blocks(shown, axes)),
        shared=tuple(_shared(shown, axes)),
        labels=tuple(t for b in shown.blocks for t in _block_labels(shown, axes, b)),
        peak=_peak(shown, axes),
        peak_label=_peak_label(shown, axes),
        bars=bars,
        legend=legend,
    )


def _blocks(shown: MemoryMap, axes: Axes) -> Iterator[Rectangle]:
    """A rectangle for each life of each block; tensors in two tones by turns."""
    tensors = [b.name for b in shown.blocks if b.content.kind is Kind.TENSOR]
    for block in _drawn(shown):
        style = block.content.kind.value
        if block.name in tensors:
            style += f" tone{tensors.index(block.name) % 2}"
        tip = _tip(shown, block)
        for life in joined(axes, block.lives):
            yield axes.rectangle(life, block.offset, block.end, style, tip)


def _drawn(shown: MemoryMap) -> list[MapBlock]:
    """Blocks from the back to the front: none hides a smaller one whole."""
    return sorted(shown.blocks, key=lambda b: -b.size)


def _block_labels(shown: MemoryMap, axes: Axes, block: MapBlock) -> Iterator[Label]:
    """Shape and size, in the part of the block in sight that has most room for them."""
    shape = block.content.shape.removeprefix("1x").replace("x", "×") or block.content.kind.value
    lines = ((shape, ""), (f"{block.size:,}", "size"))

    def fitting(place: Rectangle) -> list[tuple[str, str]]:
        narrow = [x for x in lines if len(x[0]) * CHARACTER <= place.width - 4]
        return narrow[: int(place.height / LINE)]

    places = list(_in_sight(shown, axes, block))
    if not places:
        return
    place = max(places, key=lambda r: (len(fitting(r)), r.width * r.height))
    found = fitting(place)
    x, middle = place.x + place.width / 2, place.y + place.height / 2
    for k, (text, style) in enumerate(found):
        y = middle + 4 + LINE * (k - (len(found) - 1) / 2)
        yield Label(round(x, 1), round(y, 1), text, style)


def _in_sight(shown: MemoryMap, axes: Axes, block: MapBlock) -> Iterator[Rectangle]:
    """Rectangles of a block that nothing in front of it hides, over any stretch of its lives."""
    order = {b.name: k for k, b in enumerate(_drawn(shown))}
    front = [
        (steps, item.offset, item.offset + item.size)
        for item in shown.shared
        if block.name in item.names and order[block.name] == min(order[n] for n in item.names)
        for steps in item.steps
    ]
    for first, last in joined(axes, block.lives):
        cuts = {first, last + 1, *(c for (a, b), _, _ in front for c in (a, b + 1))}
        edges = sorted(c for c in cuts if first <= c <= last + 1)
        for begin, end in itertools.combinations(edges[:CUTS], 2):
            hidden = sorted((lo, hi) for (a, b), lo, hi in front if a < end and begin <= b)
            low = block.offset
            for lo, hi in (*hidden, (block.end, block.end)):
                if low < lo:
                    yield axes.rectangle((begin, end - 1), low, lo, "", "")
                low = max(low, hi)


def _shared(shown: MemoryMap, axes: Axes) -> Iterator[Rectangle]:
    titles = {b.name: b.title for b in shown.blocks}
    for item in shown.shared:
        tip = f"{item.size:,} bytes shared by\n{titles[item.names[0]]}\n{titles[item.names[1]]}"
        for life in joined(axes, item.steps):
            yield axes.rectangle(life, item.offset, item.offset + item.size, "shared", tip)


def _tip(shown: MemoryMap, block: MapBlock) -> str:
    """What hovering over a block shows, one line an item."""
    content = block.content
    lines = [block.title]
    if content.shape:
        lines.append(f"{content.shape}, {content.layout}")
    lines.append(_place(block))
    layers = {x.index: f"layer {x.index} {x.title}" for u in shown.units for x in u.layers}
    if content.writer is not None and content.tensors:
        lines.append(f"made by {layers.get(content.writer, content.writer)}")
    if content.readers and content.tensors:
        lines.append("read by " + ", ".join(layers.get(r, str(r)) for r in content.readers))
    return "\n".join(lines)


def _place(block: MapBlock) -> str:
    return f"{block.size:,} bytes at {block.offset:,} to {block.end - 1:,}"


def _time(shown: MemoryMap, lives: Steps) -> str:
    """When a block is alive, as layers."""
    first, last = lives[0][0], lives[-1][1]
    found = [x.index for u in shown.units if u.first <= last and first <= u.last for x in u.layers]
    if not found:
        return ""
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _ram(shown: MemoryMap, unit: Unit) -> int:
    return shown.occupied(shown.fullest(unit.first, unit.last))


def _peak(shown: MemoryMap, axes: Axes) -> Rectangle:
    step = shown.peak_step
    tip = f"peak: layer {shown.peak_title}"
    place = axes.rectangle((step, step), 0, shown.size, "peak", tip)
    # A step of a stream may be narrower than its frame.
    extra = max(3.0 - place.width, 0.0)
    return Rectangle(
        round(place.x - extra / 2, 2),
        place.y,
        round(place.width + extra, 2),
        place.height,
        "peak",
        tip,
    )


def _peak_label(shown: MemoryMap, axes: Axes) -> Label:
    place = _peak(shown, axes)
    text = f"peak: layer {shown.peak_title}"
    half = len(text) * CHARACTER / 2
    x = min(max(place.x + place.width / 2, LEFT + half), axes.right - half)
    return Label(round(x, 1), TOP - 10, text, "peak")


def _bars(axes: Axes, base: float, style: str, title: str, values: list[int]) -> Bars:
    """A row of bars, one for each layer."""
    top = max(values, default=0)
    layers = [x for u in axes.shown.units for x in u.layers]
    bars = []
    for k, (layer, value) in enumerate(zip(layers, values, strict=True)):
        height = BAR_HEIGHT * value / top if top else 0.0
        gap = min(axes.column / 8, 3.0)
        bars.append(
            Rectangle(
                round(LEFT + k * axes.column + gap, 2),
                round(base + BAR_HEIGHT - height, 2),
                round(axes.column - 2 * gap, 2),
                round(height, 2),
                style,
                f"layer {layer.index} {layer.title}\n{value:,} {title}",
            )
        )
    return Bars(
        Label(LEFT, base - 6, title, "start"),
        Label(LEFT - 8, base + 8, f"{top:,}", "end"),
        base + BAR_HEIGHT,
        tuple(bars),
    )


def _legend(entries: list[tuple[str, str]], right: float, top: float) -> Iterator[Label]:
    """Entries from left to right, in as many lines as they need."""
    x, y = LEFT, top
    for style, text in entries:
        width = 24 + len(text) * CHARACTER + 18
        if x > LEFT and x + width > right + RIGHT:
            x, y = LEFT, y + 20
        yield Label(round(x, 1), round(y, 1), text, style)
        x += width


PICTURES: Final[Mapping[str, Callable[[MemoryMap, str], str]]] = {".html": page, ".svg": svg}
"""What draws a map, by the file's suffix."""
