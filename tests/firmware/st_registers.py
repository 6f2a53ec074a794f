"""Registers of STM32 families as ST's device headers have them, for comparison.

Read in the headers named below, from STM32CubeG0, X-CUBE-TCPP, STM32CubeWB, cmsis_device_l5 and
STM32CubeU5: `*_TypeDef` for offsets, `*_BASE` for addresses, `*_Pos` and `*_Msk` for fields. What
does not come from there: FLASH_ACR of WB, L5 and U5, ICACHE_CR, and PWR_CR1 and PWR_CR2 of the L5
are from descriptions that embassy-rs/stm32-data derives from ST's SVD files; FLASH_ACR of G0 and G4
is from libopencm3 and Zephyr; values after reset are the SVD files'. PWR_CR5 is the header's: there
the SVD files of the G4 differ.

A line `PERIPHERAL address` is followed by its registers: name, offset, `=value` after reset if it
matters here, and fields: `NAME:bit`, `NAME:bit+width`, with `!` where software cannot write them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_RCC_CR = "HSION:8 HSIKERON:9 HSIRDY:10! HSEON:16 HSERDY:17! HSEBYP:18 CSSON:19 PLLON:24 PLLRDY:25!"
_MSI = "MSION:0 MSIRDY:1! MSIPLLEN:2"
_CFGR = "SW:0+2 SWS:2+2! HPRE:4+4 PPRE1:8+3 PPRE2:11+3"
_PLL_R2 = (
    "PLLSRC:0+2 PLLM:4+4 PLLN:8+7 PLLPEN:16 PLLP:17 PLLQEN:20 PLLQ:21+2 PLLREN:24 PLLR:25+2"
    " PLLPDIV:27+5"
)
_PLL_R3 = "PLLSRC:0+2 PLLM:4+3 PLLN:8+7 PLLPEN:16 PLLP:17+5 PLLQEN:24 PLLQ:25+3 PLLREN:28 PLLR:29+3"
_PLL1 = (
    "PLL1SRC:0+2 PLL1RGE:2+2 PLL1FRACEN:4 PLL1M:8+4 PLL1MBOOST:12+4 PLL1PEN:16 PLL1QEN:17"
    " PLL1REN:18"
)
_ART = "PRFTEN:8 ICEN:9 DCEN:10 ICRST:11 DCRST:12"
_APB1 = "USART2EN:17 USART3EN:18 UART4EN:19 UART5EN:20"
_ICACHE = "CR 0x00 EN:0 CACHEINV:1 WAYSEL:2"
# The same in all five; BRR is 20 bits wide in the low-power UART alone.
_USART = """
  CR1 0x00 UE:0 UESM:1 RE:2 TE:3 OVER8:15 FIFOEN:29
  CR3 0x08 OVRDIS:12
  BRR 0x0C BRR:0+20
  ISR 0x1C RXNE:5! TC:6! TXE:7! TEACK:21! REACK:22!
  RDR 0x24 RDR:0+9!
  TDR 0x28 TDR:0+9
  PRESC 0x2C PRESCALER:0+4
"""


def _ports(names: str) -> str:
    return " ".join(f"GPIO{port}EN:{ord(port) - ord('A')}" for port in names)


@dataclass(frozen=True)
class Chip:
    """What is known of a family.

    Attributes:
        header: the device header that it was read in.
        gpio: address of port A; the others follow in steps of 0x400.
        ports: those that there are.
        uarts: addresses by name.
        text: the other registers.
    """

    header: str
    gpio: int
    ports: str
    uarts: dict[str, int]
    text: str


CHIPS = {
    "stm32g0": Chip(
        "stm32g071xx.h",
        0x5000_0000,
        "ABCDF",
        {"usart1": 0x4001_3800, "usart2": 0x4000_4400, "usart3": 0x4000_4800}
        | {"usart4": 0x4000_4C00, "lpuart1": 0x4000_8000},
        f"""
FLASH 0x40022000
  ACR 0x00 LATENCY:0+3 PRFTEN:8 ICEN:9 ICRST:11 EMPTY:16 DBG_SWEN:18
RCC 0x40021000
  CR 0x00 =0x500 HSIDIV:11+3 {_RCC_CR}
  CFGR 0x08 SW:0+3 SWS:3+3! HPRE:8+4 PPRE:12+3
  PLLCFGR 0x0C {_PLL_R3}
  IOPENR 0x34 {_ports("ABCDF")}
  APBENR1 0x3C USART2EN:17 USART3EN:18 USART4EN:19 LPUART1EN:20 PWREN:28
  APBENR2 0x40 USART1EN:14
""",
    ),
    "stm32g4": Chip(
        "stm32g474xx.h",
        0x4800_0000,
        "ABCDEFG",
        {"usart1": 0x4001_3800, "usart2": 0x4000_4400, "usart3": 0x4000_4800}
        | {"uart4": 0x4000_4C00, "uart5": 0x4000_5000, "lpuart1": 0x4000_8000},
        f"""
FLASH 0x40022000
  ACR 0x00 LATENCY:0+4 {_ART} DBG_SWEN:18
PWR 0x40007000
  CR5 0x80 =0x100 R1MODE:8
RCC 0x40021000
  CR 0x00 =0x500 {_RCC_CR}
  CFGR 0x08 {_CFGR}
  PLLCFGR 0x0C {_PLL_R2}
  AHB2ENR 0x4C {_ports("ABCDEFG")}
  APB1ENR1 0x58 {_APB1} PWREN:28
  APB1ENR2 0x5C LPUART1EN:0
  APB2ENR 0x60 USART1EN:14
""",
    ),
    "stm32wb": Chip(
        "stm32wb55xx.h",
        0x4800_0000,
        "ABCDEH",
        {"usart1": 0x4001_3800, "lpuart1": 0x4000_8000},
        f"""
FLASH 0x58004000
  ACR 0x00 LATENCY:0+3 {_ART} PES:15 EMPTY:16
RCC 0x58000000
  CR 0x00 =0x61 {_MSI} MSIRANGE:4+4 {_RCC_CR}
  CFGR 0x08 {_CFGR} HPREF:16! PPRE1F:17! PPRE2F:18!
  PLLCFGR 0x0C {_PLL_R3}
  AHB2ENR 0x4C {_ports("ABCDEH")}
  APB1ENR2 0x5C LPUART1EN:0
  APB2ENR 0x60 USART1EN:14
  EXTCFGR 0x108 =0x30000 SHDHPRE:0+4 C2HPRE:4+4 SHDHPREF:16! C2HPREF:17!
""",
    ),
    "stm32l5": Chip(
        "stm32l552xx.h",
        0x4202_0000,
        "ABCDEFGH",
        {"usart1": 0x4001_3800, "usart2": 0x4000_4400, "usart3": 0x4000_4800}
        | {"uart4": 0x4000_4C00, "uart5": 0x4000_5000, "lpuart1": 0x4000_8000},
        f"""
FLASH 0x40022000
  ACR 0x00 LATENCY:0+4 RUN_PD:13 SLEEP_PD:14 LVEN:15
ICACHE 0x40030400
  {_ICACHE}
PWR 0x40007000
  CR1 0x00 LPMS:0+3 DBP:8 VOS:9+2 LPR:14
  CR2 0x04 IOSV:9 USV:10
  SR2 0x14 VOSF:10!
RCC 0x40021000
  CR 0x00 =0x63 {_MSI} MSIRANGE:4+4 {_RCC_CR}
  CFGR 0x08 {_CFGR}
  PLLCFGR 0x0C {_PLL_R2}
  AHB2ENR 0x4C {_ports("ABCDEFGH")}
  APB1ENR1 0x58 {_APB1} PWREN:28
  APB1ENR2 0x5C LPUART1EN:0
  APB2ENR 0x60 USART1EN:14
""",
    ),
    "stm32u5": Chip(
        "stm32u575xx.h",
        0x4202_0000,
        "ABCDEFGHI",
        {"usart1": 0x4001_3800, "usart2": 0x4000_4400, "usart3": 0x4000_4800}
        | {"uart4": 0x4000_4C00, "uart5": 0x4000_5000, "lpuart1": 0x4600_2400},
        f"""
FLASH 0x40022000
  ACR 0x00 LATENCY:0+4 PRFTEN:8 LPM:11 PDREQ1:12 PDREQ2:13 SLEEP_PD:14
ICACHE 0x40030400
  {_ICACHE}
PWR 0x46020800
  VOSR 0x0C =0x8000 BOOSTRDY:14! VOSRDY:15! VOS:16+2 BOOSTEN:18
  SVMCR 0x10 IO2SV:29
  SVMSR 0x3C =0x8000 ACTVOSRDY:15!
RCC 0x46020C00
  CR 0x00 =0x35 MSISON:0 MSISRDY:2! MSIKON:4 MSIKRDY:5! {_RCC_CR.replace("PLL", "PLL1")}
  CFGR1 0x1C SW:0+2 SWS:2+2!
  CFGR2 0x20 HPRE:0+4 PPRE1:4+3 PPRE2:8+3
  PLL1CFGR 0x28 {_PLL1}
  PLL1DIVR 0x34 PLL1N:0+9 PLL1P:9+7 PLL1Q:16+7 PLL1R:24+7
  AHB2ENR1 0x8C {_ports("ABCDEFGHI")}
  AHB3ENR 0x94 PWREN:2
  APB1ENR1 0x9C {_APB1}
  APB2ENR 0xA4 USART1EN:14
  APB3ENR 0xA8 LPUART1EN:6
""",
    ),
}


@dataclass(frozen=True)
class Field:
    """Bits of a register."""

    name: str
    low: int
    width: int
    writable: bool

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return ((1 << self.width) - 1) << self.low

    def of(self, word: int) -> int:
        """Its value in a word."""
        return (word & self.mask) >> self.low


@dataclass(frozen=True)
class Register:
    """A register; `name` includes the peripheral."""

    name: str
    address: int
    reset: int
    fields: dict[str, Field] = field(default_factory=dict)


def registers(family: str) -> dict[str, Register]:
    """All that the table has for a family, by name: `RCC_CR`, `USART1_BRR`, `GPIOA_MODER`."""
    chip = CHIPS[family]
    text = chip.text + "".join(f"{u.upper()} {at:#x}{_USART}" for u, at in chip.uarts.items())
    for port in chip.ports:
        text += f"GPIO{port} {chip.gpio + 0x400 * (ord(port) - ord('A')):#x}\n"
        text += _gpio("MODER 0x00 MODE", 2) + _gpio("OSPEEDR 0x08 OSPEED", 2)
        text += _gpio("PUPDR 0x0C PUPD", 2) + _gpio("AFRL 0x20 AFSEL", 4)
        text += _gpio("AFRH 0x24 AFSEL", 4, first=8)
    found, peripheral, base = {}, "", 0
    for line in filter(None, text.splitlines()):
        words = line.split()
        if not line.startswith(" "):
            peripheral, base = words[0], int(words[1], 0)
            continue
        reset = int(words.pop(2)[1:], 0) if len(words) > 2 and words[2].startswith("=") else 0
        name = f"{peripheral}_{words[0]}"
        fields = {f.name: f for f in map(_field, words[2:])}
        found[name] = Register(name, base + int(words[1], 0), reset, fields)
    return found


def _gpio(start: str, width: int, first: int = 0) -> str:
    register, name = start.rsplit(" ", 1)
    fields = (f"{name}{first + i}:{i * width}+{width}" for i in range(32 // width))
    return f"  {register} {' '.join(fields)}\n"


def _field(text: str) -> Field:
    found = re.fullmatch(r"(\w+):(\d+)(?:\+(\d+))?(!?)", text)
    assert found is not None, text
    return Field(found[1], int(found[2]), int(found[3] or 1), not found[4])
