"""`edgegen map`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import BOARD, MODEL, compile_options, console, reports_errors
from edgegen.codegen.writer import write_files
from edgegen.errors import InputError, Problem
from edgegen.pipeline import Options, compile_model, load_model, model_name
from edgegen.report.map_picture import PICTURES
from edgegen.report.map_text import print_map
from edgegen.report.memory_map import memory_map
from edgegen.target.board import load_board


@click.command(name="map")
@MODEL
@BOARD
@click.option("--output", "-o", type=click.Path(path_type=Path), help="An .html or .svg file.")
@compile_options
@reports_errors
def command(model: Path, board: str, output: Path | None, options: Options) -> None:
    """Show what is where in MODEL's arena, and when: as text, or as a picture."""
    draw = None if output is None else PICTURES.get(output.suffix.lower())
    if output is not None and draw is None:
        raise InputError(
            Problem(f"no picture of kind {output.suffix!r}", hint="kinds: " + ", ".join(PICTURES))
        )
    target = options.places.on(load_board(board))
    options = options.within(target)
    name = model_name(model, options)
    compilation = compile_model(load_model(model), name, options.core(target), options)
    shown = memory_map(compilation.plan, name)
    if output is None or draw is None:
        print_map(console(), shown)
    else:
        write_files({output: draw(shown, f"{name} on {target.title}").encode()})
