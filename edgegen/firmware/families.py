"""Facts of families that are no board's own: `templates/firmware/soc/<family>.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from edgegen.errors import BoardError, Problem
from edgegen.resources import templates_dir
from edgegen.target.board import Board
from edgegen.target.toml_table import Table


@dataclass(frozen=True)
class Family:
    """What a family's boot ROM wants.

    Attributes:
        uf2_family: its UF2 family ID, or None where there is no USB drive to copy an image to.
        brings_loader: whether the image begins with a loader in the flash's reserved bytes.
    """

    uf2_family: int | None = None
    brings_loader: bool = False


def load_family(board: Board) -> Family:
    """The facts of a board's family; few families need any."""
    if board.soc is None:
        return Family()
    path = templates_dir() / "firmware/soc" / f"{board.soc.family}.toml"
    if not path.is_file():
        return Family()
    problems: list[Problem] = []
    table = Table(tomllib.loads(path.read_text(encoding="utf-8")), "", path.name, problems)
    family = Family(
        uf2_family=table.optional_number("uf2_family", 0, 2**32 - 1),
        brings_loader=table.get("brings_loader", bool, default=False),
    )
    table.finish()
    if problems:
        raise BoardError(problems)
    return family
