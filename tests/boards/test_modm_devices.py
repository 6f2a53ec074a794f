"""Shipped boards against modm-devices, which its authors extract from the makers' own databases."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import modm_devices
import pytest
from modm_devices.parser import DeviceParser

from edgegen.target.board import Board, Region, list_boards

REAL = [board for board in list_boards() if board.soc is not None and board.soc.device]
STM32 = [b for b in REAL if b.soc is not None and b.soc.family.startswith("stm32")]

KB = 1024
FLASH_LEFT_OUT = {
    "nucleo_wb55rg": 512 * KB,  # for the radio stack
    "xiao_ble_sense": 0x13000,  # bootloader and its file system
    "feather_nrf52840": 0x13000,
}
RAM_LEFT_OUT = {
    "nucleo_h743zi": (128 + 128 + 32 + 64) * KB,  # domains D2 and D3
    "nucleo_u575zi_q": 16 * KB,  # SRAM4, apart from the others
    "b_u585i_iot02a": 16 * KB,
}
FASTER = {"nucleo_l4r5zi": 120_000_000}
"""modm-devices has the whole family's 80 MHz for the L4+, too; ST DS12023 says 120 MHz."""
FEWER_WAIT_STATES = {
    # modm-devices has range 1 in normal mode; in boost mode a wait state is worth 34 MHz (RM0440).
    "nucleo_g474re": 4
}


@functools.cache
def devices() -> dict[str, Any]:
    """Every part by its name."""
    root = Path(modm_devices.__file__).parent / "resources" / "devices"
    found: dict[str, Any] = {}
    for folder in ("stm32", "nrf", "rp"):
        for file in sorted((root / folder).glob("*.xml")):
            found |= {d.partname: d for d in _parse(str(file)).get_devices()}
    return found


def _parse(file: str) -> Any:
    return DeviceParser().parse(file)


@functools.cache
def drivers(part: str) -> dict[str, Any]:
    """What is known of a part."""
    return {driver["name"]: driver for driver in devices()[part].properties["driver"]}


def part_of(board: Board) -> str:
    """The part's name."""
    assert board.soc is not None
    return board.soc.device


def spans(board: Board, *, flash: bool) -> list[tuple[int, int]]:
    """Start and end of the part's memories, adjacent ones joined; each memory once."""
    joined: list[tuple[int, int]] = []
    for memory in drivers(part_of(board))["core"]["memory"]:
        name, start = memory["name"], int(memory["start"], 0)
        # Secure views, the flash as ITCM sees it, RAM as nRF52 sees it for code, battery backup.
        other_view = name.endswith("_s") or name in ("itcm_flash", "code")
        if (
            other_view
            or name.startswith(("backup", "bkpsram"))
            or ("w" in memory["access"]) == flash
        ):
            continue
        end = start + int(memory["size"])
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def total(ranges: Iterable[tuple[int, int]]) -> int:
    """Bytes in all."""
    return sum(end - start for start, end in ranges)


def inside(region: Region, ranges: list[tuple[int, int]]) -> bool:
    """Whether one of the region's views is in one of the ranges."""
    return any(a <= w.start and w.stop <= b for w in region.windows for a, b in ranges)


@pytest.mark.parametrize("board", REAL, ids=lambda board: board.name)
def test_core(board: Board) -> None:
    assert drivers(part_of(board))["core"]["type"] == board.core.cpu


# RP2040 and RP2350 have no flash of their own, and modm-devices repeats RP2040's RAM for RP2350.
@pytest.mark.parametrize(
    "board", [b for b in REAL if b.name not in ("rp2040", "pico2")], ids=lambda board: board.name
)
def test_memories(board: Board) -> None:
    own = [region for region in board.regions if not region.external]
    for kind, left_out in (("flash", FLASH_LEFT_OUT), ("ram", RAM_LEFT_OUT)):
        known = spans(board, flash=kind == "flash")
        regions = [region for region in own if region.kind == kind]
        for region in regions:
            assert inside(region, known), region.name
        assert sum(r.size for r in regions) + left_out.get(board.name, 0) == total(known)


def test_ram_of_rp2040() -> None:
    (board,) = (b for b in REAL if b.name == "rp2040")
    (region,) = (r for r in board.regions if r.kind == "ram")
    assert [(region.origin, region.end)] == spans(board, flash=False)


@pytest.mark.parametrize("board", STM32, ids=lambda board: board.name)
def test_highest_clock(board: Board) -> None:
    (highest,) = drivers(part_of(board))["rcc"]["max-frequency"]
    assert board.clock_hz == FASTER.get(board.name, int(highest))


@pytest.mark.parametrize("board", STM32, ids=lambda board: board.name)
def test_wait_states(board: Board) -> None:
    """At the highest core voltage. The tables merge some last steps, so more may be needed."""
    table = max(drivers(part_of(board))["flash"]["latency"], key=lambda t: int(t["vcore-min"]))
    assert board.clock is not None
    for hz, states in (
        (board.clock_hz, board.flash.wait_states),
        (board.clock.hz, board.clock.wait_states),
    ):
        bus = hz // board.clock.dividers.get("hpre", 1)
        steps = [int(s["ws"]) for s in table["wait-state"] if int(s["hclk-max"]) >= bus]
        least = FEWER_WAIT_STATES.get(board.name, min(steps, default=0))
        assert least <= states <= least + 1


@pytest.mark.parametrize("board", STM32, ids=lambda board: board.name)
def test_console_pins(board: Board) -> None:
    console = board.console
    assert console is not None
    assert board.soc is not None
    if board.soc.family == "stm32f1":  # pins have no numbered functions there
        assert console.function is None
        return
    driver, instance = console.uart.rstrip("0123456789"), console.uart[-1]
    gpio = {(g["port"], g["pin"]): g for g in drivers(part_of(board))["gpio"]["gpio"]}
    for pin, name in ((console.tx, "tx"), (console.rx, "rx")):
        signals = gpio[(pin[1].lower(), pin[2:])]["signal"]
        found = [
            s.get("af")
            for s in signals
            if (s["driver"], s["name"]) == (driver, name) and s.get("instance") == instance
        ]
        assert found == [str(console.function)], pin
