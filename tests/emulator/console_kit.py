"""A firmware of a few lines for every kind of console UART: greets, then answers each byte."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING, Final

from edgegen.emulate.flat import read_flat
from edgegen.emulate.toolchain import find_gcc

if TYPE_CHECKING:
    from pathlib import Path

    from edgegen.target.board import Board

# Enabling, "a byte has come", taking it and sending one, by kind of UART.
_UARTS: Final = {
    "stm32_v1": """
static void uart_init(void) { R(0x08) = 2187u; R(0x0C) = 1u << 13 | 1u << 3 | 1u << 2; }
static int ready(void) { return (R(0x00) & 1u << 5) != 0u; }
static uint8_t take(void) { return (uint8_t)R(0x04); }
static void send(uint8_t c) { while (!(R(0x00) & 1u << 7)) {} R(0x04) = c; }
""",
    "stm32_v2": """
static void uart_init(void) { R(0x0C) = 2187u; R(0x00) = 1u << 3 | 1u << 2; R(0x00) |= 1u; }
static int ready(void) { return (R(0x1C) & 1u << 5) != 0u; }
static uint8_t take(void) { return (uint8_t)R(0x24); }
static void send(uint8_t c) { while (!(R(0x1C) & 1u << 7)) {} R(0x28) = c; }
""",
    "nrf_uarte": """
static volatile uint8_t in, out;
static void receive(void)
{
    R(0x534) = (uint32_t)(uintptr_t)&in; R(0x538) = 1u; R(0x110) = 0u; R(0x000) = 1u;
}
static void uart_init(void) { R(0x524) = 0x01D60000u; R(0x500) = 8u; receive(); }
static int ready(void) { return R(0x110) != 0u; }
static uint8_t take(void) { uint8_t c = in; receive(); return c; }
static void send(uint8_t c)
{
    out = c; R(0x544) = (uint32_t)(uintptr_t)&out; R(0x548) = 1u; R(0x120) = 0u; R(0x008) = 1u;
    while (!R(0x120)) {}
}
""",
    "pl011": """
static void uart_init(void)
{
    R(0x24) = 67u; R(0x28) = 52u; R(0x2C) = 3u << 5 | 1u << 4; R(0x30) = 0x301u;
}
static int ready(void) { return !(R(0x18) & 1u << 4); }
static uint8_t take(void) { return (uint8_t)R(0x00); }
static void send(uint8_t c) { while (R(0x18) & 1u << 5) {} R(0x00) = c; }
""",
    "cmsdk": """
static void uart_init(void) { R(0x10) = 217u; R(0x08) = 3u; }
static int ready(void) { return (R(0x04) & 2u) != 0u; }
static uint8_t take(void) { return (uint8_t)R(0x00); }
static void send(uint8_t c) { while (R(0x04) & 1u) {} R(0x00) = c; }
""",
}
_UARTS["lpuart"] = _UARTS["stm32_v2"]

_MAIN: Final = """\
#include <stdint.h>
#define R(offset) (*(volatile uint32_t *)(UART + (offset)))
#define AT(address) (*(volatile uint32_t *)(address))
int main(void);
extern uint32_t image_stack_top[];
static volatile uint32_t ticks;
static void tick(void) { ++ticks; %(tick)s }
extern void *const vectors[16];
__attribute__((section(".vectors"), used)) void *const vectors[16] = {
    image_stack_top, (void *)main, [15] = (void *)tick
};
%(uart)s
static void text(const char *s) { while (*s) { send((uint8_t)*s++); } }
static void hex(uint32_t v)
{
    for (int i = 28; i >= 0; i -= 4) { send((uint8_t)"0123456789abcdef"[v >> i & 15u]); }
    send('\\n');
}
int main(void)
{
    ticks = 0u;
    %(init)s
    uart_init();
    text("hello\\n");
    for (;;) {
        while (!ready()) {}
        uint8_t c = take();
        %(commands)s
        send((uint8_t)(c + 1u));
    }
}
"""
_LINKER: Final = """\
MEMORY {{ code (rx) : ORIGIN = {code:#x}, LENGTH = 64K
         data (rw) : ORIGIN = {data:#x}, LENGTH = 4K }}
SECTIONS {{
  .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} > code
  .bss (NOLOAD) : {{ *(.bss*) }} > data
  image_stack_top = {data:#x} + 0x1000;
}}
"""


def build_console(
    folder: Path,
    board: Board,
    *,
    init: str = "",
    commands: str = "",
    tick: str = "",
    enable: bool = True,
) -> Path:
    """Builds the firmware for the board's console.

    Args:
        folder: receives the files.
        board: one with a console.
        init: C to run first.
        commands: C that may look at the received byte `c` before it is answered with `c + 1`.
        tick: C that the handler of SysTick runs.
        enable: whether the firmware enables its UART.
    """
    assert board.console
    uart = _UARTS[board.console.kind]
    if not enable:
        uart = uart.replace("R(0x0C) = 1u << 13", "R(0x0C) = 0u").replace("R(0x00) |= 1u", "")
    source, script, elf = folder / "main.c", folder / "link.ld", folder / "console.elf"
    source.write_text(_MAIN % {"uart": uart, "init": init, "commands": commands, "tick": tick})
    script.write_text(
        _LINKER.format(
            code=board.placement.code.usable_origin, data=board.placement.data.usable_origin
        )
    )
    command = [
        *(find_gcc(), *board.flags, "-O1", "-nostdlib", "-ffreestanding"),
        *(f"-DUART={board.console.base:#x}u", f"-T{script}", "-Wl,--nmagic"),
        *(str(source), "-lgcc", "-o", str(elf)),
    ]
    subprocess.run(command, check=True)
    return elf


def uf2(address: int, data: bytes) -> bytes:
    """A UF2 file as Microsoft's specification lays it out."""
    pieces = [data[i : i + 256].ljust(256, b"\0") for i in range(0, len(data), 256)]
    return b"".join(
        struct.pack(
            "<8I",
            *(0x0A324655, 0x9E5D5157, 0x2000, address + 256 * i),
            *(256, i, len(pieces), 0xE48BFF56),
        )
        + piece.ljust(476, b"\0")
        + struct.pack("<I", 0x0AB16F30)
        for i, piece in enumerate(pieces)
    )


# ldr r0, table; ldr r1, vtor; str r0, [r1]; ldr r1, [r0]; msr msp, r1; ldr r1, [r0, #4]; bx r1
_LOADER: Final = struct.pack(
    "<8H2I", 0x4803, 0x4904, 0x6008, 0x6801, 0xF381, 0x8808, 0x6841, 0x4708, 0x10000100, 0xE000ED08
)


def with_loader(elf: Path) -> bytes:
    """The flash of a Pico: a second-stage loader that only jumps on, its checksum, the image."""
    stage = _LOADER.ljust(252, b"\0")
    crc = 0xFFFFFFFF
    for byte in stage:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    (segment,) = read_flat(elf, 0)
    assert segment.address == 0x10000100
    return stage + crc.to_bytes(4, "little") + segment.data
