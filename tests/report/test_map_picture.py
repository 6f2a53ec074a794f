"""The picture of a memory map: measured back from the SVG, and compared with the plan."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.report.map_picture import page, svg
from edgegen.report.memory_map import Content, Kind, MapBlock, MemoryMap, Shared, Unit
from tests.report.maps import streamed, tiny
from tests.report.test_memory_map import maps
from tests.support.small import small_model

NAMESPACE = {"s": "http://www.w3.org/2000/svg"}
Place = tuple[float, float, int, int]
"""Begin and end in columns, first and one past the last byte."""


class Drawing:
    """An SVG, with its own grid as the scale."""

    def __init__(self, shown: MemoryMap) -> None:
        self.root = ET.fromstring(svg(shown, "a title"))
        grid = self.root.findall("s:line[@class='grid']", NAMESPACE)
        heights = [float(g.attrib["y1"]) for g in grid if g.attrib["y1"] == g.attrib["y2"]]
        texts = self.root.findall("s:text[@class='dim end'][@dy]", NAMESPACE)
        values = [int((t.text or "").replace(",", "")) for t in texts]
        self.zero, self.full = heights[0], heights[-1]
        assert (values[0], values[-1]) == (0, shown.size)
        for value, y in zip(values, heights, strict=True):
            assert self.byte(y, shown) == pytest.approx(value, abs=0.02 * shown.size / 100 + 0.01)
        lines = [float(g.attrib["x1"]) for g in grid if g.attrib["x1"] == g.attrib["x2"]]
        assert len(lines) == len(shown.units)
        numbers = [t for t in self.root.findall("s:text", NAMESPACE) if not t.attrib.get("class")]
        centres = [float(t.attrib["x"]) for t in numbers]
        self.left = lines[0]
        self.column = (centres[-1] - self.left) / (len(centres) - 0.5)

    def byte(self, y: float, shown: MemoryMap) -> float:
        return (self.zero - y) / (self.zero - self.full) * shown.size

    def place(self, box: ET.Element, shown: MemoryMap) -> Place:
        x, y, width, height = (float(box.attrib[k]) for k in ("x", "y", "width", "height"))
        low, high = self.byte(y + height, shown), self.byte(y, shown)
        begin, end = (x - self.left) / self.column, (x + width - self.left) / self.column
        return round(begin, 2), round(end, 2), round(low), round(high)

    def group(self, name: str, shown: MemoryMap) -> list[Place]:
        return [
            self.place(b, shown) for b in self.root.findall(f"s:g[@id='{name}']/s:rect", NAMESPACE)
        ]


def columns(shown: MemoryMap, first: int, last: int) -> tuple[float, float]:
    """Steps as columns: a layer has one, the steps of a unit share its layers'."""

    def at(step: int) -> float:
        before = 0
        for unit in shown.units:
            if step <= unit.last:
                share = (step - unit.first) / (unit.last - unit.first + 1)
                return before + len(unit.layers) * share
            before += len(unit.layers)
        return before

    return round(at(first), 2), round(at(last + 1), 2)


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_rectangles_are_the_blocks_of_the_plan(shown: MemoryMap) -> None:
    drawing = Drawing(shown)
    wanted = [(*columns(shown, *life), b.offset, b.end) for b in shown.blocks for life in b.lives]
    assert sorted(drawing.group("blocks", shown)) == sorted(wanted)


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_hatched_rectangles_are_what_blocks_share(shown: MemoryMap) -> None:
    wanted = [
        (*columns(shown, *span), x.offset, x.offset + x.size)
        for x in shown.shared
        for span in x.steps
    ]
    assert sorted(Drawing(shown).group("shared", shown)) == sorted(wanted)
    assert wanted


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_the_peak_is_framed(shown: MemoryMap) -> None:
    drawing = Drawing(shown)
    (frame,) = drawing.root.findall("s:rect[@id='peak']", NAMESPACE)
    wanted = (*columns(shown, shown.peak_step, shown.peak_step), 0, shown.size)
    assert drawing.place(frame, shown) == pytest.approx(wanted, abs=0.02)
    text = drawing.root.find("s:text[@class='peak']", NAMESPACE)
    assert text is not None
    assert text.text == f"peak: layer {shown.peak_title}"


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_labels_lie_inside_their_own_blocks(shown: MemoryMap) -> None:
    """And no two of them on top of each other."""
    drawing = Drawing(shown)
    boxes = drawing.group("blocks", shown)
    seen: list[tuple[float, float]] = []
    for text in drawing.root.findall("s:text", NAMESPACE):
        if "inside" in text.attrib.get("class", ""):
            x, y = float(text.attrib["x"]), float(text.attrib["y"]) - 4
            at, byte = (x - drawing.left) / drawing.column, drawing.byte(y, shown)
            assert any(b[0] <= at <= b[1] and b[2] <= byte <= b[3] for b in boxes), text.text
            assert all(abs(x - u) > 8 or abs(y - v) > 8 for u, v in seen), text.text
            seen.append((x, y))
    assert seen


def test_hovering_tells_name_shape_bytes_and_layers() -> None:
    tips = {t.text for t in Drawing(tiny()).root.iter(f"{{{NAMESPACE['s']}}}title")}
    assert (
        "mid\n1x60, dense\n60 bytes at 40 to 99\nmade by layer 0 CONV_2D\nread by layer 1 RELU"
    ) in tips
    assert "40 bytes shared by\nmid\non" in tips
    assert "layer 0 CONV_2D\n5,000 predicted cycles" in tips


def test_many_narrow_steps_still_make_a_picture() -> None:
    steps = 4000
    ring = MapBlock("r", Content(Kind.RING), 0, 8, tuple((s, s) for s in range(0, steps, 2)))
    whole = MapBlock("w", Content(Kind.INPUT), 8, 8, ((0, steps - 1),))
    layers = streamed().units[0].layers
    shown = MemoryMap("m", 16, 16, "", 17, 0, (ring, whole), (Unit(0, steps - 1, layers),))
    drawing = Drawing(shown)
    # What is narrower than can be seen is drawn as one.
    assert drawing.group("blocks", shown) == [(0, 2, 0, 8), (0, 2, 8, 16)]
    (frame,) = drawing.root.findall("s:rect[@id='peak']", NAMESPACE)
    assert float(frame.attrib["width"]) >= 3


def test_names_are_escaped() -> None:
    evil = '</title><script>alert("x")</script>'
    shown = tiny()
    block = dataclasses.replace(shown.blocks[0], name=evil)
    shown = dataclasses.replace(shown, name=evil, blocks=(block, *shown.blocks[1:]))
    for text in (svg(shown, evil), page(shown, evil)):
        assert "<script>alert" not in text
    assert any(evil[-20:] in (t.text or "") for t in Drawing(shown).root.iter())


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_the_same_plan_gives_the_same_bytes_and_needs_nothing_else(shown: MemoryMap) -> None:
    text = page(shown, "title")
    assert text == page(shown, "title")
    assert text.count("http") == 1  # the name of the SVG language
    assert not re.search(r"<link|src=|@import|url\((?!#)", text)
    assert "prefers-color-scheme: dark" in text
    for block in shown.blocks:
        assert f"{block.size:,} bytes at {block.offset:,}" in text


def test_shared_needs_a_common_step() -> None:
    shown = tiny()
    assert shown.shared == (Shared(("mid", "on"), 40, 40, ((1, 1),)),)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["map", *map(str, arguments)])


def test_map_writes_pictures_and_prints_text(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    assert "peak" in call(model, "-b", "pico").output
    html, picture = tmp_path / "a.html", tmp_path / "a.svg"
    for path in (html, picture):
        result = call(model, "-b", "pico", "-o", path)
        assert (result.exit_code, result.output) == (0, "")
    assert picture.read_text() in html.read_text()
    assert str(tmp_path) not in html.read_text()


def test_map_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    result = call(model, "-b", "pico", "-o", tmp_path / "a.pdf")
    assert result.exit_code == 1
    assert "kinds: .html, .svg" in result.output
    result = call(model, "-b", "pico", "-o", model / "a.svg")
    assert result.exit_code == 1
    assert "cannot write" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.tflite"]
