"""What board.c writes at start-up, and in which order, against tables of the makers' registers."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from edgegen.emulate.devices.bus import Bus
from edgegen.emulate.devices.clocks import FAMILIES
from edgegen.emulate.result import EmulationError
from edgegen.firmware.hal import hal_files
from edgegen.target.board import Board, load_board
from tests.firmware.bare_hardware import Firmware, Hardware
from tests.firmware.clock_trees import TREES
from tests.firmware.kit import needs_gcc
from tests.firmware.register_tables import TABLES, Register, parse
from tests.firmware.start_up_rules import ENDS, RULES, VARIANTS

pytestmark = needs_gcc

# The bus of the console's UART; the others are on APB1.
APB2 = {"disco_f746ng"}
TRIMMED = ((0x5000_4F00, 0x1234_5678), (0x5000_5E10, 0x0000_00A5))


def _base(name: str) -> str:
    return VARIANTS[name][0] if name in VARIANTS else name


def _family(name: str) -> str:
    soc = load_board(_base(name)).soc
    assert soc is not None
    return soc.family


def make(name: str, folder: Path) -> tuple[Board, Firmware]:
    board, family = load_board(_base(name)), _family(name)
    if name in VARIANTS:
        assert board.clock is not None
        # The fields are given by name, as in a board file.
        clock = dataclasses.replace(board.clock, **VARIANTS[name][1])  # type: ignore[arg-type]
        board = dataclasses.replace(board, clock=clock)
    tables = TABLES[family]
    if family == "nrf53":
        # Where the factory's values go is not told; two places that nothing else uses.
        spots = "".join(
            f"  SPOT{i} {a - 0x5000_0000:#x} ALL:0-31\n" for i, (a, _) in enumerate(TRIMMED)
        )
        tables = (*tables, "FACTORY 0x50000000\n", spots)
    hardware = Hardware(parse(*tables), RULES[family])
    if family == "nrf52":
        hardware.put("UICR_APPROTECT.PALL", 0x5A)
    if family == "nrf53":
        for i, (address, value) in enumerate(TRIMMED):
            hardware.put(f"FICR_TRIMCNF{i}_ADDR", address)
            hardware.put(f"FICR_TRIMCNF{i}_DATA", value)
        hardware.put("FICR_TRIMCNF2_ADDR", 0xFFFF_FFFF)
        hardware.put("UICR_APPROTECT", 0x50FA_50FA)
        hardware.put("UICR_SECUREAPPROTECT", 0x50FA_50FA)
    return board, Firmware(board, hardware, folder)


@pytest.mark.parametrize("name", [*ENDS, *VARIANTS])
def test_start_up_does_what_the_registers_ask_for(name: str, tmp_path: Path) -> None:
    board, firmware = make(name, tmp_path)
    hardware = firmware.hardware
    firmware.call("board_init")
    assert hardware.wrong == []
    assert hardware.holds(ENDS[_base(name)] + VARIANTS.get(name, ("", {}, ""))[2]) == []
    assert board.soc is not None
    assert board.clock is not None
    assert board.console is not None
    # The clock that the registers make; and no wait for a ready bit has been in vain.
    tree = TREES[board.soc.family]
    clocks = tree(lambda a: hardware.values.get(a, 0), board.clock.crystal_hz or 0)
    assert firmware.call("board_clock_hz") == board.clock.hz == round(clocks.core)
    bus = clocks.apb2 if _base(name) in APB2 else clocks.apb1
    # Nordic's values for a rate are rounded further than its formula asks for.
    close = 0.005 if board.console.kind == "nrf_uarte" else 0.0018
    assert _baud(hardware, board.console.uart.upper(), bus) == pytest.approx(115_200, rel=close)
    if board.soc.family == "nrf53":
        assert [(a, hardware.values[a]) for a, _ in TRIMMED] == list(TRIMMED)


def _baud(hardware: Hardware, uart: str, bus: float) -> float:
    if f"{uart}_BRR" in hardware.table:
        return bus / hardware.get(f"{uart}_BRR.DIV")
    if f"{uart}_IBRD" in hardware.table:
        divider = hardware.get(f"{uart}_IBRD") + hardware.get(f"{uart}_FBRD") / 64
        return bus / (16 * divider)
    return hardware.get(f"{uart}_BAUDRATE") * 16e6 / 2**32


@pytest.mark.parametrize("name", list(ENDS))
def test_console_sends_and_receives_through_the_right_registers(name: str, tmp_path: Path) -> None:
    board, firmware = make(name, tmp_path)
    hardware = firmware.hardware
    firmware.call("board_init")
    assert board.console is not None
    uart = board.console.uart.upper()
    kind = board.console.kind
    assert firmware.call("board_getc") == 0xFFFF_FFFF
    hardware.written.clear()
    firmware.call("board_putc", 0x55)
    if kind == "nrf_uarte":
        assert firmware.memory(hardware.get(f"{uart}_TXD_PTR"), 1) == b"\x55"
        assert hardware.get(f"{uart}_TXD_MAXCNT") == 1
        firmware.store(hardware.get(f"{uart}_RXD_PTR"), b"\x41")
        hardware.put(f"{uart}_EVENTS_ENDRX", 1)
    else:
        register = {"stm32_v1": "DR", "stm32_v2": "TDR", "pl011": "DR"}[kind]
        assert hardware.written == {f"{uart}_{register}"}
        assert hardware.get(f"{uart}_{register}") == 0x55
        received = {"stm32_v1": "DR", "stm32_v2": "RDR", "pl011": "DR"}[kind]
        hardware.put(f"{uart}_{received}", 0x41)
        flag, value = {
            "stm32_v1": ("SR.RXNE", 1),
            "stm32_v2": ("ISR.RXNE", 1),
            "pl011": ("FR.RXFE", 0),
        }[kind]
        hardware.put(f"{uart}_{flag}", value)
    assert firmware.call("board_getc") == 0x41
    assert hardware.wrong == []


@pytest.mark.parametrize("name", [n for n in ENDS if "GPIO[" in "".join(TABLES[_family(n)])])
def test_clocks_of_other_uarts_and_ports(name: str) -> None:
    board = load_board(name)
    assert board.soc is not None
    assert board.console is not None
    table = parse(*TABLES[board.soc.family])
    enables = {
        (register.name, field): low
        for register in table.values()
        for field, (low, _) in register.fields.items()
        if register.name.startswith("RCC_A")
    }
    uarts = {f.removesuffix("EN"): r for r, f in enables if "ART" in f}
    assert len(uarts) >= 4
    for uart, register in uarts.items():
        text = _board_c(board, uart=uart.lower())
        assert f"{register} |= 1u << {enables[register, uart + 'EN']}; /* {uart} */" in text
        assert _defined(text, register) == table[register].address
    ports = {int(f.removeprefix("GPIO")): r for r, f in enables if f.startswith("GPIO")}
    assert len(ports) >= 6
    for port, register in ports.items():
        letter = chr(ord("A") + port)
        if letter > "I":
            continue
        text = _board_c(board, port=letter)
        bit = enables[register, f"GPIO{port}"]
        assert f"{register} |= 1u << {bit}; /* port {letter} */" in text
        assert f"connect_pin({port}u, 1u," in text


def _board_c(board: Board, uart: str = "", port: str = "") -> str:
    old = board.console
    assert old is not None
    tx, rx = (f"P{port}1", f"P{port}2") if port else (old.tx, old.rx)
    console = dataclasses.replace(old, uart=uart or old.uart, tx=tx, rx=rx)
    return hal_files(dataclasses.replace(board, console=console))["board.c"]


def _defined(text: str, register: str) -> int:
    found = re.search(rf"#define {register} REG\((0x\w+)u\)", text)
    assert found is not None
    return int(found[1], 16)


def test_debug_port_stays_closed_unless_uicr_opens_it(tmp_path: Path) -> None:
    _, firmware = make("nrf52840dk", tmp_path)
    # Earlier revisions: erased, which has always meant an open port, and no such register.
    firmware.hardware.put("UICR_APPROTECT", 0xFFFF_FFFF)
    firmware.call("board_init")
    assert "APPROTECT_DISABLE" not in firmware.hardware.written


@pytest.mark.parametrize("revision", [0x1003, 0x2001], ids="YX")
def test_earlier_revisions_of_h7_stay_where_they_are_safe(revision: int, tmp_path: Path) -> None:
    _, firmware = make("nucleo_h743zi", tmp_path)
    hardware = firmware.hardware
    hardware.put("DBGMCU_IDC.REV_ID", revision)
    firmware.call("board_init")
    assert hardware.wrong == []
    assert firmware.call("board_clock_hz") == 64_000_000
    assert _baud(hardware, "USART3", 64_000_000) == pytest.approx(115_200, rel=0.0018)
    # ST's own start-up code does the same for revision Y.
    assert hardware.get("AXI_TARG7_FN_MOD") == (revision < 0x2000)


def test_hardware_sees_what_would_lose_the_clock(tmp_path: Path) -> None:
    # The check itself: RP2350 starts from the auxiliary source, which one write of 0 would switch.
    _, firmware = make("pico2", tmp_path)
    register = firmware.hardware.table["CLK_SYS_CTRL"]
    firmware.hardware.write(register.address, 0)
    assert firmware.hardware.wrong == ["CLK_SYS_CTRL.AUXSRC changes during CLK_SYS_CTRL.SRC=1"]


@pytest.mark.parametrize("family", ["rp2040", "rp2350"])
def test_models_of_rp2_chips_refuse_it_too(family: str) -> None:
    bus, model = Bus(atomic_aliases=True), FAMILIES[family]
    for address, value in model.reset.items():
        bus.poke(address, value)
    bus.watch(model.guards)
    control = parse(*TABLES[family])["CLK_SYS_CTRL"].address
    bus.poke(control, 2 << 5 | 1)
    with pytest.raises(EmulationError, match="AUXSRC changes while it is in use"):
        bus.write(control, 4, 0)
    bus.write(control, 4, 2 << 5)
    bus.write(control, 4, 0)
    bus.write(control, 4, 1)
    with pytest.raises(EmulationError):
        bus.write(control + 0x2000, 4, 1 << 5)  # the alias that sets bits


@pytest.mark.parametrize("family", list(TABLES))
def test_models_know_the_same_registers(family: str) -> None:
    table = {r.address: r for r in parse(*TABLES[family]).values()}
    model = FAMILIES[family]
    shared = 0
    for address, value in model.reset.items():
        if address in table and not table[address].name.startswith(("FICR", "UICR")):
            known = table[address]
            assert value & known.mask() == known.reset & known.mask(), known.name
            shared += 1
    pairs = set(RULES[family].follows)
    for rule in model.rules:
        if rule.source not in table or rule.target not in table or rule.how != "copy":
            continue
        names = [
            _named(table[a], low, rule.width)
            for a, low in ((rule.source, rule.low), (rule.target, rule.to))
        ]
        if None in names or not pairs:
            continue
        assert tuple(names) in pairs, names
        shared += 1
    assert shared >= 2


def _named(register: Register, low: int, width: int) -> str | None:
    for name, where in register.fields.items():
        if where == (low, width):
            return f"{register.name}.{name}"
    return None
