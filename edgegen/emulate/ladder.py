"""The emulators as one ladder: the same firmware image, the same console, whichever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgegen.emulate import qemu, qemu_session, renode, rp2040js
from edgegen.emulate.session import EMULATORS
from edgegen.errors import InputError, Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgegen.emulate.session import Session
    from edgegen.target.board import Board


@dataclass(frozen=True)
class Emulator:
    """One rung.

    Attributes:
        name: what the command line calls it.
        why_not: why it cannot run a board's firmware whatever is installed, or None.
        missing: what is not installed, with how to get it as the hint; None if all is there.
        start: starts an image.
    """

    name: str
    why_not: Callable[[Board], str | None]
    missing: Callable[[Board], Problem | None]
    start: Callable[[Path, Board], Session]


def _no_unicorn(board: Board) -> Problem | None:
    del board
    try:
        import unicorn  # noqa: F401
    except ModuleNotFoundError:
        return Problem(
            "the Python package 'unicorn' is missing", hint='pip install "edgegen[emulate]"'
        )
    return None


def _why_not_unicorn(board: Board) -> str | None:
    from edgegen.emulate.unicorn_session import why_not

    return why_not(board)


def _start_unicorn(image: Path, board: Board) -> Session:
    from edgegen.emulate.unicorn_session import UnicornSession

    return UnicornSession(image, board)


def _no_qemu(board: Board) -> Problem | None:
    try:
        qemu.find_qemu(board)
    except ToolError as error:
        return error.problems[0]
    return None


LADDER: Final = (
    Emulator("unicorn", _why_not_unicorn, _no_unicorn, _start_unicorn),
    Emulator("qemu", qemu_session.why_not, _no_qemu, qemu_session.QemuSession),
    Emulator("rp2040js", rp2040js.why_not, rp2040js.missing, rp2040js.Rp2040jsSession),
    Emulator("renode", renode.why_not, renode.missing, renode.RenodeSession),
)
"""In the order of automatic choice, that of `EMULATORS`."""


def choose(board: Board, name: str | None = None) -> Emulator:
    """Returns the emulator called `name`, or the first that can run the board and is installed.

    Raises:
        InputError: there is no such emulator.
        ToolError: it cannot run the board, or is not installed; says what is there instead.
    """
    if name is not None and name not in EMULATORS:
        raise InputError(
            Problem(f"there is no emulator {name!r}", hint=f"emulators: {', '.join(EMULATORS)}")
        )
    problems = []
    for emulator in LADDER:
        if name not in (None, emulator.name):
            continue
        problem = emulator.missing(board)
        if problem is None:
            reason = emulator.why_not(board)
            if reason is None:
                return emulator
            problem = Problem(f"{emulator.name} cannot run {board.title}", why=reason)
        problems.append(problem)
    if name is not None:
        others = [e.name for e in LADDER if e.name != name and usable(e, board)]
        hint = f"here can: {', '.join(others)}" if others else ""
        first = problems[0]
        hint = "; ".join(part for part in (first.hint, hint) if part)
        raise ToolError(Problem(first.what, first.where, first.why, hint))
    raise ToolError(problems)


def usable(emulator: Emulator, board: Board) -> bool:
    """Whether the emulator is installed and can run the board."""
    return emulator.missing(board) is None and emulator.why_not(board) is None


def start(image: Path, board: Board, emulator: str | None = None) -> Session:
    """Starts firmware in an emulator.

    Args:
        image: an ELF, UF2 or binary file that was linked for `board`.
        board: one with a console.
        emulator: one of `EMULATORS`; None takes the first that can.

    Raises:
        InputError: there is no such emulator, or the image cannot be read.
        ToolError: no emulator can run the board, or none is installed.
    """
    return choose(board, emulator).start(image, board)
