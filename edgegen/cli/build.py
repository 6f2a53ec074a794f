"""`edgegen build`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import BOARD, MODEL, compile_options, console, reports_errors
from edgegen.pipeline import Options, build_library
from edgegen.report import tables
from edgegen.report.map_text import print_map
from edgegen.report.memory_map import memory_map
from edgegen.target.board import load_board


@click.command(name="build")
@MODEL
@BOARD
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder; default: ./NAME.")
@compile_options
@click.option("--dump-ir", type=click.Path(path_type=Path), help="Folder for every stage as text.")
@click.option("--explain", is_flag=True, help="Say for every layer why its kernel was chosen.")
@click.option("--map", "show_map", is_flag=True, help="Show what is where in the arena, and when.")
@reports_errors
def command(
    model: Path,
    board: str,
    output: Path | None,
    options: Options,
    dump_ir: Path | None,
    explain: bool,
    show_map: bool,
) -> None:
    """Compile MODEL to a C library for a board."""
    target_board = options.places.on(load_board(board))
    options = options.within(target_board)
    library, target = build_library(model, target_board, output, options)
    out = console()
    if dump_ir is not None:
        dump_ir.mkdir(parents=True, exist_ok=True)
        for file, text in library.compilation.dumps.items():
            (dump_ir / file).write_text(text, encoding="utf-8")
    if explain:
        tables.print_explain(out, library.compilation)
    tables.print_build(out, library, target)
    if show_map:
        print_map(out, memory_map(library.compilation.plan, library.compilation.name))
