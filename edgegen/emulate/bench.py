"""`edgegen bench`: models x cores x optimisation levels, measured, compared with a ledger.

The ledger is a folder of JSON files, one for each model and core, meant to be committed: a change
that costs cycles, arena or flash then shows up as a diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgegen.emulate.model_run import run_model
from edgegen.pipeline import Options, compile_model, load_model, model_name
from edgegen.target.board import load_board
from edgegen.verify.reference import ramp
from edgegen.verify.vectors import Vectors
from edgegen.verify.verify import reference_runs

BENCH_BOARDS = {
    "m0+": "rp2040",
    "m3": "mps2_an385",
    "m4": "nucleo_l4r5zi",
    "m7": "mps2_an500",
    "m33": "mps2_an505",
}
"""Board whose emulation stands for a core; cycles are at zero wait states."""

LEVELS = {"speed": "-O2", "balanced": "-O2", "size": "-Os", "scalar": "-O2"}
"""Optimisation levels and the compiler's option that goes with each."""


@dataclass(frozen=True)
class Measurement:
    """One inference of the ramp input; sizes in bytes."""

    macs: int
    instructions: int
    cycles: int | None
    predicted_cycles: int
    arena: int
    stack: int
    constants: int
    code: int


@dataclass(frozen=True)
class BenchRow:
    """A measurement and what the ledger held before."""

    model: str
    core: str
    level: str
    now: Measurement
    before: Measurement | None


def measure(model: Path, core: str, level: str) -> Measurement:
    """Compiles and runs a model; every layer is compared with the reference on the way."""
    board = load_board(BENCH_BOARDS[core])
    options = Options(optimize=level)
    compilation = compile_model(load_model(model), model_name(model, options), board.core, options)
    graph = compilation.source
    batch = {n: ramp(graph.tensor(n).type) for n in graph.inputs}
    expected = reference_runs(compilation, Vectors((batch,), "ramp", {}))
    run = run_model(compilation, board, [batch], expected, optimize=LEVELS[level])
    return Measurement(
        compilation.source.macs,
        round(run.instructions),
        None if run.cycles is None else round(run.cycles),
        sum(row.predicted for row in run.layers),
        run.arena_bytes,
        run.stack_bytes,
        run.flash.constants,
        run.flash.code,
    )


def bench(
    models: Sequence[Path], cores: Sequence[str], levels: Sequence[str], ledger: Path | None
) -> Iterator[BenchRow]:
    """Measures everything and rewrites the ledger's files as it goes.

    Args:
        models: model files; the ledger's files are named after them.
        cores: keys of `BENCH_BOARDS`.
        levels: keys of `LEVELS`.
        ledger: the folder, or None to only measure.
    """
    for model in models:
        for core in cores:
            path = (
                None
                if ledger is None
                else ledger / f"{model.stem}_{core.replace('+', 'plus')}.json"
            )
            known = _read(path)
            for level in levels:
                now = measure(model, core, level)
                before = known.get(level)
                known[level] = asdict(now)
                yield BenchRow(
                    model.stem, core, level, now, Measurement(**before) if before else None
                )
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps({k: known[k] for k in LEVELS if k in known}, indent=1)
                path.write_text(text + "\n", encoding="utf-8")


def _read(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None or not path.exists():
        return {}
    content: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return content
