"""Finds the data folders templates/ and boards/: in the installed package, else in a checkout."""

from __future__ import annotations

from pathlib import Path

from edgegen.errors import InternalError

_PACKAGE = Path(__file__).resolve().parent
_EXAMPLES = (_PACKAGE / "_data/examples", _PACKAGE.parent / "firmware_examples")
"""Where examples are: in the installed package, in a checkout."""


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


def source_of(module: str) -> str:
    """The text of one of edgegen's own modules, such as "firmware/uf2.py"."""
    return (_PACKAGE / module).read_text(encoding="utf-8")


def find_example(name: str) -> tuple[Path, Path] | None:
    """The model and the inputs of the example called `name`, or None."""
    for folder in (home / name for home in _EXAMPLES):
        model, samples = folder / f"{name}.tflite", folder / "samples.npz"
        if model.is_file() and samples.is_file():
            return model, samples
    return None


def example_sources(name: str) -> tuple[Path, ...]:
    """The folders with the C files of an example's application; empty if there is none."""
    for home in _EXAMPLES:
        if (home / name / "firmware/main.c").is_file():
            return home / name / "firmware", home / "common"
    return ()


def example_names() -> tuple[str, ...]:
    """The names of the examples that have an application."""
    found = {main.parts[-3] for home in _EXAMPLES for main in home.glob("*/firmware/main.c")}
    return tuple(sorted(found))
