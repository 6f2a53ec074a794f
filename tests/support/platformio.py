"""PlatformIO without its registry: a core folder whose platforms stand in for the real ones.

They carry the real names and versions, so that a project's platformio.ini is used unchanged, and do
what the real ones do when no framework is given: the same flags, the linker script, ELF to binary.
The compiler is the system's.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgegen.target.board import Board, list_boards

PLATFORMS = {"ststm32": "19.6.0", "nordicnrf52": "10.11.0", "raspberrypi": "1.19.0"}
WITH_SPECS = ("nordicnrf52", "raspberrypi")
TOOLCHAIN = "toolchain-gccarmnoneeabi"
TIMEOUT_S = 300

_SCONS = "from SCons.Script.Main import main\n\nmain()\n"
_BUILDER = """\
from SCons.Script import AlwaysBuild, Builder, Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
tools = {{name: "arm-none-eabi-" + tool for name, tool in dict(
    AR="gcc-ar", AS="as", CC="gcc", CXX="g++",
    OBJCOPY="objcopy", RANLIB="gcc-ranlib", SIZETOOL="size"
).items()}}
core = ["-mthumb", "-mcpu=" + board.get("build.cpu")]
env.Replace(PROGSUFFIX=".elf", ARFLAGS=["rc"], **tools)
if env.get("PROGNAME", "program") == "program":
    env.Replace(PROGNAME="firmware")
env.Append(
    ASFLAGS=["-x", "assembler-with-cpp"],
    CCFLAGS=["-Os", "-ffunction-sections", "-fdata-sections", "-Wall", *core],
    CPPDEFINES=[("F_CPU", "$BOARD_F_CPU")],
    LINKFLAGS=["-Os", "-Wl,--gc-sections,--relax", *core, *{specs}],
    LIBS=["c", "gcc", "m", "stdc++"],
    BUILDERS=dict(ElfToBin=Builder(
        action=env.VerboseAction("$OBJCOPY -O binary $SOURCES $TARGET", "Building $TARGET"),
        suffix=".bin",
    )),
    SIZEPROGREGEXP=r"^(?:\\.text|\\.data|\\.rodata|\\.vectors|\\.weights)\\s+(\\d+).*",
    SIZEDATAREGEXP=r"^(?:\\.data|\\.bss|\\.arena)\\s+(\\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
)
program = env.BuildProgram()
if "{name}" == "raspberrypi":
    # The real one calls elf2uf2 here, which knows the RP2040 alone.
    def make_uf2(target, source, env):
        with open(target[0].get_path().replace(".elf", ".uf2"), "wb") as file:
            file.write(b"UF2 for RP2040")

    env.AddPostAction(program, env.VerboseAction(make_uf2, "Generating UF2 image"))
binary = env.ElfToBin("$BUILD_DIR/${{PROGNAME}}", program)
AlwaysBuild(env.Alias("nobuild", binary))
AlwaysBuild(env.Alias("buildprog", binary, binary))
AlwaysBuild(env.Alias("upload", binary))
Default([env.Alias("buildprog"), env.Alias("size", program)])
"""


def make_core(folder: Path) -> Path:
    """Fills `folder` with a core for all shipped boards that PlatformIO has names for."""
    scons = folder / "packages/tool-scons"
    _package(scons, "tool-scons", "tool", {"name": "tool-scons", "version": _scons_version()})
    (scons / "scons.py").write_text(_SCONS)
    tools = folder / "packages" / TOOLCHAIN
    _package(tools, TOOLCHAIN, "tool", {"name": TOOLCHAIN, "version": "1.120301.0"})
    for name, version in PLATFORMS.items():
        _platform(folder / "platforms" / name, name, version)
    for board in list_boards():
        if board.platformio is not None and board.platformio.manifest is None:
            _board(folder / "platforms" / board.platformio.platform / "boards", board)
    return folder


def _scons_version() -> str:
    """The version of SCons's package that the installed PlatformIO asks for."""
    wanted = importlib.import_module("platformio.dependencies").get_core_dependencies()
    return str(wanted["tool-scons"]).lstrip("~^=")


def _package(folder: Path, name: str, kind: str, manifest: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    file = "platform.json" if kind == "platform" else "package.json"
    (folder / file).write_text(json.dumps(manifest))
    spec = {"owner": "platformio", "id": None, "name": name, "requirements": None, "uri": None}
    record = {"type": kind, "name": name, "version": manifest["version"], "spec": spec}
    (folder / ".piopm").write_text(json.dumps(record))


def _platform(folder: Path, name: str, version: str) -> None:
    toolchain = {"type": "toolchain", "owner": "platformio", "version": "*"}
    manifest: dict[str, object] = {
        "name": name,
        "title": name,
        "version": version,
        "description": "stand-in",
        "engines": {"platformio": "^6"},
        "frameworks": {},
        "packages": {TOOLCHAIN: toolchain},
    }
    _package(folder, name, "platform", manifest)
    (folder / "boards").mkdir()
    (folder / "builder").mkdir()
    specs = ["--specs=nano.specs", "--specs=nosys.specs"] if name in WITH_SPECS else []
    (folder / "builder/main.py").write_text(_BUILDER.format(specs=specs, name=name))


def _board(folder: Path, board: Board) -> None:
    assert board.platformio is not None
    assert board.soc is not None
    ram = sum(region.usable_size for region in board.regions if region.kind == "ram")
    manifest = {
        "name": board.title,
        "url": "",
        "vendor": "",
        "frameworks": [],
        "build": {
            "cpu": board.core.cpu,
            "mcu": board.soc.device,
            "f_cpu": f"{board.clock_hz}L",
        },
        "upload": {
            "maximum_size": board.placement.code.usable_size,
            "maximum_ram_size": ram,
        },
    }
    (folder / f"{board.platformio.board}.json").write_text(json.dumps(manifest))


def missing() -> str | None:
    """What keeps PlatformIO from running here, or None."""
    if shutil.which("arm-none-eabi-gcc") is None:
        return "arm-none-eabi-gcc is not installed"
    for package in ("platformio", "SCons"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    return None


def pio(
    core: Path, arguments: Sequence[str], cwd: Path, flags: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs PlatformIO; `flags` go to the compiler after all others."""
    environment = {
        **os.environ,
        "PLATFORMIO_CORE_DIR": str(core),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "No",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        "PLATFORMIO_NO_ANSI": "true",
        "PLATFORMIO_BUILD_FLAGS": flags,
        "CI": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "platformio", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
