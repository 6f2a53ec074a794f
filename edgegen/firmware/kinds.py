"""The kinds of projects: which files go where, and the build files around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgegen.codegen.environment import render
from edgegen.firmware.image import COMPILE, LINK, WARNINGS, image_origin
from edgegen.resources import source_of

if TYPE_CHECKING:
    from edgegen.firmware.project import Project, Target


@dataclass(frozen=True)
class Kind:
    """A kind of project.

    Attributes:
        files: all its files, text by relative path.
        bare: whether start-up code and drivers are the project's own.
        several: whether it takes several boards.
        sketch: whether its application is an Arduino sketch.
    """

    files: Callable[[Project], dict[str, str]]
    bare: bool = True
    several: bool = False
    sketch: bool = False


def view(project: Project, **more: object) -> dict[str, object]:
    """Variables of all build files."""
    target = project.target
    soc = target.board.soc
    return {
        "name": project.name,
        "NAME": project.name.upper(),
        "app": project.app,
        "targets": project.targets,
        "board": target.board,
        "defines": project.defines,
        "samples": project.samples,
        "origin": f"{image_origin(target.board):#010x}",
        "uf2_family": f"{soc.uf2_family:#010x}" if soc and soc.uf2_family else "",
        "compile_flags": COMPILE,
        "warnings": WARNINGS,
        "link_flags": LINK,
        **more,
    }


def below(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """The same files in a folder.

    >>> below("src", {"a.c": "x"})
    {'src/a.c': 'x'}
    """
    return {f"{folder}/{name}": text for name, text in files.items()}


def _sources(target: Target) -> dict[str, str]:
    return {name: text for name, text in target.hal.items() if name.endswith((".c", ".h"))}


def _cmake(project: Project) -> dict[str, str]:
    target = project.target
    code = {**project.app_files, **_sources(target)}
    sources = sorted(name for name in code if name.endswith(".c"))
    variables = view(project, sources=sources)
    files = ("CMakeLists.txt", "CMakePresets.json", "toolchain.cmake", "README.md")
    extra = {"uf2.py": source_of("firmware/uf2.py")} if variables["uf2_family"] else {}
    return {
        **{file: render(f"firmware/kinds/cmake/{file}.j2", **variables) for file in files},
        **extra,
        "linker.ld": target.hal["linker.ld"],
        **below("src", code),
        **below(f"lib/{project.name}", target.library),
    }


KINDS: Final[Mapping[str, Kind]] = {"cmake": Kind(_cmake)}
"""By the name of `--kind`."""
