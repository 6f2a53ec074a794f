"""Renode: files that describe a board to it, and sessions where it is installed."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edgegen.codegen.environment import render
from edgegen.emulate.devices.clocks import FAMILIES, Rule
from edgegen.emulate.flat import ELF_MAGIC
from edgegen.emulate.process import ProcessSession
from edgegen.emulate.result import EmulationError
from edgegen.errors import InputError, Problem, ToolError
from edgegen.firmware.hal import hal_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgegen.target.board import Board, Region

SITE: Final = "renode.io"
_CPUS: Final = MappingProxyType(
    {
        "m0": "cortex-m0",
        "m0+": "cortex-m0+",
        "m3": "cortex-m3",
        "m4": "cortex-m4",
        "m7": "cortex-m7",
        "m33": "cortex-m33",
    }
)
_UARTS: Final = ("stm32_v1", "stm32_v2", "lpuart", "nrf_uarte")
_BLOCK: Final = 0x400
_PRIVATE: Final = 0xE000_0000
_REGISTER: Final = re.compile(r"REG\(0x([0-9A-Fa-f]{8})u")
_CONNECT_S: Final = 60.0
_CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class _Item:
    """A peripheral of the description."""

    name: str
    at: str
    size: str = ""
    model: str = ""
    options: tuple[str, ...] = ()
    script: str = ""


def why_not(board: Board) -> str | None:
    """Why there is no description of the board for Renode, or None if there is."""
    if board.console is None or board.soc is None or board.clock is None:
        return "the board's file names no console"
    if board.console.kind not in _UARTS or board.core.name not in _CPUS:
        return f"no description is made for the family {board.soc.family}"
    return None


def missing(board: Board) -> Problem | None:
    """What has to be installed, or None."""
    del board
    if shutil.which("renode") is not None:
        return None
    return Problem(
        "renode is not on PATH",
        hint=f"install it from {SITE}; --emit DIR writes its files without running it",
    )


def renode_files(board: Board, *, console: bool = True) -> dict[str, str]:
    """What Renode needs to run `firmware.elf` of the same folder: text by name.

    Args:
        board: what to describe.
        console: whether the firmware has the console, so that the test can talk to it.

    Raises:
        ToolError: there is no description of this board.
    """
    reason = why_not(board)
    if reason:
        raise ToolError(Problem(f"Renode cannot run {board.title}", why=reason))
    assert board.console is not None
    assert board.clock is not None
    view = {
        "title": board.title,
        "site": SITE,
        "board": board.name,
        "hz": board.clock.hz,
        "mips": max(board.clock.hz // 1_000_000, 1),
        "cpu": _CPUS[board.core.name],
        "has_dwt": board.core.name not in ("m0", "m0+"),
        "memories": [_memory(region) for region in board.regions],
        "blocks": _blocks(board),
        "vectors": f"{board.placement.code.usable_origin:#x}",
        "console": console,
    }
    return {
        "board.repl": render("renode/board.repl.j2", uart=_uart(board), **view),
        "run.resc": render("renode/run.resc.j2", uart=_uart_path(board), **view),
        "test.robot": render("renode/test.robot.j2", uart=_uart_path(board), **view),
    }


def read_elf(path: Path) -> bytes:
    """An image, which has to be an ELF file for Renode's files to load it.

    Raises:
        InputError: it is not, or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", where=str(path))) from error
    if not data.startswith(ELF_MAGIC):
        raise InputError(Problem("is not an ELF file", where=str(path), hint="firmware.elf is"))
    return data


def _uart_path(board: Board) -> str:
    assert board.console is not None
    return f"sysbus.{board.console.uart}"


def _uart(board: Board) -> _Item:
    """Renode's model of the console."""
    assert board.console is not None
    assert board.clock is not None
    name, base = board.console.uart, f"sysbus {board.console.base:#010x}"
    if board.console.kind == "stm32_v1":
        at = f"sysbus <{board.console.base:#010x}, +0x100>"
        return _Item(name, at, model="STM32_UART")
    if board.console.kind == "nrf_uarte":
        return _Item(name, base, model="NRF52840_UART", options=("easyDMA: true",))
    options = [f"frequency: {board.clock.bus_hz}"]
    if board.console.kind == "lpuart":
        options.append("lowPowerMode: true")
    return _Item(name, base, model="STM32F7_USART", options=tuple(options))


def _memory(region: Region) -> _Item:
    at = f"sysbus {region.origin:#010x}"
    if region.code_origin is not None:
        at = f"{{ sysbus {region.code_origin:#010x}; {at} }}"
    return _Item(f"memory_{region.name}", at, size=f"{region.size:#x}")


def _blocks(board: Board) -> list[_Item]:
    """The blocks of registers that start-up code uses, but for the console and the core's own."""
    assert board.console is not None
    assert board.soc is not None
    text = hal_files(board)["board.c"]
    used = {int(found, 16) & -_BLOCK for found in _REGISTER.findall(text)}
    used = {block for block in used if block < _PRIVATE and block != board.console.base & -_BLOCK}
    family = FAMILIES.get(board.soc.family)
    rules = [r for r in family.rules if r.how == "copy"] if family else []
    reset = family.reset if family else {}
    # Neighbours are one, as bits of the one may follow bits of the other.
    starts = sorted(block for block in used if block - _BLOCK not in used)
    ends = sorted(block + _BLOCK for block in used if block + _BLOCK not in used)
    return [
        _Item(
            f"registers_{start:08x}",
            f"{start:#010x}",
            size=f"{end - start:#x}",
            script=register_script(start, end, rules, reset),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def register_script(block: int, end: int, rules: list[Rule], reset: Mapping[int, int]) -> str:
    """Python for Renode: words that keep their value, and bits that follow others."""

    def inside(address: int) -> bool:
        return block <= address < end

    values = {address - block: value for address, value in reset.items() if inside(address)}
    own = [
        (r.source - block, r.low, r.width, r.target - block, r.to)
        for r in rules
        if inside(r.source) and inside(r.target)
    ]
    words = ", ".join(f"{offset:#x}: {value:#x}" for offset, value in sorted(values.items()))
    table = ", ".join(f"({s:#x}, {low}, {width}, {t:#x}, {to})" for s, low, width, t, to in own)
    # Renode capitalised the names of a request's attributes; see its scripts/pydev.
    return f"""new = hasattr(request, "IsInit")
offset = request.Offset if new else request.offset
if request.IsInit if new else request.isInit:
    words = {{{words}}}
    follow = [{table}]
elif request.IsWrite if new else request.isWrite:
    words[offset] = request.Value if new else request.value
elif new:
    request.Value = words.get(offset, 0)
else:
    request.value = words.get(offset, 0)
for source, low, width, target, to in follow:
    ones = (1 << width) - 1
    bits = words.get(source, 0) >> low & ones
    words[target] = words.get(target, 0) & ~(ones << to) | bits << to
"""


class RenodeSession(ProcessSession):
    """Firmware in Renode, its console over a socket of this machine; implements `Session`."""

    emulator = "renode"

    def __init__(self, image: Path, board: Board) -> None:
        """Starts `image`, an ELF file that was linked for `board`.

        Raises:
            ToolError: Renode is missing, or there is no description of the board.
            InputError: the image is no ELF file.
            EmulationError: it does not open its socket.
        """
        problem = missing(board)
        if problem:
            raise ToolError(problem)
        elf = read_elf(image)
        self._folder = tempfile.TemporaryDirectory(prefix="edgegen-renode-")
        folder = Path(self._folder.name)
        for name, text in renode_files(board).items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "firmware.elf").write_bytes(elf)
        port = _free_port()
        commands = (
            f"include @{folder / 'run.resc'}",
            f'emulation CreateServerSocketTerminal {port} "console" false',
            f"connector Connect {_uart_path(board)} console",
            "start",
        )
        super().__init__(
            [
                *("renode", "--disable-gui", "--console", "--plain", "--hide-log"),
                *(part for command in commands for part in ("-e", command)),
            ]
        )
        try:
            self._socket = self._connect(port)
        except EmulationError:
            self.close()
            raise

    def feed(self, data: bytes) -> None:
        """Keeps what Renode itself says, for when it fails."""
        self._complaints.extend(data.decode("utf-8", "replace").splitlines())

    def _connect(self, port: int) -> socket.socket:
        end = time.monotonic() + _CONNECT_S
        while self.exit_code is None and time.monotonic() < end:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1.0)
            except OSError:
                time.sleep(0.1)
        raise self._failure("renode does not open the console's socket")

    def write(self, data: bytes) -> None:
        """See `Session`."""
        self._socket.sendall(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Session`."""
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            return b""
        if not data:
            raise self._failure("renode has closed the console's socket")
        return data

    def close(self) -> None:
        """See `Session`."""
        if hasattr(self, "_socket"):
            self._socket.close()
        super().close()
        self._folder.cleanup()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
