"""Finds the data folders templates/ and boards/: in the installed package, else in a checkout."""

from __future__ import annotations

from pathlib import Path

from edgegen.errors import InternalError

_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """Returns the folder of data files called `name` ("templates" or "boards").

    Raises:
        InternalError: the installation is incomplete.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise InternalError(f"the data folder {name!r} is missing from this installation")


def templates_dir() -> Path:
    """The folder of Jinja templates."""
    return data_dir("templates")


def boards_dir() -> Path:
    """The folder of board descriptions, one TOML file a board."""
    return data_dir("boards")
