"""How the families of `register_tables` behave, and what start-up code has to leave behind.

A condition is `REGISTER.FIELD=value`; the manuals that ask for it are named beside it.
"""

from __future__ import annotations

from tests.firmware.bare_hardware import Hardware, Rules

_READY = (
    ("RCC_CR.HSION", "RCC_CR.HSIRDY"),
    ("RCC_CR.HSEON", "RCC_CR.HSERDY"),
)
_OLD_READY = (*_READY, ("RCC_CR.PLLON", "RCC_CR.PLLRDY"), ("RCC_CFGR.SW", "RCC_CFGR.SWS"))
_NEW_READY = (*_READY, ("RCC_CR.PLL1ON", "RCC_CR.PLL1RDY"))
_OLD_SOURCE = """
    RCC_PLLCFGR.PLLSRC=0 RCC_CR.HSIRDY=1 | RCC_PLLCFGR.PLLSRC=1 RCC_CR.HSERDY=1
"""
_NRF_EVENTS = (
    ("CLOCK_TASKS_HFCLKSTART.TRIGGER", "CLOCK_EVENTS_HFCLKSTARTED.GENERATED"),
    ("CLOCK_TASKS_HFCLKSTART.TRIGGER", "CLOCK_HFCLKSTAT.SRC"),
    ("CLOCK_TASKS_HFCLKSTART.TRIGGER", "CLOCK_HFCLKSTAT.STATE"),
    ("UARTE0_TASKS_STARTTX.TRIGGER", "UARTE0_EVENTS_ENDTX.GENERATED"),
)
_PSEL = dict.fromkeys(("UARTE0_PSEL_TXD", "UARTE0_PSEL_RXD"), "UARTE0_ENABLE.ENABLE=8")
_PD8_PD9 = """
    GPIOD_MODER.MODE8=2 GPIOD_MODER.MODE9=2 GPIOD_AFRH.AF0=7 GPIOD_AFRH.AF1=7 GPIOD_PUPDR.PUPD9=1
    GPIOD_OSPEEDR.SPEED8=1 GPIOD_OSPEEDR.SPEED9=1
"""
_USART = " {0}_CR1.UE=1 {0}_CR1.TE=1 {0}_CR1.RE=1 "
_USART_V2 = _USART + "{0}_CR3.OVRDIS=1 {0}_CR1.M0=0 {0}_CR1.PCE=0 {0}_CR1.OVER8=0 "
# The RCC chapters of all: HSEBYP "can be written only if the HSE oscillator is disabled".
_BYPASS = {"RCC_CR.HSEBYP": "RCC_CR.HSEON=1"}


def _selected(hardware: Hardware) -> None:
    """RP2: multiplexers say one-hot what they have; what ends its reset is done; ready bits."""
    hardware.put("CLK_REF_SELECTED", 1 << hardware.get("CLK_REF_CTRL.SRC"))
    hardware.put("CLK_SYS_SELECTED", 1 << hardware.get("CLK_SYS_CTRL.SRC"))
    done = hardware.table["RESETS_RESET"].reset
    hardware.put("RESETS_RESET_DONE", done & ~hardware.get("RESETS_RESET"))
    # ENABLE and the range of 1 to 15 MHz: xosc.h.
    hardware.put("XOSC_STATUS.STABLE", int(hardware.get("XOSC_CTRL") == 0xFABAA0))
    runs = not hardware.get("PLL_PWR.PD") and not hardware.get("PLL_PWR.VCOPD")
    hardware.put("PLL_CS.LOCK", int(runs and hardware.get("PLL_FBDIV_INT") >= 16))


def _rp2(more: dict[str, str]) -> Rules:
    return Rules(
        gates={
            "PLL": "RESETS_RESET.PLL_SYS=0",
            "IO": "RESETS_RESET.IO_BANK0=0",
            "PADS": "RESETS_RESET.PADS_BANK0=0",
            "UART0": "RESETS_RESET.UART0=0",
        },
        needs={
            "CLK_REF_CTRL.SRC=2": "XOSC_STATUS.STABLE=1",
            "CLK_SYS_CTRL.SRC=1": "PLL_CS.LOCK=1 PLL_PWR.POSTDIVPD=0 CLK_SYS_CTRL.AUXSRC=0",
            "UART0_CR.UARTEN=1": """
                CLK_PERI_CTRL.ENABLE=1 UART0_LCR_H.WLEN=3 IO_GPIO0_CTRL.FUNCSEL=2
            """,
            **more,
        },
        # clocks.h says of AUXSRC: "will glitch when switching".
        frozen={
            "CLK_SYS_CTRL.AUXSRC": "CLK_SYS_CTRL.SRC=1",
            "CLK_PERI_CTRL.AUXSRC": "CLK_PERI_CTRL.ENABLE=1",
            "PLL_FBDIV_INT": "CLK_SYS_CTRL.SRC=1",
            "PLL_PRIM": "CLK_SYS_CTRL.SRC=1",
            "RESETS_RESET.PLL_SYS": "CLK_SYS_CTRL.SRC=1",
        },
        effects=(_selected,),
    )


RULES = {
    "stm32h5": Rules(
        follows=(
            *_NEW_READY,
            ("RCC_CFGR1.SW", "RCC_CFGR1.SWS"),
            ("PWR_VOSCR.VOS", "PWR_VOSSR.ACTVOS"),
        ),
        gates={"USART3": "RCC_APB1LENR.USART3EN=1", "GPIOD": "RCC_AHB2ENR.GPIO3=1"},
        # RM0481, table of the read latency: 250 MHz takes 5 wait states, WRHIGHFREQ 2, VOS0.
        needs={
            "RCC_CFGR1.SW=3": """
                RCC_CR.PLL1RDY=1 FLASH_ACR.LATENCY=5 FLASH_ACR.WRHIGHFREQ=2 PWR_VOSSR.ACTVOS=3
            """,
            "RCC_CR.PLL1ON=1": """
                RCC_PLL1CFGR.SRC=1 RCC_CR.HSIRDY=1 RCC_CR.HSIDIVF=1
                | RCC_PLL1CFGR.SRC=3 RCC_CR.HSERDY=1
            """,
        },
        frozen={
            **dict.fromkeys(("RCC_PLL1CFGR", "RCC_PLL1DIVR"), "RCC_CR.PLL1ON=1"),
            **_BYPASS,
        },
    ),
    "stm32h7": Rules(
        follows=(
            *_NEW_READY,
            ("RCC_CFGR.SW", "RCC_CFGR.SWS"),
            ("PWR_D3CR.VOS", "PWR_CSR1.ACTVOS"),
        ),
        gates={
            "USART3": "RCC_APB1LENR.USART3EN=1",
            "GPIOD": "RCC_AHB4ENR.GPIO3=1",
            "SYSCFG": "RCC_APB4ENR.SYSCFGEN=1",
        },
        # RM0433, 6.6.2: VOS0 is VOS1 and then ODEN, once the supply has been chosen; table of the
        # read latency: AXI at 240 MHz; DS12110: no APB above 120 MHz.
        needs={
            "RCC_CFGR.SW=3": """
                RCC_CR.PLL1RDY=1 FLASH_ACR.LATENCY=4 FLASH_ACR.WRHIGHFREQ=2 SYSCFG_PWRCR.ODEN=1
                RCC_D1CFGR.D1CPRE=0 RCC_D1CFGR.HPRE=8 RCC_D1CFGR.D1PPRE=4
                RCC_D2CFGR.D2PPRE1=4 RCC_D2CFGR.D2PPRE2=4 RCC_D3CFGR.D3PPRE=4
            """,
            "SYSCFG_PWRCR.ODEN=1": "PWR_CSR1.ACTVOS=3 PWR_D3CR.VOSRDY=1",
            "RCC_CR.PLL1ON=1": """
                RCC_PLLCKSELR.PLLSRC=0 RCC_CR.HSIRDY=1 | RCC_PLLCKSELR.PLLSRC=2 RCC_CR.HSERDY=1
            """,
            "PWR_D3CR.VOS=3": "PWR_CR3.LDOEN=1 PWR_CR3.BYPASS=0 PWR_CR3.SCUEN=0",
        },
        frozen={
            **dict.fromkeys(("RCC_PLLCKSELR", "RCC_PLLCFGR", "RCC_PLL1DIVR"), "RCC_CR.PLL1ON=1"),
            **_BYPASS,
        },
    ),
    "stm32f2": Rules(
        follows=_OLD_READY,
        gates={"USART3": "RCC_APB1ENR.USART3EN=1", "GPIOD": "RCC_AHB1ENR.GPIO3=1"},
        # PM0059: 120 MHz takes 3 wait states; RM0033: APB1 30 MHz and APB2 60 MHz at most.
        needs={
            "RCC_CFGR.SW=2": """
                RCC_CR.PLLRDY=1 FLASH_ACR.LATENCY=3 RCC_CFGR.PPRE1=5 RCC_CFGR.PPRE2=4
            """,
            "RCC_CR.PLLON=1": _OLD_SOURCE,
        },
        frozen={"RCC_PLLCFGR": "RCC_CR.PLLON=1", **_BYPASS},
    ),
    "stm32f7": Rules(
        follows=(
            *_OLD_READY,
            ("PWR_CR1.ODEN", "PWR_CSR1.ODRDY"),
            ("PWR_CR1.ODSWEN", "PWR_CSR1.ODSWRDY"),
        ),
        gates={
            "USART3": "RCC_APB1ENR.USART3EN=1",
            "USART1": "RCC_APB2ENR.USART1EN=1",
            "GPIOD": "RCC_AHB1ENR.GPIO3=1",
            "GPIOA": "RCC_AHB1ENR.GPIO0=1",
            "GPIOB": "RCC_AHB1ENR.GPIO1=1",
            "PWR": "RCC_APB1ENR.PWREN=1",
        },
        # RM0410, 4.1.4: over-drive with the core on HSI and the PLL on; 3.3.2: 7 wait states for
        # 216 MHz; APB1 54 MHz and APB2 108 MHz at most.
        needs={
            "RCC_CFGR.SW=2": """
                RCC_CR.PLLRDY=1 FLASH_ACR.LATENCY=7 PWR_CSR1.ODSWRDY=1
                RCC_CFGR.PPRE1=5 RCC_CFGR.PPRE2=4
            """,
            "RCC_CR.PLLON=1": _OLD_SOURCE,
            "PWR_CR1.ODEN=1": "PWR_CR1.VOS=3 RCC_CFGR.SWS=0 RCC_CR.PLLON=1",
            "PWR_CR1.ODSWEN=1": "PWR_CSR1.ODRDY=1",
        },
        frozen={"RCC_PLLCFGR": "RCC_CR.PLLON=1", **_BYPASS},
    ),
    "stm32f3": Rules(
        follows=_OLD_READY,
        gates={"USART2": "RCC_APB1ENR.USART2EN=1", "GPIOA": "RCC_AHBENR.GPIO0=1"},
        # RM0316, 4.5.1: 2 wait states above 48 MHz; 9.4.2: APB1 36 MHz at most.
        needs={
            "RCC_CFGR.SW=2": "RCC_CR.PLLRDY=1 FLASH_ACR.LATENCY=2 RCC_CFGR.PPRE1=4",
            "RCC_CR.PLLON=1": """
                RCC_CFGR.PLLSRC=0 RCC_CR.HSIRDY=1 | RCC_CFGR.PLLSRC=1 RCC_CR.HSIRDY=1
                | RCC_CFGR.PLLSRC=2 RCC_CR.HSERDY=1
            """,
        },
        frozen={
            **dict.fromkeys(
                ("RCC_CFGR2.PREDIV", "RCC_CFGR.PLLMUL", "RCC_CFGR.PLLSRC"), "RCC_CR.PLLON=1"
            ),
            **_BYPASS,
        },
    ),
    # nRF52840 product specification, UARTE: pins are set up in GPIO and PSEL before ENABLE.
    "nrf52": Rules(
        follows=_NRF_EVENTS,
        needs={
            "UARTE0_ENABLE.ENABLE=8": """
                UARTE0_PSEL_TXD.CONNECT=0 UARTE0_PSEL_RXD.CONNECT=0 P0_PIN_CNF6.DIR=1
            """,
            "P0_PIN_CNF6.DIR=1": "P0_OUTSET.PIN6=1",
            "APPROTECT_DISABLE.DISABLE=0x5A": "UICR_APPROTECT.PALL=0x5A",
        },
        frozen=_PSEL,
    ),
    "nrf53": Rules(
        follows=_NRF_EVENTS,
        needs={
            "CLOCK_TASKS_HFCLKSTART.TRIGGER=1": "CLOCK_HFCLKSRC.SRC=1",
            "UARTE0_ENABLE.ENABLE=8": """
                UARTE0_PSEL_TXD.CONNECT=0 UARTE0_PSEL_RXD.CONNECT=0 P0_PIN_CNF20.DIR=1
            """,
            "P0_PIN_CNF20.DIR=1": "P0_OUTSET.PIN20=1",
        },
        frozen=_PSEL,
    ),
    "rp2040": _rp2({}),
    # pads_bank0.h: the isolation ends "once the pad is configured".
    "rp2350": _rp2(
        {
            "PADS_GPIO0.ISO=0": "IO_GPIO0_CTRL.FUNCSEL=2",
            "PADS_GPIO1.ISO=0": "IO_GPIO1_CTRL.FUNCSEL=2",
        }
    ),
}
"""By `soc.family`."""

# pico-sdk, hardware/xosc.h: 6 ms of the crystal unless a board asks for more.
_RP2_END = """
    XOSC_STARTUP.DELAY=282
    CLK_REF_CTRL.SRC=2 CLK_SYS_CTRL.SRC=1 CLK_SYS_CTRL.AUXSRC=0
    CLK_PERI_CTRL.ENABLE=1 CLK_PERI_CTRL.AUXSRC=0 PLL_PWR.DSMPD=1 PLL_CS.BYPASS=0
    IO_GPIO0_CTRL.FUNCSEL=2 IO_GPIO1_CTRL.FUNCSEL=2
    PADS_GPIO0.OD=0 PADS_GPIO0.DRIVE=1 PADS_GPIO0.PDE=0 PADS_GPIO1.OD=0
    PADS_GPIO1.IE=1 PADS_GPIO1.PUE=1 PADS_GPIO1.PDE=0
    UART0_CR.UARTEN=1 UART0_CR.TXE=1 UART0_CR.RXE=1
    UART0_LCR_H.WLEN=3 UART0_LCR_H.FEN=1 UART0_LCR_H.PEN=0
"""
ENDS = {
    "nucleo_h563zi": f"""
        ICACHE_CR.EN=1 FLASH_ACR.PRFTEN=1
        RCC_PLL1CFGR.RGE=2 RCC_PLL1CFGR.VCOSEL=0 RCC_PLL1CFGR.PEN=1
        {_PD8_PD9} {_USART_V2.format("USART3")}
    """,
    "nucleo_h743zi": f"""
        RCC_PLLCFGR.RGE1=3 RCC_PLLCFGR.VCOSEL1=0 RCC_PLLCFGR.FRACEN1=0 RCC_PLLCFGR.DIVP1EN=1
        {_PD8_PD9} {_USART_V2.format("USART3")}
    """,
    "nucleo_f207zg": f"""
        FLASH_ACR.PRFTEN=1 FLASH_ACR.ICEN=1 FLASH_ACR.DCEN=1
        {_PD8_PD9} {_USART.format("USART3")}
    """,
    "nucleo_f767zi": f"""
        FLASH_ACR.PRFTEN=1 FLASH_ACR.ARTEN=1
        {_PD8_PD9} {_USART_V2.format("USART3")}
    """,
    "disco_f746ng": f"""
        FLASH_ACR.PRFTEN=1 FLASH_ACR.ARTEN=1
        GPIOA_MODER.MODE9=2 GPIOA_AFRH.AF1=7 GPIOA_MODER.MODE13=2 GPIOA_MODER.MODE14=2
        GPIOB_MODER.MODE7=2 GPIOB_AFRL.AF7=7 GPIOB_PUPDR.PUPD7=1
        {_USART_V2.format("USART1")}
    """,
    "nucleo_f303re": f"""
        FLASH_ACR.PRFTBE=1
        GPIOA_MODER.MODE2=2 GPIOA_MODER.MODE3=2 GPIOA_AFRL.AF2=7 GPIOA_AFRL.AF3=7
        GPIOA_PUPDR.PUPD3=1 GPIOA_MODER.MODE13=2 GPIOA_MODER.MODE14=2
        {_USART_V2.format("USART2")}
    """,
    "nrf52840dk": """
        NVMC_ICACHECNF.CACHEEN=1 CLOCK_HFCLKSTAT.SRC=1 APPROTECT_DISABLE.DISABLE=0x5A
        UARTE0_ENABLE.ENABLE=8 UARTE0_PSEL_TXD=6 UARTE0_PSEL_RXD=8
        UARTE0_BAUDRATE=0x01D60000
        P0_PIN_CNF8.DIR=0 P0_PIN_CNF8.INPUT=0 P0_PIN_CNF8.PULL=3
    """,
    "nrf5340dk": """
        CLOCK_HFCLKCTRL.HCLK=0 CACHE_ENABLE.ENABLE=1
        UARTE0_ENABLE.ENABLE=8 UARTE0_PSEL_TXD=20 UARTE0_PSEL_RXD=22
        UARTE0_BAUDRATE=0x01D60000 P0_PIN_CNF20.MCUSEL=0
        P0_PIN_CNF22.DIR=0 P0_PIN_CNF22.INPUT=0 P0_PIN_CNF22.PULL=3
        CTRLAP_APPROTECT_DISABLE=0x50FA50FA CTRLAP_SECUREAPPROTECT_DISABLE=0x50FA50FA
    """,
    "rp2040": _RP2_END,
    "pico2": _RP2_END + "PADS_GPIO0.ISO=0 PADS_GPIO1.ISO=0",
}
"""By board: what holds once board_init() has returned."""

# Boards again with another source of the clock: board, [clock] of the board file, what holds then.
# The 8 MHz are those that the ST-LINK of Nucleo boards sends.
_MCO: dict[str, object] = {"source": "hse_bypass", "crystal_hz": 8_000_000}
_FROM_HSE = "RCC_CR.HSEBYP=1 RCC_CR.HSEON=1 "
VARIANTS: dict[str, tuple[str, dict[str, object], str]] = {
    "nucleo_h563zi from HSE": (
        "nucleo_h563zi",
        {**_MCO, "pll": {"m": 2, "n": 125, "p": 2}},
        _FROM_HSE + "RCC_PLL1CFGR.SRC=3",
    ),
    "nucleo_h743zi from HSE": (
        "nucleo_h743zi",
        {**_MCO, "pll": {"m": 1, "n": 120, "p": 2}},
        _FROM_HSE + "RCC_PLLCKSELR.PLLSRC=2",
    ),
    "nucleo_f207zg from HSE": (
        "nucleo_f207zg",
        {**_MCO, "pll": {"m": 8, "n": 240, "p": 2, "q": 5}},
        _FROM_HSE + "RCC_PLLCFGR.PLLSRC=1 RCC_PLLCFGR.PLLQ=5",
    ),
    "nucleo_f767zi from HSE": (
        "nucleo_f767zi",
        {**_MCO, "pll": {"m": 4, "n": 216, "p": 2, "q": 9}},
        _FROM_HSE + "RCC_PLLCFGR.PLLSRC=1 RCC_PLLCFGR.PLLQ=9",
    ),
    "disco_f746ng from a crystal": (
        "disco_f746ng",
        {
            "source": "hse",
            "crystal_hz": 25_000_000,
            "pll": {"m": 25, "n": 432, "p": 2, "q": 9},
        },
        "RCC_CR.HSEBYP=0 RCC_CR.HSEON=1 RCC_PLLCFGR.PLLSRC=1",
    ),
    "nucleo_f303re from HSE": (
        "nucleo_f303re",
        {**_MCO, "pll": {"prediv": 1, "mul": 9}},
        _FROM_HSE + "RCC_CFGR.PLLSRC=2",
    ),
    # The smaller members of the family have no other way from HSI.
    "nucleo_f303re from HSI / 2": (
        "nucleo_f303re",
        {"hz": 64_000_000, "bus_hz": 32_000_000, "pll": {"prediv": 2, "mul": 16}},
        "RCC_CFGR.PLLSRC=0 RCC_CFGR2.PREDIV=0",
    ),
}
