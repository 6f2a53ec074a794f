"""Runs start-up code of STM32 families on the ready bits of `st_registers`; keeps its writes."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from edgegen.emulate import unicorn_session
from edgegen.emulate.devices.bus import Bus
from edgegen.emulate.devices.clocks import Registers, Rule
from edgegen.emulate.unicorn_session import UnicornSession
from edgegen.firmware.hal import hal_files
from edgegen.firmware.image import build_image
from edgegen.target.board import Board, list_boards, load_board
from tests.firmware.st_registers import CHIPS, Register, registers

PERIPHERALS = range(0x4000_0000, 0x6000_0000)
MAIN = """
#include "board.h"

int main(void)
{
    board_init();
    board_putc('!');
    for (;;) {
        const int32_t c = board_getc();
        if (c >= 0) {
            board_putc((char)c);
        }
    }
}
"""
# Ready bits and the bits that they follow, as in the registers' descriptions in the manuals.
NEW = ("CR.HSION CR.HSIRDY", "CR.HSEON CR.HSERDY", "CR.PLLON CR.PLLRDY")
MSI = ("CR.MSION CR.MSIRDY", *NEW)
U5 = ("CR.MSISON CR.MSISRDY", *NEW[:2], "CR.PLL1ON CR.PLL1RDY")
READY = {
    "stm32g0": (*NEW, "CFGR.SW CFGR.SWS"),
    "stm32g4": (*NEW, "CFGR.SW CFGR.SWS"),
    "stm32wb": (*MSI, "CFGR.SW CFGR.SWS"),
    "stm32l5": (*MSI, "CFGR.SW CFGR.SWS"),
    "stm32u5": (*U5, "CFGR1.SW CFGR1.SWS", "PWR_VOSR.BOOSTEN PWR_VOSR.BOOSTRDY"),
}
# Bits after reset without which start-up code must not raise the clock; "!": those that must be 0.
STEADY = {
    "stm32wb": ("RCC_EXTCFGR.C2HPREF",),
    "stm32l5": ("!PWR_SR2.VOSF",),
    "stm32u5": ("PWR_VOSR.VOSRDY", "PWR_SVMSR.ACTVOSRDY"),
}
# Another range of the core's voltage, and all around it, so that a change shows.
BEFORE = {"stm32l5": {"PWR_CR1": 0xFFFF_FFFF}}
SYSTEM_CLOCK = {"stm32u5": "RCC_CFGR1.SW"}
PLL_ON = {"stm32u5": "RCC_CR.PLL1ON"}


def full(name: str) -> str:
    return name if name.startswith(("PWR", "RCC")) else f"RCC_{name}"


def family_of(board: Board) -> str:
    assert board.soc is not None
    return board.soc.family


BOARDS = [b.name for b in list_boards() if b.soc and b.soc.family in CHIPS]
ONE_EACH = list({family_of(load_board(name)): name for name in BOARDS}.values())
# The same with other factors and prescalers, so that no field is zero by chance; and with a signal
# from outside for a clock, below the 80 MHz from which some families take two steps.
VARIANTS = [f"{name}{mark}" for mark in ("+", "~") for name in ONE_EACH]


def board_of(name: str) -> Board:
    """A shipped board, or one of `VARIANTS`: its clock is not one that hardware would take."""
    board = load_board(name.rstrip("+~"))
    assert board.clock is not None
    clock = board.clock
    if name.endswith("+"):
        pll = {"m": 2, "n": 43, "r": 6}
        dividers = {"ppre": 4, "ppre1": 4, "ppre2": 8, "hpre": 4, "c2hpre": 4}
        clock = replace(clock, pll=pll, dividers=dividers)
    if name.endswith("~"):
        pll = {"m": 4, "n": 40, "r": 4}
        dividers = {"ppre": 2, "ppre1": 2, "ppre2": 4, "hpre": 2, "c2hpre": 2}
        clock = replace(clock, source="hse_bypass", crystal_hz=24_000_000, pll=pll)
        clock = replace(clock, dividers=dividers, hz=60_000_000, bus_hz=60_000_000)
    return replace(board, clock=clock)


@dataclass(frozen=True)
class Table:
    """A family's registers, for looking up."""

    known: dict[str, Register]

    def field(self, name: str) -> tuple[Register, int, int]:
        """Register, first bit and width of `RCC_CR.HSION`."""
        register, _, label = name.partition(".")
        found = self.known[register].fields[label]
        return self.known[register], found.low, found.width

    def mask(self, name: str) -> int:
        _, low, width = self.field(name)
        return ((1 << width) - 1) << low

    def rule(self, pair: str) -> Rule:
        source, target = map(full, pair.split())
        (at, low, width), (to, ready, _) = self.field(source), self.field(target)
        return Rule(at.address, low, width, to.address, ready)

    def model(self, family: str, stuck: str, before: dict[str, int]) -> Registers:
        """The ready bits; `stuck` is one that never comes, or that never goes."""
        rules = tuple(self.rule(p) for p in READY[family] if stuck not in p.split()[1:])
        reset = {r.address: r.reset for r in self.known.values() if r.reset}
        reset |= {self.known[name].address: value for name, value in before.items()}
        if stuck in STEADY.get(family, ()):
            name = stuck.removeprefix("!")
            address = self.field(name)[0].address
            reset[address] = reset.get(address, 0) ^ self.mask(name)
        return Registers(rules, MappingProxyType(reset), CHIPS[family].header)


@functools.cache
def table(family: str) -> Table:
    return Table(registers(family))


@functools.cache
def image(name: str) -> bytes:
    """The board's own files and a few lines of `main`, compiled."""
    board = board_of(name)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        (folder / "src").mkdir()
        for file, text in {**hal_files(board), "main.c": MAIN}.items():
            place = folder if file == "linker.ld" else folder / "src"
            (place / file).write_text(text)
        return build_image(folder, board, werror=True).elf.read_bytes()


@dataclass(frozen=True)
class Run:
    """What firmware has written until it waited for input.

    Attributes:
        changes: fields and their new values, in the order of the writes.
        unknown: writes of bits that no field of the table has.
        session: with the registers as they are in the end.
    """

    changes: list[tuple[str, int]]
    unknown: list[str]
    session: UnicornSession

    def value(self, known: Table, name: str) -> int:
        register, low, width = known.field(name)
        return self.session.register(register.address) >> low & ((1 << width) - 1)

    def first(self, *starts: str) -> int:
        """When something was first written to what begins like this."""
        return min(i for i, (name, _) in enumerate(self.changes) if name.startswith(starts))


def start(
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    stuck: str = "",
    before: dict[str, int] | None = None,
) -> Run:
    """Runs the board's image on the table's ready bits; `before` are registers' values at reset."""
    board = board_of(name)
    family = family_of(board)
    known = table(family)
    by_address = {r.address: r for r in known.known.values()}
    changes: list[tuple[str, int]] = []
    unknown: list[str] = []
    write = Bus.write

    def record(bus: Bus, address: int, size: int, value: int) -> None:
        if address in PERIPHERALS:
            register = by_address.get(address)
            changed = bus.peek(address) ^ value
            for field in register.fields.values() if register else ():
                if changed & field.mask and field.writable:
                    assert register is not None
                    changes.append((f"{register.name}.{field.name}", field.of(value)))
                changed &= ~field.mask
            if changed or size != 4:
                unknown.append(f"{register.name if register else hex(address)}: {changed:#x}")
        write(bus, address, size, value)

    model = known.model(family, stuck, before or BEFORE.get(family, {}))
    monkeypatch.setattr(unicorn_session, "FAMILIES", {family: model})
    monkeypatch.setattr(Bus, "write", record)
    elf = folder / f"{name}.elf"
    elf.write_bytes(image(name))
    session = UnicornSession(elf, board)
    assert session.read(10.0) == b"!"
    session.write(b"?")
    assert session.read(10.0) == b"?"
    return Run(changes, unknown, session)
