"""What RP2040's boot ROM reads: the second-stage loader, its checksum, and UF2."""

from __future__ import annotations

import re
import runpy
import struct
import zlib
from pathlib import Path

import pytest

from edgegen.firmware.uf2 import uf2
from edgegen.resources import templates_dir
from tests.firmware.kit import needs_gcc

FOLDER = templates_dir() / "firmware/soc/rp2040"


def loader() -> bytes:
    words = re.findall(r"0x([0-9a-f]{8})u", (FOLDER / "boot2.c.j2").read_text())
    return b"".join(int(word, 16).to_bytes(4, "little") for word in words)


def reflected(data: bytes) -> bytes:
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)


def mpeg2(data: bytes) -> int:
    """CRC-32/MPEG-2 by way of zlib's CRC-32, which differs from it in reflection and inversion."""
    return int(f"{zlib.crc32(reflected(data)) ^ 0xFFFFFFFF:032b}"[::-1], 2)


def test_the_check_value_of_the_crc() -> None:
    assert mpeg2(b"123456789") == 0x0376E6E7  # the catalogue's check value of CRC-32/MPEG-2


def test_the_loader_has_256_bytes_and_the_right_checksum() -> None:
    image = loader()
    assert len(image) == 256
    assert int.from_bytes(image[252:], "little") == mpeg2(image[:252])


@needs_gcc
def test_the_loader_is_what_its_source_assembles_to() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts/assemble_boot2.py"))
    assembled = script["as_c"](script["assemble"](FOLDER / "boot2.S"))
    assert (FOLDER / "boot2.c.j2").read_text() == assembled


def test_uf2_blocks() -> None:
    image = bytes(range(256)) + b"tail"
    blocks = uf2(image, 0x10000000, 0xE48BFF56)
    assert len(blocks) == 2 * 512
    # The layout of the specification's table, field by field.
    head = struct.unpack_from("<8I", blocks, 512)
    assert head == (0x0A324655, 0x9E5D5157, 0x2000, 0x10000100, 256, 1, 2, 0xE48BFF56)
    assert blocks[:4] == b"UF2\n"
    assert blocks[32:288] == image[:256]
    assert blocks[512 + 32 : 512 + 36] == b"tail"
    assert blocks[512 + 508 :] == struct.pack("<I", 0x0AB16F30)


def test_uf2_refuses_a_crooked_address() -> None:
    with pytest.raises(ValueError, match="no multiple"):
        uf2(b"x", 0x10000001, 0)
