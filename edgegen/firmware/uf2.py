"""Writes UF2, the format of boot loaders that appear as a USB drive.

    python uf2.py firmware.bin ADDRESS FAMILY firmware.uf2

Specification: https://github.com/microsoft/uf2. Needs nothing but Python's standard library, so
that projects carry it with them.
"""

import struct
import sys
from pathlib import Path

PAYLOAD = 256
_BLOCK = struct.Struct("<8I476sI")
_MAGIC = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_HAS_FAMILY = 0x2000


def uf2(image: bytes, address: int, family: int) -> bytes:
    """An image in UF2 blocks of 256 bytes each.

    Args:
        image: what is to be at `address`.
        address: of its first byte, a multiple of 256.
        family: the microcontroller's UF2 family ID.
    """
    if address % PAYLOAD:
        raise ValueError(f"address {address:#x} is no multiple of {PAYLOAD}")
    parts = [image[i : i + PAYLOAD] for i in range(0, len(image), PAYLOAD)]
    return b"".join(
        _BLOCK.pack(
            *_MAGIC[:2],
            _HAS_FAMILY,
            address + PAYLOAD * number,
            PAYLOAD,
            number,
            len(parts),
            family,
            part.ljust(PAYLOAD, b"\0"),
            _MAGIC[2],
        )
        for number, part in enumerate(parts)
    )


def main() -> None:
    """Converts one file."""
    source, address, family, target = sys.argv[1:]
    Path(target).write_bytes(uf2(Path(source).read_bytes(), int(address, 0), int(family, 0)))


if __name__ == "__main__":
    main()
