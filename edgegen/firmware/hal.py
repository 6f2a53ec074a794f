"""Renders what is between application and hardware: board.c, start-up code, linker script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import jinja2

from edgegen.codegen.environment import render
from edgegen.emulate.toolchain import Sections
from edgegen.errors import BoardError, Problem
from edgegen.resources import templates_dir
from edgegen.target.board import Board

_SOC: Final = "firmware/soc"
_STM_PIN: Final = re.compile(r"P([A-K])([0-9]+)")
_NUMBERED_PORT: Final = re.compile(r"P([0-9])\.([0-9]+)")
_PLAIN: Final = re.compile(r"GP([0-9]+)")

_WITHOUT_DWT: Final = frozenset({"m0", "m0+"})
_WITH_STACK_LIMIT: Final = frozenset({"m33", "m55"})
_WITH_CACHES: Final = frozenset({"m7"})


@dataclass(frozen=True)
class Pin:
    """A pin of the microcontroller, as templates need it.

    Attributes:
        port: its port's name: "A", "0", or "" where pins are only numbered.
        index: the port's number.
        number: its number within the port.
    """

    port: str
    index: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Pin | None:
        """Reads a pin's name from a board file; the empty name is no pin.

        >>> Pin.parse("PC13")
        Pin(port='C', index=2, number=13)
        >>> Pin.parse("P1.02"), Pin.parse("GP16")
        (Pin(port='1', index=1, number=2), Pin(port='', index=0, number=16))
        """
        if found := _STM_PIN.fullmatch(text):
            return cls(found[1], ord(found[1]) - ord("A"), int(found[2]))
        if found := _NUMBERED_PORT.fullmatch(text):
            return cls(found[1], int(found[1]), int(found[2]))
        if found := _PLAIN.fullmatch(text):
            return cls("", 0, int(found[1]))
        return None


def require_startup(board: Board) -> None:
    """Checks that the board file says what start-up code needs.

    Raises:
        BoardError: it does not, or there is no code for its family.
    """
    tables = {"soc": board.soc, "clock": board.clock, "console": board.console}
    missing = [f"[{name}]" for name, table in tables.items() if table is None]
    if missing:
        raise BoardError(
            Problem(
                f"{board.title} has no start-up code: its file lacks {', '.join(missing)}",
                hint="docs/boards.md says what these tables hold",
            )
        )
    assert board.soc is not None
    if not (templates_dir() / _SOC / f"{board.soc.family}.c.j2").is_file():
        raise BoardError(Problem(f"there is no start-up code for the family {board.soc.family}"))


def brings_loader(board: Board) -> bool:
    """Whether the board's images begin with a loader, in the flash's reserved bytes."""
    return board.soc is not None and (
        (templates_dir() / _SOC / board.soc.family / "boot2.c.j2").is_file()
    )


def _cycle_counter(board: Board) -> str:
    if board.core.isa == "riscv":
        return "mcycle"
    return "systick" if board.core.name in _WITHOUT_DWT else "dwt"


def hal_files(
    board: Board, *, sections: Sections | None = None, ram_code: bool = False
) -> dict[str, str]:
    """Text of the board's own files by name: C sources and headers, and `linker.ld`.

    Args:
        board: with its regions settled.
        sections: linker sections that the library names.
        ram_code: whether the start-up code copies functions in `.ramfunc.*` to RAM.

    Raises:
        BoardError: the board file lacks something, or its family's code cannot do what it asks for.
    """
    require_startup(board)
    assert board.soc is not None
    assert board.clock is not None
    assert board.console is not None
    view = {
        "board": board,
        "clock": board.clock,
        "console": board.console,
        "tx": Pin.parse(board.console.tx),
        "rx": Pin.parse(board.console.rx),
        "cycles": _cycle_counter(board),
        "caches": board.core.name in _WITH_CACHES,
        "stack_limit": board.core.name in _WITH_STACK_LIMIT,
        "foreign_loader": board.placement.code.reserved > 0 and not brings_loader(board),
        "wrap_seconds": (1 << 32) // board.clock.hz,
        "ram_code": ram_code,
        "ram_weights": board.placement.weights.kind == "ram",
        "sections": sections or Sections(),
    }
    own = sorted((templates_dir() / _SOC / board.soc.family).glob("*.[ch].j2"))
    templates = {
        "board.h": "firmware/project/board.h.j2",
        "board.c": "firmware/project/board.c.j2",
        "startup.c": "firmware/project/startup.c.j2",
        "linker.ld": "firmware/linker.ld.j2",
        **{path.name.removesuffix(".j2"): f"{_SOC}/{path.parent.name}/{path.name}" for path in own},
    }
    try:
        return {file: render(template, **view) for file, template in templates.items()}
    except jinja2.UndefinedError as error:
        raise BoardError(
            Problem(
                f"the start-up code of family {board.soc.family} cannot set up {board.title}",
                why=str(error.message),
                hint="check [clock] and [console] of the board file; docs/boards.md explains them",
            )
        ) from error


def c_files(files: dict[str, str]) -> list[str]:
    """The C sources among files.

    >>> c_files({"b.c": "", "a.h": "", "a.c": ""})
    ['a.c', 'b.c']
    """
    return sorted(name for name in files if PurePosixPath(name).suffix == ".c")
