"""What the commands share: options, error reporting, the console."""

from __future__ import annotations

import functools
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import track

from edgegen.cli.placement import placement_options
from edgegen.cli.reading import reading_options
from edgegen.errors import EdgegenError, InputError, Problem, ToolError
from edgegen.pipeline import DTYPES, Options
from edgegen.target.select import OPTIMIZE

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

MODEL = click.argument("model", type=click.Path(path_type=Path))
BOARD = click.option("--board", "-b", required=True, help="A board's name, or a path to its .toml.")
INPUTS = click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    help="An .npz with `inputs` [n, ...]; recorded `outputs` and `labels` are compared too.",
)


def byte_count(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> int | None:
    """A number of bytes: 16384, 16k or 1M, in powers of 1,024."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmM]?)(?:i?[bB])?", value)
    if match is None or float(match[1]) <= 0:
        raise click.BadParameter(f"{value!r} is not a number of bytes such as 16384, 16k or 1M")
    return round(float(match[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20}[match[2].lower()])


_COMPILATION = (
    "name",
    "optimize",
    "kernels_in_ram",
    "flash_budget",
    "ram_budget",
    "streaming",
    "input_rows",
    "reading",
    "dtype",
)
"""Fields of `Options` that `compile_options` fills."""


def compile_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds the options of a compilation; the command gets them as one `options`."""
    command = placement_options(command)

    @click.option("--name", help="Prefix of all C identifiers; default: the model file's name.")
    @click.option(
        "--optimize",
        type=click.Choice(OPTIMIZE),
        default="balanced",
        show_default=True,
        help="What to prefer where there is a choice of kernels.",
    )
    @click.option(
        "--kernels-in-ram",
        is_flag=True,
        help="Run the kernels' code from RAM, without wait states.",
    )
    @click.option(
        "--flash-budget",
        metavar="BYTES",
        callback=byte_count,
        help="Bytes for constants and code; default: the board's flash.",
    )
    @click.option(
        "--ram-budget",
        metavar="BYTES",
        callback=byte_count,
        help="Bytes for the arena; default: the board's RAM.",
    )
    @click.option(
        "--streaming/--no-streaming",
        default=True,
        help="Whether layers may run row by row where RAM is short.",
    )
    @click.option(
        "--input-rows",
        is_flag=True,
        help="The caller delivers the input row by row while the model runs.",
    )
    @reading_options
    @click.option(
        "--dtype",
        type=click.Choice(DTYPES),
        default="int8",
        show_default=True,
        help="float32 builds a model that computes on float32, as plain C for any core.",
    )
    @functools.wraps(command)
    def wrapped(*args: object, **kwargs: Any) -> R:
        options = Options(**{name: kwargs.pop(name) for name in _COMPILATION})
        return command(*args, options=options, **kwargs)

    return wrapped


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Prints an EdgegenError and exits with 1; anything else is a bug and keeps its traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EdgegenError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)

    return wrapped


def require_one_or_shared(models: Sequence[Path], shared_arena: bool) -> None:
    """Raises InputError for several models that do not share an arena."""
    if len(models) > 1 and not shared_arena:
        raise InputError(
            Problem(
                f"{len(models)} models for one image",
                hint="take them one by one, or let them share: --shared-arena",
            )
        )


def console() -> Console:
    """A console that never fails and, when it is no terminal, is wide enough for every table."""
    # A terminal without UTF-8 shows question marks instead of bars rather than failing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    # Wide enough for every table when the output is not a terminal.
    return Console(width=None if sys.stdout.isatty() else 132, highlight=False, soft_wrap=False)


def progress(items: Sequence[T], title: str) -> Iterator[T]:
    """Passes items on and shows a bar while it takes time, on a terminal only."""
    shown = Console(stderr=True)
    yield from track(items, title, console=shown, transient=True, disable=not shown.is_terminal)


@contextmanager
def emulation() -> Iterator[None]:
    """Turns a missing optional package into a hint."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ToolError(
            Problem(
                f"the Python package {error.name!r} is missing",
                why="running firmware needs an emulator",
                hint='pip install "edgegen[emulate]"',
            )
        ) from error
