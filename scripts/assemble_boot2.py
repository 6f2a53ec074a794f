"""Assembles RP2040's second-stage loader and writes it as C: `python scripts/assemble_boot2.py`.

The result is committed, so that projects need no assembler for it and no tool that patches a
checksum into the linked image. A test assembles it again and compares.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "templates/firmware/soc/rp2040"
CODE_BYTES = 252
HEAD = """\
/* boot2.c - the second-stage loader of RP2040, assembled.
 *
 * The boot ROM copies these 256 bytes from the start of the flash to RAM and, if the checksum in
 * the last word is right, runs them: they switch the serial flash to quad reads, then start
 * the image whose vectors follow. edgegen has the source as templates/firmware/soc/rp2040/boot2.S.
 */
#include <stdint.h>

extern const uint32_t boot2[64];
__attribute__((section(".boot2"), used)) const uint32_t boot2[64] = {
"""


def checksum(data: bytes) -> int:
    """CRC-32/MPEG-2: polynomial 0x04C11DB7, all ones at first, nothing reflected or inverted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
            crc &= 0xFFFFFFFF
    return crc


def assemble(source: Path) -> bytes:
    """The loader with its checksum, 256 bytes."""
    with tempfile.TemporaryDirectory() as folder:
        built, code = Path(folder) / "boot2.o", Path(folder) / "boot2.bin"
        subprocess.run(
            ["arm-none-eabi-gcc", "-c", "-mcpu=cortex-m0plus", str(source), "-o", str(built)],
            check=True,
        )
        subprocess.run(
            ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", str(built), str(code)],
            check=True,
        )
        loader = code.read_bytes()
    if len(loader) > CODE_BYTES:
        sys.exit(f"the loader has {len(loader)} bytes, {CODE_BYTES} is all there is")
    loader = loader.ljust(CODE_BYTES, b"\0")
    return loader + checksum(loader).to_bytes(4, "little")


def as_c(image: bytes) -> str:
    """The C file."""
    words = [int.from_bytes(image[i : i + 4], "little") for i in range(0, len(image), 4)]
    rows = [words[i : i + 8] for i in range(0, len(words), 8)]
    return (
        HEAD + "".join(f"    {', '.join(f'0x{w:08x}u' for w in row)},\n" for row in rows) + "};\n"
    )


if __name__ == "__main__":
    (FOLDER / "boot2.c.j2").write_text(as_c(assemble(FOLDER / "boot2.S")), encoding="utf-8")
