"""Memory maps against pyOCD's built-in targets, where it is installed (`pip install pyocd`)."""

from __future__ import annotations

import pytest

from edgegen.target.board import Region, list_boards, load_board

TARGET = pytest.importorskip("pyocd.target", reason="pyocd is not installed").TARGET

BOARDS = {
    "disco_l475vg_iot01a": "stm32l475xg",
    "feather_nrf52840": "nrf52840",
    "nano33ble": "nrf52840",
    "nrf52840dk": "nrf52840",
    "nrf52dk": "nrf52832",
    "nucleo_f767zi": "stm32f767zi",
    "nucleo_h743zi": "stm32h743xx",
    "rp2040": "rp2040",  # pyOCD's map of RP2350 repeats RP2040's RAM: no use here
    "xiao_ble_sense": "nrf52840",
}
UNKNOWN = {"nucleo_f767zi": {"itcm"}, "nucleo_h743zi": {"axi"}}
"""Regions that pyOCD leaves out."""


def spans(target: str, kind: str) -> list[tuple[int, int]]:
    """Start and end of a target's memories of a kind, adjacent ones joined."""
    joined: list[tuple[int, int]] = []
    regions = [r for r in TARGET[target].MEMORY_MAP.regions if r.type.name.lower() == kind]
    for start, end in sorted((r.start, r.end + 1) for r in regions):
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def inside(region: Region, ranges: list[tuple[int, int]]) -> bool:
    """Whether one of the region's views is in one of the ranges."""
    return any(a <= w.start and w.stop <= b for w in region.windows for a, b in ranges)


@pytest.mark.parametrize(("name", "target"), BOARDS.items(), ids=list(BOARDS))
def test_regions_are_inside_what_pyocd_knows(name: str, target: str) -> None:
    board = load_board(name)
    checked = 0
    for region in board.regions:
        if region.external or region.name in UNKNOWN.get(name, ()):
            continue
        assert inside(region, spans(target, region.kind)), region.name
        checked += 1
    assert checked >= 2


def test_names_are_those_of_boards() -> None:
    assert set(BOARDS) <= {board.name for board in list_boards()}
