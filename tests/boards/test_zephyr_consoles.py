"""Consoles against Zephyr's board files: `zephyr,console` and the pins of that UART, as recorded.

The paths are those of zephyrproject-rtos/zephyr. Zephyr writes `usart2_tx_pa2` for STM32's pins,
`NRF_PSEL(UART_TX, 0, 6)` for Nordic's P0.06 and `UART0_TX_P0` for GPIO 0 of RP2.
"""

from __future__ import annotations

import re

import pytest

from edgegen.target.board import Board, list_boards

# Board: file under boards/, UART, TX, RX. Nordic's uart0 and uarte0 are one peripheral.
CONSOLES = {
    "b_u585i_iot02a": (
        "st/b_u585i_iot02a/b_u585i_iot02a-common.dtsi",
        *("usart1", "usart1_tx_pa9", "usart1_rx_pa10"),
    ),
    "blackpill_f411ce": (
        "weact/blackpill_f411ce/blackpill_f411ce.dts",
        *("usart1", "usart1_tx_pa9", "usart1_rx_pa10"),
    ),
    "bluepill_f103c8": (
        "others/stm32_min_dev/stm32_min_dev.dts",
        *("usart1", "usart1_tx_pa9", "usart1_rx_pa10"),
    ),
    "disco_f746ng": (
        "st/stm32f746g_disco/stm32f746g_disco.dts",
        *("usart1", "usart1_tx_pa9", "usart1_rx_pb7"),
    ),
    "disco_l475vg_iot01a": (
        "st/disco_l475_iot1/disco_l475_iot1.dts",
        *("usart1", "usart1_tx_pb6", "usart1_rx_pb7"),
    ),
    "feather_nrf52840": (
        "adafruit/feather_nrf52840/adafruit_feather_nrf52840-pinctrl.dtsi",
        *("uart0", "NRF_PSEL(UART_TX, 0, 25)", "NRF_PSEL(UART_RX, 0, 24)"),
    ),
    "nano33ble": (
        "arduino/nano_33_ble/arduino_nano_33_ble-pinctrl.dtsi",
        *("uart0", "NRF_PSEL(UART_TX, 1, 3)", "NRF_PSEL(UART_RX, 1, 10)"),
    ),
    "nrf52840dk": (
        "nordic/nrf52840dk/nrf52840dk_nrf52840-pinctrl.dtsi",
        *("uart0", "NRF_PSEL(UART_TX, 0, 6)", "NRF_PSEL(UART_RX, 0, 8)"),
    ),
    "nrf52dk": (
        "nordic/nrf52dk/nrf52dk_nrf52832-pinctrl.dtsi",
        *("uart0", "NRF_PSEL(UART_TX, 0, 6)", "NRF_PSEL(UART_RX, 0, 8)"),
    ),
    "nrf5340dk": (
        "nordic/nrf5340dk/nrf5340_cpuapp_common-pinctrl.dtsi",
        *("uart0", "NRF_PSEL(UART_TX, 0, 20)", "NRF_PSEL(UART_RX, 0, 22)"),
    ),
    "nucleo_f072rb": (
        "st/nucleo_f072rb/nucleo_f072rb.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_f091rc": (
        "st/nucleo_f091rc/nucleo_f091rc.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_f103rb": (
        "st/nucleo_f103rb/nucleo_f103rb.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_f207zg": (
        "st/nucleo_f207zg/nucleo_f207zg.dts",
        *("usart3", "usart3_tx_pd8", "usart3_rx_pd9"),
    ),
    "nucleo_f303re": (
        "st/nucleo_f303re/nucleo_f303re.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_f401re": (
        "st/nucleo_f401re/nucleo_f401re.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_f446re": (
        "st/nucleo_f446re/nucleo_f446re.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_f767zi": (
        "st/nucleo_f767zi/nucleo_f767zi.dts",
        *("usart3", "usart3_tx_pd8", "usart3_rx_pd9"),
    ),
    "nucleo_g071rb": (
        "st/nucleo_g071rb/nucleo_g071rb.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_g474re": (
        "st/nucleo_g474re/nucleo_g474re.dts",
        *("lpuart1", "lpuart1_tx_pa2", "lpuart1_rx_pa3"),
    ),
    "nucleo_h563zi": (
        "st/nucleo_h563zi/nucleo_h563zi-common.dtsi",
        *("usart3", "usart3_tx_pd8", "usart3_rx_pd9"),
    ),
    "nucleo_h743zi": (
        "st/nucleo_h743zi/nucleo_h743zi.dts",
        *("usart3", "usart3_tx_pd8", "usart3_rx_pd9"),
    ),
    "nucleo_l476rg": (
        "st/nucleo_l476rg/nucleo_l476rg.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "nucleo_l4r5zi": (
        "st/nucleo_l4r5zi/nucleo_l4r5zi.dts",
        *("lpuart1", "lpuart1_tx_pg7", "lpuart1_rx_pg8"),
    ),
    "nucleo_l552ze_q": (
        "st/nucleo_l552ze_q/nucleo_l552ze_q-common.dtsi",
        *("lpuart1", "lpuart1_tx_pg7", "lpuart1_rx_pg8"),
    ),
    "nucleo_u575zi_q": (
        "st/nucleo_u575zi_q/nucleo_u575zi_q.dts",
        *("usart1", "usart1_tx_pa9", "usart1_rx_pa10"),
    ),
    "nucleo_wb55rg": (
        "st/nucleo_wb55rg/nucleo_wb55rg.dts",
        *("usart1", "usart1_tx_pb6", "usart1_rx_pb7"),
    ),
    "pico2": (
        "raspberrypi/common/rpi_pico-pinctrl-common.dtsi",
        *("uart0", "UART0_TX_P0", "UART0_RX_P1"),
    ),
    "rp2040": (
        "raspberrypi/rpi_pico/rpi_pico-pinctrl.dtsi",
        *("uart0", "UART0_TX_P0", "UART0_RX_P1"),
    ),
    "stm32f4discovery": (
        "st/stm32f4_disco/stm32f4_disco.dts",
        *("usart2", "usart2_tx_pa2", "usart2_rx_pa3"),
    ),
    "xiao_ble_sense": (
        "seeed/xiao_ble/xiao_ble-pinctrl.dtsi",
        *("uart0", "NRF_PSEL(UART_TX, 1, 11)", "NRF_PSEL(UART_RX, 1, 12)"),
    ),
}
REAL = [b for b in list_boards() if b.soc is not None and b.soc.device]


def pin(uart: str, signal: str, written: str) -> str:
    """The pin in this catalogue's words."""
    if found := re.fullmatch(rf"NRF_PSEL\(UART_{signal.upper()}, (\d), (\d+)\)", written):
        return f"P{found[1]}.{int(found[2]):02}"
    if found := re.fullmatch(rf"{uart}_{signal}_p(\d+)", written.lower()):
        return f"GP{found[1]}"
    found = re.fullmatch(rf"{uart}_{signal}_(p[a-k]\d+)", written)
    assert found, written
    return found[1].upper()


def test_every_real_board_is_here() -> None:
    assert {board.name for board in REAL} == set(CONSOLES)


@pytest.mark.parametrize("board", REAL, ids=lambda board: board.name)
def test_console_is_zephyrs(board: Board) -> None:
    path, uart, tx, rx = CONSOLES[board.name]
    console = board.console
    assert console is not None
    assert console.uart.replace("uarte", "uart") == uart, path
    assert (console.tx, console.rx) == (pin(uart, "tx", tx), pin(uart, "rx", rx)), path
