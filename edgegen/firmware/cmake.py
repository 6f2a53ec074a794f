"""Projects of kind cmake: one board, a toolchain file, presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgegen.codegen.environment import render
from edgegen.firmware.layout import below, sources, uf2_arguments, view
from edgegen.resources import source_of

if TYPE_CHECKING:
    from edgegen.firmware.project import Project


def cmake_files(project: Project) -> dict[str, str]:
    """All files, text by relative path."""
    target = project.target
    code = {**project.app_files, **sources(target)}
    compiled = sorted(name for name in code if name.endswith(".c"))
    variables = view(project, sources=compiled)
    files = ("CMakeLists.txt", "CMakePresets.json", "toolchain.cmake", "README.md")
    extra = {"uf2.py": source_of("firmware/uf2.py")} if uf2_arguments(target.board) else {}
    return {
        **{file: render(f"firmware/kinds/cmake/{file}.j2", **variables) for file in files},
        **extra,
        ".gitignore": "build/\n",
        "linker.ld": target.hal["linker.ld"],
        **below("src", code),
        **below(f"lib/{project.name}", target.library),
    }
