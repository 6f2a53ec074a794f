"""Arena, constants and code in other regions and sections: linked there, and exact."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.codegen.layout import Layout
from edgegen.emulate.image import Image, Symbol, read_image
from edgegen.emulate.model_run import write_library
from edgegen.emulate.toolchain import build_elf
from edgegen.errors import InputError, VerificationError
from edgegen.pipeline import Compilation, Options, compile_model, place
from edgegen.target.board import Board, load_board
from edgegen.target.places import Places
from edgegen.verify.host import SANITIZERS
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import verify_host
from tests.support.firmware import image as linked
from tests.support.firmware import run
from tests.support.models import DEMO_MODEL
from tests.support.small import small_case, small_model

if TYPE_CHECKING:
    from pathlib import Path


def compiled(board_name: str, options: Options, blob: bytes = b"") -> tuple[Compilation, Board]:
    """A model, placed on a board."""
    board = options.places.on(load_board(board_name))
    blob = blob or small_case().model_bytes()
    return place(compile_model(blob, "toy", options.core(board), options), board, options)


def regions(image: Image, board: Board, prefix: str) -> set[str]:
    """The memory regions of the symbols whose names begin so."""
    found = [s for s in image.symbols if s.name.startswith(prefix)]
    assert found, prefix
    return {_region(s, board) for s in found}


def _region(symbol: Symbol, board: Board) -> str:
    return next(r.name for r in board.regions if any(symbol.address in w for w in r.windows))


STATIC = Layout(owner="static")

PLACES = {
    "fast RAM first": ("stm32f4discovery", Options(layout=STATIC), ("ccm", "flash", "flash")),
    "another RAM": (
        "stm32f4discovery",
        Options(layout=STATIC, places=Places(arena="sram", weights="sram")),
        ("sram", "sram", "flash"),
    ),
    "weights beside the arena": (
        "stm32f4discovery",
        Options(layout=STATIC, places=Places(weights="ccm")),
        ("ccm", "ccm", "flash"),
    ),
    "external flash": (
        "nrf52840dk",
        Options(layout=STATIC, places=Places(weights="qspi")),
        ("ram", "qspi", "flash"),
    ),
    "three memories": (
        "nucleo_l4r5zi",
        Options(
            kernels_in_ram=True,
            layout=STATIC,
            places=Places(arena="sram1", weights="sram2", kernels="sram2"),
        ),
        ("sram1", "sram2", "sram2"),
    ),
    "tightly coupled": (
        "nucleo_h743zi",
        Options(kernels_in_ram=True, layout=STATIC),
        ("dtcm", "flash", "itcm"),
    ),
    "all in RAM": (
        "rp2040",
        Options(kernels_in_ram=True, layout=STATIC, places=Places(weights="sram")),
        ("sram", "sram", "sram"),
    ),
    "own sections": (
        "rp2040",
        Options(layout=replace(STATIC, arena=".mine", weights=".stream", code=".hot")),
        ("sram", "flash", "flash"),
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_parts_are_where_they_were_told(name: str, tmp_path: Path) -> None:
    board_name, options, (arena, weights, code) = PLACES[name]
    compilation, board = compiled(board_name, options)
    image = linked(compilation, board, tmp_path)
    assert regions(image, board, "toy_arena") == {arena}
    layers = [layer.function_name("toy") for layer in compilation.package.layers]
    assert {r for f in layers for r in regions(image, board, f)} == {code}
    constants = [s.name for s in compilation.package.symbols]
    assert {r for c in constants for r in regions(image, board, c)} == {weights}
    sections = {s.name: s.section for s in image.symbols}
    own = board.placement.arena != board.placement.data or options.layout.arena
    assert sections["toy_arena"] == (".arena" if own else ".bss")
    assert {sections[c] for c in constants} == {".weights"}
    code_section = ".ramfunc" if options.kernels_in_ram else ".text"
    assert {sections[f] for f in layers} == {code_section}
    # An arena takes no flash.
    loaded = [range(s.address, s.address + len(s.data)) for s in image.segments]
    assert not any(image.address("toy_arena") in segment for segment in loaded)
    result = run(compilation, board)
    external = board.placement.weights.external
    assert (result.on_board is None) == (external or result.cycles is None)


def test_constants_in_ram_have_no_wait_states() -> None:
    (flash, one), (ram, other) = (
        compiled("stm32f4discovery", Options(places=Places(weights=where)))
        for where in ("flash", "ccm")
    )
    slow, fast = run(flash, one), run(ram, other)
    assert slow.cycles == fast.cycles
    assert slow.on_board is not None
    assert fast.on_board is not None
    assert fast.on_board[1] < slow.on_board[1]


CALLER = """\
#include "toy.h"
static TOY_ARENA_SECTION toy_arena_t memory;
static uint8_t pool[TOY_ARENA_BYTES + 8] __attribute__((aligned(8)));
int main(void)
{
    if (toy_arena_at(pool, sizeof pool) != (toy_arena_t *)(void *)pool) {
        return 1;
    }
    if (toy_arena_at(pool + TOY_ARENA_ALIGNMENT, TOY_ARENA_BYTES) == NULL) {
        return 2;
    }
    for (unsigned i = 1; i < TOY_ARENA_ALIGNMENT; i++) {
        if (toy_arena_at(pool + i, TOY_ARENA_BYTES) != NULL) {
            return 3;
        }
    }
    if (toy_arena_at(pool, TOY_ARENA_BYTES - 1) != NULL) {
        return 4;
    }
    return toy_selftest(&memory) + toy_selftest(toy_arena_at(pool, sizeof pool));
}
"""


@pytest.mark.parametrize("name", ["stm32f4discovery", "rp2040"])
def test_a_callers_arena(name: str, tmp_path: Path) -> None:
    from edgegen.emulate.machine import run_elf
    from edgegen.emulate.toolchain import Sections

    compilation, board = compiled(name, Options(layout=Layout(arena=".pool")))
    library = write_library(compilation, tmp_path)
    (tmp_path / "main.c").write_text(CALLER)
    sources = [tmp_path / "main.c", *library.sources, tmp_path / "toy_selftest.c"]
    elf = build_elf(
        sources,
        board,
        workdir=tmp_path / "image",
        include_dirs=[tmp_path],
        sections=Sections(arena=(".pool",)),
    )
    image = read_image(elf)
    assert regions(image, board, "memory") == {board.placement.arena.name}
    assert regions(image, board, "pool") == {board.placement.data.name}
    run_elf(elf, board).check()
    # Whoever has other plans overrides the section.
    elf = build_elf(
        sources,
        board,
        workdir=tmp_path / "other",
        include_dirs=[tmp_path],
        defines=["TOY_ARENA_SECTION="],
    )
    assert {s.section for s in read_image(elf).symbols if s.name == "memory"} == {".bss"}


@pytest.mark.parametrize("name", ["nrf52840dk", "rp2040"])
def test_inputs_are_kept(name: str) -> None:
    blob = DEMO_MODEL.read_bytes()
    options = Options(keep_input=True)
    compilation, board = compiled(name, options, blob)
    plain, _ = compiled(name, Options(), blob)
    size = compilation.graph.tensor(compilation.graph.inputs[0]).type.bytes
    assert compilation.plan.arena.size <= plain.plan.arena.size + size + 4
    run(compilation, board)
    vectors = standard_vectors(compilation.source, random=1)
    verify_host(compilation, vectors, flags=("-O1", *SANITIZERS))
    # The check sees an input that is overwritten.
    kept = replace(plain.graph, kept=plain.graph.inputs)
    program = replace(plain.program, graph=kept)
    plan = replace(plain.plan, program=program)
    careless = replace(plain, package=replace(plain.package, plan=plan))
    with pytest.raises(VerificationError, match="was not kept"):
        run(careless, board)
    with pytest.raises(VerificationError, match="was not kept"):
        verify_host(careless, vectors)


def test_an_input_by_rows_cannot_be_kept() -> None:
    with pytest.raises(InputError, match="by rows is never whole"):
        compiled("rp2040", Options(keep_input=True, input_rows=True))


@pytest.mark.parametrize("owner", ["caller", "static"])
def test_sections_compile_on_the_host(owner: str) -> None:
    layout = Layout(".fast", ".slow", ".hot", owner)
    compilation, _ = compiled("nrf52840dk", Options(layout=layout))
    vectors = standard_vectors(compilation.source, random=1)
    for compiler in ("gcc", "clang"):
        verify_host(compilation, vectors, compiler=compiler, flags=("-O2", *SANITIZERS))


def test_the_command_line_and_the_report(tmp_path: Path) -> None:
    model, out = str(small_model(tmp_path)), tmp_path / "lib"

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["build", model, "-o", str(out), *arguments])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    text = call("-b", "stm32f407", "--weights-in", "sram", "--arena", "static", "--keep-input")
    assert "RAM ccm" in text
    assert "DMA does not reach region 'ccm'" in text
    assert "section .data.small.weights, for region 'sram': start-up code must copy" in text
    report = json.loads((out / "report.json").read_text())
    assert report["placement"]["arena"] == {
        "region": "ccm",
        "section": ".ccmram.small.arena",
        "owner": "static",
        "shared_as": None,
        "alignment": 4,
        "keeps_input": True,
    }
    assert report["placement"]["weights"]["copied_at_start"]
    assert {r["name"]: r["used"] for r in report["board"]["regions"]}["ccm"] == (
        report["arena"]["bytes"]
    )
    header = (out / "small.h").read_text()
    assert "extern small_arena_t small_arena;" in header
    assert "leaves the inputs as they are" in header
    call("-b", "rp2040", "--section", "code=.hot", "--section", "weights=.stream")
    report = json.loads((out / "report.json").read_text())
    assert report["placement"]["code"]["section"] == ".hot"
    assert report["placement"]["weights"]["section"] == ".stream"


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    model = str(small_model(tmp_path))

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["build", model, "-b", "pico", *arguments])
        assert result.exit_code != 0
        return " ".join(result.output.split())

    assert "no part 'stack'" in call("--section", "stack=.fast")
    assert "'fast' is no name of a section" in call("--section", "arena=fast")
    twice = call("--section", "arena=.a", "--section", "arena=.b")
    assert "arena is given twice" in twice
    assert "another part has that" in call("--section", "arena=.a", "--section", "code=.a")
    assert "has no region 'ccm'" in call("--arena-in", "ccm")
    assert not (tmp_path / "small").exists()
