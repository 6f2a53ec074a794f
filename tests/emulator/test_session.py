"""Firmware that talks through its UART, in Unicorn: every register layout, time, faults, limits."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.flat import read_flat
from edgegen.emulate.ladder import choose, start
from edgegen.emulate.result import EmulationError
from edgegen.emulate.unicorn_session import UnicornSession, why_not
from edgegen.errors import InputError
from edgegen.target.board import Board, list_boards, load_board
from tests.emulator.console_kit import build_console, uf2

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = [board for board in list_boards() if why_not(board) is None]
# One board of each kind of UART.
KINDS = list({b.console.kind: b for b in BOARDS if b.console}.values())


def said(session: UnicornSession) -> bytes:
    """All that the firmware says until it waits."""
    text = b""
    while part := session.read(5.0):
        text += part
    return text


def test_every_kind_of_uart_is_there() -> None:
    kinds = {board.console.kind for board in KINDS if board.console}
    assert kinds >= {"stm32_v1", "stm32_v2", "nrf_uarte", "pl011", "cmsdk", "lpuart"}


@pytest.mark.parametrize("board", KINDS, ids=lambda board: board.name)
def test_console_answers(board: Board, tmp_path: Path) -> None:
    with closing(UnicornSession(build_console(tmp_path, board), board)) as session:
        assert said(session) == b"hello\n"
        assert session.read(5.0) == b""
        session.write(b"abc")
        session.write(b"xyz")
        assert said(session) == b"bcdyz{"
        assert session.instructions is not None
        assert session.instructions > 100


@pytest.mark.parametrize("kind", ["stm32_v1", "lpuart"])
def test_uart_must_be_enabled(kind: str, tmp_path: Path) -> None:
    board = next(b for b in KINDS if b.console and b.console.kind == kind)
    elf = build_console(tmp_path, board, enable=False)
    with (
        closing(UnicornSession(elf, board)) as session,
        pytest.raises(EmulationError, match="a UART that it has not enabled"),
    ):
        session.read(5.0)


def test_cycle_counter_agrees_with_the_session(tmp_path: Path) -> None:
    board = load_board("nrf52840dk")
    init = "AT(0xE000EDFCu) |= 1u << 24; AT(0xE0001004u) = 0u; AT(0xE0001000u) |= 1u;"
    session = UnicornSession(
        build_console(tmp_path, board, init=init, commands="hex(AT(0xE0001004u));"), board
    )
    said(session)
    shown, counted = [], []
    for _ in range(3):
        session.write(b"a")
        shown.append(int(said(session)[:8], 16))
        counted.append(session.cycles)
    # Every round does the same, so both clocks see the same time from round to round.
    assert counted[2] - counted[1] == counted[1] - counted[0] == shown[2] - shown[1]  # type: ignore[operator]


def test_systick_counts_down_and_flags_its_wrap(tmp_path: Path) -> None:
    board = load_board("rp2040")
    init = "AT(0xE000E014u) = 999u; AT(0xE000E018u) = 0u; AT(0xE000E010u) = 5u;"
    commands = """
        if (c == 'v') { uint32_t v = AT(0xE000E018u); hex(v); hex(AT(0xE000E018u)); }
        if (c == 'w') {
            (void)AT(0xE000E010u); hex(AT(0xE000E010u) >> 16);
            for (volatile int i = 0; i < 500; ++i) {}
            hex(AT(0xE000E010u) >> 16);
        }"""
    session = UnicornSession(build_console(tmp_path, board, init=init, commands=commands), board)
    said(session)
    session.write(b"v")
    first, second = (int(line, 16) for line in said(session).split()[:2])
    assert first < 1000
    assert second < 1000
    assert first != second
    session.write(b"w")
    assert said(session).split()[:2] == [b"00000000", b"00000001"]


def test_systick_exception_extends_the_count(tmp_path: Path) -> None:
    board = load_board("rp2040")
    init = "AT(0xE000E014u) = 9999u; AT(0xE000E018u) = 0u; AT(0xE000E010u) = 7u;"
    commands = """
        if (c == 'w') { for (volatile int i = 0; i < 20000; ++i) {} }
        uint32_t before, value;
        do { before = ticks; value = AT(0xE000E018u); } while (before != ticks);
        hex(before); hex(value);"""
    session = UnicornSession(build_console(tmp_path, board, init=init, commands=commands), board)
    said(session)
    times, counts = [], []
    for byte in (b"a", b"w", b"a", b"w"):
        session.write(byte)
        ticks, value = (int(line, 16) for line in said(session).split()[:2])
        times.append(ticks * 10000 + (10000 - value) % 10000)
        counts.append(session.cycles or 0)
    assert times[1] - times[0] > 15 * 10000
    for i in (1, 2, 3):
        # What the answer takes comes between the two clocks.
        assert times[i] - times[i - 1] == pytest.approx(counts[i] - counts[i - 1], abs=1500)


def test_systick_handler_that_does_not_return(tmp_path: Path) -> None:
    board = load_board("rp2040")
    init = "AT(0xE000E014u) = 999u; AT(0xE000E018u) = 0u; AT(0xE000E010u) = 7u;"
    commands = "for (;;) {}"
    elf = build_console(tmp_path, board, init=init, commands=commands, tick="for (;;) {}")
    session = UnicornSession(elf, board)
    session.write(b"a")
    with pytest.raises(EmulationError, match="the handler of SysTick does not return"):
        said(session)


def test_microseconds_of_the_rp2040(tmp_path: Path) -> None:
    board = load_board("rp2040")
    assert board.clock
    session = UnicornSession(
        build_console(tmp_path, board, commands="hex(AT(0x40054028u));"), board
    )
    said(session)
    session.write(b"a")
    micros = int(said(session)[:8], 16)
    assert session.cycles
    assert micros <= session.cycles * 1e6 / board.clock.hz


def test_atomic_aliases_of_the_rp2040(tmp_path: Path) -> None:
    board = load_board("rp2040")
    # RESETS: clearing UART0's bit through the alias makes RESET_DONE follow.
    init = "AT(0x4000C000u + 0x3000u) = 1u << 22; while (!(AT(0x4000C008u) & 1u << 22)) {}"
    commands = "hex(AT(0x4000C000u)); AT(0x4000E000u) = 1u << 22; hex(AT(0x4000C008u));"
    session = UnicornSession(build_console(tmp_path, board, init=init, commands=commands), board)
    assert said(session) == b"hello\n"
    session.write(b"a")
    assert said(session).split()[:2] == [b"01bfffff", b"00000000"]


def test_fault_is_named_and_stays(tmp_path: Path) -> None:
    board = load_board("nrf52840dk")
    session = UnicornSession(
        build_console(tmp_path, board, commands="AT(0x90000000u) = 1u;"), board
    )
    assert said(session) == b"hello\n"
    session.write(b"a")
    for _ in range(2):
        with pytest.raises(EmulationError, match="write to unmapped address 0x90000000"):
            session.read(5.0)


def test_easydma_does_not_reach_flash(tmp_path: Path) -> None:
    board = load_board("nrf52840dk")
    commands = "R(0x544) = 0u; R(0x548) = 4u; R(0x008) = 1u;"
    session = UnicornSession(build_console(tmp_path, board, commands=commands), board)
    said(session)
    session.write(b"a")
    with pytest.raises(EmulationError, match="EasyDMA sends from 0x00000000"):
        session.read(5.0)


def test_busy_firmware_does_not_outlast_the_time_limit(tmp_path: Path) -> None:
    board = load_board("nrf52840dk")
    session = UnicornSession(build_console(tmp_path, board, commands="for (;;) {}"), board)
    said(session)
    session.write(b"a")
    assert session.read(0.05) == b""
    assert session.read(0.05) == b""


def test_uf2_and_binary_run_like_the_elf(tmp_path: Path) -> None:
    board = load_board("rp2040")
    elf = build_console(tmp_path, board)
    (segment,) = read_flat(elf, 0)
    padded = b"\xff" * (segment.address - board.placement.code.origin) + segment.data
    (tmp_path / "console.uf2").write_bytes(uf2(board.placement.code.origin, padded))
    (tmp_path / "console.bin").write_bytes(padded)
    for file in ("console.elf", "console.uf2", "console.bin"):
        assert said(UnicornSession(tmp_path / file, board)) == b"hello\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "no whole number of UF2 blocks"),
        (lambda data: data[:-4] + b"abcd", "block 0 has no UF2 magic"),
        (lambda data: data[:16] + b"\xff\xff\0\0" + data[20:], "says that it holds 65535 bytes"),
        (lambda data: data[:20] + b"\x07" + data[21:], "number 7 of 1"),
        (lambda _data: b"", "is empty"),
    ],
)
def test_damaged_files(change: object, message: str, tmp_path: Path) -> None:
    assert callable(change)
    path = tmp_path / "x.uf2"
    path.write_bytes(change(uf2(0x10000000, b"abc")))
    with pytest.raises(InputError, match=message):
        read_flat(path, 0)


def test_image_of_another_board(tmp_path: Path) -> None:
    elf = build_console(tmp_path, load_board("rp2040"))
    with pytest.raises(InputError, match="built for another board"):
        UnicornSession(elf, load_board("nrf52840dk"))


def test_choice(tmp_path: Path) -> None:
    board = load_board("nrf52840dk")
    assert choose(board).name == "unicorn"
    with pytest.raises(InputError, match="no emulator 'bochs'"):
        choose(board, "bochs")
    with closing(start(build_console(tmp_path, board), board)) as session:
        assert session.emulator == "unicorn"


def test_console_without_a_host_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is counted then, and the cycle counter stands still."""
    monkeypatch.setattr("edgegen.emulate.cycle_clock.load_block_counter", lambda: None)
    board = load_board("nrf52840dk")
    init = "AT(0xE000EDFCu) |= 1u << 24; AT(0xE0001004u) = 0u; AT(0xE0001000u) |= 1u;"
    session = UnicornSession(
        build_console(tmp_path, board, init=init, commands="hex(AT(0xE0001004u));"), board
    )
    assert said(session) == b"hello\n"
    session.write(b"ab")
    assert said(session) == b"00000000\nb00000000\nc"
    assert session.waits
    assert (session.instructions, session.cycles) == (None, None)
