"""The host's half: semihosting calls, the native counter's build, instruction lengths, painting."""

from __future__ import annotations

import stat
import struct
import tempfile
from typing import TYPE_CHECKING

import pytest

from edgegen.emulate import native
from edgegen.emulate.blocks import instructions_in
from edgegen.emulate.semihost import Semihost, UnknownCallError
from edgegen.emulate.stack import StackGauge

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENTS, NAME, BUFFER = 0, 64, 128
FAILED = 0xFFFFFFFF
OPEN, CLOSE, WRITEC, WRITE0, WRITE, READ = range(1, 7)
ISTTY, SEEK, FLEN, EXIT, EXIT_EXTENDED = 0x09, 0x0A, 0x0C, 0x18, 0x20
APPLICATION_EXIT = 0x20026


class Ram:
    """256 bytes."""

    def __init__(self) -> None:
        self.bytes = bytearray(256)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.bytes[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        self.bytes[address : address + len(data)] = data


class Caller:
    """Makes calls as firmware does."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.host = Semihost.with_files(files or {})
        self.ram = Ram()

    def call(self, operation: int, *words: int) -> int:
        self.ram.write(ARGUMENTS, struct.pack(f"<{len(words)}I", *words))
        return self.host.call(operation, ARGUMENTS, self.ram)

    def open(self, name: str, mode: int) -> int:
        self.ram.write(NAME, name.encode())
        return self.call(OPEN, NAME, mode, len(name))


def test_reading_stops_at_the_end() -> None:
    caller = Caller({"in": b"abcde"})
    file = caller.open("in", 1)
    assert [caller.call(READ, file, BUFFER, 4) for _ in range(3)] == [0, 3, 4]
    assert caller.ram.read(BUFFER, 4) == b"ebcd"
    assert (caller.call(FLEN, file), caller.call(SEEK, file, 1)) == (5, 0)
    assert caller.call(READ, file, BUFFER, 4) == 0
    assert caller.ram.read(BUFFER, 4) == b"bcde"
    assert caller.call(SEEK, file, 9) == FAILED
    assert (caller.call(CLOSE, file), caller.call(CLOSE, file)) == (0, FAILED)
    assert caller.call(READ, file, BUFFER, 4) == 4
    assert caller.call(WRITE, file, BUFFER, 4) == 4
    assert caller.call(FLEN, file) == FAILED


def test_writing_truncates_and_appending_does_not() -> None:
    caller = Caller({"out": b"old"})
    caller.ram.write(BUFFER, b"xyz")
    assert caller.call(WRITE, caller.open("out", 9), BUFFER, 2) == 0
    assert caller.host.files["out"] == b"oldxy"
    file = caller.open("out", 5)
    assert caller.host.files["out"] == b""
    assert caller.call(WRITE, file, BUFFER, 3) == 0
    assert caller.call(READ, file, BUFFER, 3) == 3
    assert caller.host.files["out"] == b"xyz"


def test_what_cannot_be_opened() -> None:
    caller = Caller()
    assert caller.open("none", 0) == FAILED
    assert caller.open("none", 12) == FAILED


def test_console() -> None:
    caller = Caller()
    console = caller.open(":tt", 5)
    caller.ram.write(BUFFER, b"one\0")
    assert caller.call(WRITE, console, BUFFER, 3) == 0
    caller.host.call(WRITE0, BUFFER, caller.ram)
    caller.host.call(WRITEC, BUFFER, caller.ram)
    assert caller.host.console == b"oneoneo"
    assert (caller.call(ISTTY, console), caller.call(READ, console, BUFFER, 2)) == (1, 2)


@pytest.mark.parametrize(
    ("words", "code"), [((APPLICATION_EXIT, 0), 0), ((APPLICATION_EXIT, 7), 7), ((0x20023, 0), 1)]
)
def test_exit_codes(words: tuple[int, int], code: int) -> None:
    caller = Caller()
    caller.call(EXIT_EXTENDED, *words)
    assert caller.host.exit_code == code


def test_plain_exit() -> None:
    caller = Caller()
    caller.host.call(EXIT, APPLICATION_EXIT, caller.ram)
    assert caller.host.exit_code == 0
    caller.host.call(EXIT, 0, caller.ram)
    assert caller.host.exit_code == 1


def test_unknown_call() -> None:
    with pytest.raises(UnknownCallError, match="0x99"):
        Caller().call(0x99)


def test_thumb_instruction_lengths() -> None:
    assert instructions_in(bytes.fromhex("7047")) == 1  # bx lr
    assert instructions_in(bytes.fromhex("00e0")) == 1  # b, first half 11100
    assert instructions_in(bytes.fromhex("2de9f04100f000f87047")) == 3
    assert instructions_in(b"") == 0


def test_stack_gauge() -> None:
    ram = Ram()
    gauge = StackGauge(ram, 64, 192)
    ram.write(180, b"\1")
    gauge.start(176)
    assert (gauge.bytes_used, gauge.run_bytes) == (12, 0)
    ram.write(100, b"\1")
    gauge.stop()
    gauge.start(176)
    ram.write(150, b"\1")
    gauge.stop()
    gauge.finish()
    assert (gauge.bytes_used, gauge.run_bytes, gauge.overflowed) == (92, 76, False)
    ram.write(64, b"\1")
    gauge.finish()
    assert gauge.overflowed


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.load_block_counter.cache_clear()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "edgegen"


def test_native_counter_is_built_once(fresh_cache: Path) -> None:
    assert native.load_block_counter() is not None
    (library,) = fresh_cache.iterdir()
    assert stat.S_IMODE(fresh_cache.stat().st_mode) == 0o700
    before = library.stat().st_mtime_ns
    native.load_block_counter.cache_clear()
    assert native.load_block_counter() is not None
    assert (list(fresh_cache.iterdir()), library.stat().st_mtime_ns) == ([library], before)


def test_cache_that_others_can_write_is_not_trusted(fresh_cache: Path) -> None:
    fresh_cache.mkdir()
    fresh_cache.chmod(0o777)
    assert native.load_block_counter() is not None
    assert list(fresh_cache.iterdir()) == []


def test_no_host_compiler(fresh_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(fresh_cache))
    assert native.load_block_counter() is None
    native.load_block_counter.cache_clear()
