"""What the kinds of projects share: views of the build files, and where files go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgegen import __version__
from edgegen.emulate.toolchain import CROSS_COMPILERS
from edgegen.firmware.image import LINK, WARNINGS, image_origin
from edgegen.target.board import Board

if TYPE_CHECKING:
    from edgegen.firmware.project import Project, Target


def view(project: Project, **more: object) -> dict[str, object]:
    """Variables of all build files."""
    target = project.target
    compiler = CROSS_COMPILERS[target.board.core.isa]
    return {
        "name": project.name,
        "NAME": project.name.upper(),
        "app": project.app,
        "targets": project.targets,
        "board": target.board,
        "defines": project.defines,
        "samples": project.samples,
        "version": __version__,
        "uf2": {t.board.name: uf2_arguments(t.board) for t in project.targets},
        "arena": target.package.layout.arena_pointer(project.name),
        "own_arena": target.package.layout.owner == "static",
        "warnings": WARNINGS,
        "link_flags": LINK,
        "gcc": compiler.gcc,
        "gxx": compiler.gcc.removesuffix("gcc") + "g++",
        "specs": compiler.specs,
        **more,
    }


def uf2_arguments(board: Board) -> str:
    """Address and family ID for uf2.py; empty where the board's boot loader takes no UF2 files."""
    if board.soc is None or board.soc.uf2_family is None:
        return ""
    return f"{image_origin(board):#010x} {board.soc.uf2_family:#010x}"


def below(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """The same files in a folder.

    >>> below("src", {"a.c": "x"})
    {'src/a.c': 'x'}
    """
    return {f"{folder}/{name}": text for name, text in files.items()}


def sources(target: Target) -> dict[str, str]:
    """The C files of start-up code and drivers."""
    return {name: text for name, text in target.hal.items() if name.endswith((".c", ".h"))}
