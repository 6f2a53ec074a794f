"""What start-up code of five STM32 families writes, against registers as ST's headers have them.

The images run on ready bits that follow from the same table, not from edgegen's models; those are
compared with it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from edgegen.emulate.devices.bus import Bus
from edgegen.emulate.devices.clocks import FAMILIES
from edgegen.emulate.devices.uart import MODELS
from edgegen.errors import BoardError
from edgegen.firmware.hal import hal_files
from edgegen.target.board import Board
from tests.firmware.kit import needs_gcc
from tests.firmware.st_kit import (
    BOARDS,
    ONE_EACH,
    PLL_ON,
    READY,
    STEADY,
    SYSTEM_CLOCK,
    VARIANTS,
    board_of,
    family_of,
    start,
    table,
)
from tests.firmware.st_registers import CHIPS

DEFINE = re.compile(r"^#define (\w+) REG\(0x([0-9A-Fa-f]+)u(?: \+ 0x([0-9A-Fa-f]+)u)?\)$", re.M)
CORE = ("DEMCR", "DWT_", "SYST_")
# Codes of prescalers: RCC_CFGR_HPRE_DIVn and RCC_CFGR_PPRE1_DIVn of stm32g474xx.h.
AHB = {1: 0, 2: 8, 4: 9, 8: 10, 16: 11, 64: 12, 128: 13, 256: 14, 512: 15}
APB = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}


class NoMemory:
    """For UARTs that do not reach any."""

    def read_memory(self, address: int, size: int) -> bytes:
        raise AssertionError((address, size))

    def write_memory(self, address: int, data: bytes) -> None:
        raise AssertionError((address, data))


def expected(board: Board) -> dict[str, int]:
    """Every field that start-up code may touch and what it is in the end, by the manuals."""
    assert board.clock is not None
    assert board.console is not None
    outside = board.clock.source == "hse_bypass"
    assert outside or board.clock.source == "hsi"
    family, pll, console = family_of(board), board.clock.pll, board.console
    uart = console.uart.upper()
    ahb, apb1, apb2 = (
        codes[board.clock.dividers.get(name, 1)]
        for name, codes in (("hpre", AHB), ("ppre1", APB), ("ppre2", APB))
    )
    wanted = {
        "FLASH_ACR.LATENCY": board.clock.wait_states,
        **dict.fromkeys(("RCC_CR.HSEBYP", "RCC_CR.HSEON") if outside else ("RCC_CR.HSION",), 1),
        PLL_ON.get(family, "RCC_CR.PLLON"): 1,
        **{f"{uart}_CR1.{bit}": 1 for bit in ("UE", "RE", "TE")},
        f"{uart}_CR3.OVRDIS": 1,
        f"{uart}_TDR.TDR": ord("?"),
        # RM0440 37.8.4 and 38.4.7: clock / BRR, and 256 x clock / BRR in the low-power UART.
        f"{uart}_BRR.BRR": round(
            board.clock.bus_hz * (256 if console.kind == "lpuart" else 1) / console.baud
        ),
    }
    for pin in (console.tx, console.rx):
        port, number = f"GPIO{pin[1]}", int(pin[2:])
        assert console.function is not None
        # MODE 2: alternate function. PUPD 1: pull-up. OSPEED 1: medium.
        wanted |= {f"{port}_MODER.MODE{number}": 2, f"{port}_PUPDR.PUPD{number}": 1}
        wanted[f"{port}_OSPEEDR.OSPEED{number}"] = 1
        half = "AFRL" if number < 8 else "AFRH"
        wanted[f"{port}_{half}.AFSEL{number}"] = console.function
    if family == "stm32u5":
        wanted |= {"RCC_PLL1CFGR.PLL1SRC": 2 + outside}
        # The PLL's input: 8 to 16 MHz, or less. The booster's: 24 MHz by 2.
        wanted |= {"RCC_PLL1CFGR.PLL1RGE": 0 if outside else 3}
        wanted |= {"RCC_PLL1CFGR.PLL1MBOOST": int(outside)}
        wanted |= {"RCC_PLL1CFGR.PLL1M": pll["m"] - 1, "RCC_PLL1CFGR.PLL1REN": 1}
        wanted |= {"RCC_PLL1DIVR.PLL1N": pll["n"] - 1, "RCC_PLL1DIVR.PLL1R": pll["r"] - 1}
        wanted |= {"RCC_PLL1DIVR.PLL1P": 1, "RCC_PLL1DIVR.PLL1Q": 1}
        wanted |= {"PWR_VOSR.VOS": 3, "PWR_VOSR.BOOSTEN": 1, "ICACHE_CR.EN": 1}
        wanted |= {"RCC_CFGR1.SW": 3, "RCC_CFGR2.HPRE": ahb}
        wanted |= {"RCC_CFGR2.PPRE1": apb1, "RCC_CFGR2.PPRE2": apb2}
        return wanted | {"FLASH_ACR.PRFTEN": 1}
    if family == "stm32g0":
        wanted["RCC_CFGR.PPRE"] = APB[board.clock.dividers.get("ppre", 1)]
    else:
        wanted |= {"RCC_CFGR.PPRE1": apb1, "RCC_CFGR.PPRE2": apb2}
    doubled = family in ("stm32g4", "stm32l5")
    wanted |= {
        "RCC_PLLCFGR.PLLSRC": 2 + outside,
        "RCC_PLLCFGR.PLLREN": 1,
        "RCC_PLLCFGR.PLLN": pll["n"],
    }
    wanted |= {"RCC_PLLCFGR.PLLM": pll["m"] - 1}
    wanted["RCC_PLLCFGR.PLLR"] = pll["r"] // 2 - 1 if doubled else pll["r"] - 1
    wanted |= {"RCC_CFGR.SW": 2 if family == "stm32g0" else 3, "RCC_CFGR.HPRE": ahb}
    if family in ("stm32g0", "stm32g4", "stm32wb"):
        wanted |= {"FLASH_ACR.PRFTEN": 1, "FLASH_ACR.ICEN": 1}
    if family in ("stm32g4", "stm32wb"):
        wanted["FLASH_ACR.DCEN"] = 1
    if family == "stm32g4":
        wanted["PWR_CR5.R1MODE"] = int(board.clock.hz <= 150_000_000)  # RM0440: boost mode
    if family == "stm32l5":
        wanted |= {"PWR_CR1.VOS": 0, "PWR_CR2.IOSV": 1, "ICACHE_CR.EN": 1}
    if family == "stm32wb":
        wanted["RCC_EXTCFGR.C2HPRE"] = AHB[board.clock.dividers["c2hpre"]]
    return wanted


def enables(board: Board) -> dict[str, str]:
    """The field that must be set before anything is written to a peripheral."""
    assert board.console is not None
    family, uart = family_of(board), board.console.uart.upper()
    ports = {"stm32g0": "RCC_IOPENR", "stm32u5": "RCC_AHB2ENR1"}.get(family, "RCC_AHB2ENR")
    found = [n for n, r in table(family).known.items() if f"{uart}EN" in r.fields]
    assert len(found) == 1
    needed = {f"{uart}_": f"{found[0]}.{uart}EN"}
    for pin in (board.console.tx, board.console.rx):
        needed[f"GPIO{pin[1]}_"] = f"{ports}.GPIO{pin[1]}EN"
    if family in ("stm32g4", "stm32l5"):
        needed["PWR_"] = "RCC_APB1ENR1.PWREN"
    if family == "stm32u5":
        needed["PWR_"] = "RCC_AHB3ENR.PWREN"
    return needed


@pytest.mark.parametrize("name", BOARDS)
def test_registers_have_the_addresses_of_the_headers(name: str) -> None:
    board = board_of(name)
    assert board.console is not None
    chip, known = CHIPS[family_of(board)], table(family_of(board)).known
    assert board.console.base == chip.uarts[board.console.uart]
    defined = DEFINE.findall(hal_files(board)["board.c"])
    compared = 0
    for label, base, offset in defined:
        if label.startswith(CORE):
            continue
        label = re.sub(r"^(USART|LPUART)(?=_)", board.console.uart.upper(), label)
        assert int(base, 16) + int(offset or "0", 16) == known[label].address, label
        compared += 1
    assert compared >= 12


def test_prescalers_have_the_codes_of_the_headers() -> None:
    board = board_of("nucleo_g474re")
    assert board.clock is not None
    for ahb, apb in ((a, p) for a in AHB for p in APB):
        dividers = {"hpre": ahb, "ppre1": apb, "ppre2": 1}
        text = hal_files(replace(board, clock=replace(board.clock, dividers=dividers)))["board.c"]
        assert f"RCC_CFGR = ({AHB[ahb]}u << 4) | ({APB[apb]}u << 8) | (0u << 11) | 3u;" in text


@pytest.mark.parametrize("name", ONE_EACH)
def test_clocks_of_every_uart_and_port_are_the_headers(name: str) -> None:
    board = board_of(name)
    assert board.console is not None
    family = family_of(board)
    chip, known = CHIPS[family], table(family)
    for uart, base in chip.uarts.items():
        for port in chip.ports:
            kind = "lpuart" if uart.startswith("lpuart") else "stm32_v2"
            console = replace(board.console, uart=uart, base=base, kind=kind)
            console = replace(console, tx=f"P{port}2", rx=f"P{port}3")
            text = hal_files(replace(board, console=console))["board.c"]
            for needed in enables(replace(board, console=console)).values():
                register, low, _ = known.field(needed)
                assert f"\n    {register.name} |= 1u << {low}; /*" in text, needed
            supply = {"stm32l5": "PWR_CR2.IOSV", "stm32u5": "PWR_SVMCR.IO2SV"}.get(family)
            if supply and port == "G":
                register, low, _ = known.field(supply)
                assert f"\n    {register.name} |= 1u << {low}; /*" in text
                define = f"#define {register.name} REG(0x{register.address:08X}u)"
                assert define in text
    # The G071 has no port E; others of the G0 have.
    for port in set("ABCDEFGHIJK") - set(chip.ports) - set("E" if family == "stm32g0" else ""):
        console = replace(board.console, tx=f"P{port}2", rx=f"P{port}3")
        with pytest.raises(BoardError, match="cannot set up"):
            hal_files(replace(board, console=console))


@pytest.mark.parametrize("family", CHIPS)
def test_models_in_the_emulator_are_the_headers(family: str) -> None:
    known, model = table(family), FAMILIES[family]
    assert set(model.rules) == {known.rule(pair) for pair in READY[family]}
    resets = {r.address: r.reset for r in known.known.values() if r.reset}
    assert dict(model.reset) == resets


@pytest.mark.parametrize("kind", ["stm32_v2", "lpuart"])
def test_models_of_uarts_are_the_headers(kind: str) -> None:
    known, bus = table("stm32g4"), Bus()
    label = "LPUART1" if kind == "lpuart" else "USART1"
    at = {n.partition("_")[2]: r.address for n, r in known.known.items() if n.startswith(label)}

    def flags(*names: str) -> int:
        return sum(known.mask(f"{label}_ISR.{name}") for name in names)

    uart = MODELS[kind](bus, at["CR1"], NoMemory(), lambda: None)
    assert not uart.enabled()
    bus.write(at["CR1"], 4, known.mask(f"{label}_CR1.UE") | known.mask(f"{label}_CR1.TE"))
    assert uart.enabled()
    bus.write(at["TDR"], 4, ord("!"))
    assert uart.sent == b"!"
    assert bus.read(at["ISR"], 4) == flags("TC", "TXE", "TEACK", "REACK")
    uart.received.append(7)
    assert bus.read(at["ISR"], 4) == flags("TC", "TXE", "TEACK", "REACK", "RXNE")
    assert bus.read(at["RDR"], 4) == 7
    bus.write(at["BRR"], 4, 1000)
    assert uart.baud(1_000_000) == (256_000 if kind == "lpuart" else 1000)


@needs_gcc
@pytest.mark.parametrize("name", [*BOARDS, *VARIANTS])
def test_start_up_sets_these_fields_and_no_others(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    board = board_of(name)
    assert board.console is not None
    known = table(family_of(board))
    run = start(name, monkeypatch, tmp_path)
    assert run.unknown == []
    wanted = expected(board) | dict.fromkeys(enables(board).values(), 1)
    assert {field for field, _ in run.changes} <= set(wanted)
    assert {field: run.value(known, field) for field in wanted} == wanted


@needs_gcc
@pytest.mark.parametrize("name", BOARDS)
def test_start_up_keeps_the_order_of_the_manuals(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    board = board_of(name)
    assert board.clock is not None
    family = family_of(board)
    run = start(name, monkeypatch, tmp_path)
    written = {field for field, _ in run.changes}
    for peripheral, enable in enables(board).items():
        assert run.first(enable) < run.first(peripheral), peripheral
    switch, pll = SYSTEM_CLOCK.get(family, "RCC_CFGR.SW"), PLL_ON.get(family, "RCC_CR.PLLON")
    order = [
        *(("RCC_PLL1CFGR.PLL1SRC", pll), ("RCC_PLL1DIVR", pll), ("RCC_PLLCFGR", pll)),
        *((pll, switch), ("FLASH_ACR.LATENCY", switch), ("PWR_CR5.R1MODE", switch)),
        *(("PWR_CR1.VOS", switch), ("PWR_VOSR.VOS", "PWR_VOSR.BOOSTEN")),
        *(("RCC_PLL1CFGR.PLL1SRC", "PWR_VOSR.BOOSTEN"), ("PWR_VOSR.BOOSTEN", pll)),
        ("RCC_EXTCFGR.C2HPRE", switch),
    ]
    compared = 0
    for earlier, later in order:
        if any(field.startswith(earlier) for field in written):
            assert run.first(earlier) < run.first(later), (earlier, later)
            compared += 1
    assert compared >= 3
    assert board.console is not None
    uart = board.console.uart.upper()
    assert run.first(f"{uart}_BRR") < run.first(f"{uart}_CR1.UE")
    # Above 80 MHz, AHB goes by way of half the clock; RCC chapters, "system clock selection".
    prescaler = "RCC_CFGR2.HPRE" if family == "stm32u5" else "RCC_CFGR.HPRE"
    steps = [value for field, value in run.changes if field == prescaler]
    assert steps == ([AHB[2], AHB[1]] if board.clock.hz > 80_000_000 else [])
    if steps:
        assert run.changes.index((prescaler, 8)) <= run.first(switch) + 1
        assert run.changes.index((prescaler, 0)) > run.first(switch)


@needs_gcc
@pytest.mark.parametrize(
    ("name", "flag"),
    [
        (name, flag)
        for name in ONE_EACH
        for flag in (
            *(p.split()[1] for p in READY[family_of(board_of(name))] if "PLL" in p or "BOOST" in p),
            "CR.HSIRDY",
            "CFGR1.SWS" if family_of(board_of(name)) == "stm32u5" else "CFGR.SWS",
            *STEADY.get(family_of(board_of(name)), ()),
        )
    ],
)
def test_start_up_waits_for(
    name: str, flag: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the flag it stays on the clock after reset; the console still works."""
    board = board_of(name)
    family = family_of(board)
    known = table(family)
    before = {}
    if flag == "CR.HSIRDY":  # where HSI runs after reset
        register, low, _ = known.field("RCC_CR.HSIRDY")
        before["RCC_CR"] = register.reset & ~(1 << low)
    run = start(name, monkeypatch, tmp_path, flag, before)
    switch = SYSTEM_CLOCK.get(family, "RCC_CFGR.SW")
    if not flag.endswith("SWS"):
        assert switch not in {field for field, _ in run.changes}
    assert board.console is not None
    after_reset = {"stm32g0": 16e6, "stm32g4": 16e6}.get(family, 4e6)
    uart = board.console.uart.upper()
    times = 256 if board.console.kind == "lpuart" else 1
    divider = run.value(known, f"{uart}_BRR.BRR")
    assert divider == round(after_reset * times / board.console.baud)
