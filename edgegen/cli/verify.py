"""`edgegen verify`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import INPUTS, MODEL, compile_options, console, reports_errors
from edgegen.pipeline import Options, compile_model, load_model, model_name
from edgegen.report import tables
from edgegen.target.board import load_board
from edgegen.verify.vectors import load_vectors, standard_vectors
from edgegen.verify.verify import verify_host


@click.command(name="verify")
@MODEL
@click.option(
    "--board",
    "-b",
    default="nrf52840dk",
    show_default=True,
    help="Whose kernels to verify: a board's name, or a path to its .toml.",
)
@INPUTS
@compile_options
@click.option("--cc", help="Host C compiler; default: $CC, cc, gcc or clang.")
@reports_errors
def command(model: Path, board: str, inputs: Path | None, options: Options, cc: str | None) -> None:
    """Compare the numpy reference with the compiled C, all bytes of all layers."""
    target = options.places.on(load_board(board))
    options = options.within(target)
    compilation = compile_model(
        load_model(model), model_name(model, options), options.core(target), options
    )
    graph = compilation.source
    vectors = load_vectors(inputs, graph) if inputs else standard_vectors(graph)
    verdict = verify_host(compilation, vectors, compiler=cc)
    tables.print_verdict(console(), compilation.name, verdict, vectors.title)
