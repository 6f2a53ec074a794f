"""Registers of microcontrollers as their makers' headers have them: read there, not in templates/.

A line with an address begins a peripheral. A line of a register has its offset, its value after
reset where that is not 0, and its fields: a bit or first-last. `NAME[n]` are n fields side by side.
A line goes on in the next with four spaces.
Headers of ST and Nordic have no reset values; these are the reference manuals'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Register:
    """One of the table: fields are (first bit, width) by name."""

    name: str
    address: int
    reset: int
    fields: dict[str, tuple[int, int]]

    def mask(self) -> int:
        return sum(((1 << width) - 1) << low for low, width in self.fields.values())

    def get(self, field: str, value: int) -> int:
        low, width = self.fields[field]
        return value >> low & ((1 << width) - 1)


_FIELD = re.compile(r"(\w+)(?:\[(\d+)\])?:(\d+)(?:-(\d+))?")
_LINE = re.compile(r"  (\w+) (0x\w+)(?:=(0x\w+))?((?: \S+)*)")


def _fields(text: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for item in text.split():
        match = _FIELD.fullmatch(item)
        assert match is not None, item
        name, count, low, high = match[1], match[2], int(match[3]), int(match[4] or match[3])
        if count is None:
            found[name] = low, high - low + 1
        else:
            width = (high - low + 1) // int(count)
            for i in range(int(count)):
                found[f"{name}{i}"] = low + i * width, width
    return found


def parse(*tables: str) -> dict[str, Register]:
    """By `PERIPHERAL_REGISTER`."""
    found: dict[str, Register] = {}
    peripheral, base = "", 0
    for line in "".join(tables).replace("\n    ", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            peripheral, address = line.split()
            base = int(address, 16)
            continue
        match = _LINE.fullmatch(line)
        assert match is not None, line
        name = f"{peripheral}_{match[1]}"
        found[name] = Register(
            name, base + int(match[2], 16), int(match[3] or "0", 16), _fields(match[4])
        )
    return found


_STM32_PORT = """
  MODER 0x00{moder} MODE[16]:0-31
  OSPEEDR 0x08 SPEED[16]:0-31
  PUPDR 0x0C PUPD[16]:0-31
  AFRL 0x20 AF[8]:0-31
  AFRH 0x24 AF[8]:0-31
"""


def _port(moder: str = "") -> str:
    """A port; that with the debug pins does not start from 0."""
    return _STM32_PORT.format(moder=moder)


# cmsis-svd 0.4, STMicro/STM32F20x.svd, USART3; SR's TC and TXE are set after reset.
_USART_V1 = """
  SR 0x00=0xC0 PE:0 FE:1 NF:2 ORE:3 IDLE:4 RXNE:5 TC:6 TXE:7
  DR 0x04 DR:0-8
  BRR 0x08 DIV:0-15
  CR1 0x0C RE:2 TE:3 RXNEIE:5 TCIE:6 TXEIE:7 PCE:10 M:12 UE:13 OVER8:15
"""
# STMicroelectronics/cmsis_device_h5, Include/stm32h563xx.h, USART_TypeDef; cmsis-svd 0.4,
# STMicro/STM32F303xE.svd, USART2.
_USART_V2 = """
  CR1 0x00 UE:0 UESM:1 RE:2 TE:3 RXNEIE:5 PCE:10 M0:12 OVER8:15
  CR3 0x08 EIE:0 HDSEL:3 OVRDIS:12
  BRR 0x0C DIV:0-15
  ISR 0x1C=0xC0 ORE:3 RXNE:5 TC:6 TXE:7 TEACK:21 REACK:22
  RDR 0x24 RDR:0-8
  TDR 0x28 TDR:0-8
"""

# STMicroelectronics/cmsis_device_h5, Include/stm32h563xx.h.
STM32H5 = (
    """
FLASH 0x40022000
  ACR 0x00=0x13 LATENCY:0-3 WRHIGHFREQ:4-5 PRFTEN:8
ICACHE 0x40030400
  CR 0x00=0x4 EN:0 CACHEINV:1 WAYSEL:2
PWR 0x44020800
  VOSCR 0x10 VOS:4-5
  VOSSR 0x14=0x2008 VOSRDY:3 ACTVOSRDY:13 ACTVOS:14-15
RCC 0x44020C00
  CR 0x00=0x2B HSION:0 HSIRDY:1 HSIDIV:3-4 HSIDIVF:5 HSEON:16 HSERDY:17 HSEBYP:18
    PLL1ON:24 PLL1RDY:25
  CFGR1 0x1C SW:0-1 SWS:3-4
  CFGR2 0x20 HPRE:0-3 PPRE1:4-6 PPRE2:8-10 PPRE3:12-14
  PLL1CFGR 0x28 SRC:0-1 RGE:2-3 FRACEN:4 VCOSEL:5 M:8-13 PEN:16 QEN:17 REN:18
  PLL1DIVR 0x34=0x01010280 N:0-8 P:9-15 Q:16-22 R:24-30
  AHB2ENR 0x8C=0xC0000000 GPIO[9]:0-8
  APB1LENR 0x9C USART2EN:17 USART3EN:18 UART4EN:19 UART5EN:20
  APB2ENR 0xA4 USART1EN:14
  APB3ENR 0xA8 LPUART1EN:6
GPIOD 0x42020C00""",
    _port(),
    "USART3 0x40004800",
    _USART_V2,
)

# STMicroelectronics/cmsis_device_h7, Include/stm32h743xx.h, and its system_stm32h7xx.c (AXI);
# libopencm3 stm32/h7/memorymap.h, pwr.h and rcc.h (peripheral clocks).
STM32H7 = (
    """
AXI 0x51000000
  TARG7_FN_MOD 0x8108 READ_ISS_OVERRIDE:0 WRITE_ISS_OVERRIDE:1
DBGMCU 0x5C001000
  IDC 0x0=0x20036450 DEV_ID:0-11 REV_ID:16-31
FLASH 0x52002000
  ACR 0x00=0x37 LATENCY:0-3 WRHIGHFREQ:4-5
PWR 0x58024800
  CSR1 0x04=0x6000 ACTVOSRDY:13 ACTVOS:14-15
  CR3 0x0C=0x6 BYPASS:0 LDOEN:1 SCUEN:2
  D3CR 0x18=0x6000 VOSRDY:13 VOS:14-15
SYSCFG 0x58000400
  PWRCR 0x2C ODEN:0
RCC 0x58024400
  CR 0x00=0x25 HSION:0 HSIRDY:2 HSIDIV:3-4 HSIDIVF:5 HSEON:16 HSERDY:17 HSEBYP:18
    PLL1ON:24 PLL1RDY:25
  CFGR 0x10 SW:0-2 SWS:3-5
  D1CFGR 0x18 HPRE:0-3 D1PPRE:4-6 D1CPRE:8-11
  D2CFGR 0x1C D2PPRE1:4-6 D2PPRE2:8-10
  D3CFGR 0x20 D3PPRE:4-6
  PLLCKSELR 0x28=0x02020200 PLLSRC:0-1 DIVM1:4-9 DIVM2:12-17 DIVM3:20-25
  PLLCFGR 0x2C=0x01FF0000 FRACEN1:0 VCOSEL1:1 RGE1:2-3 DIVP1EN:16 DIVQ1EN:17 DIVR1EN:18
  PLL1DIVR 0x30=0x01010280 N1:0-8 P1:9-15 Q1:16-22 R1:24-30
  AHB4ENR 0xE0 GPIO[11]:0-10
  APB1LENR 0xE8 USART2EN:17 USART3EN:18 UART4EN:19 UART5EN:20
  APB2ENR 0xF0 USART1EN:4 USART6EN:5
  APB4ENR 0xF4=0x00010000 SYSCFGEN:1
GPIOD 0x58020C00""",
    _port(),
    "USART3 0x40004800",
    _USART_V2,
)

_F2_F7_RCC = """
RCC 0x40023800
  CR 0x00=0x83 HSION:0 HSIRDY:1 HSITRIM:3-7 HSEON:16 HSERDY:17 HSEBYP:18 PLLON:24 PLLRDY:25
  PLLCFGR 0x04=0x24003010 PLLM:0-5 PLLN:6-14 PLLP:16-17 PLLSRC:22 PLLQ:24-27
  CFGR 0x08 SW:0-1 SWS:2-3 HPRE:4-7 PPRE1:10-12 PPRE2:13-15
  AHB1ENR 0x30{ahb1} GPIO[9]:0-8
  APB1ENR 0x40 USART2EN:17 USART3EN:18 UART4EN:19 UART5EN:20 PWREN:28
  APB2ENR 0x44 USART1EN:4 USART6EN:5
"""
# cmsis-svd 0.4, STMicro/STM32F20x.svd.
STM32F2 = (
    "FLASH 0x40023C00\n  ACR 0x00 LATENCY:0-2 PRFTEN:8 ICEN:9 DCEN:10 ICRST:11 DCRST:12\n",
    _F2_F7_RCC.format(ahb1=""),
    "GPIOD 0x40020C00",
    _port(),
    "USART3 0x40004800",
    _USART_V1,
)
# libopencm3 stm32/f7/rcc.h, pwr.h and flash.h.
STM32F7 = (
    """FLASH 0x40023C00
  ACR 0x00 LATENCY:0-3 PRFTEN:8 ARTEN:9 ARTRST:11
PWR 0x40007000
  CR1 0x00=0xC000 VOS:14-15 ODEN:16 ODSWEN:17
  CSR1 0x04=0x4000 VOSRDY:14 ODRDY:16 ODSWRDY:17
""",
    _F2_F7_RCC.format(ahb1="=0x00100000"),
    "GPIOD 0x40020C00",
    _port(),
    "GPIOA 0x40020000",
    _port("=0xA8000000"),
    "GPIOB 0x40020400",
    _port(),
    "USART3 0x40004800",
    _USART_V2,
    "USART1 0x40011000",
    _USART_V2,
)

# cmsis-svd 0.4, STMicro/STM32F303xE.svd; libopencm3 stm32/f3/rcc.h (UART4, UART5, ports G and H).
STM32F3 = (
    """
FLASH 0x40022000
  ACR 0x00=0x30 LATENCY:0-2 PRFTBE:4 PRFTBS:5
RCC 0x40021000
  CR 0x00=0x83 HSION:0 HSIRDY:1 HSITRIM:3-7 HSEON:16 HSERDY:17 HSEBYP:18 PLLON:24 PLLRDY:25
  CFGR 0x04 SW:0-1 SWS:2-3 HPRE:4-7 PPRE1:8-10 PPRE2:11-13 PLLSRC:15-16 PLLXTPRE:17 PLLMUL:18-21
  AHBENR 0x14=0x14 SRAMEN:2 FLITFEN:4 GPIO[7]:17-23 GPIO7:16
  APB2ENR 0x18 USART1EN:14
  APB1ENR 0x1C USART2EN:17 USART3EN:18 UART4EN:19 UART5EN:20 PWREN:28
  CFGR2 0x2C PREDIV:0-3
GPIOA 0x48000000""",
    _port("=0x28000000"),
    "USART2 0x40004400",
    _USART_V2,
)

# NordicSemiconductor/nrfx, mdk/nrf5340_application.h; pyOCD's nrf52840.svd has the same.
_UARTE = """
  TASKS_STARTRX 0x000 TRIGGER:0
  TASKS_STARTTX 0x008 TRIGGER:0
  EVENTS_ENDRX 0x110 GENERATED:0
  EVENTS_ENDTX 0x120 GENERATED:0
  ENABLE 0x500 ENABLE:0-3
  PSEL_TXD 0x50C=0xFFFFFFFF PIN:0-4 PORT:5 UNUSED:6-30 CONNECT:31
  PSEL_RXD 0x514=0xFFFFFFFF PIN:0-4 PORT:5 UNUSED:6-30 CONNECT:31
  BAUDRATE 0x524=0x04000000 BAUDRATE:0-31
  RXD_PTR 0x534 PTR:0-31
  RXD_MAXCNT 0x538 MAXCNT:0-15
  TXD_PTR 0x544 PTR:0-31
  TXD_MAXCNT 0x548 MAXCNT:0-15
"""
# pyOCD's nrf52840.svd; NordicSemiconductor/nrfx, mdk/nrf52840.h (APPROTECT).
NRF52 = (
    """
UICR 0x10001000
  APPROTECT 0x208=0xFFFFFFFF PALL:0-7
APPROTECT 0x40000000
  DISABLE 0x558 DISABLE:0-7
CLOCK 0x40000000
  TASKS_HFCLKSTART 0x000 TRIGGER:0
  EVENTS_HFCLKSTARTED 0x100 GENERATED:0
  HFCLKSTAT 0x40C SRC:0 STATE:16
NVMC 0x4001E000
  ICACHECNF 0x540 CACHEEN:0 CACHEPROFEN:8
P0 0x50000000
  OUTSET 0x508 PIN[32]:0-31
  PIN_CNF6 0x718=0x2 DIR:0 INPUT:1 PULL:2-3 DRIVE:8-10 SENSE:16-17
  PIN_CNF8 0x720=0x2 DIR:0 INPUT:1 PULL:2-3 DRIVE:8-10 SENSE:16-17
UARTE0 0x40002000""",
    _UARTE,
)
# NordicSemiconductor/nrfx, mdk/nrf5340_application.h.
NRF53 = (
    """
FICR 0x00FF0000
  TRIMCNF0_ADDR 0x300 ADDR:0-31
  TRIMCNF0_DATA 0x304 DATA:0-31
  TRIMCNF1_ADDR 0x308 ADDR:0-31
  TRIMCNF1_DATA 0x30C DATA:0-31
  TRIMCNF2_ADDR 0x310 ADDR:0-31
UICR 0x00FF8000
  APPROTECT 0x000 PALL:0-31
  SECUREAPPROTECT 0x01C PALL:0-31
CTRLAP 0x50006000
  APPROTECT_DISABLE 0x544 KEY:0-31
  SECUREAPPROTECT_DISABLE 0x54C KEY:0-31
CACHE 0x50001000
  ENABLE 0x500 ENABLE:0
CLOCK 0x50005000
  TASKS_HFCLKSTART 0x000 TRIGGER:0
  EVENTS_HFCLKSTARTED 0x100 GENERATED:0
  HFCLKSTAT 0x40C SRC:0 STATE:16
  HFCLKSRC 0x514=0x1 SRC:0
  HFCLKCTRL 0x558=0x1 HCLK:0
P0 0x50842500
  OUTSET 0x008 PIN[32]:0-31
  PIN_CNF20 0x250=0x2 DIR:0 INPUT:1 PULL:2-3 DRIVE:8-10 SENSE:16-17 MCUSEL:28-30
  PIN_CNF22 0x258=0x2 DIR:0 INPUT:1 PULL:2-3 DRIVE:8-10 SENSE:16-17 MCUSEL:28-30
UARTE0 0x50008000""",
    _UARTE,
)

# Arm DDI 0183, 3.2 (PL011).
_PL011 = """
  DR 0x00 DATA:0-7
  FR 0x18=0x90 RXFE:4 TXFF:5 TXFE:7
  IBRD 0x24 DIVINT:0-15
  FBRD 0x28 DIVFRAC:0-5
  LCR_H 0x2C PEN:1 EPS:2 STP2:3 FEN:4 WLEN:5-6
  CR 0x30=0x300 UARTEN:0 TXE:8 RXE:9
"""
_CLOCKS = """
  REF_CTRL 0x30 SRC:0-1 AUXSRC:5-6
  REF_SELECTED 0x38=0x1 SELECTED:0-3
  SYS_CTRL 0x3C{sys_reset} SRC:0 AUXSRC:5-7
  SYS_SELECTED 0x44=0x1 SELECTED:0-1
  PERI_CTRL 0x48 AUXSRC:5-7 KILL:10 ENABLE:11
"""
_XOSC = """
  CTRL 0x0 FREQ_RANGE:0-11 ENABLE:12-23
  STATUS 0x4 STABLE:31
  STARTUP 0xC DELAY:0-13
"""
_PLL = """
  CS 0x0=0x1 REFDIV:0-5 BYPASS:8 LOCK:31
  PWR 0x4=0x2D PD:0 DSMPD:2 POSTDIVPD:3 VCOPD:5
  FBDIV_INT 0x8 FBDIV:0-11
  PRIM 0xC=0x77000 POSTDIV2:12-14 POSTDIV1:16-18
"""
_PINS = """
  GPIO0_CTRL 0x04=0x1F FUNCSEL:0-4
  GPIO1_CTRL 0x0C=0x1F FUNCSEL:0-4
"""
_PADS = """
  GPIO0 0x04={reset} SLEWFAST:0 SCHMITT:1 PDE:2 PUE:3 DRIVE:4-5 IE:6 OD:7{iso}
  GPIO1 0x08={reset} SLEWFAST:0 SCHMITT:1 PDE:2 PUE:3 DRIVE:4-5 IE:6 OD:7{iso}
"""
# raspberrypi/pico-sdk, src/rp2040/hardware_regs: addressmap.h, resets.h, clocks.h, pads_bank0.h.
RP2040 = (
    """
RESETS 0x4000C000
  RESET 0x0=0x1FFFFFF IO_BANK0:5 PADS_BANK0:8 PLL_SYS:12 UART0:22 UART1:23
  RESET_DONE 0x8 DONE[25]:0-24
CLK 0x40008000""",
    _CLOCKS.format(sys_reset=""),
    "XOSC 0x40024000",
    _XOSC,
    "PLL 0x40028000",
    _PLL,
    "IO 0x40014000",
    _PINS,
    "PADS 0x4001C000",
    _PADS.format(reset="0x56", iso=""),
    "UART0 0x40034000",
    _PL011,
)
# raspberrypi/pico-sdk, src/rp2350/hardware_regs: addressmap.h, resets.h, clocks.h, pll.h, xosc.h,
# pads_bank0.h.
RP2350 = (
    """
RESETS 0x40020000
  RESET 0x0=0x1FFFFFFF IO_BANK0:6 PADS_BANK0:9 PLL_SYS:14 UART0:26 UART1:27
  RESET_DONE 0x8 DONE[29]:0-28
CLK 0x40010000""",
    _CLOCKS.format(sys_reset="=0x41"),
    "XOSC 0x40048000",
    _XOSC,
    "PLL 0x40050000",
    _PLL,
    "IO 0x40028000",
    _PINS,
    "PADS 0x40038000",
    _PADS.format(reset="0x116", iso=" ISO:8"),
    "UART0 0x40070000",
    _PL011,
)

TABLES = MappingProxyType(
    {
        "stm32h5": STM32H5,
        "stm32h7": STM32H7,
        "stm32f2": STM32F2,
        "stm32f7": STM32F7,
        "stm32f3": STM32F3,
        "nrf52": NRF52,
        "nrf53": NRF53,
        "rp2040": RP2040,
        "rp2350": RP2350,
    }
)
"""By `soc.family`."""
