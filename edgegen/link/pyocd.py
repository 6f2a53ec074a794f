"""pyOCD, through which debug probes flash boards: its name for a part, its command line."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgegen.errors import LinkError, Problem, ToolError
from edgegen.target.board import Board

# `pyocd list --targets` of pyOCD 0.46; an x stands for any letter. Other parts need a pack.
_BUILTIN: Final = (
    *("nrf52832", "nrf52840", "rp2040", "rp2350"),
    *("stm32f412xe", "stm32f412xg", "stm32f429xg", "stm32f429xi", "stm32f439xg", "stm32f439xi"),
    *("stm32f767zi", "stm32h723xx", "stm32h743xx", "stm32h750xx", "stm32h7b0xx"),
    *("stm32l432kc", "stm32l475xc", "stm32l475xe", "stm32l475xg"),
)


def target_name(board: Board) -> str:
    """What pyOCD calls the board's part: its own name for it, or the one in ST's packs.

    Raises:
        ToolError: the board file does not say what the part is.
    """
    soc = board.soc
    if soc is None or not (soc.pyocd or soc.device):
        raise ToolError(
            Problem(
                f"pyOCD's name for {board.title} is not known",
                hint="give `device` in the board file's [soc] table, or --target",
            )
        )
    if soc.pyocd:
        return soc.pyocd
    device = re.split("[-@]", soc.device)[0]
    for name in _BUILTIN:
        if re.fullmatch(name.replace("x", "[a-z0-9]") + ".*", device):
            return name
    # ST's packs have x for the temperature range: the digit after the package's letter.
    return re.sub(r"^(stm32[a-z][a-z0-9]{5}[a-z])\d", r"\1x", device)


def command(target: str, image: Path, base: int | None = None) -> list[str]:
    """The command line that flashes an image.

    Args:
        target: pyOCD's name for the part.
        image: .elf, .hex or .bin.
        base: the address of a .bin.

    Raises:
        ToolError: pyOCD is not installed.
    """
    address = ["--base-address", f"{base:#x}"] if base is not None else []
    return [*find(), "flash", "--no-wait", "--target", target, *address, str(image)]


def find() -> list[str]:
    """How pyOCD is called here.

    Raises:
        ToolError: it is not installed.
    """
    if found := shutil.which("pyocd"):
        return [found]
    if importlib.util.find_spec("pyocd") is not None:
        return [sys.executable, "-m", "pyocd"]
    raise ToolError(
        Problem(
            "pyOCD is missing",
            why="debug probes (ST-LINK, CMSIS-DAP, J-Link) are reached through it",
            hint='pip install "edgegen[board]"',
        )
    )


def run(command_line: Sequence[str], target: str) -> None:
    """Runs it; what it prints goes to the terminal.

    Raises:
        LinkError: it failed.
    """
    done = subprocess.run(list(command_line), check=False)
    if done.returncode:
        pack = (
            ""
            if target in (*_BUILTIN, "nrf52")
            else f"`pyocd pack install {target}` if it lacks the part; "
        )
        raise LinkError(
            Problem(
                f"pyOCD ended with code {done.returncode}",
                hint=f"{pack}is the probe plugged in (`pyocd list`), and free?",
            )
        )
