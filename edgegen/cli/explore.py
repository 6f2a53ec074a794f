"""`edgegen explore`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import BOARD, MODEL, console, reports_errors
from edgegen.codegen.writer import write_files
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
        write_files({output: explore_page(model.stem, rows, target).encode()})
        out.print(f"picture: {output}", soft_wrap=True, markup=False)
