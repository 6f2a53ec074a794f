"""Projects of kind cmake, built by CMake itself, and what users add to them."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from edgegen.emulate.firmware_run import converse
from edgegen.emulate.ladder import start
from edgegen.firmware.image import build_image
from edgegen.target.board import Board
from tests.firmware.kit import needs_gcc, project

MISSING = [tool for tool in ("cmake", "make") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"missing: {', '.join(MISSING)}")

# An object whose constructor cannot run at compile time.
CONSTRUCTED = """
#include <stdint.h>
struct Answer {
    uint32_t value;
    Answer() { volatile uint32_t known = 42u; value = known; }
};
static Answer answer;
extern "C" uint32_t answer_value(void) { return answer.value; }
"""
MAIN = """
#include <stdint.h>
#include <stdio.h>
#include "board.h"
uint32_t answer_value(void);
int main(void)
{
    char text[40];
    board_init();
    snprintf(text, sizeof text, "constructed: %lu\\r\\ndone\\r\\n", (unsigned long)answer_value());
    for (const char *at = text; *at; at++) {
        board_putc(*at);
    }
    return 0;
}
"""


def by_cmake(folder: Path) -> Path:
    """The image that the command of the project's README makes."""
    done = subprocess.run(
        ["cmake", "--workflow", "--preset", "firmware"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    return folder / "build/firmware.elf"


def said_by(image: Path, board: Board, emulator: str) -> str:
    with closing(start(image, board, emulator)) as session:
        return converse(session, until="done", seconds=60.0)


def text_bytes(image: Path) -> int:
    """How much code is in an image."""
    command = ["arm-none-eabi-size", "-A", str(image)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[1]) for line in listing.splitlines() if line.startswith(".text"))


@needs_gcc
def test_cmake_builds_the_same_code(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    board = project("rp2040", "cmake", folder)
    ours = text_bytes(build_image(folder, board).elf)
    assert text_bytes(by_cmake(folder)) == ours > 0
    assert (folder / "build/firmware.uf2").read_bytes()[:4] == b"UF2\n"


@pytest.mark.skipif(
    shutil.which("riscv64-unknown-elf-gcc") is None or shutil.which("qemu-system-riscv32") is None,
    reason="riscv64-unknown-elf-gcc or qemu-system-riscv32 is not installed",
)
def test_risc_v(tmp_path: Path) -> None:
    board = project("qemu_rv32", "cmake", tmp_path / "app")
    said = said_by(by_cmake(tmp_path / "app"), board, "qemu")
    assert "PASS: 2 of 2 outputs equal the reference" in said


@needs_gcc
@pytest.mark.parametrize("name", ["rp2040", "nucleo_h743zi"])
def test_cpp_and_printf_may_be_added(name: str, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("arm-none-eabi-g++ is not installed")
    folder = tmp_path / "app"
    board = project(name, "cmake", folder)
    (folder / "src/main.c").write_text(MAIN)
    (folder / "src/answer.cpp").write_text(CONSTRUCTED)
    build = folder / "CMakeLists.txt"
    text = build.read_text().replace("_firmware C)", "_firmware C CXX)")
    build.write_text(text.replace("src/main.c", "src/main.c\n    src/answer.cpp"))
    assert "constructed: 42" in said_by(by_cmake(folder), board, "unicorn")
