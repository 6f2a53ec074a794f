"""Drives of UF2 boot loaders: finds the board's, checks the image, copies it."""

from __future__ import annotations

import os
import shutil
import string
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgegen.errors import InputError, LinkError, Problem
from edgegen.target.board import Board

INFO: Final = "INFO_UF2.TXT"
_BLOCK: Final = 512
_HEAD: Final = struct.Struct("<8I")
_HAS_FAMILY: Final = 0x2000
_MAGIC: Final = (0x0A324655, 0x9E5D5157)


@dataclass(frozen=True)
class Drive:
    """A boot loader's drive, and the Board-ID that its INFO_UF2.TXT gives."""

    path: Path
    board_id: str


def read_drive(path: Path) -> Drive | None:
    """The drive at `path`; None when there is no boot loader's."""
    try:
        text = (path / INFO).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "board-id":
            return Drive(path, value.strip())
    return Drive(path, "")


def find_drive(board: Board, roots: Sequence[Path] | None = None) -> Drive:
    """The drive of the board's boot loader.

    Args:
        board: the board.
        roots: folders that drives may be or lie in; by default those of this system.

    Raises:
        LinkError: there is none, or several.
    """
    places = _places() if roots is None else roots
    found = [d for d in (read_drive(p) for p in _candidates(places)) if d is not None]
    fitting = [d for d in found if _fits(d, board)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise LinkError(
            Problem(
                f"{len(fitting)} boot loaders of {board.title} are there: "
                + ", ".join(str(d.path) for d in fitting),
                hint="name one with --drive",
            )
        )
    others = ", ".join(f"{d.path} ({d.board_id})" for d in found)
    raise LinkError(
        Problem(
            f"no drive of the boot loader of {board.title} is there",
            why=f"there is only {others}" if others else _searched(places),
            hint=f"{_how_to_enter(board)}; or name the drive with --drive",
        )
    )


def require_drive(path: Path, board: Board) -> Drive:
    """The drive that the user named.

    Raises:
        LinkError: it is no boot loader's, or another board's.
    """
    drive = read_drive(path)
    if drive is None:
        raise LinkError(
            Problem(f"{str(path)!r} has no {INFO}", hint=_how_to_enter(board)),
        )
    if not _fits(drive, board):
        raise LinkError(
            Problem(f"the boot loader at {str(path)!r} is of {drive.board_id!r}, not {board.title}")
        )
    return drive


def copy(image: Path, drive: Drive) -> None:
    """Copies the image; the board starts it by itself.

    Raises:
        LinkError: the drive does not take it.
    """
    try:
        shutil.copyfile(image, drive.path / image.name)
    except OSError as error:
        # The board restarts with the last block; some systems then miss the drive too early.
        if read_drive(drive.path) is not None:
            raise LinkError(
                Problem(f"cannot write to {str(drive.path)!r}", why=str(error.strerror or error))
            ) from error


def require_uf2(image: Path, board: Board) -> None:
    """Checks the file's form, and that it is for this family of microcontrollers.

    Raises:
        InputError: it is not; a boot loader would ignore it without a word.
    """
    content = image.read_bytes()
    count = len(content) // _BLOCK
    heads = [_HEAD.unpack_from(content, _BLOCK * i) for i in range(count)]
    whole = count and len(content) % _BLOCK == 0
    if not whole or any(h[:2] != _MAGIC or h[5:7] != (i, count) for i, h in enumerate(heads)):
        raise InputError(
            Problem(
                f"{image.name!r} is no complete UF2 file",
                hint="builds of the project leave firmware.uf2 beside firmware.elf",
            )
        )
    wanted = board.soc.uf2_family if board.soc else None
    others = {h[7] for h in heads if h[2] & _HAS_FAMILY} - {wanted}
    if wanted is not None and others:
        raise InputError(
            Problem(
                f"{image.name!r} is for UF2 family {others.pop():#x}, "
                f"the boot loader of {board.title} takes {wanted:#x}"
            )
        )


def _fits(drive: Drive, board: Board) -> bool:
    wanted = board.soc.uf2_drive if board.soc else ""
    return bool(wanted) and drive.board_id.lower().startswith(wanted.lower())


def _how_to_enter(board: Board) -> str:
    if board.soc and board.soc.family.startswith("rp2"):
        return "hold BOOTSEL while you plug the board in"
    return "press the board's reset button twice, quickly"


def _candidates(roots: Sequence[Path]) -> Iterator[Path]:
    """The roots, and the folders in them, each once, whatever names lead to it."""
    seen = set()
    for root in roots:
        try:
            inside = sorted(p for p in root.iterdir() if p.is_dir())
        except OSError:
            inside = []
        for path in (root, *inside):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _searched(places: Sequence[Path]) -> str:
    """Where no drive was found; the letters of Windows say nothing."""
    if sys.platform == "win32":
        return ""
    return f"none is mounted in {', '.join(map(str, places))}"


def _places() -> list[Path]:
    """Where this system mounts drives."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in string.ascii_uppercase]
    if sys.platform == "darwin":
        return [Path("/Volumes")]
    user = os.environ.get("USER", "")
    own = [f"/media/{user}", f"/run/media/{user}"] if user else []
    return [Path(root) for root in (*own, "/media", "/mnt")]
