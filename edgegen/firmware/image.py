"""Compiles a project folder with GCC, as its CMake files do."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgegen.emulate.toolchain import CROSS_COMPILERS, find_gcc
from edgegen.errors import InputError, Problem, ToolError
from edgegen.firmware.hal import brings_loader
from edgegen.firmware.uf2 import uf2
from edgegen.target.board import Board, Region

COMPILE: Final = ("-std=c99", "-O2", "-ffunction-sections", "-fdata-sections")
WARNINGS: Final = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
LINK: Final = (
    "-nostartfiles",
    "-Wl,--gc-sections",
    "-Wl,--nmagic",
)
_SIZES: Final = re.compile(r"^(\.\S+)\s+(\d+)\s+(\d+)", re.M)
_DEFINES: Final = re.compile(r"^add_compile_definitions\((.*)\)$", re.M)
_COPIED: Final = frozenset({".data", ".ramfunc", ".weights"})
"""Sections that are filled from flash where they are in RAM."""


@dataclass(frozen=True)
class Image:
    """A built firmware.

    Attributes:
        elf: with symbols.
        bin: the bytes from the flash's first used address on.
        uf2: for a boot loader that appears as a USB drive, or None where the family has none.
        flash: bytes of flash that it takes.
        ram: bytes of RAM, the stack's reserve included.
    """

    elf: Path
    bin: Path
    uf2: Path | None
    flash: int
    ram: int


def build_image(project: Path, board: Board, *, werror: bool = False) -> Image:
    """Compiles and links a project of kind cmake, into its folder `build`.

    Args:
        project: the folder.
        board: the one that it was made for.
        werror: whether a warning ends it.

    Raises:
        InputError: the folder holds no such project.
        ToolError: the compiler is missing or reports errors.
    """
    script = project / "linker.ld"
    sources = sorted([*(project / "src").rglob("*.c"), *(project / "lib").rglob("*.c")])
    if not sources or not script.is_file():
        raise InputError(
            Problem(
                f"{project.name!r} is no project of kind cmake",
                hint="edgegen new-project MODEL --board B --kind cmake -o DIR",
            )
        )
    build = project / "build"
    build.mkdir(exist_ok=True)
    elf, binary = build / "firmware.elf", build / "firmware.bin"
    includes = sorted({f"-I{path.parent}" for path in project.rglob("*.h")})
    _run(
        [
            find_gcc(board.core.isa),
            *board.flags,
            *COMPILE,
            *WARNINGS,
            *(["-Werror", "-Wl,--fatal-warnings"] if werror else []),
            *_defines(project),
            *includes,
            *map(str, sources),
            *LINK,
            *CROSS_COMPILERS[board.core.isa].specs,
            f"-T{script}",
            f"-Wl,-Map={build / 'firmware.map'}",
            "-lm",
            *("-o", str(elf)),
        ]
    )
    _run([_tool(board, "objcopy"), "-O", "binary", str(elf), str(binary)])
    drive = None
    if board.soc is not None and board.soc.uf2_family is not None:
        drive = build / "firmware.uf2"
        drive.write_bytes(uf2(binary.read_bytes(), image_origin(board), board.soc.uf2_family))
    flash, ram = image_sizes(elf, board)
    return Image(elf, binary, drive, flash, ram)


def _defines(project: Path) -> list[str]:
    """The macros that the project's CMake file defines for all its sources."""
    build_file = project / "CMakeLists.txt"
    text = build_file.read_text(encoding="utf-8") if build_file.is_file() else ""
    return [f"-D{name}" for found in _DEFINES.findall(text) for name in found.split()]


def image_origin(board: Board) -> int:
    """The address of an image's first byte: of the loader, where the project brings one."""
    code = board.placement.code
    return code.origin if brings_loader(board) else code.usable_origin


def image_sizes(elf: Path, board: Board) -> tuple[int, int]:
    """Bytes of flash and of RAM that an image takes, initial values of variables in both."""
    listing = _run([_tool(board, "size"), "-A", "-d", str(elf)])
    flash = ram = 0
    for name, size, address in _SIZES.findall(listing):
        if name == ".ramfunc_twin":  # the same bytes at their other address
            continue
        kinds = {r.kind for r in board.regions if _holds(r, int(address))}
        if "flash" in kinds or name in _COPIED:
            flash += int(size)
        if "ram" in kinds:
            ram += int(size)
    return flash, ram


def _holds(region: Region, address: int) -> bool:
    return any(address in window for window in region.windows)


def _tool(board: Board, name: str) -> str:
    """A program of the compiler's tool chain, from the compiler's own folder."""
    gcc = Path(find_gcc(board.core.isa))
    return str(gcc.with_name(gcc.name.removesuffix("gcc") + name))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        what = f"{Path(command[0]).name} failed"
        raise ToolError(Problem(what, why=(done.stderr or done.stdout).strip()[-4000:]))
    return done.stdout
