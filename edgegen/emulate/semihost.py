"""The host's side of Arm semihosting, with files that live in memory.

Source: "Semihosting for AArch32 and AArch64" (Arm ABI), section 6, the operations and their
argument blocks. Only what firmware needs is here; anything else stops the run.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BKPT: Final = b"\xab\xbe"
"""The instruction `bkpt 0xab`, which asks for a semihosting call on M-profile cores."""

_APPLICATION_EXIT: Final = 0x20026
_FAILED: Final = 0xFFFFFFFF
_CONSOLE: Final = ":tt"
_FIRST_HANDLE: Final = 1


class Memory(Protocol):
    """The memory of the emulated core."""

    def read(self, address: int, size: int) -> bytes:
        """Returns `size` bytes."""

    def write(self, address: int, data: bytes) -> None:
        """Writes `data`."""


class UnknownCallError(Exception):
    """The firmware asked for an operation that is not implemented."""


@dataclass
class _OpenFile:
    """An open file; `content` is None for the console."""

    content: bytearray | None
    readable: bool
    position: int = 0


@dataclass
class Semihost:
    """Answers semihosting calls; `files` and `console` hold what the firmware wrote.

    Attributes:
        files: file name to content; give input files before the run.
        console: everything written to the console.
        exit_code: set once the firmware has ended.
    """

    files: dict[str, bytearray] = field(default_factory=dict)
    console: bytearray = field(default_factory=bytearray)
    exit_code: int | None = None
    _open: dict[int, _OpenFile] = field(default_factory=dict)
    _handles: int = _FIRST_HANDLE

    @classmethod
    def with_files(cls, files: Mapping[str, bytes]) -> Semihost:
        """A host whose files have these contents."""
        return cls(files={name: bytearray(data) for name, data in files.items()})

    def call(self, operation: int, argument: int, memory: Memory) -> int:
        """Performs one call and returns the value for r0.

        Raises:
            UnknownCallError: the operation is not implemented.
        """
        handler = _HANDLERS.get(operation)
        if handler is None:
            raise UnknownCallError(f"semihosting operation {operation:#x}")
        return handler(self, argument, memory)

    def _open_file(self, argument: int, memory: Memory) -> int:
        name_at, mode, length = _words(memory, argument, 3)
        name = memory.read(name_at, length).decode("utf-8", "replace")
        kind = "rwa"[mode // 4] if mode < 12 else ""
        if not kind or (kind == "r" and name not in self.files and name != _CONSOLE):
            return _FAILED
        if name == _CONSOLE:
            opened = _OpenFile(None, readable=False)
        else:
            if kind == "w":
                self.files[name] = bytearray()
            content = self.files.setdefault(name, bytearray())
            updates = bool(mode & 2)
            opened = _OpenFile(content, kind == "r" or updates)
            opened.position = len(content) if kind == "a" else 0
        handle = self._handles
        self._handles += 1
        self._open[handle] = opened
        return handle

    def _close(self, argument: int, memory: Memory) -> int:
        (handle,) = _words(memory, argument, 1)
        return 0 if self._open.pop(handle, None) else _FAILED

    def _read(self, argument: int, memory: Memory) -> int:
        handle, to, size = _words(memory, argument, 3)
        file = self._open.get(handle)
        if file is None or not file.readable or file.content is None:
            return size
        data = bytes(file.content[file.position : file.position + size])
        memory.write(to, data)
        file.position += len(data)
        return size - len(data)

    def _write(self, argument: int, memory: Memory) -> int:
        handle, source, size = _words(memory, argument, 3)
        file = self._open.get(handle)
        if file is None:
            return size
        data = memory.read(source, size)
        if file.content is None:
            self.console += data
        else:
            file.content[file.position : file.position + size] = data
            file.position += size
        return 0

    def _seek(self, argument: int, memory: Memory) -> int:
        handle, position = _words(memory, argument, 2)
        file = self._open.get(handle)
        if file is None or file.content is None or position > len(file.content):
            return _FAILED
        file.position = position
        return 0

    def _length(self, argument: int, memory: Memory) -> int:
        (handle,) = _words(memory, argument, 1)
        file = self._open.get(handle)
        return _FAILED if file is None or file.content is None else len(file.content)

    def _is_console(self, argument: int, memory: Memory) -> int:
        (handle,) = _words(memory, argument, 1)
        file = self._open.get(handle)
        return int(file is not None and file.content is None)

    def _write_character(self, argument: int, memory: Memory) -> int:
        self.console += memory.read(argument, 1)
        return 0

    def _write_string(self, argument: int, memory: Memory) -> int:
        while (character := memory.read(argument, 1)) != b"\0":
            self.console += character
            argument += 1
        return 0

    def _exit(self, argument: int, memory: Memory) -> int:
        del memory
        self.exit_code = 0 if argument == _APPLICATION_EXIT else 1
        return 0

    def _exit_extended(self, argument: int, memory: Memory) -> int:
        reason, code = _words(memory, argument, 2)
        self.exit_code = code if reason == _APPLICATION_EXIT else (code or 1)
        return 0


_HANDLERS: Final[Mapping[int, Callable[[Semihost, int, Memory], int]]] = {
    0x01: Semihost._open_file,
    0x02: Semihost._close,
    0x03: Semihost._write_character,
    0x04: Semihost._write_string,
    0x05: Semihost._write,
    0x06: Semihost._read,
    0x09: Semihost._is_console,
    0x0A: Semihost._seek,
    0x0C: Semihost._length,
    0x18: Semihost._exit,
    0x20: Semihost._exit_extended,
}


def _words(memory: Memory, address: int, count: int) -> tuple[int, ...]:
    return struct.unpack(f"<{count}I", memory.read(address, 4 * count))
