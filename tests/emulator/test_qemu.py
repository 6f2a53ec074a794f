"""The same image in QEMU: a second emulator that agrees on bytes and takes real exceptions."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.firmware import build_runner
from edgegen.emulate.image import read_image
from edgegen.emulate.machine import run_elf
from edgegen.emulate.qemu import QEMU, qemu_board, run_qemu
from edgegen.emulate.result import EmulationError
from edgegen.errors import InternalError, ToolError
from edgegen.target.board import Board, list_boards, load_board
from tests.emulator.kit import BYTES, expected, from_assembler, from_c, two_layers

if TYPE_CHECKING:
    from pathlib import Path

needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is missing")
BOARDS = [
    qemu_board(board) for board in list_boards() if board.qemu_machine and board.core.isa == "arm"
]
DATA = bytes(range(200, 200 + 2 * BYTES))


@needs_qemu
@pytest.mark.parametrize(
    "board", [b for b in BOARDS if b.core.unicorn_model], ids=lambda board: board.name
)
def test_qemu_agrees_with_unicorn(board: Board, tmp_path: Path) -> None:
    elf = build_runner([two_layers(tmp_path)], board, workdir=tmp_path / "build")
    qemu = run_qemu(elf, board, files={"input.bin": DATA})
    unicorn = run_elf(elf, board, files={"input.bin": DATA})
    assert qemu.files == unicorn.files == {"input.bin": DATA, "output.bin": expected(DATA)}
    assert (qemu.exit_code, qemu.console) == (unicorn.exit_code, unicorn.console) == (0, "")


@needs_qemu
def test_exit_code_and_console(tmp_path: Path) -> None:
    board = load_board("mps2_an385")
    elf = build_runner([two_layers(tmp_path)], board, workdir=tmp_path / "build")
    result = run_qemu(elf, board)
    assert (result.exit_code, result.console) == (2, "cannot open input.bin\n")


@needs_qemu
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_fault_is_named(board: Board, tmp_path: Path) -> None:
    code = "    function toy_run\n    udf #0\n    bx lr\n"
    elf = build_runner([from_assembler(tmp_path, code)], board, workdir=tmp_path / "build")
    result = run_qemu(elf, board, files={"input.bin": DATA})
    place = f"{read_image(elf).address('toy_run'):#010x}"
    assert result.exit_code == 99
    assert result.console == f"fault: exception 0x00000003 at {place}\n"


@needs_qemu
@pytest.mark.parametrize("board", [b for b in BOARDS if b.has_fpu], ids=lambda board: board.name)
def test_start_up_switches_the_fpu_on(board: Board, tmp_path: Path) -> None:
    body = """
void toy_run(toy_arena_t *arena)
{
    const float x = (float)arena->bytes[0];
    arena->bytes[16] = (int8_t)(x * 1.5f);
}
"""
    elf = build_runner([from_c(tmp_path, body)], board, workdir=tmp_path / "build")
    result = run_qemu(elf, board, files={"input.bin": bytes([10] + [0] * 7)})
    assert result.exit_code == 0
    assert result.files["output.bin"][0] == 15


@needs_qemu
def test_endless_run_is_given_up(tmp_path: Path) -> None:
    board = load_board("mps2_an385")
    code = "    function toy_run\n    b toy_run\n"
    elf = build_runner([from_assembler(tmp_path, code)], board, workdir=tmp_path / "build")
    with pytest.raises(EmulationError, match=r"did not end within 0.5 s in QEMU"):
        run_qemu(elf, board, files={"input.bin": DATA}, timeout_s=0.5)


def test_board_without_a_machine(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no machine for Nordic"):
        run_qemu(tmp_path / "x.elf", load_board("nrf52840dk"))


def test_missing_qemu_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="sudo apt install qemu-system-arm"):
        run_qemu(tmp_path / "x.elf", load_board("mps2_an385"))


@needs_qemu
def test_files_have_plain_names(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="not a plain file name"):
        run_qemu(tmp_path / "x.elf", load_board("mps2_an385"), files={"../x": b""})
