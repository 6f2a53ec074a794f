"""`edgegen run`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import (
    BOARD,
    INPUTS,
    MODEL,
    compile_options,
    console,
    emulation,
    reports_errors,
)
from edgegen.pipeline import Options, compile_model, load_model, model_name, place
from edgegen.report import tables
from edgegen.target.board import load_board
from edgegen.target.fit import check_fit
from edgegen.verify.vectors import load_vectors, standard_vectors
from edgegen.verify.verify import accuracy, reference_runs, require_recorded


@click.command(name="run")
@MODEL
@BOARD
@INPUTS
@compile_options
@click.option("--opt", "gcc_option", default="-O2", show_default=True, help="GCC optimisation.")
@reports_errors
def command(
    model: Path,
    board: str,
    inputs: Path | None,
    options: Options,
    gcc_option: str,
) -> None:
    """Run MODEL on an emulated board: exactness, instructions, cycles, memory."""
    with emulation():
        from edgegen.emulate.model_run import run_model
        from edgegen.report.run_table import print_run
    target = options.places.on(load_board(board))
    options = options.within(target)
    compilation = compile_model(
        load_model(model), model_name(model, options), options.core(target), options
    )
    compilation, target = place(compilation, target, options)
    check_fit(compilation.package, target)
    graph = compilation.source
    vectors = load_vectors(inputs, graph) if inputs else standard_vectors(graph, random=1)
    expected = reference_runs(compilation, vectors)
    recorded = require_recorded(compilation, vectors, expected)
    result = run_model(
        compilation, target, vectors.batches, expected, optimize=gcc_option, wait_states=True
    )
    out = console()
    print_run(out, compilation.name, result, target)
    hits = accuracy(compilation, vectors, expected)
    tables.print_recorded(out, recorded, hits, len(vectors.batches))
