"""`edgegen run --emulator`: the shipped firmware in an emulator, driven through its console."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgegen.emulate.ladder import choose
from edgegen.emulate.qemu import qemu_board
from edgegen.emulate.result import EmulationError
from edgegen.errors import Problem
from edgegen.firmware.image import Image, build_image
from edgegen.firmware.project import write_project
from edgegen.link.console import READY, Console
from edgegen.link.verify import BoardVerdict, Track, verify_board

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgegen.emulate.session import Session
    from edgegen.pipeline import Compilation, Options
    from edgegen.target.board import Board
    from edgegen.verify.vectors import Vectors

BOOT_S: Final = 30.0
"""Wall time that firmware may take from reset to its console's first prompt."""

_TURN_S: Final = 0.25


@dataclass(frozen=True)
class FirmwareRun:
    """The outcome of a run; every output byte was right.

    Attributes:
        emulator: which it was.
        verdict: what the client found.
        flash: bytes of flash of the image.
        ram: bytes of RAM, the stack's reserve included.
        instructions: executed from reset to the end, or None where the emulator does not tell.
        cycles: the same in clock cycles.
        baud: the console's bits per second as the firmware has set them, or None.
    """

    emulator: str
    verdict: BoardVerdict
    flash: int
    ram: int
    instructions: int | None
    cycles: int | None
    baud: float | None


def board_for(board: Board, emulator: str | None) -> Board:
    """The board with an image placed where the emulator has memory.

    Raises:
        ToolError: the emulator cannot run the board, or is missing.
    """
    return qemu_board(board) if choose(board, emulator).name == "qemu" else board


def run_firmware(
    compilation: Compilation,
    board: Board,
    vectors: Vectors,
    *,
    emulator: str | None = None,
    options: Options | None = None,
    patience_s: float = 60.0,
    track: Track = lambda numbers: numbers,
) -> FirmwareRun:
    """Builds a firmware project with the console, runs it, and compares the outputs of all inputs.

    Args:
        compilation: the model, placed for `board`.
        board: as `board_for` gives it.
        vectors: the inputs, and what is recorded about their outputs.
        emulator: a name of the ladder; None takes the first that can.
        options: what the user asked of the compilation.
        patience_s: wall time that an inference may take.
        track: shows progress.

    Raises:
        VerificationError: an output byte differs.
        EmulationError: the firmware faulted or hangs.
        ToolError: the compiler or the emulator is missing.
    """
    rung = choose(board, emulator)
    with (
        built_firmware(compilation, board, options) as image,
        closing(rung.start(image.uf2 or image.elf, board)) as session,
    ):
        boot(session)
        console = Console(session, patience_s=patience_s)
        verdict = verify_board(compilation.source, vectors, console, track)
        return FirmwareRun(
            rung.name,
            verdict,
            image.flash,
            image.ram,
            session.instructions,
            session.cycles,
            session.baud,
        )


@contextmanager
def built_firmware(
    compilation: Compilation, board: Board, options: Options | None
) -> Iterator[Image]:
    """The model's firmware with the console, in a folder that goes away afterwards.

    Raises:
        ToolError: the compiler is missing.
    """
    with tempfile.TemporaryDirectory(prefix="edgegen-firmware-") as root:
        folder = Path(root) / compilation.name
        write_project(compilation, board, "cmake", folder, app="console", options=options)
        yield build_image(folder, board)


def boot(session: Session) -> str:
    """Returns what firmware with the console prints until it is ready.

    Raises:
        EmulationError: it does not become ready.
    """
    text = converse(session, until=READY, seconds=BOOT_S)
    if READY not in text:
        raise EmulationError(
            Problem(f"it does not get ready in {session.emulator}", why=f"it says {text!r}")
        )
    return text


def converse(
    session: Session,
    *,
    send: str = "",
    until: str = "",
    seconds: float,
    show: Callable[[str], None] = lambda _text: None,
) -> str:
    """Lets firmware talk until it has said something, waits for input, ends, or time is up.

    Args:
        session: the firmware.
        send: what to send once it waits for input, or is silent.
        until: the text to wait for; empty takes all it says.
        seconds: of wall time.
        show: gets what the firmware says, as it comes.

    Returns:
        All that it said.
    """
    said, end = "", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        text = session.read(min(left, _TURN_S)).decode("utf-8", "replace")
        said += text
        show(text)
        if until and until in said:
            break
        if text:
            continue
        if send:
            session.write(send.encode())
            send = ""
        elif session.waits or session.exit_code is not None:
            break
    return said
