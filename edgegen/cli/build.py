"""`edgegen build`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from edgegen.bundle import build_bundle
from edgegen.cli._calibration import calibration_options
from edgegen.cli.common import (
    BOARD,
    compile_options,
    console,
    progress,
    reports_errors,
    require_one_or_shared,
)
from edgegen.codegen.names import identifier
from edgegen.errors import InputError, Problem
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir import QuantParams
from edgegen.pipeline import Compilation, Options, build_library, load_model, read_graph
from edgegen.quantise.model import Request, quantise_model
from edgegen.report import tables
from edgegen.report.map_text import print_map
from edgegen.report.memory_map import memory_map
from edgegen.report.quantisation_text import print_outcome
from edgegen.target.board import load_board


@click.command(name="build")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@BOARD
@calibration_options(required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder; default: ./NAME.")
@compile_options
@click.option("--shared-arena", is_flag=True, help="One arena for several models.")
@click.option("--dump-ir", type=click.Path(path_type=Path), help="Folder for every stage as text.")
@click.option("--explain", is_flag=True, help="Say for every layer why its kernel was chosen.")
@click.option("--map", "show_map", is_flag=True, help="Show what is where in the arena, and when.")
@reports_errors
def command(
    models: tuple[Path, ...],
    board: str,
    calibration: Path | None,
    integers: QuantParams | None,
    output: Path | None,
    options: Options,
    shared_arena: bool,
    dump_ir: Path | None,
    explain: bool,
    show_map: bool,
) -> None:
    """Compile MODELS to a C library for a board.

    A float model is quantised first, as `edgegen quantize` does, if --calibration gives samples.
    """
    require_one_or_shared(models, shared_arena)
    if shared_arena and calibration is not None:
        raise InputError(
            Problem("--calibration is for one model", hint="first `edgegen quantize` each of them")
        )
    target_board = options.places.on(load_board(board))
    options = options.within(target_board)
    out = console()
    if shared_arena:
        bundle, target = build_bundle(models, target_board, output, options)
        compilations = bundle.compilations
        for compilation in compilations:
            _details(out, compilation, dump_ir and dump_ir / compilation.name, explain)
        tables.print_bundle(out, bundle, target)
    else:
        (model,) = models
        blob = None
        if calibration is not None:
            request = Request(calibration, integers=integers)
            blob = _quantised(model, options.reading, request, out)
        library, target = build_library(model, target_board, output, options, blob)
        compilations = (library.compilation,)
        _details(out, library.compilation, dump_ir, explain)
        tables.print_build(out, library, target)
    if show_map:
        for compilation in compilations:
            print_map(out, memory_map(compilation.plan, compilation.name))


def _details(out: Console, compilation: Compilation, dump_ir: Path | None, explain: bool) -> None:
    """What was asked for besides the library."""
    if dump_ir is not None:
        dump_ir.mkdir(parents=True, exist_ok=True)
        for file, text in compilation.dumps.items():
            (dump_ir / file).write_text(text, encoding="utf-8")
    if explain:
        tables.print_explain(out, compilation)


def _quantised(model: Path, reading: OnnxOptions, request: Request, out: Console) -> bytes:
    """The int8 model file that a float model becomes."""
    graph = read_graph(load_model(model), identifier(model.stem), reading)
    outcome = quantise_model(graph, request, progress)
    print_outcome(out, outcome)
    return outcome.blob
