"""`edgegen flash`: which image, which way, and what exactly is done."""

from __future__ import annotations

import shlex
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
        InputError: there is no image, or none of this kind.
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
    name = target or pyocd.target_name(board)
    base = board.placement.code.usable_origin if image.suffix == ".bin" else None
    line = pyocd.command(name, image, base)
    return Flashing(shlex.join(line), lambda: pyocd.run(line, name))


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
