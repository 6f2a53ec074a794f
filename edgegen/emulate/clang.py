"""clang as a second compiler for Arm: GCC's tool chain still gives the C library and links."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from edgegen.emulate.toolchain import find_gcc
from edgegen.errors import Problem, ToolError

if TYPE_CHECKING:
    from edgegen.target.board import Board

_SEARCHED: Final = re.compile(
    r"^#include <\.\.\.> search starts here:\n(.*?)^End of search", re.M | re.S
)


def find_clang() -> str:
    """Returns clang's path.

    Raises:
        ToolError: it is not installed; says how to install it.
    """
    path = shutil.which("clang")
    if path is None:
        hint = "install it with `sudo apt install clang`"
        raise ToolError(Problem("clang is not on PATH", hint=hint))
    return path


def clang_command(board: Board) -> list[str]:
    """Clang with the options that make it compile for the board.

    Raises:
        ToolError: clang or GCC is missing, or the board's core is not Arm's.
    """
    if board.core.isa != "arm":
        raise ToolError(Problem(f"clang is set up for Arm only, not for {board.core.title}"))
    gcc = find_gcc()
    listing = subprocess.run(
        [gcc, *board.flags, "-x", "c", "-E", "-v", "/dev/null"],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    found = _SEARCHED.search(listing.stderr)
    folders = [line.strip() for line in (found[1] if found else "").splitlines()]
    # clang has headers of its own for what GCC's say about the compiler; the C library comes after.
    library = [folder for folder in folders if "/lib/gcc/" not in folder or "../" in folder]
    if not library:
        raise ToolError(Problem(f"{gcc} does not say where the C library's headers are"))
    return [
        find_clang(),
        "--target=arm-none-eabi",
        *board.flags,
        # The size of newlib's own enumerations.
        "-fshort-enums",
        *(option for folder in library for option in ("-isystem", folder)),
    ]
