"""`edgegen run`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.bundle import compile_bundle
from edgegen.cli._emulated import Talk, through_uart
from edgegen.cli.common import (
    BOARD,
    INPUTS,
    compile_options,
    console,
    emulation,
    reports_errors,
    require_one_or_shared,
)
from edgegen.codegen.writer import write_files
from edgegen.emulate.session import EMULATORS
from edgegen.errors import InputError, Problem
from edgegen.pipeline import Options, compile_model, load_model, model_name, place
from edgegen.report import tables
from edgegen.report.run_report import run_report
from edgegen.target.board import Board, load_board
from edgegen.target.fit import check_fit
from edgegen.verify.recorded import accuracy, require_recorded
from edgegen.verify.vectors import load_vectors, standard_vectors
from edgegen.verify.verify import reference_runs


@click.command(name="run")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@BOARD
@INPUTS
@compile_options
@click.option("--shared-arena", is_flag=True, help="One arena for several models.")
@click.option("--opt", "gcc_option", default="-O2", show_default=True, help="GCC optimisation.")
@click.option(
    "--compiler",
    type=click.Choice(("gcc", "clang")),
    default="gcc",
    show_default=True,
    help="Which compiles; clang needs GCC's C library, and GCC links.",
)
@click.option("--report", type=click.Path(path_type=Path), help="A .json file for the figures.")
@click.option(
    "--emulator",
    type=click.Choice(EMULATORS),
    help="Run the whole firmware in it, inputs and outputs through the UART; without: "
    "Unicorn with the library alone, every layer counted.",
)
@click.option("--send", default="", help="For an image: text to send to its UART.")
@click.option("--until", default="", help="For an image: end when its UART has said this.")
@click.option(
    "--emit",
    type=click.Path(path_type=Path),
    help="With --emulator renode: write its files and the firmware to this folder; run nothing.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0, min_open=True),
    default=60.0,
    show_default=True,
    help="With a UART: wall time for an image, or for one inference.",
)
@reports_errors
def command(
    models: tuple[Path, ...],
    board: str,
    inputs: Path | None,
    options: Options,
    shared_arena: bool,
    gcc_option: str,
    compiler: str,
    report: Path | None,
    emulator: str | None,
    send: str,
    until: str,
    emit: Path | None,
    seconds: float,
) -> None:
    """Run MODELS on an emulated board: exactness, instructions, cycles, memory.

    A firmware image (.elf, .uf2, .bin) instead of a model is run as it is.
    """
    talk = Talk(send, until, seconds)
    others = {"shared-arena": shared_arena, "report": report, "compiler": compiler != "gcc"}
    if through_uart(models, board, inputs, options, emulator, emit, talk, others):
        return
    with emulation():
        from edgegen.emulate.model_run import run_model
        from edgegen.report.run_table import print_run
    target = options.places.on(load_board(board))
    options = options.within(target)
    require_one_or_shared(models, shared_arena)
    for option, value in (("--inputs", inputs), ("--report", report)):
        if shared_arena and value:
            raise InputError(Problem(f"{option} is for one model", hint="leave out --shared-arena"))
    if shared_arena:
        _run_bundle(models, target, options, gcc_option)
        return
    (model,) = models
    compilation = compile_model(
        load_model(model), model_name(model, options), options.core(target), options
    )
    compilation, target = place(compilation, target, options)
    check_fit(compilation.package, target)
    graph = compilation.source
    vectors = load_vectors(inputs, graph) if inputs else standard_vectors(graph, random=1)
    expected = reference_runs(compilation, vectors)
    recorded = require_recorded(compilation.graph, vectors, expected)
    result = run_model(
        compilation,
        target,
        vectors.batches,
        expected,
        optimize=gcc_option,
        wait_states=True,
        compiler=compiler,
    )
    if report is not None:
        text = run_report(compilation.name, result, target, gcc_option)
        write_files({report: text.encode()})
    out = console()
    print_run(out, compilation.name, result, target)
    hits = accuracy(compilation.graph, vectors, expected)
    tables.print_recorded(out, recorded, hits, len(vectors.batches))


def _run_bundle(models: tuple[Path, ...], board: Board, options: Options, gcc_option: str) -> None:
    """Runs models that share an arena one after the other, on the standard inputs."""
    from edgegen.emulate.bundle_run import run_bundle
    from edgegen.report.run_table import print_bundle_run

    bundle = compile_bundle(models, board, options)
    vectors = [standard_vectors(c.source, random=1) for c in bundle.compilations]
    expected = [reference_runs(c, v) for c, v in zip(bundle.compilations, vectors, strict=True)]
    rows = run_bundle(bundle, [v.batches for v in vectors], expected, optimize=gcc_option)
    print_bundle_run(console(), bundle, rows)
