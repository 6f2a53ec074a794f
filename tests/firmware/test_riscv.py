"""The board qemu_rv32: another instruction set, compiler and C library, in QEMU."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.firmware_run import converse
from edgegen.emulate.ladder import start
from edgegen.errors import ToolError
from edgegen.firmware.image import build_image
from edgegen.target.board import load_board
from tests.firmware.kit import project
from tests.support.small import small_model

BOARD = load_board("rv32")
TOOLS = ("riscv64-unknown-elf-gcc", "qemu-system-riscv32")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"missing: {', '.join(MISSING)}")

TRAP = """
#include "board.h"
int main(void)
{
    board_init();
    board_putc('!');
    __asm__ volatile(".4byte 0xffffffff");
    return 0;
}
"""


@needs_tools
def test_words_and_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    project("qemu_rv32", "cmake", folder)
    image = build_image(folder, BOARD, werror=True)
    with closing(start(image.elf, BOARD, "qemu")) as session:
        said = converse(session, until="done", seconds=60.0)
    assert "sample 0: down, labelled down" in said
    assert "PASS: 2 of 2 outputs equal the reference" in said


@needs_tools
def test_run_takes_qemu_by_itself_and_is_exact(tmp_path: Path) -> None:
    call = [str(a) for a in ("run", small_model(tmp_path), "--board", "qemu_rv32")]
    first, second = (CliRunner().invoke(main, call) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert "exact: small" in first.output
    assert "firmware in qemu" in first.output
    # mcycle counts instructions, the same in every run.
    layers = [[line for line in r.output.splitlines() if " ok " in line] for r in (first, second)]
    assert layers[0] == layers[1] != []


@needs_tools
def test_trap_is_reported_with_cause_and_place(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    project("qemu_rv32", "cmake", folder)
    (folder / "src/main.c").write_text(TRAP)
    image = build_image(folder, BOARD)
    with closing(start(image.elf, BOARD, "qemu")) as session:
        said = converse(session, until="\r\nfault 2 at 0x8", seconds=30.0)
    # Volume II, table 3.6: 2 is an illegal instruction.
    assert "!\r\nfault 2 at 0x8" in said


def test_library_has_nothing_of_arms(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    call = ("build", small_model(tmp_path), "--board", "qemu_rv32", "-o", folder)
    result = CliRunner().invoke(main, [str(a) for a in call])
    assert result.exit_code == 0, result.output
    assert "__asm__" not in "".join(p.read_text() for p in folder.glob("*.[ch]"))


def test_missing_tools_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "app"
    project("qemu_rv32", "cmake", folder)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="apt install gcc-riscv64-unknown-elf picolibc"):
        build_image(folder, BOARD)
    with pytest.raises(ToolError, match="apt install qemu-system-misc"):
        start(tmp_path / "x.elf", BOARD, "qemu")
