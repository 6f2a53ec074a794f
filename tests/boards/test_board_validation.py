"""What a wrong board file is told: every problem, its place, and a close match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgegen.errors import BoardError
from edgegen.resources import boards_dir
from edgegen.target.board import load_board, parse_board
from edgegen.target.cores import CORES
from edgegen.target.soc import Clock, Console, Energy, Soc

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
name = "mine"
title = "My board"
aliases = ["own"]
[cpu]
core = "m4"
fpu = "none"
clock_hz = 1_000_000
[[memory]]
name = "flash"
kind = "flash"
origin = 0
size = 0x1000
reserved = 16
[[memory]]
name = "ram"
kind = "ram"
origin = 0x20000000
size = 0x800
[placement]
code = "flash"
weights = "flash"
data = "ram"
arena = "ram"
stack = "ram"
stack_bytes = 512
[startup]
set_vtor = true
[flash]
wait_states = 3
[[flash.cache]]
kind = "unified"
line_bytes = 16
lines = 4
ways = 2
[emulator]
qemu_machine = "mps2-an386"
[soc]
family = "stm32l4"
device = "stm32l476rgt6"
[clock]
source = "hse"
crystal_hz = 8_000_000
hz = 1_000_000
pll = { m = 2, n = 10 }
dividers = { ppre1 = 4 }
wait_states = 1
bus_hz = 250_000
[console]
uart = "usart2"
base = 0x4000_4400
kind = "stm32_v2"
tx = "PA2"
rx = "PA15"
function = 7
baud = 9_600
reaches = "a plug"
[energy]
ma_per_mhz = 0.5
volts = 3
"""


def test_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    board = load_board(path)
    assert board == load_board(str(path)) == parse_board(GOOD, "mine.toml")
    assert (board.name, board.aliases, board.core, board.fpu) == (
        "mine",
        ("own",),
        CORES["m4"],
        "none",
    )
    flash, ram = board.regions
    assert (flash.usable_origin, flash.usable_size, flash.end) == (16, 0xFF0, 0x1000)
    assert board.region("ram") is ram
    assert board.placement.stack is ram
    assert (board.flash.caches[0].ways, board.flash.caches[0].bytes) == (2, 64)
    assert (board.flash.read_bytes, board.flash.prefetch) == (None, False)
    assert (ram.code_origin, board.placement.ram_code) == (None, ram)
    # Reading ahead hides up to 3 wait states.
    assert board.flash.loop_bytes is None
    slow = parse_board(GOOD.replace("wait_states = 3", "wait_states = 4"), "mine.toml")
    assert slow.flash.loop_bytes == slow.tuned_core.loop_bytes == 56
    assert not board.has_fpu
    assert board.qemu_machine == "mps2-an386"
    assert board.platformio is None
    assert board.soc == Soc("stm32l4", "stm32l476rgt6")
    assert board.clock == Clock(
        "hse", 8_000_000, 1_000_000, {"m": 2, "n": 10}, {"ppre1": 4}, 1, 250_000
    )
    assert board.console == Console(
        "usart2", 0x40004400, "stm32_v2", "PA2", "PA15", 7, 9_600, "a plug"
    )
    assert board.energy == Energy(0.5, 3.0)
    assert board.energy.kind == "estimate"
    # A million cycles at 1 MHz are 1 s at 0.5 mA and 3 V.
    assert board.energy.millijoules(1e6) == pytest.approx(1.5)


def test_tables_for_start_up_code_are_optional() -> None:
    board = parse_board(GOOD[: GOOD.index("[soc]")], "mine.toml")
    assert (board.soc, board.clock, board.console, board.energy) == (None, None, None, None)


CASES = {
    "not TOML": ("[cpu]", "[cpu", "mine.toml: is not valid TOML"),
    "missing": ('name = "mine"\n', "", "mine.toml, name: is missing; expected a string"),
    "wrong type": ('"My board"', "7", "mine.toml, title: must be a string, not an integer"),
    "bool is no integer": ("1_000_000", "true", "clock_hz: must be an integer, not true or false"),
    "float": ("wait_states = 3", "wait_states = 1.5", "must be an integer, not a float"),
    "range": ("wait_states = 3", "wait_states = 65", "flash.wait_states: must be between 0 and 64"),
    "unknown key": ("clock_hz", "clock_mhz", "cpu.clock_mhz: is not a known key"),
    "suggestion": ("clock_hz", "clock_mhz", "did you mean 'clock_hz'"),
    "unknown table": ("[emulator]", "[simulator]", "simulator: is not a known key"),
    "core": ('core = "m4"', 'core = "M4f"', "did you mean 'm4'"),
    "fpu of another core": ('fpu = "none"', 'fpu = "fpv5-d16"', "known: fpv4-sp-d16, none"),
    "name": ('name = "mine"', 'name = "Mine!"', "'Mine!' is not a lower-case identifier"),
    "strings": ('["own"]', "[1]", "aliases: must hold strings only"),
    "array": ('["own"]', '"own"', "aliases: must be an array, not a string"),
    "table": ("[flash]\nwait_states = 3\n[[flash.cache]]", "[[flash]]", "must be a table, not an"),
    "region name": ('name = "ram"', 'name = "a b"', "memory[1].name: 'a b' is not"),
    "region twice": ('name = "ram"', 'name = "flash"', "'flash' is used twice"),
    "kind": ('kind = "ram"', 'kind = "rom"', "memory[1].kind: is 'rom'"),
    "overlap": ("0x20000000", "0xFFF", "memory[1]: overlaps region 'flash'"),
    "past the end": ("0x20000000", "0xFFFFFFF0", "ends past the 4 GB address space"),
    "reserved": ("reserved = 16", "reserved = 0x1000", "leaves nothing of the region"),
    "placement": ('arena = "ram"', 'arena = "rma"', "did you mean 'ram'"),
    "placement kind": ('code = "flash"', 'code = "ram"', "needs flash, but region 'ram' is ram"),
    "stack size": ("= 512", "= 4096", "is more than region 'ram' holds (2048)"),
    "stack alignment": ("= 512", "= 516", "placement.stack_bytes: must be a multiple of 8"),
    "stack end": ("0x800", "0x804", "does not end at a multiple of 8"),
    "alias of flash": (
        "reserved = 16",
        "reserved = 16\ncode_origin = 0x800000",
        "code_origin: is for RAM only",
    ),
    "alias not aligned": (
        "0x20000000",
        "0x20000000\ncode_origin = 0x800800",
        "code_origin: needs origin, size and code_origin in steps of 0x1000",
    ),
    "alias overlaps": (
        "0x20000000",
        "0x20000000\ncode_origin = 0",
        "memory[1]: overlaps region 'flash'",
    ),
    "alias past the end": (
        "0x20000000",
        "0x20000000\ncode_origin = 0xFFFFF900",
        "code_origin: ends past the 4 GB address space",
    ),
    "code in RAM": (
        "stack_bytes = 512",
        'stack_bytes = 512\nram_code = "flash"',
        "ram_code: needs ram, but region 'flash' is flash",
    ),
    "no arena": ('arena = "ram"', "arena = []", "placement.arena: names nothing"),
    "arena twice": ('arena = "ram"', 'arena = ["ram", "ram"]', "arena: names something twice"),
    "arena unknown": ('arena = "ram"', 'arena = ["ram", "rma"]', "did you mean 'ram'"),
    "arena in flash": (
        'arena = "ram"',
        'arena = ["ram", "flash"]',
        "needs ram, but region 'flash'",
    ),
    "code where none runs": (
        "size = 0x800\n[placement]",
        'size = 0x800\nexecute = false\n[placement]\nram_code = "ram"',
        "ram_code: region 'ram' cannot hold code",
    ),
    "external RAM": (
        "size = 0x800",
        "size = 0x800\nexternal = true",
        "external: is for flash only",
    ),
    "section": ("size = 0x800", "size = 0x800\nsection = 'fast'", "'fast' is no name of a section"),
    "read width": (
        "wait_states = 3",
        "wait_states = 3\nread_bytes = 0",
        "flash.read_bytes: must be between 1 and 1024",
    ),
    "family": ('"stm32l4"', '"stm32l9"', "soc.family: is 'stm32l9'"),
    "device": ('"stm32l476rgt6"', '"STM32 L4"', "soc.device: 'STM32 L4' is no part's name"),
    "clock source": ('"hse"', '"lse"', "clock.source: is 'lse'"),
    "no crystal": ("crystal_hz = 8_000_000\n", "", "clock.crystal_hz: is missing; source 'hse'"),
    "crystal of the chip": ('"hse"', '"hsi"', "clock.crystal_hz: is not for source 'hsi'"),
    "too fast": ("\nhz = 1_000_000", "\nhz = 1_000_001", "hz: is more than cpu.clock_hz (1000000)"),
    "bus too fast": ("250_000", "2_000_000", "clock.bus_hz: is more than clock.hz (1000000)"),
    "factor": ("n = 10", "n = 1.5", "clock.pll.n: must be an integer, not a float"),
    "factor's range": ("n = 10", "n = 0", "clock.pll.n: must be between 1 and 65536"),
    "factor's name": ("n = 10", "N = 10", "clock.pll.N: 'N' is not a lower-case identifier"),
    "UART": ('"usart2"', '"USART 2"', "console.uart: 'USART 2' is not a lower-case identifier"),
    "UART's address": ("0x4000_4400", "0x4000_4402", "console.base: must be a multiple of 4"),
    "UART's kind": ('"stm32_v2"', '"stm32_v3"', "console.kind: is 'stm32_v3'"),
    "pin": ('"PA15"', '"PA16"', "console.rx: 'PA16' is no pin"),
    "one pin": ('rx = "PA15"\n', "", "console: needs both tx and rx, or neither"),
    "too many baud": ("9_600", "15_626", "console.baud: must be between 4 and 15625"),
    "the same pin": ('"PA15"', '"PA2"', "console.rx: is the same pin as tx, 'PA2'"),
    "console without clock": (
        GOOD[GOOD.index("[clock]") : GOOD.index("[console]")],
        "",
        "console: needs the table [clock]",
    ),
    "current": ("0.5", "0", "energy.ma_per_mhz: must be between 0.001 and 10.0, not 0"),
    "volts": ("volts = 3", 'volts = "3"', "energy.volts: must be a number, not a string"),
    "documented where": (
        "volts = 3\n",
        "volts = 3\ndocumented = true\n",
        "energy.basis: is missing; a documented current needs its document and table",
    ),
    "cache kind": ('"unified"', '"level2"', "flash.cache[0].kind: is 'level2'"),
}


@pytest.mark.parametrize(("old", "new", "message"), CASES.values(), ids=CASES.keys())
def test_problem_is_named(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BoardError) as caught:
        parse_board(GOOD.replace(old, new, 1), "mine.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        # 160 MHz / 65535 and / 16: the 16 bits of BRR. 170 MHz / 8 / 4095 and / 3: the LPUART.
        ("nucleo_u575zi_q", 2442, 10_000_000),
        ("nucleo_g474re", 5190, 56_666_666),
        ("rp2040", 300, 4_000_000),
    ],
)
def test_baud_rates_that_the_divider_has(name: str, lowest: int, highest: int) -> None:
    text = (boards_dir() / f"{name}.toml").read_text()
    for baud in (lowest, min(highest, 4_000_000)):
        board = parse_board(text.replace("baud = 115_200", f"baud = {baud}"), "mine.toml")
        assert board.console is not None
        assert board.console.baud == baud
    with pytest.raises(BoardError, match="baud: must be between"):
        parse_board(text.replace("baud = 115_200", f"baud = {lowest - 1}"), "mine.toml")
    default = parse_board(text.replace("baud = 115_200", ""), "mine.toml").console
    assert default is not None
    assert default.baud == 115_200


def test_no_memory_at_all() -> None:
    start, end = GOOD.index("[[memory]]"), GOOD.index("[placement]")
    with pytest.raises(BoardError, match="a board needs"):
        parse_board(GOOD[:start] + GOOD[end:], "mine.toml")


def test_all_problems_come_at_once() -> None:
    text = GOOD.replace("m4", "m5").replace('"ram"', '"rom"').replace("= 3", "= -1")
    with pytest.raises(BoardError) as caught:
        parse_board(text, "mine.toml")
    places = {problem.where.partition(", ")[2] for problem in caught.value.problems}
    assert {"cpu.core", "memory[1].kind", "flash.wait_states"} <= places


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="cannot be read: No such file"):
        load_board(tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(BoardError, match="not UTF-8"):
        load_board(str(binary))
