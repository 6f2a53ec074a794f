"""`edgegen build`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from edgegen.cli._calibration import calibration_options
from edgegen.cli.common import BOARD, MODEL, compile_options, console, progress, reports_errors
from edgegen.codegen.names import identifier
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir import QuantParams
from edgegen.pipeline import Options, build_library, load_model, read_graph
from edgegen.quantise.model import Request, quantise_model
from edgegen.report import tables
from edgegen.report.map_text import print_map
from edgegen.report.memory_map import memory_map
from edgegen.report.quantisation_text import print_outcome
from edgegen.target.board import load_board


@click.command(name="build")
@MODEL
@BOARD
@calibration_options(required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder; default: ./NAME.")
@compile_options
@click.option("--dump-ir", type=click.Path(path_type=Path), help="Folder for every stage as text.")
@click.option("--explain", is_flag=True, help="Say for every layer why its kernel was chosen.")
@click.option("--map", "show_map", is_flag=True, help="Show what is where in the arena, and when.")
@reports_errors
def command(
    model: Path,
    board: str,
    calibration: Path | None,
    integers: QuantParams | None,
    output: Path | None,
    options: Options,
    dump_ir: Path | None,
    explain: bool,
    show_map: bool,
) -> None:
    """Compile MODEL to a C library for a board.

    A float model is quantised first, as `edgegen quantize` does, if --calibration gives samples.
    """
    target_board = options.places.on(load_board(board))
    options = options.within(target_board)
    out = console()
    blob = None
    if calibration is not None:
        request = Request(calibration, integers=integers)
        blob = _quantised(model, options.reading, request, out)
    library, target = build_library(model, target_board, output, options, blob)
    if dump_ir is not None:
        dump_ir.mkdir(parents=True, exist_ok=True)
        for file, text in library.compilation.dumps.items():
            (dump_ir / file).write_text(text, encoding="utf-8")
    if explain:
        tables.print_explain(out, library.compilation)
    tables.print_build(out, library, target)
    if show_map:
        print_map(out, memory_map(library.compilation.plan, library.compilation.name))


def _quantised(model: Path, reading: OnnxOptions, request: Request, out: Console) -> bytes:
    """The int8 model file that a float model becomes."""
    graph = read_graph(load_model(model), identifier(model.stem), reading)
    outcome = quantise_model(graph, request, progress)
    print_outcome(out, outcome)
    return outcome.blob
