"""Projects for PlatformIO: no framework, one environment a board."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgegen.codegen.environment import render
from edgegen.errors import BoardError, Problem
from edgegen.firmware.layout import below, sources, uf2_arguments, view
from edgegen.resources import source_of
from edgegen.target.board import Board
from edgegen.target.platformio import Manifest

if TYPE_CHECKING:
    from edgegen.firmware.project import Project


def check_platformio(boards: Sequence[Board]) -> None:
    """Raises BoardError for boards that PlatformIO has no name for; names all of them."""
    problems = [
        Problem(
            f"{board.title} has no [platformio] in its file",
            hint="use --kind cmake, or a board file with PlatformIO's names for it",
        )
        for board in boards
        if board.platformio is None
    ]
    if problems:
        raise BoardError(problems)


def platformio_files(project: Project) -> dict[str, str]:
    """All files, text by relative path.

    With several boards, what differs between them is in `boards/NAME`.
    """
    several = len(project.targets) > 1
    homes = {t.board.name: f"boards/{t.board.name}" if several else "lib" for t in project.targets}
    variables = view(project, several=several, libraries=homes)

    def rendered(file: str, **more: object) -> str:
        return render(f"firmware/kinds/platformio/{file}.j2", **{**variables, **more})

    files = {
        "platformio.ini": rendered("platformio.ini"),
        "firmware.py": rendered("firmware.py"),
        ".gitignore": ".pio/\n",
        "README.md": rendered("README.md"),
        "test/test_custom_runner.py": rendered("test_custom_runner.py"),
        "test/test_selftest/test_main.c": rendered("test_main.c"),
        **below("src", project.app_files),
    }
    if any(uf2_arguments(target.board) for target in project.targets):
        files |= {"uf2.py": source_of("firmware/uf2.py"), "image.py": rendered("image.py")}
    for target in project.targets:
        pio = target.board.platformio
        if pio is not None and pio.manifest is not None:
            files[f"boards/{pio.board}.json"] = board_manifest(target.board, pio.manifest)
        home = homes[target.board.name]
        manifest = rendered("board_library.json", title=target.board.title)
        files |= below(f"{home}/board", {**sources(target), "library.json": manifest})
        files |= below(f"{home}/{project.name}", target.library)
        script = f"{home}/linker.ld" if several else "linker.ld"
        files[script] = target.hal["linker.ld"]
    return files


def board_manifest(board: Board, manifest: Manifest) -> str:
    """JSON that makes a board known to PlatformIO; it looks for it in the project's `boards`.

    The fields are those that `PlatformBoardConfig` of PlatformIO's core requires, and those that
    the builders of its platforms read where there is no framework.
    """
    ram = sum(region.usable_size for region in board.regions if region.kind == "ram")
    fields = {
        "name": board.title,
        "vendor": manifest.vendor,
        "url": manifest.url,
        "frameworks": [],
        "build": {
            "cpu": board.core.cpu,
            "mcu": (board.soc.device if board.soc else board.name).partition("-")[0],
            "f_cpu": f"{board.clock_hz}L",
            "variant": board.name,
        },
        "upload": {
            "maximum_size": board.placement.code.usable_size,
            "maximum_ram_size": ram,
            "protocol": manifest.upload,
            "protocols": [manifest.upload],
        },
        "debug": {"jlink_device": manifest.jlink_device} if manifest.jlink_device else {},
    }
    return json.dumps(fields, indent=2) + "\n"
