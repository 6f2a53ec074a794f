"""Regions that users name, and the region that the arena ends up in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.errors import FitError, InputError
from edgegen.pipeline import Options, compile_model
from edgegen.target.board import Board, load_board
from edgegen.target.fit import check_fit
from edgegen.target.places import Places, name_sections, settle
from tests.support.small import small_case

BOARD = load_board("stm32f4discovery")


@pytest.fixture(scope="module")
def package() -> Package:
    return compile_model(small_case().model_bytes(), "toy", BOARD.core).package


def resized(board: Board, **sizes: int) -> Board:
    """The board with other sizes of RAM."""
    place = board.placement
    regions = {r.name: replace(r, size=sizes.get(r.name, r.size)) for r in board.regions}
    return replace(
        board,
        regions=tuple(regions.values()),
        placement=replace(
            place,
            arena=regions[place.arena.name],
            arenas=tuple(regions[r.name] for r in place.arenas),
            data=regions[place.data.name],
            stack=regions[place.stack.name],
            ram_code=regions[place.ram_code.name],
        ),
    )


def test_the_arena_goes_to_the_first_region_that_holds_it(package: Package) -> None:
    need, stack = package.plan.arena.size, BOARD.placement.stack_bytes

    def where(**sizes: int) -> str:
        return settle(resized(BOARD, **sizes), [package]).placement.arena.name

    assert where() == "ccm"
    assert where(ccm=need) == "ccm"
    assert where(ccm=need - 4) == "sram"
    # The stack is in the other region.
    assert where(ccm=need - 4, sram=need + stack) == "sram"
    # Too small both: the larger one, so that the message shows the least shortage.
    assert where(ccm=need - 4, sram=need + stack - 8) == "sram"
    board = settle(resized(BOARD, ccm=need - 4, sram=need + stack - 8), [package])
    with pytest.raises(FitError, match="RAM region 'sram' of stm32f4discovery is short of 8 bytes"):
        check_fit(package, board)


def test_a_named_region_is_the_only_choice(package: Package) -> None:
    board = Places(arena="ccm").on(resized(BOARD, ccm=8))
    with pytest.raises(FitError, match="RAM region 'ccm'"):
        check_fit(package, settle(board, [package]))
    assert settle(Places(arena="sram").on(BOARD), [package]).placement.arena.name == "sram"


def test_constants_in_ram_count_twice(package: Package) -> None:
    flash = check_fit(package, settle(BOARD, [package]))
    board = settle(Places(weights="sram").on(BOARD), [package])
    fit = check_fit(package, board)
    used = {use.region.name: dict(use.parts) for use in fit.regions}
    assert used["sram"] == {"stack": 8192, "constants": package.bytes_of()}
    assert used["flash"] == {"code": fit.code_estimate, "constants to copy": package.bytes_of()}
    assert fit.flash_used == flash.flash_used
    small = resized(board, sram=8192 + package.bytes_of() - 1)
    place = replace(small.placement, weights=small.region("sram"))
    with pytest.raises(FitError, match="leave the weights in flash"):
        check_fit(package, replace(small, placement=place))


def test_all_wrong_regions_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Places(arena="cmc", weights="nowhere", kernels="ccm").on(BOARD)
    text = str(caught.value)
    assert "--arena-in: stm32f4discovery has no region 'cmc'" in text
    assert "did you mean 'ccm'" in text
    assert "--weights-in: stm32f4discovery has no region 'nowhere'" in text
    assert "--kernels-in: the core cannot fetch instructions from region 'ccm'" in text
    with pytest.raises(InputError, match="--arena-in: region 'flash' of stm32f4discovery is flash"):
        Places(arena="flash").on(BOARD)


def test_only_what_leaves_the_default_gets_a_section(package: Package) -> None:
    plain = settle(load_board("rp2040"), [package])
    assert name_sections(package, plain, Layout()) == Layout()
    fast = settle(BOARD, [package])
    assert name_sections(package, fast, Layout()) == Layout(arena=".ccmram.toy.arena")
    named = Layout(arena=".mine", weights=".own")
    assert name_sections(package, fast, named) == named
    # Start-up code of every project copies .data.
    copied = settle(Places(weights="sram", arena="sram").on(BOARD), [package])
    assert name_sections(package, copied, Layout()) == Layout(weights=".data.toy.weights")
    outside = Places(weights="qspi").on(load_board("nrf52840dk"))
    assert name_sections(package, outside, Layout()) == Layout(weights=".qspi.toy.weights")


def test_budgets_follow_the_choices() -> None:
    options = Options().within(BOARD)
    # SRAM has the stack in it and is larger all the same.
    assert options.ram_budget == 0x20000 - 8192
    assert Options().within(Places(arena="ccm").on(BOARD)).ram_budget == 0x10000
