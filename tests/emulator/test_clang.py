"""Generated C compiled with clang, run on the emulated core: a second compiler, the same bytes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.clang import clang_command, find_clang
from edgegen.emulate.model_run import run_model
from edgegen.errors import ToolError
from edgegen.pipeline import Options, compile_model, load_model, place
from edgegen.resources import find_example
from edgegen.target.board import load_board
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import reference_runs
from tests.support.models import shared_folder
from tests.support.small import small_model

FULL = bool(os.environ.get("EDGEGEN_FULL"))
# One board of each core.
BOARDS = {"m0+": "rp2040", "m4": "nrf52840dk", "m3": "mps2_an385"}
if FULL:
    BOARDS |= {"m7": "mps2_an500", "m33": "mps2_an505"}
needs_clang = pytest.mark.skipif(shutil.which("clang") is None, reason="clang is missing")


def run(model: Path, board: str, optimize: str) -> None:
    target = load_board(board)
    options = Options(optimize=optimize).within(target)
    compilation = compile_model(load_model(model), "model", options.core(target), options)
    compilation, target = place(compilation, target, options)
    vectors = standard_vectors(compilation.source, random=1)
    expected = reference_runs(compilation, vectors)
    # Compares every byte of every layer.
    result = run_model(compilation, target, vectors.batches, expected, compiler="clang")
    assert result.inferences == len(vectors.batches)
    assert result.compared > 0


@needs_clang
@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
@pytest.mark.parametrize("optimize", ["balanced", "ram"] if FULL else ["balanced"])
def test_keyword_spotter_is_exact(board: str, optimize: str) -> None:
    found = find_example("keyword_spotting")
    assert found is not None
    run(found[0], board, optimize)


@needs_clang
@pytest.mark.skipif(not FULL, reason="needs EDGEGEN_FULL")
@pytest.mark.parametrize("board", ["rp2040", "nrf52840dk"])
@pytest.mark.parametrize("name", ["kws_ref_model_int8", "vww_96_int8", "resnet8_int8", "ad01_int8"])
def test_benchmark_models_are_exact(name: str, board: str) -> None:
    path = shared_folder() / "models" / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the shared folder (set EDGEGEN_SHARED)")
    run(path, board, "balanced")


@needs_clang
def test_clang_really_compiles(tmp_path: Path) -> None:
    command = ["run", str(small_model(tmp_path)), "--board", "nrf52840dk"]
    gcc, clang = (
        CliRunner().invoke(main, [*command, *more]) for more in ((), ("--compiler", "clang"))
    )
    assert gcc.exit_code == clang.exit_code == 0, clang.output
    assert "exact" in clang.output
    # Two compilers do not make the same code.
    assert clang.output != gcc.output


def test_missing_clang_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="sudo apt install clang"):
        find_clang()


@needs_clang
def test_clang_is_for_arm() -> None:
    with pytest.raises(ToolError, match="for Arm only"):
        clang_command(load_board("qemu_rv32"))
