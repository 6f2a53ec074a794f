"""`edgegen boards`."""

from __future__ import annotations

import click

from edgegen.cli.common import console, reports_errors
from edgegen.report import tables
from edgegen.target.board import list_boards


@click.command(name="boards")
@reports_errors
def command() -> None:
    """List the boards."""
    tables.print_boards(console(), list_boards())
