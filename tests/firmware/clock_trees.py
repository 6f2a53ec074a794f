"""Clocks computed from the registers that firmware has left behind, by the reference manuals.

Nothing here knows the board files: only reset values, bit fields and the oscillators' frequencies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MHZ = 1_000_000
Read = Callable[[int], int]


@dataclass(frozen=True)
class Clocks:
    """What the registers say; wait states are None where software does not set them."""

    core: float
    apb1: float
    apb2: float
    wait_states: int | None


def bits(value: int, low: int, width: int) -> int:
    return value >> low & ((1 << width) - 1)


def ahb(code: int) -> int:
    """HPRE: 0xxx is 1, then 2, 4, 8, 16, 64, 128, 256, 512."""
    return 1 if code < 8 else (2, 4, 8, 16, 64, 128, 256, 512)[code - 8]


def apb(code: int) -> int:
    """PPRE: 0xx is 1, then 2, 4, 8, 16."""
    return 1 if code < 4 else 2 << (code - 4)


def stm32_f2_f4_f7(read: Read, hse: int) -> Clocks:
    """RM0090 7.3.2, 7.3.3 and 3.9.1: RCC_PLLCFGR, RCC_CFGR, FLASH_ACR."""
    pll, cfgr = read(0x40023804), read(0x40023808)
    source = hse if bits(pll, 22, 1) else 16 * MHZ
    vco = source / bits(pll, 0, 6) * bits(pll, 6, 9)
    core = (16 * MHZ, hse, vco / (2 * bits(pll, 16, 2) + 2))[bits(cfgr, 2, 2)]
    core /= ahb(bits(cfgr, 4, 4))
    return Clocks(
        core,
        core / apb(bits(cfgr, 10, 3)),
        core / apb(bits(cfgr, 13, 3)),
        bits(read(0x40023C00), 0, 4),
    )


def stm32_f0_f1_f3(read: Read, hse: int) -> Clocks:
    """RM0091 6.4.2 and 6.4.12, RM0008 7.3.2, RM0316 9.4.2: RCC_CFGR and RCC_CFGR2."""
    cfgr, before = read(0x40021004), bits(read(0x4002102C), 0, 4) + 1
    # Bit 15 is there where the PLL can take HSI undivided; bit 16 alone is HSE.
    source = {0: 4 * MHZ, 1: 8 * MHZ / before, 2: hse / before, 3: hse / before}[bits(cfgr, 15, 2)]
    core = (8 * MHZ, hse, source * min(bits(cfgr, 18, 4) + 2, 16), 48 * MHZ)[bits(cfgr, 2, 2)]
    core /= ahb(bits(cfgr, 4, 4))
    return Clocks(
        core,
        core / apb(bits(cfgr, 8, 3)),
        core / apb(bits(cfgr, 11, 3)),
        bits(read(0x40022000), 0, 3),
    )


def stm32_l4_like(
    rcc: int, flash: int, after: Callable[[int], int], sws: tuple[str, ...]
) -> Callable[[Read, int], Clocks]:
    """RM0432 6.4.3 and 6.4.4, RM0440 7.4.3 and 7.4.4, RM0434 6.4.3: RCC_CFGR, RCC_PLLCFGR."""

    def clocks(read: Read, hse: int) -> Clocks:
        cfgr, pll = read(rcc + 8), read(rcc + 12)
        sources = {"msi": 4 * MHZ, "hsi": 16 * MHZ, "hse": hse, "none": 0}
        source = sources[("none", "msi", "hsi", "hse")[bits(pll, 0, 2)]]
        times = source / (bits(pll, 4, 4) + 1) * bits(pll, 8, 7)
        core = {**sources, "pll": times / after(pll)}[sws[bits(cfgr, 2, 2)]]
        core /= ahb(bits(cfgr, 4, 4))
        return Clocks(
            core,
            core / apb(bits(cfgr, 8, 3)),
            core / apb(bits(cfgr, 11, 3)),
            bits(read(flash), 0, 4),
        )

    return clocks


def _r2(pll: int) -> int:
    return 2 * bits(pll, 25, 2) + 2


def _r3(pll: int) -> int:
    return bits(pll, 29, 3) + 1


def stm32_g0(read: Read, hse: int) -> Clocks:
    """RM0444 5.4.3 and 5.4.4."""
    cfgr, pll = read(0x40021008), read(0x4002100C)
    source = {2: 16 * MHZ, 3: hse}.get(bits(pll, 0, 2), 0)
    times = source / (bits(pll, 4, 3) + 1) * bits(pll, 8, 7) / _r3(pll)
    core = {0: 16 * MHZ, 1: hse, 2: times}[bits(cfgr, 3, 3)] / ahb(bits(cfgr, 8, 4))
    bus = core / apb(bits(cfgr, 12, 3))
    return Clocks(core, bus, bus, bits(read(0x40022000), 0, 3))


def stm32_h7(read: Read, hse: int) -> Clocks:
    """RM0433 8.7.7 to 8.7.13 and 4.9.1: D1CFGR, D2CFGR, PLLCKSELR, PLL1DIVR; FLASH_ACR."""
    rcc = 0x58024400
    select, divide = read(rcc + 0x28), read(rcc + 0x30)
    source = (64 * MHZ, 4 * MHZ, hse, 0)[bits(select, 0, 2)]
    vco = source / max(bits(select, 4, 6), 1) * (bits(divide, 0, 9) + 1)
    sources = {0: 64 * MHZ, 1: 4 * MHZ, 2: hse, 3: vco / (bits(divide, 9, 7) + 1)}
    d1, d2 = read(rcc + 0x18), read(rcc + 0x1C)
    core = sources[bits(read(rcc + 0x10), 3, 3)] / ahb(bits(d1, 8, 4))
    bus = core / ahb(bits(d1, 0, 4))
    return Clocks(
        core, bus / apb(bits(d2, 4, 3)), bus / apb(bits(d2, 8, 3)), bits(read(0x52002000), 0, 4)
    )


def stm32_h5_u5(
    rcc: int,
    after: Callable[[int], int],
    lowest: int,
    switch: tuple[int, int],
    pll_m: tuple[int, int, int],
) -> Callable[[Read, int], Clocks]:
    """RM0481 11.8, RM0456 11.8: CFGR1, CFGR2, PLL1CFGR, PLL1DIVR; FLASH_ACR."""

    def clocks(read: Read, hse: int) -> Clocks:
        first, second, pll = read(rcc + 0x1C), read(rcc + 0x20), read(rcc + 0x28)
        divide = read(rcc + 0x34)
        hsi = (64 * MHZ >> bits(read(rcc), 3, 2)) if lowest == 0 else 16 * MHZ
        slow = hsi if lowest == 0 else lowest
        inputs = (0, hsi, 4 * MHZ, hse) if lowest == 0 else (0, slow, hsi, hse)
        low, width, more = pll_m
        vco = inputs[bits(pll, 0, 2)] / (bits(pll, low, width) + more or 1)
        vco *= bits(divide, 0, 9) + 1
        choices = (slow, 4 * MHZ if lowest == 0 else hsi, hse, vco / after(divide))
        core = choices[bits(first, *switch)] / ahb(bits(second, 0, 4))
        return Clocks(
            core,
            core / apb(bits(second, 4, 3)),
            core / apb(bits(second, 8, 3)),
            bits(read(0x40022000), 0, 4),
        )

    return clocks


def rp2(pll: int, clocks: int) -> Callable[[Read, int], Clocks]:
    """RP2040 datasheet 2.15.7 and 2.18.4, RP2350 datasheet 8.1.6 and 8.6.5."""

    def read_out(read: Read, crystal: int) -> Clocks:
        prim = read(pll + 0xC)
        out = crystal / bits(read(pll), 0, 6) * bits(read(pll + 8), 0, 12)
        out /= bits(prim, 16, 3) * bits(prim, 12, 3)
        core = out if read(clocks + 0x3C) & 1 else crystal
        return Clocks(core, core, core, None)

    return read_out


def fixed(mhz: int) -> Callable[[Read, int], Clocks]:
    """nRF52: the core has one clock; nRF53: HFCLKCTRL 0 is 128 MHz."""

    def read_out(read: Read, crystal: int) -> Clocks:
        del crystal
        hz = mhz * MHZ if mhz != 128 or read(0x50005558) == 0 else 64 * MHZ
        # Peripherals have 16 MHz, whatever the core has.
        return Clocks(hz, 16 * MHZ, 16 * MHZ, None)

    return read_out


_MSI_SWS = ("msi", "hsi", "hse", "pll")
TREES: dict[str, Callable[[Read, int], Clocks]] = {
    **dict.fromkeys(("stm32f2", "stm32f4", "stm32f7"), stm32_f2_f4_f7),
    **dict.fromkeys(("stm32f0", "stm32f1", "stm32f3"), stm32_f0_f1_f3),
    "stm32l4": stm32_l4_like(0x40021000, 0x40022000, _r2, _MSI_SWS),
    "stm32l5": stm32_l4_like(0x40021000, 0x40022000, _r2, _MSI_SWS),
    "stm32g4": stm32_l4_like(0x40021000, 0x40022000, _r2, ("none", "hsi", "hse", "pll")),
    "stm32wb": stm32_l4_like(0x58000000, 0x58004000, _r3, _MSI_SWS),
    "stm32g0": stm32_g0,
    "stm32h7": stm32_h7,
    "stm32h5": stm32_h5_u5(0x44020C00, lambda d: bits(d, 9, 7) + 1, 0, (3, 2), (8, 6, 0)),
    "stm32u5": stm32_h5_u5(0x46020C00, lambda d: bits(d, 24, 7) + 1, 4 * MHZ, (2, 2), (8, 4, 1)),
    "rp2040": rp2(0x40028000, 0x40008000),
    "rp2350": rp2(0x40050000, 0x40010000),
    "nrf52": fixed(64),
    "nrf53": fixed(128),
}
"""By family; those that are not here have a fixed clock."""
