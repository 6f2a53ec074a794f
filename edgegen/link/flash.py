"""`edgegen flash`: which image, which way, and what exactly is done."""

from __future__ import annotations

import shlex
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgegen.errors import InputError, LinkError, Problem
from edgegen.link import pyocd, uf2_drive
from edgegen.target.board import Board

WAYS: Final = ("pyocd", "uf2")
"""How an image reaches a board: through a debug probe, or as a file on the boot loader's drive."""

_IMAGES: Final = {"pyocd": (".elf", ".hex", ".bin"), "uf2": (".uf2",)}
# ELF specification, "ELF header" and "Program header": e_phoff, e_phentsize and e_phnum; p_type,
# p_offset, p_vaddr, p_paddr and p_filesz.
_ELF_32_LITTLE: Final = b"\x7fELF\x01\x01"
_ELF_HEAD: Final = struct.Struct("<28sI10x2H")
_ELF_SEGMENT: Final = struct.Struct("<5I")
_LOADED: Final = 1


@dataclass(frozen=True)
class Flashing:
    """What is to be done.

    Attributes:
        shown: the command, as a user would type it.
        perform: does it.
    """

    shown: str
    perform: Callable[[], None]


def plan_flash(
    path: Path,
    board: Board,
    *,
    way: str | None = None,
    drive: Path | None = None,
    target: str | None = None,
    roots: Sequence[Path] | None = None,
) -> Flashing:
    """Settles what is to be done, without doing it.

    Args:
        path: an image, or a project's folder.
        board: the board.
        way: one of `WAYS`; by default `uf2` where the board's boot loader has a drive.
        drive: the boot loader's drive; by default it is searched.
        target: pyOCD's name for the part; by default it follows from the board.
        roots: where drives are searched; by default where this system mounts them.

    Raises:
        InputError: there is no image, none of this kind, or it is another board's.
        LinkError: the drive is not there.
        ToolError: pyOCD is missing.
    """
    has_drive = bool(board.soc and board.soc.uf2_drive)
    if way is None:
        way = "uf2" if drive or (has_drive and target is None) else "pyocd"
    if way == "uf2" and not has_drive:
        raise InputError(
            Problem(f"{board.title} has no boot loader with a drive", hint="leave out --via uf2")
        )
    if board.soc and board.soc.family in ("mps2", "virt"):
        raise LinkError(Problem(f"{board.title} exists in emulators only", hint="edgegen run"))
    image = find_image(path, board, _IMAGES[way])
    if way == "uf2":
        uf2_drive.require_uf2(image, board)
        place = (
            uf2_drive.require_drive(drive, board) if drive else uf2_drive.find_drive(board, roots)
        )
        shown = shlex.join(["cp", str(image), str(place.path / image.name)])
        return Flashing(shown, lambda: uf2_drive.copy(image, place))
    require_addresses(image, board)
    name = target or pyocd.target_name(board)
    base = _image_origin(board) if image.suffix == ".bin" else None
    line = pyocd.command(name, image, base)
    return Flashing(shlex.join(line), lambda: pyocd.run(line, name))


def require_addresses(image: Path, board: Board) -> None:
    """Checks that an ELF file's bytes go where the board has memory; other files do not say.

    Raises:
        InputError: they do not.
    """
    content = image.read_bytes()
    if len(content) < _ELF_HEAD.size or not content.startswith(_ELF_32_LITTLE):
        return
    _, first, size, count = _ELF_HEAD.unpack_from(content)
    for at in range(first, first + size * count, max(size, 1)):
        if len(content) < at + _ELF_SEGMENT.size:
            return
        kind, _, _, address, bytes_ = _ELF_SEGMENT.unpack_from(content, at)
        if kind == _LOADED and bytes_ and not _takes(board, address):
            raise InputError(
                Problem(
                    f"{image.name!r} has {bytes_:,} bytes for {address:#010x}, where "
                    f"{board.title} has no memory for an image",
                    hint="was it built for another board?",
                )
            )


def _image_origin(board: Board) -> int:
    """The address of an image's first byte: RP2040's begin with the second-stage loader."""
    code = board.placement.code
    own_loader = board.soc is not None and board.soc.family == "rp2040"
    return code.origin if own_loader else code.usable_origin


def _takes(board: Board, address: int) -> bool:
    """Whether an image may have bytes there: not where a boot loader of the board's own is."""
    code = board.placement.code
    if code.origin <= address < code.end:
        return address >= _image_origin(board)
    return any(address in window for region in board.regions for window in region.windows)


def find_image(path: Path, board: Board, suffixes: Sequence[str]) -> Path:
    """The image: `path` itself, or the newest one that a build has left in the project.

    Raises:
        InputError: there is none of these kinds.
    """
    if path.is_file():
        if path.suffix.lower() in suffixes:
            return path
        other = [path.with_suffix(s) for s in suffixes if path.with_suffix(s).is_file()]
        if other:
            return other[0]
        raise InputError(
            Problem(
                f"{path.name!r} is no {' or '.join(suffixes)} file",
                why=f"{board.title} is flashed with one",
            )
        )
    if not path.is_dir():
        raise InputError(
            Problem(f"there is no {str(path)!r}", hint="an image, or a project's folder")
        )
    places = (path, path / "build", path / ".pio" / "build" / board.name, path / "build" / "zephyr")
    for suffix in suffixes:
        found = [
            file
            for place in places
            for stem in ("firmware", "zephyr")
            if (file := place / f"{stem}{suffix}").is_file()
        ]
        if found:
            return max(found, key=lambda file: file.stat().st_mtime)
    raise InputError(
        Problem(
            f"project {path.name!r} holds no firmware{' or firmware'.join(suffixes)}",
            hint="build it first, as its README says",
        )
    )
