"""MLPerf Tiny's benchmarks in small, what their files hold, and what the runner is to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgegen.ir.types import Array
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate
from tests.support import data
from tests.support.cases import read_case

BOARD = load_board("nrf52840dk")


def dense(inputs: int, outputs: int) -> dict[str, Any]:
    return {
        "name": f"dense_{inputs}",
        "op": "FULLY_CONNECTED",
        "options": {},
        "inputs": [
            {"shape": [1, inputs], "scale": 1 / 255, "zero_point": -128},
            {"shape": [outputs, inputs], "scale": 0.004, "constant": "weights"},
            {"shape": [outputs], "dtype": "int32", "constant": "bias"},
        ],
        "outputs": [{"shape": [1, outputs], "scale": 0.0371, "zero_point": 5}],
    }


AUTOENCODER = {
    "name": "same_size",
    "op": "LOGISTIC",
    "inputs": [{"shape": [1, 640], "scale": 0.3910, "zero_point": 89}],
    "outputs": [{"shape": [1, 640], "scale": 0.00390625, "zero_point": -128}],
}
# Networks with the benchmarks' numbers of inputs and outputs, and nothing else of theirs.
STAND_INS: Mapping[str, dict[str, Any]] = {
    "kws01": dense(490, 12),
    "ic01": dense(3072, 10),
    "vww01": dense(27648, 2),
    "ad01": AUTOENCODER,
}


def stand_in(name: str, **options: Any) -> Compilation:
    case = read_case("mlperf", None, STAND_INS[name])
    return compile_model(case.model_bytes(), "net", BOARD.core, Options(**options))


def sample(compilation: Compilation, name: str, seed: str) -> tuple[bytes, Array]:
    """A file of the benchmark's data set, made up, and the quantised input that it stands for."""
    kind = compilation.source.tensor(compilation.source.inputs[0]).type
    if name == "ad01":
        real = data.random(seed, kind.shape, "float32").astype(np.float32) * 30
        steps = np.float32(real) / np.float32(kind.scale)
        rounded = np.copysign(np.floor(np.abs(steps) + np.float32(0.5)), steps)
        stored = np.clip(rounded + kind.zero_point, -128, 127).astype(np.int8)
        return real.astype("<f4").tobytes(), stored
    stored = data.random(seed, kind.shape, "int8").astype(np.int8)
    if name == "kws01":
        return stored.tobytes(), stored
    return (stored.astype(np.int16) + 128).astype(np.uint8).tobytes(), stored


def wanted(compilation: Compilation, name: str, raw: bytes, stored: Array) -> Array:
    """What the runner is to be told."""
    graph = compilation.source
    out = evaluate(graph, {graph.inputs[0]: stored})[graph.outputs[0]]
    kind = graph.tensor(graph.outputs[0]).type
    real = (out.astype(np.float64) - kind.zero_point) * kind.scale
    if name == "ad01":
        error = real - np.frombuffer(raw, "<f4").reshape(real.shape)
        return np.array([np.mean(error**2)])
    return real.ravel()
