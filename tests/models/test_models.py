"""Whole models against the oracle's recorded outputs: numpy, host C, and every emulated core."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from edgegen.emulate.model_run import run_model
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.target.board import load_board
from edgegen.verify.recorded import require_recorded
from edgegen.verify.reference import evaluate
from edgegen.verify.vectors import Vectors, load_vectors
from edgegen.verify.verify import reference_runs, verify_host
from tests.emulator.test_cases import BOARDS
from tests.support.models import (
    DEMO_MODEL,
    REFERENCE_MODELS,
    model_inputs,
    recorded_models,
    shared_folder,
)

FULL = bool(os.environ.get("EDGEGEN_FULL"))
"""`./run full`: all recorded inputs on every emulated core."""

NAMES = (DEMO_MODEL.stem, *REFERENCE_MODELS)
ARENA_LIMITS = {
    "kws_ref_model_int8": 16_000,
    "vww_96_int8": 55_296,
    "resnet8_int8": 49_152,
    "ad01_int8": 768,
}

STACK_LIMIT = 1024
"""Bytes of stack that one inference may take below its caller, worst case, on any core."""


def model_path(name: str) -> Path:
    path = DEMO_MODEL if name == DEMO_MODEL.stem else shared_folder() / "models" / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the shared folder (set EDGEGEN_SHARED)")
    return path


def compiled(name: str, core: str, optimize: str = "balanced") -> Compilation:
    blob = model_path(name).read_bytes()
    assert zlib.crc32(blob) == recorded_models()[name].crc, "recorded from another file"
    board = load_board(BOARDS[core])
    return compile_model(blob, name, board.core, Options(optimize=optimize))


def recorded_vectors(compilation: Compilation, count: int | None = None) -> Vectors:
    (source,) = compilation.source.inputs
    inputs = model_inputs(compilation.name, compilation.source.tensor(source).type.shape)
    recorded = np.stack(recorded_models()[compilation.name].outputs)
    chosen = slice(None) if count is None else slice(-count, None)
    batches = tuple({source: x} for x in inputs[chosen])
    return Vectors(batches, "recorded", {"tflite 2.14 reference": recorded[chosen]})


@pytest.mark.parametrize("optimize", ["speed", "balanced", "size"])
@pytest.mark.parametrize("name", NAMES)
def test_reference_and_host_c_equal_the_oracle(name: str, optimize: str) -> None:
    compilation = compiled(name, "m4", optimize)
    vectors = recorded_vectors(compilation)
    verdict = verify_host(compilation, vectors, flags=("-O1",))
    assert verdict.inferences >= 24
    assert verdict.recorded == ("tflite 2.14 reference",)


@pytest.mark.parametrize("core", list(BOARDS))
@pytest.mark.parametrize("name", NAMES)
def test_emulated_cores_equal_the_oracle(name: str, core: str) -> None:
    compilation = compiled(name, core)
    # The extremes and the ramp; all inputs on request, since whole models take their time.
    vectors = recorded_vectors(compilation, None if FULL else 3)
    expected = [evaluate(compilation.graph, b) for b in vectors.batches]
    (output,) = compilation.source.outputs
    wanted = vectors.recorded["tflite 2.14 reference"]
    for values, row in zip(expected, wanted, strict=True):
        np.testing.assert_array_equal(values[output].ravel(), row.ravel())
    run = run_model(compilation, load_board(BOARDS[core]), vectors.batches, expected)
    assert run.inferences == len(vectors.batches)
    assert run.compared > 0
    assert run.stack.bytes is not None, run.stack.why
    assert run.stack_bytes <= run.stack.bytes < STACK_LIMIT


@pytest.mark.parametrize("name", list(ARENA_LIMITS))
def test_smallest_arena_is_proved(name: str) -> None:
    arena = compiled(name, "m4", "size").plan.arena
    assert arena.size <= ARENA_LIMITS[name]
    assert arena.proved


def test_real_keywords_equal_the_recorded_outputs() -> None:
    compilation = compiled("kws_ref_model_int8", "m4")
    path = shared_folder() / "data" / "kws01_200.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the shared folder (set EDGEGEN_SHARED)")
    vectors = load_vectors(path, compilation.source)
    verdict = verify_host(compilation, vectors)
    assert verdict.inferences == 200
    assert len(verdict.recorded) == 1
    assert verdict.accuracy == pytest.approx(0.955)


@pytest.mark.skipif(not FULL, reason="200 inputs on five cores: `./run full`")
@pytest.mark.parametrize("core", list(BOARDS))
def test_real_keywords_on_emulated_cores(core: str) -> None:
    compilation = compiled("kws_ref_model_int8", core)
    vectors = load_vectors(shared_folder() / "data" / "kws01_200.npz", compilation.source)
    expected = reference_runs(compilation, vectors)
    assert require_recorded(compilation.graph, vectors, expected)
    run = run_model(compilation, load_board(BOARDS[core]), vectors.batches, expected)
    assert run.inferences == 200


def test_code_is_small() -> None:
    """Library code without constants at -Os: under 12 kB on Cortex-M4."""
    compilation = compiled("kws_ref_model_int8", "m4")
    vectors = recorded_vectors(compilation, 1)
    expected = [evaluate(compilation.graph, b) for b in vectors.batches]
    board = load_board(BOARDS["m4"])
    run = run_model(compilation, board, vectors.batches, expected, optimize="-Os")
    assert run.flash.code < 12_000
