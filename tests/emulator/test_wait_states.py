"""The model of flash against figures made by hand, and the range that it gives for a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.cycles import MODELS, Pricer
from edgegen.emulate.firmware import build_runner
from edgegen.emulate.machine import run_elf
from edgegen.emulate.native import load_flash_model
from edgegen.emulate.result import CycleRange
from edgegen.emulate.wait_states import (
    NO_CACHE,
    PERFECT,
    CacheModel,
    FlashModel,
    FlashWatch,
    flash_models,
)
from edgegen.target.board import Board, load_board
from tests.emulator.kit import BYTES, arm_boards, layer_names, two_layers

if TYPE_CHECKING:
    from pathlib import Path

START, STOP = 0x100, 0x200
CODE = 0x1000
NOP = bytes.fromhex("00bf")
SMLAD = bytes.fromhex("21fb0230")
DATA = bytes(range(3 * BYTES))

PLAIN = FlashModel(
    wait_states=5,
    unit_bytes=16,
    prefetch=False,
    cold=False,
    buffered=False,
    code=NO_CACHE,
    data=NO_CACHE,
)
"""Nothing helps: each of its units of 16 bytes costs 5 cycles whenever it is entered."""


class Run:
    """A run that consists of blocks of one instruction, on a board with flash at 0."""

    def __init__(
        self, *models: FlashModel, board: str = "nrf52840dk", instruction: bytes = SMLAD
    ) -> None:
        library = load_flash_model()
        if library is None:
            pytest.skip("no host C compiler")
        target = load_board(board)
        pricer = Pricer(MODELS[target.core.name])
        code = instruction * 1024
        self.watch = FlashWatch(
            target, models, pricer, lambda _, size: code[:size], (START, STOP), library
        )
        self.watch.block(START, 2)

    def blocks(self, *blocks: tuple[int, int]) -> Run:
        """Executes blocks: address and bytes."""
        for address, size in blocks:
            self.watch.block(address, size)
        return self

    def lines(self, *units: int) -> Run:
        """Executes a unit of 16 bytes after the other, by number."""
        return self.blocks(*((CODE + 16 * unit, 16) for unit in units))

    def stall(self) -> int:
        """The stalls of the only model."""
        (stalls,) = self.watch.stalls()
        return stalls


def test_every_new_unit_waits() -> None:
    assert Run(PLAIN).blocks((CODE, 64)).stall() == 4 * 5
    # The middle of a unit to the middle of the next one.
    assert Run(PLAIN).blocks((CODE + 8, 16)).stall() == 2 * 5


def test_a_loop_in_the_unit_at_hand_reads_nothing() -> None:
    assert Run(PLAIN).blocks(*[(CODE, 8)] * 10, (CODE + 8, 8)).stall() == 5


def test_going_back_without_a_cache_waits_again() -> None:
    assert Run(PLAIN).lines(0, 1, 0, 1).stall() == 4 * 5


def test_prefetch_hides_the_cycles_that_execution_takes() -> None:
    ahead = replace(PLAIN, prefetch=True)
    # Four instructions of 4 bytes take 4 of the 6 cycles that reading the next unit takes.
    assert Run(ahead).blocks((CODE, 64)).stall() == 5 + 3 * (6 - 4)
    # Eight of 2 bytes take 8.
    assert Run(ahead, instruction=NOP).blocks((CODE, 64)).stall() == 5
    # A unit that was only passed through: no worse than no prefetch.
    assert Run(ahead, instruction=NOP).blocks((CODE + 14, 18)).stall() == 5 + 5
    # A branch elsewhere finds nothing; one to the next unit does, and its refill takes time too.
    assert Run(ahead).lines(0, 2).stall() == 5 + 5
    assert Run(ahead).blocks((CODE, 4), (CODE + 16, 16)).stall() == 5 + (6 - 1 - 2)


def test_the_least_recently_used_line_goes() -> None:
    two = replace(PLAIN, code=CacheModel(2, 2))
    assert Run(two).lines(0, 1, 0, 1, 0).stall() == 2 * 5
    # 2 replaces 1, for 0 was used later; then 1 replaces 2.
    assert Run(two).lines(0, 1, 0, 2, 0, 1, 0).stall() == 4 * 5
    # A loop larger than the cache never hits.
    assert Run(two).lines(*[0, 1, 2] * 4).stall() == 12 * 5
    assert Run(replace(PLAIN, code=PERFECT)).lines(*range(100)).stall() == 0


def test_lines_of_one_set_fight_for_it() -> None:
    direct = replace(PLAIN, code=CacheModel(4, 1))
    assert Run(direct).lines(0, 1, 2, 3, 0, 1).stall() == 4 * 5
    assert Run(direct).lines(0, 4, 0, 4).stall() == 4 * 5
    pairs = replace(PLAIN, code=CacheModel(4, 2))
    assert Run(pairs).lines(0, 4, 0, 4).stall() == 2 * 5
    assert Run(pairs).lines(0, 2, 4, 0).stall() == 4 * 5


def test_cold_caches_are_empty_at_each_inference() -> None:
    cached = replace(PLAIN, code=CacheModel(8, 8))
    run = Run(cached, replace(cached, cold=True)).lines(0, 1)
    run.blocks((STOP, 2), (CODE, 512), (START, 2))
    run.lines(0, 1)
    assert run.watch.stalls() == (2 * 5, 4 * 5)


def test_only_inferences_count() -> None:
    run = Run(PLAIN).blocks((STOP, 2)).lines(0, 1, 2)
    run.watch.read(CODE, 4)
    assert run.stall() == 0


def test_data_reads() -> None:
    buffered = replace(PLAIN, data=CacheModel(1, 1))
    run = Run(PLAIN, buffered, replace(PLAIN, data=None, code=CacheModel(4, 4)))
    for address, size in ((CODE, 4), (CODE + 4, 4), (CODE + 14, 4), (CODE + 14, 1)):
        run.watch.read(address, size)
    # Units 0; 0; 0 and 1; 0 again. The buffer holds the last one only.
    assert run.watch.stalls() == (5 * 5, 3 * 5, 2 * 5)
    # What was read as data hits as code where the cache is shared.
    assert run.lines(0, 1).watch.stalls() == (5 * 5 + 10, 3 * 5 + 10, 2 * 5)


def test_code_in_ram_over_the_system_bus() -> None:
    ram = 0x2000_0000
    plain, buffered = PLAIN, replace(PLAIN, buffered=True)
    # A word takes 2 cycles, its instruction 1.
    assert Run(plain, buffered).blocks((ram, 32)).watch.stalls() == (8, 8)
    # Two instructions a word take 2.
    assert Run(plain, buffered, instruction=NOP).blocks((ram, 32)).watch.stalls() == (8, 0)
    # SDIV takes 7 cycles: 5 to spare, of which two more words can use 4.
    divide = bytes.fromhex("91fbf2f0") + SMLAD * 6
    assert Run(buffered, instruction=divide).blocks((ram, 28)).stall() == 6 - 4
    for elsewhere, board in ((0x0080_0000, "nrf52840dk"), (ram, "rp2040")):
        run = Run(plain, buffered, board=board, instruction=NOP).blocks((elsewhere, 32))
        assert run.watch.stalls() == (0, 0)


def test_errors_in_the_callback_come_through() -> None:
    run = Run(PLAIN)

    def fail(_address: int, _size: int) -> bytes:
        raise LookupError("no code")

    run.watch._read_code = fail
    with pytest.raises(LookupError, match="no code"):
        run.lines(0).stall()


@pytest.mark.parametrize(
    ("board", "unit", "low", "high"),
    [
        ("nucleo_f446re", 16, (CacheModel(64, 64), CacheModel(8, 8)), None),
        # Lines of 32 bytes, read in four parts.
        ("nucleo_l4r5zi", 8, (CacheModel(128, 128), CacheModel(32, 32)), None),
        ("nrf52840dk", 4, (PERFECT, PERFECT), (NO_CACHE, NO_CACHE)),
        ("rp2040", 8, (CacheModel(2048, 2), None), None),
        ("mps2_an505", 4, (PERFECT, PERFECT), (NO_CACHE, NO_CACHE)),
    ],
)
def test_models_of_boards(
    board: str,
    unit: int,
    low: tuple[CacheModel, CacheModel | None],
    high: tuple[CacheModel, CacheModel | None] | None,
) -> None:
    best, worst = flash_models(load_board(board))
    assert best.unit_bytes == worst.unit_bytes == unit
    assert (best.code, best.data) == low
    assert (worst.code, worst.data) == (high or low)
    assert (best.cold, worst.cold, worst.prefetch) == (False, True, False)


@pytest.mark.parametrize("board", arm_boards(), ids=lambda board: board.name)
def test_range_of_a_run(board: Board, tmp_path: Path) -> None:
    elf = build_runner([two_layers(tmp_path)], board, workdir=tmp_path / "build")
    files = {"input.bin": DATA}
    plain, first, again = (
        run_elf(elf, board, files=files, layers=layer_names(), wait_states=wanted)
        for wanted in (False, True, True)
    )
    assert plain.on_board is None
    assert first == again
    # Watching changes no count.
    assert replace(first, on_board=None) == plain
    if board.core.cycle_model is None:
        assert first.on_board is None
        return
    assert first.on_board is not None
    assert first.cycles is not None
    assert first.cycles <= first.on_board.low <= first.on_board.high
    if board.flash.wait_states == 0:
        assert first.on_board == CycleRange(first.cycles, first.cycles)
    else:
        assert first.on_board.high > first.cycles
