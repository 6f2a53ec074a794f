"""`edgegen boards` and `edgegen boards show`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from edgegen.cli.common import console, reports_errors
from edgegen.report import tables
from edgegen.report.board_text import boards_report, print_board
from edgegen.target.board import Board, list_boards, load_board


@click.group(name="boards", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@reports_errors
def command(context: click.Context, as_json: bool) -> None:
    """List the boards; `boards show NAME` says everything about one."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        _echo(list_boards())
    else:
        tables.print_boards(console(), list_boards())


@command.command(name="show")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reports_errors
def show(names: tuple[str, ...], as_json: bool) -> None:
    """Memory map, core, clock, console and sources of boards, by name or .toml file."""
    boards = [load_board(name) for name in names]
    if as_json:
        _echo(boards)
        return
    out = console()
    for board in boards:
        print_board(out, board)


def _echo(boards: Sequence[Board]) -> None:
    click.echo(json.dumps(boards_report(boards), indent=2))
