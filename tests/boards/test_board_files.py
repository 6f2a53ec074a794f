"""The shipped boards: they load, make sense, and are found by every name."""

from __future__ import annotations

import itertools
import re

import pytest

from edgegen.errors import BoardError
from edgegen.resources import boards_dir
from edgegen.target.board import Board, list_boards, load_board
from edgegen.target.cores import CORES

BOARDS = list_boards()


def _names() -> list[str]:
    return [name for board in BOARDS for name in (board.name, *board.aliases)]


def test_every_file_of_the_folder_is_listed() -> None:
    assert [board.name for board in BOARDS] == sorted(p.stem for p in boards_dir().glob("*.toml"))
    assert sum(board.soc is not None and board.soc.family != "mps2" for board in BOARDS) >= 24


def test_every_core_has_a_board() -> None:
    assert {board.core.name for board in BOARDS} == set(CORES)


def test_no_name_is_used_twice() -> None:
    assert len(set(_names())) == len(_names())


@pytest.mark.parametrize("name", _names())
def test_board_is_found_by_name_and_alias(name: str) -> None:
    board = load_board(name.upper().replace("_", "-"))
    assert name in (board.name, *board.aliases)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_board_is_sound(board: Board) -> None:
    for one, other in itertools.combinations(board.regions, 2):
        assert one.end <= other.origin or other.end <= one.origin
    placement = board.placement
    assert placement.code.kind == placement.weights.kind == "flash"
    assert {placement.data.kind, placement.arena.kind, placement.stack.kind} == {"ram"}
    assert board.sources
    assert all(source.document and source.section and source.facts for source in board.sources)
    # netduinoplus2 is an STM32F405, the F407 without Ethernet.
    assert board.qemu_machine in (None, board.core.qemu_machine) or (
        board.qemu_machine == "netduinoplus2" and "stm32f407" in board.aliases
    )
    option = {"arm": "-mcpu", "riscv": "-march"}[board.core.isa]
    assert board.flags[0] == f"{option}={board.core.cpu}"


def _map(name: str) -> list[tuple[str, int, int]]:
    return [(r.name, r.usable_origin, r.usable_size) for r in load_board(name).regions]


def test_memory_maps() -> None:
    kb = 1024
    assert _map("nrf52840dk") == [
        ("flash", 0, 1024 * kb),
        ("ram", 0x20000000, 256 * kb),
        ("qspi", 0x12000000, 8192 * kb),
    ]
    assert _map("stm32f4discovery") == [
        ("flash", 0x08000000, 1024 * kb),
        ("sram", 0x20000000, 128 * kb),
        ("ccm", 0x10000000, 64 * kb),
    ]
    assert _map("nucleo_h743zi") == [
        ("flash", 0x08000000, 2048 * kb),
        ("itcm", 0x20, 64 * kb - 32),
        ("dtcm", 0x20000000, 128 * kb),
        ("axi", 0x24000000, 512 * kb),
    ]
    assert _map("nucleo_l4r5zi") == [
        ("flash", 0x08000000, 2048 * kb),
        ("sram1", 0x20000000, 192 * kb),
        ("sram2", 0x20030000, 64 * kb),
        ("sram3", 0x20040000, 384 * kb),
    ]
    assert _map("nucleo_f446re") == [
        ("flash", 0x08000000, 512 * kb),
        ("sram", 0x20000000, 128 * kb),
    ]
    # Behind Arduino's bootloader; behind the SoftDevice, before the UF2 bootloader's files.
    assert _map("nano33ble") == [
        ("flash", 0x10000, (1024 - 64) * kb),
        ("ram", 0x20000000, 256 * kb),
    ]
    assert _map("xiao_ble_sense")[0] == ("flash", 0x27000, 811_008)
    assert _map("feather_nrf52840")[0] == ("flash", 0x26000, 815_104)
    assert _map("pico2") == [("flash", 0x10000000, 4096 * kb), ("sram", 0x20000000, 520 * kb)]
    assert _map("rp2040") == [
        ("flash", 0x10000100, 2048 * kb - 256),
        ("sram", 0x20000000, 264 * kb),
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        *[("pico", "rp2040"), ("pico2", "pico2"), ("blackpill", "blackpill_f411ce")],
        *[("bluepill", "bluepill_f103c8"), ("nano33ble", "nano33ble")],
        *[("xiao-ble", "xiao_ble_sense"), ("nRF52_DK", "nrf52dk")],
    ],
)
def test_names_that_people_type(typed: str, name: str) -> None:
    assert load_board(typed).name == name


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_firmware_tables(board: Board) -> None:
    """Every shipped board can have a project: family, clock and console are there."""
    assert board.soc is not None
    assert board.clock is not None
    assert board.console is not None
    pins = {"stm32": "P", "nrf": "P", "rp2": "GP", "mps2": "", "virt": ""}
    prefix = next(p for start, p in pins.items() if board.soc.family.startswith(start))
    assert board.console.tx.startswith(prefix)
    assert bool(board.console.tx) == bool(prefix)
    assert ("." in board.console.tx) == board.soc.family.startswith("nrf")
    # Estimates need a figure of the maker's; there is none for FPGA images and for RP2350.
    assert (board.energy is None) == (board.soc.family in ("mps2", "virt", "rp2350"))
    if board.energy is not None:
        assert 0.01 <= board.energy.ma_per_mhz <= 0.5


@pytest.mark.parametrize(
    "board", [board for board in BOARDS if board.energy is not None], ids=lambda board: board.name
)
def test_current_is_what_its_basis_says(board: Board) -> None:
    """Documented figures are of the clock that start-up code sets up, and say their table."""
    energy, clock = board.energy, board.clock
    assert energy is not None
    assert clock is not None
    assert energy.basis
    stated = re.search(r"([\d.]+) mA(?: of core supply)? at (\d+) MHz", energy.basis)
    if energy.documented:
        assert re.search(r"\bDS\d+, table \d+:", energy.basis)
        assert stated
        assert int(stated[2]) * 1_000_000 == clock.hz
    factor = re.search(r"times ([\d.]+)", energy.basis)
    per_mhz = re.search(r"from (\d+) uA/MHz", energy.basis)
    base = None
    if stated:
        base = float(stated[1]) / float(stated[2])
    elif per_mhz:
        base = float(per_mhz[1]) / 1000
    if base is not None:
        derived = base * (float(factor[1]) if factor else 1)
        assert energy.ma_per_mhz == pytest.approx(derived, rel=0.01)


def test_some_currents_are_documented() -> None:
    documented = {b.name for b in BOARDS if b.energy is not None and b.energy.documented}
    assert {"stm32f4discovery", "nucleo_g474re", "b_u585i_iot02a"} <= documented


def test_unknown_name_lists_close_matches_and_all_names() -> None:
    with pytest.raises(BoardError) as caught:
        load_board("nrf52480dk")
    text = str(caught.value)
    assert "did you mean 'nrf52840dk'" in text
    assert all(board.name in text for board in BOARDS)


def test_close_match_of_an_alias_names_its_board() -> None:
    with pytest.raises(BoardError, match="did you mean 'rp2040'"):
        load_board("raspbery_pi_pico")
