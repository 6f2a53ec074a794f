"""Clock settings, computed here once more from what the reference manuals say of each family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from edgegen.target.board import Board, list_boards
from edgegen.target.soc import Clock

MHZ = 1e6
BOARDS = [board for board in list_boards() if board.clock is not None]


@dataclass(frozen=True)
class Pll:
    """How a family's PLL makes the core's clock.

    Attributes:
        hsi: MHz of the internal oscillator that `source = "hsi"` means.
        before: factors that divide the PLL's input.
        times: the one that multiplies it.
        after: those that divide the result.
        takes: MHz of the PLL's input, after `before`.
        vco: MHz of the oscillator.
        ranges: what registers can hold, where that is less than the MHz allow.
        other: factors for other outputs, in MHz at most.
    """

    hsi: float
    before: tuple[str, ...]
    times: str
    after: tuple[str, ...]
    takes: tuple[float, float]
    vco: tuple[float, float]
    ranges: Mapping[str, tuple[int, int]]
    other: Mapping[str, float]


_F4 = {"m": (2, 63), "n": (50, 432), "p": (2, 8), "q": (2, 15)}
_L4 = {"m": (1, 16), "n": (8, 127), "r": (2, 8)}
_RP = {"refdiv": (1, 63), "fbdiv": (16, 320), "postdiv1": (1, 7), "postdiv2": (1, 7)}
_POSTDIVS = ("postdiv1", "postdiv2")
PLLS = {
    # RM0091 6.4.2 and 6.4.12; DS: PLL output 16 to 48 MHz, input 1 to 24.
    "stm32f0": Pll(8, ("prediv",), "mul", (), (1, 24), (16, 48),
                   {"prediv": (1, 16), "mul": (2, 16)}, {}),
    # RM0008 7.3.2; DS5319: input 1 to 25 MHz, output 16 to 72.
    "stm32f1": Pll(8, ("prediv",), "mul", (), (1, 25), (16, 72),
                   {"prediv": (1, 2), "mul": (2, 16)}, {}),
    # RM0316 9.4.2; output 16 to 72 MHz.
    "stm32f3": Pll(8, ("prediv",), "mul", (), (1, 24), (16, 72),
                   {"prediv": (1, 16), "mul": (2, 16)}, {}),
    # RM0033 5.3.2: N from 192; the input should be 1 to 2 MHz. Output q feeds USB: 48 MHz.
    "stm32f2": Pll(16, ("m",), "n", ("p",), (1, 2), (192, 432), {**_F4, "n": (192, 432)},
                   {"q": 48}),
    # RM0090 7.3.2, RM0368, RM0383, RM0390 6.3.2.
    "stm32f4": Pll(16, ("m",), "n", ("p",), (1, 2), (100, 432), {**_F4, "r": (2, 7)}, {"q": 48}),
    # RM0385, RM0410 5.3.2.
    "stm32f7": Pll(16, ("m",), "n", ("p",), (1, 2), (100, 432), _F4, {"q": 48}),
    # RM0444 5.2.4 and 5.4.4.
    "stm32g0": Pll(16, ("m",), "n", ("r",), (2.66, 16), (64, 344),
                   {"m": (1, 8), "n": (8, 86), "r": (2, 8)}, {}),
    # RM0440 7.4.4.
    "stm32g4": Pll(16, ("m",), "n", ("r",), (2.66, 16), (96, 344), _L4, {}),
    # RM0351 6.4.4: M to 8 and N to 86 but on the L4+.
    "stm32l4": Pll(16, ("m",), "n", ("r",), (4, 16), (64, 344), _L4, {}),
    # RM0438 9.8.4.
    "stm32l5": Pll(16, ("m",), "n", ("r",), (4, 16), (64, 344), _L4, {}),
    # RM0434 6.4.4.
    "stm32wb": Pll(16, ("m",), "n", ("r",), (2.66, 16), (96, 344), _L4, {}),
    # RM0456 11.8.10.
    "stm32u5": Pll(16, ("m",), "n", ("r",), (4, 16), (128, 544),
                   {"m": (1, 16), "n": (4, 512), "r": (1, 128)}, {}),
    # RM0481 11.8.8: wide VCO.
    "stm32h5": Pll(64, ("hsidiv", "m"), "n", ("p",), (2, 16), (192, 836),
                   {"hsidiv": (1, 8), "m": (1, 63), "n": (4, 512), "p": (2, 128)}, {}),
    # RM0433 8.7.13: wide VCO, revision V.
    "stm32h7": Pll(64, ("m",), "n", ("p",), (2, 16), (192, 960),
                   {"m": (1, 63), "n": (4, 512), "p": (2, 128)}, {}),
    # RP2040 datasheet 2.18, RP2350 datasheet 8.6.
    "rp2040": Pll(0, ("refdiv",), "fbdiv", _POSTDIVS, (5, 800), (750, 1600), _RP, {}),
    "rp2350": Pll(0, ("refdiv",), "fbdiv", _POSTDIVS, (5, 800), (750, 1600), _RP, {}),
}  # fmt: skip

WITHOUT_PLL = {
    # Core and peripherals' clock in MHz; nRF52840 PS "CLOCK", nRF5340 PS "CLOCK".
    "nrf52": (64, 16),
    "nrf53": (128, 16),
}

APB_LIMITS = {
    # MHz of APB1 and APB2, from the same manuals' clock trees and datasheets.
    "stm32f0": (48, 48),
    "stm32f1": (36, 72),
    "stm32f2": (30, 60),
    "stm32f3": (36, 72),
    "stm32f7": (54, 108),
    "stm32g0": (64, 64),
    "stm32g4": (170, 170),
    "stm32h5": (250, 250),
    "stm32h7": (120, 120),
    "stm32l4": (120, 120),
    "stm32l5": (110, 110),
    "stm32u5": (160, 160),
    "stm32wb": (64, 64),
}
F4_APB_LIMITS = {84: (42, 84), 100: (50, 100), 168: (42, 84), 180: (45, 90)}
"""By the part's highest clock."""

ON_APB2 = ("usart1", "usart6")

WAIT_STATES: Mapping[str, float | tuple[int, ...]] = {
    # MHz that one more wait state is good for, at 3.3 V and the highest core voltage; several
    # numbers are the steps' ends. Sections on read access latency of the same manuals.
    "stm32f0": 24.0,
    "stm32f1": 24.0,
    "stm32f2": 30.0,
    "stm32f3": 24.0,
    "stm32f4": 30.0,
    "stm32f7": 30.0,
    "stm32g0": (24, 48, 64),
    "stm32g4": 34.0,
    "stm32h5": 42.0,
    "stm32h7": (70, 140, 185, 210, 240),  # RM0433 table 17, VOS0; of the AXI clock
    "stm32l4": 16.0,
    "stm32l5": 20.0,
    "stm32u5": 32.0,
    "stm32wb": 18.0,
}
L4_PLUS_STEP = 20.0


def family(board: Board) -> str:
    """Whose start-up code it takes."""
    assert board.soc is not None
    return board.soc.family


def clock_of(board: Board) -> Clock:
    """The settings."""
    assert board.clock is not None
    return board.clock


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_core_clock(board: Board) -> None:
    clock = clock_of(board)
    if family(board) in WITHOUT_PLL:
        assert (clock.hz / MHZ, clock.bus_hz / MHZ) == WITHOUT_PLL[family(board)]
        assert not clock.pll
        return
    if clock.source == "fixed":
        assert not clock.pll
        assert clock.hz == clock.bus_hz == board.clock_hz
        return
    pll, factors = PLLS[family(board)], dict(clock.pll)
    assert set(factors) <= {*pll.before, pll.times, *pll.after, *pll.ranges, *pll.other}
    for name, value in factors.items():
        low, high = pll.ranges[name]
        assert low <= value <= high, name
    mhz = pll.hsi if clock.source == "hsi" else (clock.crystal_hz or 0) / MHZ
    for name in pll.before:
        mhz /= factors.pop(name)
    assert pll.takes[0] <= mhz <= pll.takes[1]
    mhz *= factors.pop(pll.times)
    assert pll.vco[0] <= mhz <= pll.vco[1]
    for name, most in pll.other.items():
        assert mhz / factors[name] <= most
    for name in pll.after:
        mhz /= factors.pop(name)
    if family(board) == "stm32h7":
        mhz /= clock.dividers.get("d1cpre", 1)
    assert clock.hz == mhz * MHZ
    assert board.clock_hz * 0.85 <= clock.hz <= board.clock_hz


@pytest.mark.parametrize(
    "board", [b for b in BOARDS if family(b).startswith("stm32")], ids=lambda board: board.name
)
def test_buses_and_wait_states(board: Board) -> None:
    clock, kind = clock_of(board), family(board)
    assert board.console is not None
    dividers = dict(clock.dividers)
    ahb = clock.hz / MHZ / dividers.pop("hpre", 1)
    if kind == "stm32h7":
        assert ahb <= 240
        buses = {k: ahb / dividers.pop(k) for k in ("d1ppre", "d2ppre1", "d2ppre2", "d3ppre")}
        assert all(mhz <= 120 for mhz in buses.values())
        apb = (buses["d2ppre1"], buses["d2ppre2"])
    else:
        if kind == "stm32wb":
            assert ahb / dividers.pop("c2hpre") <= 32  # RM0434: HCLK2
        apb = (ahb / dividers.pop("ppre1", 1), ahb / dividers.pop("ppre2", 1))
    assert not dividers
    limits = APB_LIMITS.get(kind) or F4_APB_LIMITS[board.clock_hz // 1_000_000]
    assert apb[0] <= limits[0]
    assert apb[1] <= limits[1]
    assert clock.bus_hz == apb[board.console.uart in ON_APB2] * MHZ
    steps: float | tuple[int, ...] = WAIT_STATES[kind]
    if board.name == "nucleo_l4r5zi":
        steps = L4_PLUS_STEP
    if isinstance(steps, tuple):
        expected = sum(ahb > end for end in steps)
        if kind == "stm32h7":
            expected -= ahb > 185  # two wait states reach to 185 or 210 MHz, by the delay set
            expected += ahb > 225
    else:
        expected = int(-(-ahb // steps)) - 1
    assert clock.wait_states == expected


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_baud_rate_is_near_enough(board: Board) -> None:
    """The nearest divider of each kind of UART; receivers take 2 %."""
    clock, console = clock_of(board), board.console
    assert console is not None
    if console.kind == "nrf_uarte":
        assert console.baud == 115_200  # one of the values with a constant in the manual
        return
    if console.kind == "lpuart":
        divider = round(256 * clock.bus_hz / console.baud)
        assert 0x300 <= divider < 1 << 20  # RM0432, LPUART_BRR
        got = 256 * clock.bus_hz / divider
    elif console.kind == "pl011":
        got = clock.bus_hz * 4 / round(clock.bus_hz * 4 / console.baud)
    else:  # 16 samples a bit, in sixteenths; CMSDK divides by whole cycles
        divider = round(clock.bus_hz / console.baud)
        assert 16 <= divider < 1 << 16
        got = clock.bus_hz / divider
    assert got == pytest.approx(console.baud, rel=0.005)


def test_every_family_with_a_pll_has_a_board() -> None:
    """So that no row above is dead."""
    assert {family(b) for b in BOARDS} - {"mps2", "virt"} == {*PLLS, *WITHOUT_PLL}
