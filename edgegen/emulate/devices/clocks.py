"""Ready bits of clock, power and reset registers, by family: as data.

Hardware sets a ready bit some time after its enable bit; here it follows at once. Start-up
code with bounded waits runs without these rules too, but then stays on the reset clock.

Register offsets and bits are those of the reference manual named with each family.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Rule:
    """Bits of register `target` that follow bits of register `source`.

    Attributes:
        source: address of the register that firmware writes.
        low: the first bit there.
        width: how many bits.
        target: address of the register that follows.
        to: the first bit there.
        how: "copy", "invert", or "one_hot": bit `to` + the source's value is set alone.
    """

    source: int
    low: int
    width: int
    target: int
    to: int
    how: str = "copy"

    @property
    def mask(self) -> int:
        """The bits of the target that follow."""
        width = 1 << self.width if self.how == "one_hot" else self.width
        return ((1 << width) - 1) << self.to

    def bits(self, value: int) -> int:
        """The target's bits for a value of the source."""
        field = value >> self.low & ((1 << self.width) - 1)
        if self.how == "one_hot":
            return 1 << (self.to + field)
        if self.how == "invert":
            field = ~field & ((1 << self.width) - 1)
        return field << self.to


@dataclass(frozen=True)
class Guard:
    """Bits of a register that must not change while another bit of it is set.

    Attributes:
        register: its address.
        mask: the bits.
        used: the other bit, as a mask.
        why: what the hardware would do.
    """

    register: int
    mask: int
    used: int
    why: str


@dataclass(frozen=True)
class Registers:
    """What the registers of a family do by themselves.

    Attributes:
        rules: bits that follow others.
        reset: values after reset that are not zero.
        manual: where that is written.
        guards: what firmware must not do to them.
    """

    rules: tuple[Rule, ...]
    reset: Mapping[int, int]
    manual: str
    guards: tuple[Guard, ...] = ()


def _on(register: int, *pairs: tuple[int, int]) -> tuple[Rule, ...]:
    """Enable bits and ready bits of one register."""
    return tuple(Rule(register, enable, 1, register, ready) for enable, ready in pairs)


def _switch(register: int, to: int, width: int) -> tuple[Rule, ...]:
    """Field SW at bit 0 and what it has become, SWS, of an STM32's RCC_CFGR."""
    return (Rule(register, 0, width, register, to),)


def _stm32(
    rcc: int,
    on: tuple[tuple[int, int], ...],
    cfgr: int,
    switch: tuple[int, int],
    cr_reset: int,
    manual: str,
    rules: tuple[Rule, ...] = (),
    reset: Mapping[int, int] = MappingProxyType({}),
) -> Registers:
    return Registers(
        (*_on(rcc, *on), *_switch(rcc + cfgr, *switch), *rules),
        MappingProxyType({rcc: cr_reset, **reset}),
        manual,
    )


# (enable, ready): HSI, HSE, PLL.
_OLD: Final = ((0, 1), (16, 17), (24, 25))
_NEW: Final = ((8, 10), (16, 17), (24, 25))
_MSI: Final = ((0, 1), *_NEW)
_SWS2: Final = (2, 2)
_SWS3: Final = (3, 3)
_PWR: Final = 0x4000_7000


def _rp2(
    resets: int,
    blocks: int,
    xosc: int,
    plls: tuple[int, ...],
    clocks: int,
    manual: str,
    clk_sys: int = 0,
) -> Registers:
    rules = [
        Rule(resets, 0, blocks, resets + 8, 0, "invert"),
        # XOSC_CTRL.ENABLE is 0xFAB (enable) or 0xD1E (disable): bit 12 tells them apart.
        Rule(xosc, 12, 1, xosc + 4, 31),
        Rule(clocks + 0x30, 0, 2, clocks + 0x38, 0, "one_hot"),
        Rule(clocks + 0x3C, 0, 1, clocks + 0x44, 0, "one_hot"),
    ]
    # PLL_PWR.PD, bit 0: powered down. CS.LOCK, bit 31.
    rules += [Rule(pll + 4, 0, 1, pll, 31, "invert") for pll in plls]
    reset = {resets: (1 << blocks) - 1, **{pll + 4: 0x2D for pll in plls}}
    # CLK_SYS_CTRL and CLK_PERI_CTRL: AUXSRC, bits 5 to 7; SRC, bit 0; ENABLE, bit 11.
    guards = (
        Guard(clocks + 0x3C, 7 << 5, 1 << 0, "clk_sys stops: AUXSRC changes while it is in use"),
        Guard(clocks + 0x48, 7 << 5, 1 << 11, "clk_peri glitches: AUXSRC changes while it is on"),
    )
    return Registers(
        tuple(rules), MappingProxyType({**reset, clocks + 0x3C: clk_sys}), manual, guards
    )


def _nrf(clock: int, manual: str, reset: Mapping[int, int] = MappingProxyType({})) -> Registers:
    # TASKS_HFCLKSTART -> EVENTS_HFCLKSTARTED; HFCLKSTAT: from the crystal, running.
    rules = (
        Rule(clock, 0, 1, clock + 0x100, 0),
        Rule(clock, 0, 1, clock + 0x40C, 0),
        Rule(clock, 0, 1, clock + 0x40C, 16),
        Rule(clock + 8, 0, 1, clock + 0x104, 0),
    )
    return Registers(rules, reset, manual)


FAMILIES: Final[Mapping[str, Registers]] = MappingProxyType(
    {
        "stm32f0": _stm32(0x4002_1000, _OLD, 4, _SWS2, 0x83, "RM0091, 6.4"),
        "stm32f1": _stm32(0x4002_1000, _OLD, 4, _SWS2, 0x83, "RM0008, 7.3"),
        "stm32f3": _stm32(0x4002_1000, _OLD, 4, _SWS2, 0x83, "RM0316, 9.4"),
        "stm32f2": _stm32(0x4002_3800, _OLD, 8, _SWS2, 0x83, "RM0033, 5.3"),
        # PWR_CSR (F4), PWR_CSR1 (F7): VOSRDY is set; ODRDY and ODSWRDY follow.
        **{
            family: _stm32(
                0x4002_3800,
                _OLD,
                8,
                _SWS2,
                0x83,
                manual,
                rules=(Rule(_PWR, 16, 2, _PWR + 4, 16),),
                reset={_PWR + 4: 1 << 14},
            )
            for family, manual in (
                ("stm32f4", "RM0090, 7.3 and 5.4; RM0390, 6.3 and 5.4"),
                ("stm32f7", "RM0385, 5.3 and 4.4"),
            )
        },
        "stm32g0": _stm32(0x4002_1000, _NEW, 8, _SWS3, 0x500, "RM0444, 5.4"),
        # PWR_CR5: R1MODE 8, no boost mode.
        "stm32g4": _stm32(
            0x4002_1000,
            _NEW,
            8,
            _SWS2,
            0x500,
            "RM0440, 7.4 and 6.4",
            reset={_PWR + 0x80: 1 << 8},
        ),
        # PWR_SR2.VOSF reads 0 once the voltage is right: no rule.
        "stm32l4": _stm32(0x4002_1000, _MSI, 8, _SWS2, 0x63, "RM0351, 6.4; RM0432, 6.4"),
        "stm32l5": _stm32(0x4002_1000, _MSI, 8, _SWS2, 0x63, "RM0438, 9.8"),
        # RCC_EXTCFGR: the prescalers of shared bus and second core hold: SHDHPREF 16, C2HPREF 17.
        "stm32wb": _stm32(
            0x5800_0000,
            _MSI,
            8,
            _SWS2,
            0x61,
            "RM0434, 6.4",
            reset={0x5800_0108: 1 << 16 | 1 << 17},
        ),
        # PWR_VOSR: BOOSTEN 18 -> BOOSTRDY 14; VOSRDY 15. PWR_SVMSR: ACTVOSRDY 15.
        "stm32u5": _stm32(
            0x4602_0C00,
            ((0, 2), *_NEW),
            0x1C,
            _SWS2,
            0x35,
            "RM0456, 11.8 and 10.10",
            rules=_on(0x4602_080C, (18, 14)),
            reset={0x4602_080C: 1 << 15, 0x4602_083C: 1 << 15},
        ),
        # PWR_VOSSR: VOSRDY 3, ACTVOSRDY 13.
        "stm32h5": _stm32(
            0x4402_0C00,
            ((0, 1), (8, 9), (16, 17), (24, 25)),
            0x1C,
            _SWS3,
            0x2B,
            "RM0481, 11.8 and 10.11",
            rules=(Rule(0x4402_0810, 4, 2, 0x4402_0814, 14),),
            reset={0x4402_0814: 1 << 3 | 1 << 13},
        ),
        # PWR_CSR1: ACTVOSRDY 13, ACTVOS 14; PWR_D3CR: VOSRDY 13, VOS 14, scale 3 after reset.
        "stm32h7": _stm32(
            0x5802_4400,
            ((0, 2), (7, 8), (16, 17), (24, 25)),
            0x10,
            _SWS3,
            0x25,
            "RM0433, 8.7 and 6.8",
            rules=(Rule(0x5802_4818, 14, 2, 0x5802_4804, 14),),
            reset={
                0x5802_4804: 1 << 13 | 1 << 14,
                0x5802_4818: 1 << 13 | 1 << 14,
                0x5C00_1000: 0x2003_6450,  # DBGMCU_IDC: revision V
            },
        ),
        "nrf52": _nrf(0x4000_0000, "nRF52840 product specification, CLOCK"),
        # FICR: no trim values; UICR: the debug port may be opened.
        "nrf53": _nrf(
            0x5000_5000,
            "nRF5340 product specification, CLOCK, FICR, UICR",
            MappingProxyType(
                {0x00FF_0300: 0xFFFF_FFFF, 0x00FF_8000: 0x50FA_50FA, 0x00FF_801C: 0x50FA_50FA}
            ),
        ),
        "rp2040": _rp2(
            0x4000_C000,
            25,
            0x4002_4000,
            (0x4002_8000, 0x4002_C000),
            0x4000_8000,
            "RP2040 datasheet, 2.14, 2.15, 2.16, 2.18",
        ),
        "rp2350": _rp2(
            0x4002_0000,
            29,
            0x4004_8000,
            (0x4005_0000, 0x4005_8000),
            0x4001_0000,
            "RP2350 datasheet, 7.5, 8.1, 8.2, 8.6",
            clk_sys=0x41,
        ),
    }
)
"""By `soc.family`. Families without an entry have no clocks to wait for, or no model."""
