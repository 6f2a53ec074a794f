"""The Pico's flash image in rp2040js, from its second-stage loader on; needs Node."""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgegen.emulate.flat import read_flat
from edgegen.emulate.process import ProcessSession
from edgegen.emulate.result import EmulationError
from edgegen.errors import InputError, Problem, ToolError

if TYPE_CHECKING:
    from edgegen.target.board import Board

VERSION: Final = "1.4.1"
FOLDER: Final = ".node"
VARIABLE: Final = "EDGEGEN_NODE_MODULES"
_SCRIPT: Final = Path(__file__).with_name("rp2040js_run.cjs")
_HEAD: Final = struct.Struct("<cI")


def why_not(board: Board) -> str | None:
    """Why rp2040js cannot run the board's firmware, or None if it can."""
    if board.soc is None or board.soc.family != "rp2040":
        return "it has no other microcontroller than RP2040"
    if board.console is None or board.console.uart != "uart0":
        return "it has its console on uart0 only"
    return None


def find_package() -> Path | None:
    """The folder of the npm package: of `$EDGEGEN_NODE_MODULES`, else of `.node` here or above."""
    chosen = os.environ.get(VARIABLE)
    here = Path.cwd()
    folders = [folder / FOLDER / "node_modules" for folder in (here, *here.parents)]
    for folder in [Path(chosen)] if chosen else folders:
        if (folder / "rp2040js" / "package.json").is_file():
            return (folder / "rp2040js").resolve()
    return None


def missing(board: Board) -> Problem | None:
    """What has to be installed, or None."""
    del board
    if shutil.which("node") is None:
        return Problem("node is not on PATH", hint="install it with `sudo apt install nodejs`")
    if find_package() is None:
        return Problem(
            "the npm package rp2040js is missing",
            hint=f"install it with `npm install --prefix {FOLDER} rp2040js@{VERSION}`, "
            f"or name the folder that holds it in {VARIABLE}",
        )
    return None


class Rp2040jsSession(ProcessSession):
    """Firmware of a Pico in rp2040js; implements `Session`.

    The package has no boot ROM: its part (checking the second-stage loader and starting it in SRAM)
    is done here. The loader itself runs, and so do exceptions, timers and the clock set-up.
    """

    emulator = "rp2040js"

    def __init__(self, image: Path, board: Board) -> None:
        """Starts `image`: a UF2, ELF or binary file that begins with a second-stage loader.

        Raises:
            ToolError: rp2040js is missing, or the board is no RP2040.
            InputError: the image cannot be read, or lies outside of the flash.
        """
        reason = why_not(board)
        if reason:
            raise ToolError(Problem(f"rp2040js cannot run {board.title}", why=reason))
        problem = missing(board)
        if problem:
            raise ToolError(problem)
        flash = board.placement.code
        content = bytearray()
        for segment in read_flat(image, flash.origin):
            at = segment.address - flash.origin
            if at < 0 or segment.address + len(segment.data) > flash.end:
                raise InputError(
                    Problem(
                        f"{len(segment.data)} bytes at {segment.address:#010x} are not in flash",
                        where=str(image),
                    )
                )
            content.extend(b"\xff" * (at + len(segment.data) - len(content)))
            content[at : at + len(segment.data)] = segment.data
        self._folder = tempfile.TemporaryDirectory(prefix="edgegen-rp2040-")
        path = Path(self._folder.name) / "flash.bin"
        path.write_bytes(content)
        self._frames = bytearray()
        self._written = 0
        self._fault: str | None = None
        self.clock_hz: int | None = None
        super().__init__(["node", str(_SCRIPT), str(find_package()), str(path)])

    def write(self, data: bytes) -> None:
        """See `Session`."""
        with self._arrived:
            self._written += len(data)
            self.waits = False
        super().write(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Session`."""
        data = super().read(timeout_s)
        if not data and self._fault:
            raise EmulationError(Problem(self._fault))
        return data

    def feed(self, data: bytes) -> None:
        """Unpacks the frames of rp2040js_run.cjs."""
        self._frames += data
        while len(self._frames) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._frames)
            end = _HEAD.size + size
            if len(self._frames) < end:
                return
            payload = bytes(self._frames[_HEAD.size : end])
            del self._frames[:end]
            if kind == b"o":
                self._received += payload
            elif kind == b"i":
                self._note(json.loads(payload))
            else:
                self._fault = payload.decode()
                self.waits = True

    def _note(self, state: dict[str, float]) -> None:
        """The firmware waits, unless bytes are on their way to it."""
        self.waits = state["taken"] == self._written
        self.cycles = int(state["cycles"])
        self.clock_hz = int(state["hz"])
        self.baud = state["baud"]

    def close(self) -> None:
        """See `Session`."""
        super().close()
        self._folder.cleanup()
