"""What a board file says for start-up code: family, clock set-up, console, supply current."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edgegen.target.toml_table import Table

FAMILIES: Final = (
    *("stm32f0", "stm32f1", "stm32f2", "stm32f3", "stm32f4", "stm32f7", "stm32g0", "stm32g4"),
    *("stm32h5", "stm32h7", "stm32l4", "stm32l5", "stm32u5", "stm32wb"),
    *("nrf52", "nrf53", "rp2040", "rp2350", "mps2", "virt"),
)
"""Families of microcontrollers and emulated machines that start-up code tells apart."""

CLOCK_SOURCES: Final = ("fixed", "hsi", "hse", "hse_bypass", "msi", "csi", "hfxo", "xosc")
"""Where the core's clock comes from; "fixed" means that there is nothing to set up."""

_CRYSTALS: Final = ("hse", "hse_bypass", "hfxo", "xosc")

UARTS: Final = (*("stm32_v1", "stm32_v2", "lpuart", "nrf_uarte", "pl011", "cmsdk", "ns16550"),)
"""Register layouts of console UARTs; docs/boards.md says who has which."""

_DIVIDERS: Final = MappingProxyType(
    # RM0440, "USART baud rate generation" and "LPUART baud rate generation": BRR has 16 bits, 16 at
    # least; the LPUART's clock is 3 to 4095 times the rate, and start-up code can divide it by 8.
    {"stm32_v1": (16, 65_535), "stm32_v2": (16, 65_535), "lpuart": (3, 8 * 4095)}
)
"""How often the UART's clock may go into the time of a bit."""

_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_PIN: Final = re.compile(r"P[A-K](1[0-5]|[0-9])|P[01]\.[0-3][0-9]|GP[0-9]{1,2}")
_GHZ: Final = 10**10
_ADDRESS_SPACE: Final = 2**32


@dataclass(frozen=True)
class Soc:
    """The microcontroller.

    Attributes:
        family: one of `FAMILIES`.
        device: the part's name in lower case, as modm-devices spells it; empty for none.
        uf2_family: the UF2 family ID that its boot loader's USB drive takes, or None.
        pyocd: pyOCD's name for it where it does not follow from the part's; empty: it does.
        uf2_drive: how the Board-ID of the boot loader's drive begins; empty where it has none.
    """

    family: str
    device: str
    uf2_family: int | None = None
    pyocd: str = ""
    uf2_drive: str = ""


@dataclass(frozen=True)
class Clock:
    """The clocks that start-up code sets up.

    Attributes:
        source: one of `CLOCK_SOURCES`.
        crystal_hz: the crystal, or the signal of `hse_bypass`; None for internal oscillators.
        hz: the core's clock that results.
        pll: the PLL's factors, as the reference manual calls them; empty where none runs.
        dividers: bus prescalers other than 1, as the reference manual calls them.
        wait_states: of flash at that clock, where software sets them.
        bus_hz: the clock of the console's UART.
    """

    source: str
    crystal_hz: int | None
    hz: int
    pll: Mapping[str, int]
    dividers: Mapping[str, int]
    wait_states: int
    bus_hz: int


@dataclass(frozen=True)
class Console:
    """The UART that reaches a person's computer.

    Attributes:
        uart: the peripheral, as the manual calls it.
        base: address of its registers.
        kind: their layout, one of `UARTS`.
        tx: the pin the board sends on; empty where there is none to set up.
        rx: the pin it receives on.
        function: number of the pins' alternate function, or None where families have none.
        baud: bits per second.
        reaches: where the pins lead, for people.
    """

    uart: str
    base: int
    kind: str
    tx: str
    rx: str
    function: int | None
    baud: int
    reaches: str


@dataclass(frozen=True)
class Energy:
    """For an estimate of an inference's energy; nothing that was measured.

    Attributes:
        ma_per_mhz: supply current for each MHz of core clock, running from flash.
        volts: the supply.
        documented: whether the manufacturer gives it for this part, at the clock and with the
            regulator and caches that start-up code sets up; otherwise it is an estimate.
        basis: the document and table, or what the estimate is derived from.
    """

    ma_per_mhz: float
    volts: float
    documented: bool = False
    basis: str = ""

    @property
    def kind(self) -> str:
        """What the figure is, in a word."""
        return "documented" if self.documented else "estimate"

    def millijoules(self, cycles: float) -> float:
        """The energy that so many cycles take; their rate does not matter in this model.

        >>> round(Energy(0.1, 3.0).millijoules(1_000_000), 3)
        0.3
        """
        return cycles * self.ma_per_mhz * self.volts * 1e-6


def read_soc(root: Table) -> Soc | None:
    """Reads the table `[soc]`."""
    if not root.has("soc"):
        return None
    table = root.table("soc")
    soc = Soc(
        family=table.choice("family", FAMILIES),
        device=table.get("device", str, default=""),
        uf2_family=table.optional_number("uf2_family", 0, _ADDRESS_SPACE - 1),
        pyocd=table.get("pyocd", str, default=""),
        uf2_drive=table.get("uf2_drive", str, default=""),
    )
    if soc.device and not re.fullmatch(r"[a-z0-9-]+(@[a-z]+)?", soc.device):
        table.problem(f"{soc.device!r} is no part's name in lower case", "device")
    if soc.pyocd and not re.fullmatch(r"[a-z0-9_]+", soc.pyocd):
        table.problem(f"{soc.pyocd!r} is no name of a pyOCD target", "pyocd")
    table.finish()
    return soc


def read_clock(root: Table, highest_hz: int) -> Clock | None:
    """Reads the table `[clock]` of a board whose core runs at `highest_hz` at most."""
    if not root.has("clock"):
        return None
    table = root.table("clock")
    clock = Clock(
        source=table.choice("source", CLOCK_SOURCES),
        crystal_hz=table.optional_number("crystal_hz", 1, _GHZ),
        hz=table.number("hz", 1, _GHZ),
        pll=_factors(table, "pll"),
        dividers=_factors(table, "dividers"),
        wait_states=table.number("wait_states", 0, 64, default=0),
        bus_hz=table.number("bus_hz", 1, _GHZ),
    )
    if clock.source in _CRYSTALS and clock.crystal_hz is None:
        table.problem(f"is missing; source {clock.source!r} needs it", "crystal_hz")
    if clock.source not in _CRYSTALS and clock.crystal_hz is not None:
        table.problem(f"is not for source {clock.source!r}", "crystal_hz")
    if highest_hz and clock.hz > highest_hz:
        table.problem(f"is more than cpu.clock_hz ({highest_hz})", "hz")
    if clock.bus_hz > clock.hz:
        table.problem(f"is more than clock.hz ({clock.hz})", "bus_hz")
    table.finish()
    return clock


def _factors(table: Table, key: str) -> Mapping[str, int]:
    """A table of named positive integers."""
    inner = table.table(key)
    factors = {}
    for name in inner.names():
        if not _WORD.fullmatch(name):
            inner.problem(f"{name!r} is not a lower-case identifier", name)
        factors[name] = inner.number(name, 1, 1 << 16)
    return factors


def read_console(root: Table, clock: Clock | None) -> Console | None:
    """Reads the table `[console]` of a board with this clock."""
    if not root.has("console"):
        return None
    table = root.table("console")
    console = Console(
        uart=table.get("uart", str),
        base=table.number("base", 0, _ADDRESS_SPACE - 1),
        kind=table.choice("kind", UARTS),
        tx=table.get("tx", str, default=""),
        rx=table.get("rx", str, default=""),
        function=table.optional_number("function", 0, 31),
        baud=table.number("baud", 300, 4_000_000, default=115_200),
        reaches=table.get("reaches", str),
    )
    if console.uart and not _WORD.fullmatch(console.uart):
        table.problem(f"{console.uart!r} is not a lower-case identifier", "uart")
    if console.base % 4:
        table.problem("must be a multiple of 4", "base")
    for key, pin in (("tx", console.tx), ("rx", console.rx)):
        if pin and not _PIN.fullmatch(pin):
            table.problem(f"{pin!r} is no pin, as in 'PA2', 'P0.06' or 'GP0'", key)
    if bool(console.tx) != bool(console.rx):
        table.problem("needs both tx and rx, or neither")
    if console.tx and console.tx == console.rx:
        table.problem(f"is the same pin as tx, {console.tx!r}", "rx")
    if clock is None:
        table.problem("needs the table [clock]: the baud rate depends on it")
    elif console.kind in _DIVIDERS and console.baud:
        least, most = _DIVIDERS[console.kind]
        if not least * console.baud <= clock.bus_hz <= most * console.baud:
            low, high = -(-clock.bus_hz // most), clock.bus_hz // least
            table.problem(f"must be between {low} and {high} at this clock.bus_hz", "baud")
    table.finish()
    return console


def read_energy(root: Table) -> Energy | None:
    """Reads the table `[energy]`."""
    if not root.has("energy"):
        return None
    table = root.table("energy")
    energy = Energy(
        ma_per_mhz=table.decimal("ma_per_mhz", 0.001, 10.0),
        volts=table.decimal("volts", 0.5, 6.0),
        documented=table.get("documented", bool, default=False),
        basis=table.get("basis", str, default=""),
    )
    if energy.documented and not energy.basis:
        table.problem("is missing; a documented current needs its document and table", "basis")
    table.finish()
    return energy
