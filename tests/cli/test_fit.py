"""`edgegen fit` says what `edgegen build` does; `edgegen boards show` what the files say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.ladder import LADDER
from edgegen.errors import FitError
from edgegen.pipeline import Options, compile_model, prepared_graph, render
from edgegen.survey import BoardFit, is_emulated, ordered, survey
from edgegen.survey_files import survey_files
from edgegen.target.board import Board, Region, list_boards, load_board
from edgegen.target.budget import least_arena
from edgegen.target.choices import choices
from edgegen.target.select import OBJECTIVES
from edgegen.target.several import core_key
from tests.support.models import DEMO_MODEL, shared_folder

REAL = [board for board in list_boards() if not is_emulated(board)]


def invoke(*arguments: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def smaller(board: Board, ram: int | None = None, flash: int | None = None) -> Board:
    """The board with less of the memory that arena or weights are in."""
    place = board.placement
    stack = place.stack_bytes if place.stack == place.arena else 0

    def cut(region: Region) -> Region:
        if region == place.arena and ram is not None:
            return replace(region, size=ram + stack + region.reserved)
        if region == place.weights and flash is not None:
            return replace(region, size=flash + region.reserved)
        return region

    regions = {region: cut(region) for region in board.regions}
    parts: dict[str, Any] = {
        part: regions[getattr(place, part)]
        for part in ("code", "weights", "data", "arena", "stack", "ram_code")
    }
    return replace(
        board,
        name=f"{board.name}_{ram}_{flash}",
        regions=tuple(regions.values()),
        placement=replace(place, **parts, arenas=tuple(regions[region] for region in place.arenas)),
    )


def built(blob: bytes, board: Board) -> tuple[bool, int, int, int]:
    """Whether `edgegen build` succeeds; arena, flash and cycles of its plan where it does."""
    options = Options().within(board)
    compilation = compile_model(blob, "m", options.core(board), options)
    cycles = sum(call.cost.cycles for call in compilation.program.calls)
    try:
        library = render(compilation, board, options)
    except FitError:
        return False, 0, 0, 0
    return True, compilation.plan.arena.size, library.fit.flash_used, cycles


def surveyed(fit: BoardFit) -> tuple[bool, int, int, int]:
    """The same of a survey."""
    if fit.verdict == "too big":
        return False, 0, 0, 0
    assert fit.cycles is not None
    return True, fit.arena, fit.flash, fit.cycles


def agree(blob: bytes, boards: list[Board]) -> dict[str, BoardFit]:
    """Compares a survey with builds."""
    fits = survey(prepared_graph(blob, "m", Options()), "m", boards)
    assert [fit.board.name for fit in fits] == [board.name for board in boards]
    for fit, board in zip(fits, boards, strict=True):
        assert surveyed(fit) == built(blob, board), board.name
    return {fit.board.name: fit for fit in fits}


def test_a_survey_agrees_with_builds() -> None:
    """Boards of each core, with much memory and with too little of one or the other."""
    pico, dk = load_board("pico"), load_board("nrf52840dk")
    boards = [load_board("bluepill"), pico, smaller(pico, ram=2000)]
    boards += [dk, smaller(dk, ram=6000), smaller(dk, flash=8_000)]
    fits = agree(DEMO_MODEL.read_bytes(), boards)
    verdicts = [fit.verdict for fit in fits.values()]
    assert {"fits", "too big"} <= set(verdicts)
    assert any(fit.by_rows for fit in fits.values())
    hopeless = fits[boards[-1].name]
    assert (hopeless.exact, hopeless.cycles, hopeless.milliseconds) == (False, None, None)
    assert hopeless.short[0][0] == "flash"


@pytest.mark.parametrize(
    ("name", "boards"),
    [
        ("kws_ref_model_int8", ["bluepill", "nucleo_g071rb", "nrf52dk"]),
        ("ad01_int8", ["nucleo_f401re", "nucleo_f072rb"]),
    ],
)
def test_it_agrees_on_real_models(name: str, boards: list[str]) -> None:
    path = shared_folder() / "models" / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the shared folder (set EDGEGEN_SHARED)")
    agree(path.read_bytes(), [load_board(board) for board in boards])


def test_bounds_hold() -> None:
    """What is said to be the least is never more than what a program needs."""
    graph = prepared_graph(DEMO_MODEL.read_bytes(), "m", Options())
    fits = [fit for fit in survey(graph, "m", REAL) if fit.exact]
    assert fits
    hopeless = survey(graph, "m", [smaller(load_board("pico"), flash=4000)])
    assert not hopeless[0].exact
    assert all(fit.arena >= least_arena(graph) for fit in fits)
    assert all(fit.flash >= hopeless[0].flash for fit in fits if fit.board.core.name == "m0+")


def test_figures() -> None:
    graph = prepared_graph(DEMO_MODEL.read_bytes(), "m", Options())
    nucleo, discovery, pico2 = (
        load_board(n) for n in ("nucleo_f103rb", "stm32f4discovery", "pico2")
    )
    fits = dict(zip("abc", survey(graph, "m", [nucleo, discovery, pico2]), strict=True))
    one = fits["a"]
    assert one.cycles is not None
    # At 64 MHz, to which start-up code sets it, not at the 72 MHz that it could have.
    assert one.milliseconds == pytest.approx(one.cycles / 64_000)
    # DS5319: 23.9 mA at 64 MHz from HSI, at 3.3 V, for so many cycles.
    assert one.millijoules == pytest.approx(one.cycles / 64e6 * 23.9 * 3.3, rel=2e-3)
    assert one.ram_available == 20 * 1024
    assert one.ram == one.arena + nucleo.placement.stack_bytes
    # CCM holds the arena alone there.
    assert (fits["b"].stack, fits["b"].ram_available) == (0, 64 * 1024)
    assert fits["c"].millijoules is None
    times = [fit.milliseconds for fit in ordered(fits.values())]
    assert times == sorted(times, key=lambda t: t or 0.0)
    assert [fit.board.name for fit in ordered(fits.values(), "name")] == [
        "nucleo_f103rb",
        "pico2",
        "stm32f4discovery",
    ]
    assert ordered(fits.values(), "energy")[-1].board is pico2 or fits["c"].millijoules is None


def test_command(tmp_path: Path) -> None:
    page = tmp_path / "fit.html"
    chosen = ["-b", "nrf52840dk", "-b", "nucleo_f091rc"]
    text = invoke("fit", str(DEMO_MODEL), *chosen, "-o", str(page))
    assert "2 fits" in text
    assert text.index("nrf52840dk") < text.index("nucleo_f091rc")
    assert "estimate" in text
    html = page.read_text(encoding="utf-8")
    assert html.count("<tr") == 3
    assert "http" not in html
    report = json.loads(invoke("fit", str(DEMO_MODEL), *chosen, "--json"))
    (model,) = report["models"]
    assert [row["board"] for row in model["boards"]] == ["nrf52840dk", "nucleo_f091rc"]
    assert {row["verdict"] for row in model["boards"]} == {"fits"}


def shown(name: str) -> dict[str, Any]:
    """One board of the JSON."""
    (board,) = json.loads(invoke("boards", "show", name, "--json"))["boards"]
    assert isinstance(board, dict)
    return board


def test_several_models_are_surveyed_apart() -> None:
    chosen = ["--board", "nrf52840dk", "--board", "nucleo_f072rb"]
    other = str(DEMO_MODEL.parents[1] / "gesture_detection" / "gesture_detection.tflite")
    together = json.loads(invoke("fit", str(DEMO_MODEL), other, *chosen, "--json"))["models"]
    alone = [
        json.loads(invoke("fit", model, *chosen, "--json"))["models"]
        for model in (str(DEMO_MODEL), other)
    ]
    assert together == alone[0] + alone[1]


def test_processes_change_nothing() -> None:
    names = ("nrf52840dk", "rp2040", "nucleo_f207zg", "nucleo_h743zi", "nucleo_f072rb")
    boards = [load_board(name) for name in names]
    graph = prepared_graph(DEMO_MODEL.read_bytes(), DEMO_MODEL.stem, Options())
    together = survey(graph, DEMO_MODEL.stem, boards)
    assert survey_files([DEMO_MODEL], Options(), boards) == {DEMO_MODEL.name: together}


def test_what_is_wrong_with_one_of_several_models_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(DEMO_MODEL.read_bytes()[:5000])
    result = CliRunner().invoke(main, ["fit", str(DEMO_MODEL), str(broken), "-b", "nrf52840dk"])
    assert result.exit_code == 1
    alone = CliRunner().invoke(main, ["fit", str(broken), "-b", "nrf52840dk"])
    assert alone.exit_code == 1
    assert result.output == alone.output
    assert "  - broken.tflite: " in result.output
    shared = ["build", str(DEMO_MODEL), str(broken), "-b", "nrf52840dk", "--shared-arena"]
    built = CliRunner().invoke(main, [*shared, "-o", str(tmp_path / "out")])
    assert "  - broken.tflite: " in built.output


def test_models_of_one_name_are_not_taken_for_one(tmp_path: Path) -> None:
    twin = tmp_path / DEMO_MODEL.name
    twin.write_bytes(DEMO_MODEL.read_bytes())
    result = CliRunner().invoke(main, ["fit", str(DEMO_MODEL), str(twin), "-b", "nrf52840dk"])
    assert result.exit_code == 1
    assert f"two models are called {DEMO_MODEL.name}" in result.output


def test_boards_show() -> None:
    text = invoke("boards", "show", "xiao_ble")
    for part in ("Cortex-M4", "64 MHz", "0x00027000", "P1.11", "792 KB", "mA/MHz", "S140"):
        assert part in text
    board = shown("nucleo_h743zi")
    assert (board["core"], board["start_up_hz"], board["family"]) == ("m7", 480_000_000, "stm32h7")
    held = {region["name"]: region["holds"] for region in board["memory"]}
    assert held["dtcm"] == ["arena", "stack"]
    assert held["itcm"] == ["code from RAM"]
    assert board["sources"]


@pytest.mark.parametrize("board", list_boards(), ids=lambda board: board.name)
def test_every_board_can_be_shown(board: Board) -> None:
    text = invoke("boards", "show", board.name)
    for region in board.regions:
        assert f"{region.usable_origin:#010x}" in text
    assert board.title in text
    # What is offered is what `edgegen run --emulator` takes.
    (line,) = (line for line in text.splitlines() if line.startswith("emulators"))
    offered = [name.split()[0].lower() for name in line.removeprefix("emulators").split(",")]
    assert offered == [e.name for e in LADDER if e.why_not(board) is None]


def test_boards_say_which_currents_are_documented() -> None:
    # ST DS8626: 40 mA at 168 MHz.
    assert shown("stm32f4discovery")["energy"]["documented"] is True
    text = " ".join(invoke("boards", "show", "stm32f4discovery").split())
    assert "0.238 mA/MHz at 3.3 V (documented: ST DS8626, table 20" in text
    estimate = shown("nrf52840dk")["energy"]
    assert (estimate["documented"], estimate["volts"]) == (False, 3.0)
    assert "(estimate: from 52 uA/MHz" in " ".join(invoke("boards", "show", "nrf52840dk").split())
    assert shown("pico2")["energy"] is None


def test_boards_as_json() -> None:
    boards = json.loads(invoke("boards", "--json"))["boards"]
    assert [board["name"] for board in boards] == [board.name for board in list_boards()]


def test_boards_that_share_a_program_are_offered_the_same_kernels() -> None:
    """Cores with equal keys: by operator the same kernels, formats, costs and bytes."""
    graph = prepared_graph(DEMO_MODEL.read_bytes(), "m", Options())
    by_key: dict[object, set[tuple[object, ...]]] = {}
    for board in list_boards():
        core = board.tuned_core
        offers = tuple(
            (c.kernel.path, c.formats, c.cost, c.flash, c.scratch, *sorted(c.code.items()))
            for op in graph.ops
            for c in choices(op, graph.io(op), core, OBJECTIVES["balanced"])[0]
        )
        by_key.setdefault(core_key(core), set()).add(offers)
    assert all(len(offers) == 1 for offers in by_key.values())
    assert len({offers for found in by_key.values() for offers in found}) >= 4
