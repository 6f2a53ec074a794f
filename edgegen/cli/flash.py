"""`edgegen flash`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import BOARD, console, reports_errors
from edgegen.link.flash import WAYS, plan_flash
from edgegen.target.board import load_board


@click.command(name="flash")
@click.argument("image", type=click.Path(path_type=Path), metavar="IMAGE|PROJECT")
@BOARD
@click.option(
    "--via",
    type=click.Choice(WAYS),
    help="Debug probe or boot loader; default: the boot loader where it shows a drive.",
)
@click.option(
    "--drive",
    type=click.Path(path_type=Path),
    help="The boot loader's drive; default: the one with the board's INFO_UF2.TXT.",
)
@click.option("--target", help="pyOCD's name for the part; default: from the board.")
@click.option("--dry-run", is_flag=True, help="Show the command, and do nothing.")
@reports_errors
def command(
    image: Path, board: str, via: str | None, drive: Path | None, target: str | None, dry_run: bool
) -> None:
    """Write firmware to a board: an image, or what was built in a project's folder."""
    planned = plan_flash(image, load_board(board), way=via, drive=drive, target=target)
    # Not wrapped, so that it can be copied.
    console().print(f"$ {planned.shown}", soft_wrap=True, highlight=False, markup=False)
    if not dry_run:
        planned.perform()
