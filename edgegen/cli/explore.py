"""`edgegen explore`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import BOARD, MODEL, console, reports_errors
from edgegen.errors import InputError
from edgegen.pipeline import Options, load_model, optimised_graph
from edgegen.report.explore_table import explore_page, explore_rows, print_explore
from edgegen.target.board import load_board
from edgegen.target.explore import explore


@click.command(name="explore")
@MODEL
@BOARD
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="An .html file with the picture."
)
@click.option("--streaming/--no-streaming", default=True, help="Whether layers may run row by row.")
@reports_errors
def command(model: Path, board: str, output: Path | None, streaming: bool) -> None:
    """Show the plans of MODEL on a board: RAM against cycles against flash."""
    target = load_board(board)
    graph = optimised_graph(load_model(model), model.stem)
    out = console()
    with out.status("planning") as status:
        points = explore(
            graph,
            Options().core(target),
            streaming=streaming,
            progress=lambda p: status.update(f"planning: {p.ram:,} bytes of RAM"),
        )
    rows = explore_rows(points, target, Options().within(target))
    print_explore(out, model.stem, rows, target)
    if output is not None:
        try:
            output.write_text(explore_page(model.stem, rows, target), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {str(output)!r}: {error.strerror}") from error
        out.print(f"picture: {output}")
