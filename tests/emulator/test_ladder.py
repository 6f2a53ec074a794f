"""The other rungs: firmware that talks through its UART in QEMU and rp2040js; what is missing."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edgegen.emulate import rp2040js
from edgegen.emulate.ladder import choose, start
from edgegen.emulate.qemu_session import QemuSession
from edgegen.emulate.result import EmulationError
from edgegen.errors import InputError, ToolError
from edgegen.target.board import Board, list_boards, load_board
from tests.emulator.console_kit import build_console, uf2, with_loader

if TYPE_CHECKING:
    from pathlib import Path

    from edgegen.emulate.session import Session

QEMU_BOARDS = [b for b in list_boards() if b.qemu_machine and b.console and b.core.isa == "arm"]
needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is missing"
)
PICO = load_board("rp2040")
NO_RP2040JS = rp2040js.missing(PICO)
needs_rp2040js = pytest.mark.skipif(
    NO_RP2040JS is not None, reason=NO_RP2040JS.what if NO_RP2040JS else ""
)


def until(session: Session, wanted: bytes, seconds: float = 20.0) -> bytes:
    """What the firmware says, up to and with `wanted`."""
    said, deadline = b"", time.monotonic() + seconds
    while wanted not in said:
        assert time.monotonic() < deadline, f"only {said!r}"
        said += session.read(1.0)
    return said


@needs_qemu
@pytest.mark.parametrize("board", QEMU_BOARDS, ids=lambda board: board.name)
def test_console_in_qemu(board: Board, tmp_path: Path) -> None:
    with closing(start(build_console(tmp_path, board), board, "qemu")) as session:
        assert until(session, b"\n") == b"hello\n"
        session.write(b"abc" * 100)
        assert until(session, b"bcd" * 100) == b"bcd" * 100
        assert session.exit_code is None
    assert session.exit_code is not None


@needs_qemu
def test_icount_makes_systick_repeatable(tmp_path: Path) -> None:
    board = load_board("mps2_an385")
    init = "AT(0xE000E014u) = 0xFFFFFFu; AT(0xE000E018u) = 0u; AT(0xE000E010u) = 5u;"
    init += "for (volatile int i = 0; i < 10000; ++i) {} uint32_t v = AT(0xE000E018u);"
    elf = build_console(tmp_path, board, init=init, commands="hex(v);")
    seen = set()
    for _ in range(2):
        with closing(QemuSession(elf, board, icount=7)) as session:
            until(session, b"hello\n")
            session.write(b"a")
            seen.add(until(session, b"\n")[:8])
    assert len(seen) == 1
    # 2**7 ns of a 25 MHz clock are 3.2 ticks an instruction; a turn of the loop has 4 to 6.
    ticks = 0xFFFFFF - int(seen.pop(), 16)
    assert 4 * 3.2 * 10000 <= ticks <= 7 * 3.2 * 10000


@needs_qemu
def test_qemu_that_fails_says_why(tmp_path: Path) -> None:
    # Its first words are no addresses. The FPU's registers are not shown.
    image = tmp_path / "text.bin"
    image.write_bytes(b"a text, and no firmware at all")
    session = QemuSession(image, load_board("stm32f4discovery"))
    with pytest.raises(EmulationError, match="qemu: fatal: Lockup") as error:
        session.read(20.0)
    assert "s00=" not in str(error.value)
    session.close()


@needs_qemu
@pytest.mark.parametrize(
    ("image", "message"), [("none.elf", "No such file"), ("pico.bin", "built for another board")]
)
def test_images_that_qemu_would_run_in_silence(image: str, message: str, tmp_path: Path) -> None:
    elf = build_console(tmp_path, load_board("rp2040"))
    elf.rename(tmp_path / "pico.bin")
    with pytest.raises(InputError, match=message):
        QemuSession(tmp_path / image, load_board("mps2_an385"))


def test_icount_has_limits(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not between 0 and 10"):
        QemuSession(tmp_path / "x.elf", load_board("mps2_an385"), icount=11)


def test_board_that_qemu_lacks(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"qemu cannot run Nordic(?s:.*)here can: unicorn"):
        start(tmp_path / "x.elf", load_board("nrf52840dk"), "qemu")


def test_missing_emulator_names_the_package_and_the_alternative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"apt install qemu-system-arm(?s:.*)here can: unicorn"):
        choose(load_board("mps2_an385"), "qemu")
    with pytest.raises(ToolError, match="apt install nodejs"):
        choose(PICO, "rp2040js")


def test_missing_npm_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node").write_text("#!/bin/sh\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(rp2040js.VARIABLE, str(tmp_path))
    with pytest.raises(ToolError, match=r"npm install --prefix .node rp2040js@1\.4\.1"):
        choose(PICO, "rp2040js")


@needs_rp2040js
def test_pico_boots_from_uf2_in_rp2040js(tmp_path: Path) -> None:
    image = tmp_path / "pico.uf2"
    image.write_bytes(uf2(0x10000000, with_loader(build_console(tmp_path, PICO))))
    with closing(start(image, PICO, "rp2040js")) as session:
        assert until(session, b"\n") == b"hello\n"
        session.write(b"abc" * 100)
        assert until(session, b"bcd" * 100) == b"bcd" * 100
        assert session.read(10.0) == b""
        assert session.waits
        assert session.cycles is not None
        assert session.cycles > 1000


@needs_rp2040js
def test_cycles_of_rp2040js_and_unicorn_agree(tmp_path: Path) -> None:
    commands = 'for (uint32_t i = 0; i < 100000u; ++i) { __asm__ volatile("nop"); }'
    elf = build_console(tmp_path, PICO, commands=commands)
    (tmp_path / "pico.bin").write_bytes(with_loader(elf))
    spent = []
    for emulator, image in (("rp2040js", "pico.bin"), ("unicorn", "console.elf")):
        with closing(start(tmp_path / image, PICO, emulator)) as session:
            until(session, b"\n")
            while session.read(1.0) or not session.waits:
                pass
            before = session.cycles
            session.write(b"a")
            until(session, b"b")
            while session.read(1.0) or not session.waits:
                pass
            assert before is not None
            assert session.cycles is not None
            spent.append(session.cycles - before)
    assert spent[0] == pytest.approx(spent[1], rel=0.01)


@needs_rp2040js
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda flash: b"\1" + flash[1:], "checksum of the second-stage loader is wrong"),
        (lambda flash: flash[:100], "checksum of the second-stage loader is wrong"),
    ],
)
def test_damaged_loader(damage: object, message: str, tmp_path: Path) -> None:
    assert callable(damage)
    image = tmp_path / "pico.bin"
    image.write_bytes(damage(with_loader(build_console(tmp_path, PICO))))
    with (
        closing(start(image, PICO, "rp2040js")) as session,
        pytest.raises(EmulationError, match=message),
    ):
        session.read(20.0)


@needs_rp2040js
def test_image_outside_of_flash(tmp_path: Path) -> None:
    image = tmp_path / "pico.uf2"
    image.write_bytes(uf2(0x20000000, b"abc"))
    with pytest.raises(InputError, match="0x20000000 are not in flash"):
        start(image, PICO, "rp2040js")
