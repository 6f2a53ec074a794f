"""Kernels that run from RAM, and loops that fit the instruction cache of a board."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.codegen.package import pack
from edgegen.emulate.firmware import build_runner
from edgegen.emulate.image import Image, read_image
from edgegen.emulate.model_run import write_library
from edgegen.errors import FitError
from edgegen.export.flatbuffer import OperatorSpec, OptionValue, TensorSpec, write_model
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.kernels.gemm import FRAME_BYTES, PAIR_BYTES, UNROLLED_PAIRS, Taps, unrolled_pairs
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.plan.plan import plan
from edgegen.target.board import load_board
from edgegen.target.cores import CORES
from edgegen.target.fit import check_fit
from edgegen.target.select import select
from tests.support import data
from tests.support.each_kernel import each_kernel
from tests.support.firmware import image, run
from tests.support.small import small_case, small_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgegen.target.cores import Core


def convolution(
    size: tuple[int, int], channels: tuple[int, int], taps: tuple[int, int], dilation: int = 1
) -> bytes:
    """A model file: one convolution with ReLU, padded to the input's size."""
    name = f"{size} {channels} {taps} {dilation}"
    depth, out = channels
    weights = data.constant("weights", name, (out, *taps, depth), "int8")
    bias = data.constant("bias", name, (out,), "int32")
    scales = data.seeded_scales(name, out, wild=False)
    source = float(np.float32(0.03))
    biases = tuple(float(np.float32(source * s)) for s in scales)
    target = float(np.float32(0.02 * (taps[0] * taps[1] * depth) ** 0.5))
    tensors = [
        TensorSpec("x", "int8", (1, *size, depth), (source,), (-128,)),
        TensorSpec("w", "int8", weights.shape, scales, (0,) * out, 0, weights),
        TensorSpec("b", "int32", (out,), biases, (0,) * out, 0, bias),
        TensorSpec("y", "int8", (1, *size, out), (target,), (-128,)),
    ]
    options: dict[str, OptionValue] = {
        "padding": "SAME",
        "stride_h": 1,
        "stride_w": 1,
        "dilation_h_factor": dilation,
        "dilation_w_factor": dilation,
        "fused_activation_function": "RELU",
    }
    return write_model(tensors, [OperatorSpec("CONV_2D", 1, (0, 1, 2), (3,), options)], [0], [3])


def gemm(blob: bytes, core: Core) -> Compilation:
    """Compiles a convolution with the kernels whose loops a board may limit."""
    graph = build(tflite.read(blob), "toy")
    allowed = ("conv2d/dsp_pointwise", "conv2d/dsp_band")
    program = select(
        graph, core, "speed", allow=lambda op, c: op.stem != "conv2d" or c.kernel.path in allowed
    )
    return Compilation(graph, graph, pack(plan(program), "toy"), {})


def kernels(linked: Image, name: str) -> dict[str, str]:
    """Section by function of a library, without the functions that users call."""
    public = {f"{name}_{what}" for what in ("run", "input", "output")}
    return {
        s.name: s.section
        for s in linked.symbols
        if s.is_function and s.name.startswith(f"{name}_") and s.name not in public
    }


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("nrf52840dk", 0x0080_0000),  # Seen through the instruction bus.
        ("nucleo_l4r5zi", 0x1000_0000),
        ("nucleo_f446re", 0x2000_0000),
        ("rp2040", 0x2000_0000),
        ("mps2_an505", 0x3800_0000),
    ],
)
def test_kernels_run_from_ram(name: str, origin: int, tmp_path: Path) -> None:
    board = load_board(name)
    blob = convolution((5, 6), (12, 8), (3, 3))
    flash, ram = (
        compile_model(blob, "toy", options.core(board), options)
        for options in (Options(), Options(kernels_in_ram=True))
    )
    linked = image(ram, board, tmp_path)
    assert set(kernels(linked, "toy").values()) == {".ramfunc"}
    assert len(kernels(linked, "toy")) > 1
    addresses = [s.address for s in linked.symbols if s.section == ".ramfunc"]
    assert min(addresses) == origin
    assert max(addresses) < origin + linked.sections[".ramfunc"] + 1
    if board.placement.ram_code.code_origin is not None:
        assert linked.sections[".ramfunc_twin"] == linked.sections[".ramfunc"]
        # The same memory must not be given away twice.
        data_start = next(s.address for s in linked.symbols if s.name == "image_data_start")
        region = board.placement.ram_code
        if board.placement.data == region:
            assert data_start >= region.origin + linked.sections[".ramfunc"]
    before, after = run(flash, board), run(ram, board)
    assert before.flash.copied == 0
    assert after.flash.copied > 0
    # On the F446, the core fetches code in RAM over its system bus: slow in another way.
    if board.flash.wait_states and name != "nucleo_f446re":
        assert before.on_board is not None
        assert after.on_board is not None
        spread = after.on_board[1] - after.on_board[0]
        assert spread < before.on_board[1] - before.on_board[0]


def test_users_can_name_another_section(tmp_path: Path) -> None:
    board = load_board("nrf52840dk")
    options = Options(kernels_in_ram=True)
    compilation = compile_model(small_case().model_bytes(), "toy", board.core, options)
    library = write_library(compilation, tmp_path / "library")
    own = '__attribute__((section(".ramfunc.own")))'
    for value, section in (("", ".text"), (own, ".ramfunc")):
        elf = build_runner(
            [library],
            board,
            workdir=tmp_path / section,
            defines=[f"TOY_KERNEL={value}"],
            ram_code=True,
        )
        assert set(kernels(read_image(elf), "toy").values()) == {section}


def programs(core: Core) -> Iterator[Compilation]:
    """A program for each kernel that this core has, to run from RAM."""
    for number, (_, program) in enumerate(each_kernel(core)):
        package = pack(plan(program), f"m{number}", kernels_in_ram=True)
        yield Compilation(program.graph, program.graph, package, {})


@pytest.mark.parametrize("name", ["nucleo_l4r5zi", "rp2040"])
def test_every_kernel_can_be_placed(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    found = list(programs(board.core))
    assert len(found) > 10
    models = [write_library(c, tmp_path / c.name) for c in found]
    linked = read_image(build_runner(models, board, workdir=tmp_path / "image", ram_code=True))
    for compilation in found:
        for function, section in kernels(linked, compilation.name).items():
            # Accessors of several inputs carry names of their own.
            if "_input_" not in function and "_output_" not in function:
                assert section == ".ramfunc", function


def test_ram_for_kernels_is_checked() -> None:
    blob = small_case().model_bytes()
    board = load_board("nrf52840dk")
    options = Options(kernels_in_ram=True)
    package = compile_model(blob, "toy", board.core, options).package
    fit, flash = check_fit(package, board), check_fit(replace(package, kernels_in_ram=False), board)
    assert fit.ram_kernels > 0
    assert fit.ram_used == flash.ram_used + fit.ram_kernels
    assert flash.ram_kernels == 0
    board = load_board("nucleo_l4r5zi")
    fit = check_fit(package, board)
    # SRAM2 holds nothing else.
    assert fit.ram_used == package.plan.arena.size
    small = replace(board.placement.ram_code, size=fit.ram_kernels - 1)
    tight = replace(board, placement=replace(board.placement, ram_code=small))
    with pytest.raises(FitError, match="leave the kernels in flash"):
        check_fit(package, tight)


def limited(limit: int | None) -> Core:
    return replace(CORES["m4"], loop_bytes=limit)


def test_boards_limit_loops() -> None:
    limits = {
        name: load_board(name).tuned_core.loop_bytes
        for name in ("nucleo_l4r5zi", "nucleo_f446re", "nrf52840dk", "mps2_an505")
    }
    assert limits == {
        "nucleo_l4r5zi": 896,
        "nucleo_f446re": 896,
        "nrf52840dk": None,
        "mps2_an505": None,
    }
    board = load_board("nucleo_l4r5zi")
    assert board.core.loop_bytes is None
    assert Options().core(board) == board.tuned_core
    assert Options(kernels_in_ram=True).core(board) == board.core
    assert unrolled_pairs(limited(None)) == UNROLLED_PAIRS
    assert unrolled_pairs(limited(FRAME_BYTES + 10 * PAIR_BYTES)) == 10
    assert unrolled_pairs(limited(1)) == 1
    assert unrolled_pairs(limited(1 << 20)) == UNROLLED_PAIRS


def test_rows_are_taken_together_while_they_fit() -> None:
    # 10 rows of 2 pairs, as in keyword spotting.
    taps = Taps(rows=10, row=12, chunks=1, chunk=4, pairs=2, pixel=24)
    assert taps.unrolled
    assert taps.rows_at_once == 10
    for unroll, rows in ((20, 10), (19, 5), (10, 5), (9, 2), (3, 1), (1, 0)):
        part = replace(taps, unroll=unroll)
        assert (part.rows_at_once, part.unrolled) == (rows, rows == 10)
    # Rows further apart than an immediate offset reaches.
    assert replace(taps, row=1000).rows_at_once == 2


SHAPES = {
    "pointwise, no waste": ((3, 4), (64, 8), (1, 1), 1),
    "pointwise, runs grow": ((3, 3), (44, 8), (1, 1), 1),
    "rows together": ((6, 4), (1, 8), (10, 4), 1),
    "a row at a time": ((4, 4), (6, 4), (3, 3), 1),
    "runs of a row": ((4, 4), (20, 4), (3, 3), 1),
    "dilated": ((5, 6), (12, 4), (3, 3), 2),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_short_loops_are_exact_and_short(shape: str, tmp_path: Path) -> None:
    board = load_board("nucleo_l4r5zi")
    blob = convolution(*SHAPES[shape])
    rows = {}
    for limit in (None, 896, 450):
        compilation = gemm(blob, limited(limit))
        (rows[limit],) = [r for r in run(compilation, board).layers if r.op == "CONV_2D"]
        # The channels of a dilated tap are never divided.
        if limit is not None and shape != "dilated":
            linked = image(compilation, board, tmp_path / str(limit))
            tiles = [s.size for s in linked.symbols if s.name.startswith("toy_dsp_gemm_")]
            assert 0 < max(tiles) <= limit
    measured = (rows[896].cycles or 0) - (rows[None].cycles or 0)
    predicted = rows[896].predicted - rows[None].predicted
    assert measured > 0
    assert predicted == pytest.approx(measured, abs=0.02 * (rows[None].cycles or 0))


def test_short_loops_pay_on_slow_flash() -> None:
    board = load_board("nucleo_l4r5zi")
    blob = convolution((8, 8), (64, 64), (1, 1))
    long, short = (run(gemm(blob, core), board) for core in (board.core, board.tuned_core))
    assert long.cycles is not None
    assert short.cycles is not None
    assert long.on_board is not None
    assert short.on_board is not None
    # Loops cost a little, fetching from flash much.
    assert long.cycles < short.cycles < 1.1 * long.cycles
    assert short.on_board[1] < 0.6 * long.on_board[0]


def test_the_command_line_has_it_all(tmp_path: Path) -> None:
    model = str(small_model(tmp_path))

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    plain = call("run", model, "--board", "nucleo_f446re")
    assert "ms at 180 MHz with 5 wait states (modelled, " in plain
    assert "kernels" not in plain.partition("RAM ")[2]
    moved = call("run", model, "--board", "nucleo_f446re", "--kernels-in-ram")
    assert ", kernels " in moved.partition("RAM ")[2]
    assert "25 MHz, no wait states" in call("run", model, "--board", "an385")
    assert "instructions only" in call("run", model, "--board", "an500")
    folder = tmp_path / "library"
    built = call("build", model, "--board", "l4r5zi", "--kernels-in-ram", "-o", str(folder))
    assert "kernels run from RAM region 'sram2'" in built
    ram = json.loads((folder / "report.json").read_text())["board"]["ram"]
    assert ram["kernels_region"] == "sram2"
    assert ram["kernels_estimate"] > 0
    assert '".ramfunc.small"' in (folder / "small.c").read_text()
