"""Renode's files: their shape, their facts, their registers; run where Renode is installed."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.devices.bus import Bus
from edgegen.emulate.devices.clocks import FAMILIES
from edgegen.emulate.ladder import choose, start
from edgegen.emulate.renode import renode_files, why_not
from edgegen.errors import ToolError
from edgegen.target.board import Board, list_boards, load_board
from tests.emulator.console_kit import build_console
from tests.support.small import small_model

WANTED = ("nrf52840dk", "stm32f4discovery", "nucleo_h743zi", "nucleo_l4r5zi")
BOARDS = [board for board in list_boards() if why_not(board) is None]


@dataclass
class Entry:
    """A peripheral of a .repl file."""

    kind: str
    ranges: list[int]
    size: int | None
    properties: dict[str, str]


def parse(text: str) -> dict[str, Entry]:
    """Reads a platform description as far as ours goes; anything else is an error."""
    entries: dict[str, Entry] = {}
    entry: Entry | None = None
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.startswith("//"):
            continue
        head = re.fullmatch(r"(\w+): (\w+\.\w+) @ (.+)", line)
        if head:
            assert head[1] not in entries
            places = re.findall(r"sysbus <?(0x[0-9a-fA-F]{8})(?:, \+(0x[0-9a-f]+)>)?", head[3])
            assert places or head[3] == "sysbus"
            size = next((int(s, 16) for _, s in places if s), None)
            entry = Entry(head[2], [int(place, 16) for place, _ in places], size, {})
            entries[head[1]] = entry
            continue
        assert entry is not None, line
        inner = re.fullmatch(r"    (?:(\w+): (.+)|-> (\w+)@(\d+))", line)
        assert inner, line
        if inner[3]:
            assert inner[3] in ("cpu", "nvic")
        elif inner[2] == "'''":
            script = []
            while (part := next(lines)) != "'''":
                script.append(part)
            entry.properties["script"] = "\n".join(script)
        else:
            entry.properties[inner[1]] = inner[2]
            if inner[1] == "size":
                entry.size = int(inner[2], 16)
    return entries


def test_boards_that_must_be_there() -> None:
    assert set(WANTED) <= {board.name for board in BOARDS}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_description_has_the_facts_of_the_board(board: Board) -> None:
    assert board.console
    assert board.clock
    entries = parse(renode_files(board)["board.repl"])
    memories = {n.removeprefix("memory_"): e for n, e in entries.items() if "memory_" in n}
    assert set(memories) == {region.name for region in board.regions}
    for region in board.regions:
        entry = memories[region.name]
        assert entry.kind == "Memory.MappedMemory"
        assert sorted(entry.ranges) == sorted(window.start for window in region.windows)
        assert entry.size == region.size
    assert entries["cpu"].kind == "CPU.CortexM"
    core = entries["cpu"].properties["cpuType"].strip('"')
    assert core.replace("+", "plus") == board.core.cpu
    uart = entries[board.console.uart]
    assert uart.ranges == [board.console.base]
    model = {
        "stm32_v1": "UART.STM32_UART",
        "nrf_uarte": "UART.NRF52840_UART",
        "stm32_v2": "UART.STM32F7_USART",
        "lpuart": "UART.STM32F7_USART",
    }
    assert uart.kind == model[board.console.kind]
    if uart.kind == "UART.STM32F7_USART":
        assert int(uart.properties["frequency"]) == board.clock.bus_hz
    spans = sorted((at, at + (e.size or 4)) for e in entries.values() for at in e.ranges)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.mark.parametrize("capitals", [False, True], ids=["lower", "capitals"])
@pytest.mark.parametrize("name", WANTED)
def test_registers_do_what_the_models_in_unicorn_do(name: str, capitals: bool) -> None:
    board = load_board(name)
    assert board.soc
    family, bus, rng = FAMILIES[board.soc.family], Bus(), random.Random(7)
    for address, value in family.reset.items():
        bus.poke(address, value)
    bus.follow(family.rules)
    entries = parse(renode_files(board)["board.repl"])
    blocks = {e.ranges[0]: e for e in entries.values() if e.kind == "Python.PythonPeripheral"}
    # All that waits for a clock is there.
    assert {rule.source & ~0x3FF for rule in family.rules} & set(blocks)
    for base, entry in blocks.items():
        state: dict[str, object] = {}

        def access(kind: str, offset: int, value: int = 0) -> int:
            # Renode's scripts/pydev have request.isInit until 2024, and request.IsInit since.
            flags = {flag: flag == kind for flag in ("isInit", "isRead", "isWrite", "isUser")}
            fields = {**flags, "offset": offset, "value": value}
            if capitals:
                fields = {name[0].upper() + name[1:]: value for name, value in fields.items()}
            request = SimpleNamespace(**fields)
            state["request"] = request  # noqa: B023
            exec(entry.properties["script"], state)  # noqa: B023
            result: int = request.Value if capitals else request.value
            return result

        access("isInit", 0)
        for _ in range(200):
            offset, value = 4 * rng.randrange(64), rng.getrandbits(32)
            access("isWrite", offset, value)
            bus.write(base + offset, 4, value)
            other = 4 * rng.randrange(64)
            assert access("isRead", other) == bus.read(base + other, 4)


def test_emitted_files_belong_together(tmp_path: Path) -> None:
    out = tmp_path / "renode"
    call = ("run", small_model(tmp_path), "-b", "stm32f4discovery", "--emulator", "renode")
    result = CliRunner().invoke(main, [str(a) for a in (*call, "--emit", out)])
    assert result.exit_code == 0, result.output
    assert {p.name for p in out.iterdir()} == {
        *("board.repl", "run.resc", "test.robot", "firmware.elf"),
    }
    assert (out / "firmware.elf").read_bytes()[:4] == b"\x7fELF"
    script, robot = (out / "run.resc").read_text(), (out / "test.robot").read_text()
    assert "$ORIGIN/board.repl" in script
    assert "$ORIGIN/firmware.elf" in script
    assert "cpu VectorTableOffset 0x8000000" in script
    assert "showAnalyzer sysbus.usart2" in script
    assert "include @${CURDIR}/run.resc" in robot
    assert re.search(r"^\$\{UART\} +sysbus\.usart2$", robot, re.M)
    assert str(tmp_path) not in script + robot + (out / "board.repl").read_text()
    again = CliRunner().invoke(main, [str(a) for a in ("run", *call[1:4], "--emit", out)])
    assert "--emit is for one model or image and --emulator renode" in again.output
    (tmp_path / "text.bin").write_text("no ELF file")
    refused = ("run", tmp_path / "text.bin", *call[2:], "--emit", tmp_path / "other")
    other = CliRunner().invoke(main, [str(a) for a in refused])
    assert "is not an ELF file" in other.output
    assert not (tmp_path / "other").exists()


def test_board_without_a_description() -> None:
    with pytest.raises(ToolError, match="no description is made for the family rp2040"):
        renode_files(load_board("rp2040"))


@pytest.mark.skipif(shutil.which("renode") is not None, reason="renode is installed")
def test_missing_renode_says_what_helps() -> None:
    with pytest.raises(ToolError, match=r"install it from renode\.io; --emit DIR"):
        choose(load_board("nrf52840dk"), "renode")


STAND_IN = r"""#!{python}
import re, socket, sys
commands = [b for a, b in zip(sys.argv, sys.argv[1:]) if a == "-e"]
assert sys.argv[1:5] == ["--disable-gui", "--console", "--plain", "--hide-log"]
assert re.fullmatch(r"include @.+/run.resc", commands[0])
port = re.fullmatch(r'emulation CreateServerSocketTerminal (\d+) "console" false', commands[1])
assert commands[2:] == ["connector Connect sysbus.uarte0 console", "start"]
server = socket.create_server(("127.0.0.1", int(port[1])))
peer, _ = server.accept()
peer.sendall(b"hello\n")
while data := peer.recv(100):
    peer.sendall(data.upper())
"""


def test_session_over_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in that takes Renode's command line: the plumbing, not the emulation."""
    stand_in = tmp_path / "renode"
    stand_in.write_text(STAND_IN.replace("{python}", sys.executable))
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    board = load_board("nrf52840dk")
    image = tmp_path / "firmware.elf"
    image.write_bytes(b"\x7fELF")
    with closing(start(image, board, "renode")) as session:
        said = b""
        while b"\n" not in said:
            said += session.read(10.0)
        assert said == b"hello\n"
        assert session.read(0.01) == b""
        session.write(b"abc")
        assert session.read(10.0) == b"ABC"


@pytest.mark.skipif(shutil.which("renode-test") is None, reason="renode-test is missing")
@pytest.mark.parametrize("name", WANTED)
def test_robot_in_renode(name: str, tmp_path: Path) -> None:
    board, out = load_board(name), tmp_path / "renode"
    call = ("run", small_model(tmp_path), "-b", name, "--emulator", "renode", "--emit", out)
    assert CliRunner().invoke(main, [str(a) for a in call]).exit_code == 0
    done = subprocess.run(
        ["renode-test", str(out / "test.robot")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    image = build_console(tmp_path, board)
    with closing(start(image, board, "renode")) as session:
        said = b""
        while b"hello" not in said:
            said += session.read(30.0)
