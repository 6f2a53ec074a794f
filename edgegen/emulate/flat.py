"""Firmware files as bytes at addresses: ELF, UF2 and plain binary."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from edgegen.emulate.image import Segment, read_image
from edgegen.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from edgegen.target.board import Board

# https://github.com/microsoft/uf2, "File format": 512-byte blocks.
_UF2_BLOCK: Final = 512
_UF2_HEADER: Final = struct.Struct("<8I")
_UF2_MAGIC: Final = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_UF2_NOT_FLASH: Final = 1
_UF2_DATA: Final = 476
ELF_MAGIC: Final = b"\x7fELF"


def read_flat(path: Path, flash_origin: int) -> tuple[Segment, ...]:
    """Reads a firmware file, by its content.

    Args:
        path: an ELF file, a UF2 file, or the bytes of flash from `flash_origin` on.
        flash_origin: where the bytes of a plain binary go.

    Raises:
        InputError: the file cannot be read, or is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", where=str(path))) from error
    if data[:4] == ELF_MAGIC:
        return read_image(path).segments
    if data[:4] == _UF2_MAGIC[0].to_bytes(4, "little"):
        return _uf2(data, path)
    if not data:
        raise InputError(Problem("is empty", where=str(path)))
    return (Segment(flash_origin, data),)


def read_for(path: Path, board: Board) -> tuple[Segment, ...]:
    """Reads a firmware file that was linked for `board`; see `read_flat`.

    Raises:
        InputError: the file cannot be read, is damaged, or has bytes where the board has no memory.
    """
    segments = read_flat(path, board.placement.code.origin)
    for segment in segments:
        end = segment.address + len(segment.data)
        if not any(r.origin <= segment.address and end <= r.end for r in board.regions):
            raise InputError(
                Problem(
                    f"{len(segment.data)} bytes at {segment.address:#010x} are outside of the "
                    f"memory of {board.name}",
                    where=str(path),
                    hint="was the image built for another board?",
                )
            )
    return segments


def _uf2(data: bytes, path: Path) -> tuple[Segment, ...]:
    """The payloads of a UF2 file, neighbours joined."""

    def damaged(block: int, what: str) -> InputError:
        return InputError(Problem(f"block {block} {what}", where=str(path)))

    if len(data) % _UF2_BLOCK:
        raise InputError(Problem("is no whole number of UF2 blocks", where=str(path)))
    pieces: list[tuple[int, bytearray]] = []
    for number in range(len(data) // _UF2_BLOCK):
        block = data[number * _UF2_BLOCK :][:_UF2_BLOCK]
        first, second, flags, address, size, index, count, _family = _UF2_HEADER.unpack_from(block)
        if (first, second, *struct.unpack("<I", block[-4:])) != _UF2_MAGIC:
            raise damaged(number, "has no UF2 magic numbers")
        if flags & _UF2_NOT_FLASH:
            continue
        if size > _UF2_DATA:
            raise damaged(number, f"says that it holds {size} bytes")
        if index >= count:
            raise damaged(number, f"says that it is number {index} of {count}")
        payload = block[_UF2_HEADER.size :][:size]
        if pieces and pieces[-1][0] + len(pieces[-1][1]) == address:
            pieces[-1][1].extend(payload)
        else:
            pieces.append((address, bytearray(payload)))
    return tuple(Segment(address, bytes(piece)) for address, piece in pieces)
