"""The firmware examples: their modules, their C on the host, their projects."""

from __future__ import annotations

import functools
import importlib
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from edgegen.emulate.ladder import choose, start
from edgegen.errors import ToolError
from edgegen.firmware.image import Image, build_image
from edgegen.firmware.own import read_sources
from edgegen.firmware.project import write_projects
from edgegen.pipeline import Compilation, Options, compile_model, load_model, render
from edgegen.target.board import Board, load_board
from edgegen.target.places import Places

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "firmware_examples"
COMMON = FOLDER / "common"
HARNESS = Path(__file__).with_name("harness")
EXAMPLES = ("keyword_spotting", "gesture_detection", "vibration_anomaly")
END = b"end of the recordings"

STRICT = "-std=c99 -O1 -g -Wall -Wextra -Wconversion -Wshadow -Wdouble-promotion -Werror".split()
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()


def module(name: str) -> ModuleType:
    """A module of the examples, such as `common.fixed`."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)


def firmware(example: str) -> Path:
    """The folder of its C files."""
    return FOLDER / example / "firmware"


def console_text(example: str) -> str:
    """What its firmware is to print."""
    return (FOLDER / example / "uart.txt").read_text()


def compile_host(
    sources: Sequence[Path], includes: Sequence[Path], program: Path, compiler: str = "gcc"
) -> Path:
    """Compiles for the host, with gcc under its sanitizers."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    flags = SANITIZERS if compiler == "gcc" else []
    words = [compiler, *STRICT, *flags, *(f"-I{i}" for i in includes), *map(str, sources)]
    done = subprocess.run([*words, "-o", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def pipe(program: Path, data: bytes, *words: str) -> bytes:
    """What a program makes of its standard input."""
    done = subprocess.run([program, *words], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def model(example: str) -> Path:
    """Its .tflite file."""
    return FOLDER / example / f"{example}.tflite"


@functools.cache
def _compiled(example: str, name: str, arena: str) -> tuple[Compilation, Options]:
    board = Places(arena=arena or None).on(load_board(name))
    options = Options().within(board)
    made = compile_model(load_model(model(example)), example, options.core(board), options)
    return made, options


def library(example: str, folder: Path) -> list[Path]:
    """Its generated library for a Cortex-M4; returns the C files."""
    board = load_board("nrf52840dk")
    compilation, options = _compiled(example, board.name, "")
    for name, text in render(compilation, board, options).files.items():
        (folder / name).write_text(text)
    return sorted(p for p in folder.glob("*.c") if "selftest" not in p.name)


def _arena(board: str, emulator: str) -> str:
    """Its place, if not the board's own: in QEMU the STM32F4 has no CCM."""
    return "sram" if (board, emulator) == ("stm32f4discovery", "qemu") else ""


def on_board(name: str, emulator: str) -> Board:
    """A board as it is in an emulator."""
    return Places(arena=_arena(name, emulator) or None).on(load_board(name))


def build(example: str, board: Board, emulator: str, folder: Path) -> Image:
    """Its firmware, as `new-project --app-sources` writes it, built without a warning."""
    compilation, options = _compiled(example, board.name, _arena(board.name, emulator))
    own = read_sources([COMMON, firmware(example)])
    write_projects([(compilation, board)], "cmake", folder, own=own, options=options)
    return build_image(folder, board, werror=True)


def emulate(image: Image, board: Board, emulator: str, seconds: float = 120.0) -> str:
    """What the firmware prints in an emulator until its recordings end."""
    try:
        choose(board, emulator)
    except ToolError as error:
        pytest.skip(error.problems[0].what)
    file = image.uf2 or image.elf
    said, deadline = b"", time.monotonic() + seconds
    with closing(start(file, board, emulator)) as session:
        while END not in said or not said.endswith(b"\n"):
            assert time.monotonic() < deadline, f"only {said!r}"
            said += session.read(1.0)
    return said.decode().replace("\r\n", "\n")


def until_end(program: Path, *, buffers: bool = False) -> str:
    """What firmware that was built for the host prints until its recordings end.

    It never ends by itself, only with a finding of the sanitizers. `buffers`: it uses stdio.
    """
    unbuffered = ["stdbuf", "-o0"] if buffers else []
    said = b""
    with subprocess.Popen([*unbuffered, program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if line.startswith(END):
                break
        process.kill()
    return said.decode().replace("\r\n", "\n")


def noise(seed: int, count: int, scale: float) -> npt.NDArray[np.int16]:
    """Gaussian noise, limited to 16 bits."""
    drawn = np.random.default_rng(seed).normal(0.0, scale, count)
    return np.clip(np.rint(drawn), -32768, 32767).astype(np.int16)


def extremes(count: int) -> npt.NDArray[np.int16]:
    """The loudest there is: square waves of several lengths, and full scale without a change."""
    place = np.arange(count)
    parts = [np.where(place // half % 2, -32768, 32767) for half in (1, 3, 8, 50)]
    whole = [np.full(count, level) for level in (-32768, 32767, 0)]
    return np.concatenate([*parts, *whole]).astype(np.int16)
