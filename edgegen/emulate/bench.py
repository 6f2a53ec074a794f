"""`edgegen bench`: models x cores x optimisation levels, measured, compared with a ledger.

The ledger is a folder of JSON files, one for each model and core, meant to be committed: a change
that costs cycles, arena or flash then shows up as a diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgegen.emulate.model_run import run_model
from edgegen.errors import UnsupportedError
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


@dataclass(frozen=True)
class Level:
    """What a line of the ledger asks for.

    Attributes:
        optimize: `--optimize`.
        compiler: the cross compiler's option that goes with it.
        ram: `--ram-budget`, bytes; left out where the level alone needs no more.
        streaming: `--streaming` or `--no-streaming`.
        input_rows: `--input-rows`; left out where the input is no image.
        cores: measured on these only; None: on all.
    """

    optimize: str
    compiler: str = "-O2"
    ram: int | None = None
    streaming: bool = True
    input_rows: bool = False
    cores: tuple[str, ...] | None = None


_TWO = ("m0+", "m4")

LEVELS = {
    "speed": Level("speed"),
    "speed-40k": Level("speed", ram=40 << 10, cores=_TWO),
    "speed-10k": Level("speed", ram=10 << 10, cores=_TWO),
    "balanced": Level("balanced"),
    "ram": Level("ram"),
    "ram-whole": Level("ram", streaming=False, cores=_TWO),
    "ram-rows": Level("ram", input_rows=True, cores=_TWO),
    "size": Level("size", "-Os"),
    "scalar": Level("scalar"),
}
"""The lines of the ledger."""


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


def measure(model: Path, core: str, level: str) -> Measurement | None:
    """Compiles and runs a model; every layer is compared with the reference on the way.

    Returns:
        The figures, or None where the level says nothing new about the model or cannot be had.
    """
    board, wanted = load_board(BENCH_BOARDS[core]), LEVELS[level]
    if wanted.cores is not None and core not in wanted.cores:
        return None
    options = Options(
        optimize=wanted.optimize,
        ram_budget=wanted.ram,
        streaming=wanted.streaming,
        input_rows=wanted.input_rows,
    )
    blob, name = load_model(model), model_name(model, options)
    try:
        compilation = compile_model(blob, name, board.core, options)
    except UnsupportedError:
        if wanted.input_rows:
            return None
        raise
    if wanted.ram is not None:
        free = compile_model(blob, name, board.core, replace(options, ram_budget=None))
        if not compilation.plan.arena.size <= wanted.ram < free.plan.arena.size:
            return None
    graph = compilation.source
    batch = {n: ramp(graph.tensor(n).type) for n in graph.inputs}
    expected = reference_runs(compilation, Vectors((batch,), "ramp", {}))
    run = run_model(compilation, board, [batch], expected, optimize=wanted.compiler)
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
                if now is None:
                    known.pop(level, None)
                    continue
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
