"""Runs the same image in QEMU: a second, independent emulator for the boards that it has.

QEMU takes exceptions, has the FPU switched off at reset and models the NVIC, which Unicorn does not
do; it does not count cycles.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgegen.emulate.result import EmulationError
from edgegen.errors import InternalError, Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgegen.target.board import Board

QEMU: Final = "qemu-system-arm"
# Program and Debian package by the instruction set of the board's core.
_RISCV: Final = ("qemu-system-riscv32", "qemu-system-misc")
_ARM: Final = (QEMU, "qemu-system-arm")


@dataclass(frozen=True)
class QemuResult:
    """The outcome of one run: exit code, console text, and every file after it, by name."""

    exit_code: int
    console: str
    files: Mapping[str, bytes]


def find_qemu(board: Board) -> str:
    """Returns the path of the QEMU that has the board's instruction set.

    Raises:
        ToolError: it is not installed; says how to install it.
    """
    program, package = _RISCV if board.core.isa == "riscv" else _ARM
    path = shutil.which(program)
    if path is None:
        hint = f"install it with `sudo apt install {package}`"
        raise ToolError(Problem(f"{program} is not on PATH", hint=hint))
    return path


def machine_of(board: Board) -> str:
    """Returns the board's machine in QEMU.

    Raises:
        ToolError: it has none.
    """
    if board.qemu_machine is None:
        raise ToolError(
            Problem(f"QEMU has no machine for {board.title}", hint="run it with Unicorn instead")
        )
    return board.qemu_machine


def qemu_board(board: Board) -> Board:
    """The board with its image placed in regions that QEMU's machine has.

    Raises:
        ToolError: nothing is left for the arena.
    """
    places = board.placement
    there = tuple(r for r in places.arena_choices if r.name not in board.qemu_without)
    if not there:
        raise ToolError(f"QEMU's machine for {board.title} has no region for the arena")
    return replace(board, placement=replace(places, arena=there[0], arenas=there))


def run_qemu(
    elf: Path,
    board: Board,
    *,
    files: Mapping[str, bytes] | None = None,
    timeout_s: float = 60.0,
) -> QemuResult:
    """Runs `elf` in QEMU, in a folder of its own that holds `files`.

    Args:
        elf: an image linked for `board`.
        board: one with a QEMU machine.
        files: what the firmware can open; plain names without folders.
        timeout_s: wall time after which the run is given up.

    Raises:
        ToolError: QEMU is missing, or has no machine for the board.
        EmulationError: the run did not end in time.
    """
    machine = machine_of(board)
    command = [
        find_qemu(board),
        *("-machine", machine),
        *("-display", "none", "-monitor", "none", "-serial", "none"),
        *("-semihosting-config", "enable=on,target=native"),
        *("-kernel", str(elf.resolve())),
    ]
    with tempfile.TemporaryDirectory(prefix="edgegen-qemu-") as name:
        folder = Path(name)
        for file, content in (files or {}).items():
            if Path(file).name != file:
                raise InternalError(f"{file!r} is not a plain file name")
            (folder / file).write_bytes(content)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EmulationError(f"it did not end within {timeout_s:g} s in QEMU") from error
        return QemuResult(
            exit_code=done.returncode,
            console=done.stdout.decode("utf-8", "replace"),
            files={path.name: path.read_bytes() for path in sorted(folder.iterdir())},
        )
