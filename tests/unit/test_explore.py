"""The Pareto front of plans, and what is shown of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from edgegen.pipeline import Options, compile_model, load_model, optimised_graph
from edgegen.report.explore_table import explore_page, explore_rows
from edgegen.target.board import load_board
from edgegen.target.explore import explore
from tests.support.models import DEMO_MODEL

BOARD = load_board("nrf52840dk")


def test_no_plan_beats_another_and_each_can_be_built() -> None:
    blob = load_model(DEMO_MODEL)
    core = Options().core(BOARD)
    points = explore(optimised_graph(blob, "demo"), core)
    assert len({p.ram for p in points}) > 1
    for a in points:
        assert not any(b.beats(a) for b in points)
    rows = explore_rows(points, BOARD, Options().within(BOARD))
    assert [r.point.cycles for r in rows if r.fastest] == [min(p.cycles for p in points)]
    smallest = points[-1]
    options = Options(optimize=smallest.level, ram_budget=smallest.ram)
    assert compile_model(blob, "demo", core, options).plan.arena.size <= smallest.ram
    page = explore_page("demo", rows, BOARD)
    picture = page[page.index("<svg") : page.index("</svg>") + len("</svg>")]
    circles = [e for e in ET.fromstring(picture) if e.tag == "circle"]
    assert len(circles) == len(points)
    by_ram = sorted(zip(points, circles, strict=True), key=lambda pair: pair[0].ram)
    assert [float(c.attrib["cx"]) for _, c in by_ram] == sorted(
        float(c.attrib["cx"]) for c in circles
    )
