"""Projects for Arduino and Zephyr, which bring start-up code and drivers of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgegen.codegen.environment import render
from edgegen.firmware.app import ENERGY_BAUD
from edgegen.firmware.layout import below, view
from edgegen.firmware.own import APP as OWN

if TYPE_CHECKING:
    from edgegen.firmware.project import Project

ARDUINO_BAUD: Final = 115_200
OWN_MAIN: Final = "application_main"
"""What an application's main() is called where the core has a main() of its own."""
_RENAMED: Final = "#define main {} /* the sketch calls it: the Arduino core has its own */\n"
_SKETCHES: Final = {OWN: "own.ino"}


def arduino_files(project: Project) -> dict[str, str]:
    """A library in the layout of Arduino's library specification, with a sketch as its example."""
    name, library = project.name, project.target.library
    baud = ENERGY_BAUD if project.app == "mlperf-energy" else ARDUINO_BAUD
    variables = _view(project, baud=baud, own_main=OWN_MAIN)
    sketch = dict(project.app_files)
    main = f"{name}_{project.app}.ino"
    if main not in sketch:  # the application is a C program: the sketch takes its main's place
        program = sketch.pop("main.c")
        if project.app == OWN:
            sketch["main.c"] = _RENAMED.format(OWN_MAIN) + program
        sketch[main] = _arduino(_SKETCHES.get(project.app, "console.ino"), variables)
    board = _board(variables, "board.cpp", "the Arduino core", "Core cycles, made from micros()")
    return {
        "README.md": _arduino("README.md", variables),
        "library.properties": _arduino("library.properties", variables),
        "extras/report.json": library["report.json"],
        **below("src", _with_defines(project)),
        **below(
            f"examples/{name}_{project.app}",
            {**sketch, "board.h": board, "board.cpp": _arduino("board.cpp", variables)},
        ),
    }


def _with_defines(project: Project) -> dict[str, str]:
    """The library's C files; its header has the macros, since Arduino's builds take none."""
    name = project.name
    files = {f: t for f, t in project.target.library.items() if f.endswith((".c", ".h"))}
    guard = f"#define {name.upper()}_H\n"
    defines = "".join(f"#define {macro}\n" for macro in project.defines)
    files[f"{name}.h"] = files[f"{name}.h"].replace(guard, guard + defines, 1)
    return files


def zephyr_files(project: Project) -> dict[str, str]:
    """A module in the layout that Zephyr's build looks for, with a sample application."""
    name, library = project.name, project.target.library
    variables = _view(
        project,
        library_sources=sorted(f for f in library if f.endswith(".c")),
        sources=sorted(f for f in (*project.app_files, "board.c") if f.endswith(".c")),
    )
    cycles = "Cycles of the kernel's timer, which may be slower than the core"
    board = _board(variables, "board.c", "Zephyr", cycles)
    sample = {
        "CMakeLists.txt": _zephyr("sample_CMakeLists.txt", variables),
        "prj.conf": _zephyr("prj.conf", variables),
        "sample.yaml": _zephyr("sample.yaml", variables),
        **below("src", project.app_files),
        "src/board.h": board,
        "src/board.c": _zephyr("board.c", variables),
    }
    return {
        "README.md": _zephyr("README.md", variables),
        **below(
            "zephyr",
            {f: _zephyr(f, variables) for f in ("module.yml", "CMakeLists.txt", "Kconfig")},
        ),
        **below(name, library),
        **below(f"samples/{name}_{project.app}", sample),
    }


def _view(project: Project, **more: object) -> dict[str, object]:
    plan = project.target.package.plan
    return {**view(project), "arena_bytes": plan.arena.size, **more}


def _arduino(file: str, variables: dict[str, object]) -> str:
    return render(f"firmware/kinds/arduino/{file}.j2", **variables)


def _zephyr(file: str, variables: dict[str, object]) -> str:
    return render(f"firmware/kinds/zephyr/{file}.j2", **variables)


def _board(variables: dict[str, object], implementation: str, system: str, cycles: str) -> str:
    return render(
        "firmware/kinds/hosted_board.h.j2",
        **variables,
        implementation=implementation,
        system=system,
        cycles=cycles,
    )
