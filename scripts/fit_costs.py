"""Fits the costs of the scalar kernels to emulated runs; prints tables for `edgegen/kernels`.

python scripts/fit_costs.py MODEL.tflite...
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from edgegen.emulate.bench import BENCH_BOARDS
from edgegen.emulate.model_run import run_model
from edgegen.pipeline import Options, compile_model, load_model
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate, ramp

Sample = tuple[tuple[int, ...], float, float]
"""Features, instructions and cycles of one layer."""


def samples(model: Path, core: str) -> dict[str, list[Sample]]:
    """Runs a model with scalar kernels; one sample for each layer whose kernel has features."""
    board = load_board(BENCH_BOARDS[core])
    compilation = compile_model(load_model(model), "m", board.core, Options(optimize="scalar"))
    graph = compilation.source
    batch = {n: ramp(graph.tensor(n).type) for n in graph.inputs}
    run = run_model(compilation, board, [batch], [evaluate(compilation.graph, batch)])
    found: dict[str, list[Sample]] = defaultdict(list)
    for row, call in zip(run.layers, compilation.program.calls, strict=True):
        features = getattr(call.kernel, "features", None)
        if features is not None and row.cycles is not None:
            sample = (features(call.op, call.io), row.instructions, row.cycles)
            found[call.kernel.path].append(sample)
    return found


def fit(table: list[Sample], column: int) -> tuple[tuple[float, ...], float]:
    """Least squares on relative errors: coefficients and the largest relative error."""
    features = np.array([s[0] for s in table], float)
    measured = np.array([s[column] for s in table], float)
    scaled = features / measured[:, np.newaxis]
    solution = np.linalg.lstsq(scaled, np.ones(len(table)), rcond=None)[0]
    error = np.abs(scaled @ solution - 1).max()
    return tuple(round(float(x), 2) for x in solution), float(error)


def main() -> None:
    """Prints coefficients and errors for every kernel and core."""
    for core in ("m0+", "m3", "m4"):
        tables: dict[str, list[Sample]] = defaultdict(list)
        for model in sys.argv[1:]:
            for path, rows in samples(Path(model), core).items():
                tables[path] += rows
        for path, rows in sorted(tables.items()):
            instructions, _ = fit(rows, 1)
            cycles, error = fit(rows, 2)
            print(f'{path}: "{core}": ({instructions}, {cycles}),  # within {error:.1%}')


if __name__ == "__main__":
    main()
