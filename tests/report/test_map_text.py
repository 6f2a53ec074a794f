"""The memory map as text: goldens of tiny maps, and what a terminal lacks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner
from rich.console import Console

from edgegen.cli import main
from edgegen.report.map_text import ASCII, UNICODE, WIDTH, map_lines, print_map, sparkline
from edgegen.report.memory_map import MemoryMap
from tests.report.maps import streamed, tiny
from tests.report.test_memory_map import maps
from tests.support.small import small_model

TINY = """\
tiny: arena 100 bytes, not proved: at most 4 bytes above the optimum
layer                  makes            0                                        100   bytes
input                  a 1x20           aaaaaaaaa···································      20
  0 CONV_2D            b 1x60           aaaaaaaaa·········bbbbbbbbbbbbbbbbbbbbbbbbbb      80
  1 RELU               c 1x50           ·············ccccc▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒bbbbbbbbb      70
  2 FULLY_CONNECTED    d 1x10           dddd·········cccccccccccccccccccccc%%%%%%%%%      80 ◄ peak
% scratch; ▒ shared by a tensor that dies and one that is made; · free
"""

STREAMED = """\
streamed: arena 48 bytes, proved optimal
layer                  makes            0                                         48   bytes
input                  a 1x4x4x2        aaaaaaaaaaaaaaaaaaaaaaaaaaaaa...............      32
  0 to 1, by rows      b 1x4x4x4        aaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbb+++%%%%      48 < peak
    steps 10..11                        aaaaaaaaaaaaaaaaaaaaaaaaaaaaa........+++%%%%      40
    steps 12..21                        aaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbb+++%%%%      48
    steps 22..23       c 1x4            ####aaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbb+++%%%%      48
  2 SOFTMAX                             cccc...????????.............................      12
% scratch; + sums; ? other; # shared by a tensor that dies and one that is made; . free
"""


def printed(shown: MemoryMap, encoding: str, *, colour: bool = False) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    system: Literal["standard"] | None = "standard" if colour else None
    print_map(Console(file=stream, width=WIDTH, color_system=system, force_terminal=colour), shown)
    return raw.getvalue().decode(encoding)


def test_a_tiny_plan() -> None:
    assert printed(tiny(), "utf-8") == TINY


def test_plain_ascii_where_the_terminal_has_no_more() -> None:
    assert printed(streamed(), "ascii") == STREAMED


def test_colours_change_no_character() -> None:
    coloured = printed(tiny(), "utf-8", colour=True)
    assert "\x1b[" in coloured
    assert "".join(p.split("m", 1)[-1] for p in coloured.split("\x1b[")) == TINY


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_every_line_fits(shown: MemoryMap) -> None:
    lines = printed(shown, "utf-8").splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert sum(line.endswith(UNICODE.peak) for line in lines) == 1
    for line in map_lines(shown, UNICODE, 20):
        assert len(line.cells) == 20


def test_sparkline() -> None:
    assert sparkline(tiny(), UNICODE) == "▇▆▇"
    assert sparkline(streamed(), ASCII) == "#:"


def test_build_shows_the_map(tmp_path: Path) -> None:
    model = str(small_model(tmp_path))
    arguments = ["build", model, "-b", "pico", "-o", str(tmp_path / "lib")]
    plain = CliRunner().invoke(main, arguments).output
    shown = CliRunner().invoke(main, [*arguments, "--map"]).output
    assert "RAM while each layer runs" in plain
    assert "peak" not in plain.split("at the peak")[1]
    assert shown.startswith(plain)
    assert "◄ peak" in shown
