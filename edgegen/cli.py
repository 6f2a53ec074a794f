"""The command line: click commands only, no logic."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from rich.console import Console

from edgegen import __version__
from edgegen.errors import EdgegenError, InputError, Problem, ToolError
from edgegen.pipeline import (
    Options,
    build_library,
    compile_model,
    load_model,
    model_name,
)
from edgegen.report import tables
from edgegen.target.board import list_boards, load_board
from edgegen.target.fit import check_fit
from edgegen.target.select import OPTIMIZE
from edgegen.verify.vectors import load_vectors, standard_vectors
from edgegen.verify.verify import accuracy, reference_runs, require_recorded, verify_host

P = ParamSpec("P")
R = TypeVar("R")

MODEL = click.argument("model", type=click.Path(path_type=Path))
BOARD = click.option("--board", "-b", required=True, help="A board's name, or a path to its .toml.")
INPUTS = click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    help="An .npz with `inputs` [n, ...]; recorded `outputs` and `labels` are compared too.",
)


def _options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds the options of a compilation; the command gets them as one `options`."""

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
        type=click.IntRange(min=1),
        help="Bytes for constants and code; default: the board's flash.",
    )
    @click.option(
        "--ram-budget",
        type=click.IntRange(min=1),
        help="Bytes for the arena; default: the board's RAM.",
    )
    @functools.wraps(command)
    def wrapped(
        *args: object,
        name: str | None,
        optimize: str,
        kernels_in_ram: bool,
        flash_budget: int | None,
        ram_budget: int | None,
        **kwargs: object,
    ) -> R:
        options = Options(name, optimize, kernels_in_ram, flash_budget, ram_budget)
        return command(*args, options=options, **kwargs)

    return wrapped


def _reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Prints an EdgegenError and exits with 1; anything else is a bug and keeps its traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EdgegenError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)

    return wrapped


def _console() -> Console:
    # A terminal without UTF-8 shows question marks instead of bars rather than failing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    # Wide enough for every table when the output is not a terminal.
    return Console(width=None if sys.stdout.isatty() else 132, highlight=False, soft_wrap=False)


@contextmanager
def _emulation() -> Iterator[None]:
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


@click.group()
@click.version_option(__version__, prog_name="edgegen")
def main() -> None:
    """Compile INT8 neural networks to exact, self-contained C for microcontrollers."""


@main.command()
@MODEL
@BOARD
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder; default: ./NAME.")
@_options
@click.option("--dump-ir", type=click.Path(path_type=Path), help="Folder for every stage as text.")
@click.option("--explain", is_flag=True, help="Say for every layer why its kernel was chosen.")
@_reports_errors
def build(
    model: Path,
    board: str,
    output: Path | None,
    options: Options,
    dump_ir: Path | None,
    explain: bool,
) -> None:
    """Compile MODEL to a C library for a board."""
    target_board = load_board(board)
    options = options.within(target_board)
    library, target = build_library(model, target_board, output, options)
    console = _console()
    if dump_ir is not None:
        dump_ir.mkdir(parents=True, exist_ok=True)
        for file, text in library.compilation.dumps.items():
            (dump_ir / file).write_text(text, encoding="utf-8")
    if explain:
        tables.print_explain(console, library.compilation)
    tables.print_build(console, library, target, target_board)


@main.command()
@MODEL
@click.option(
    "--board",
    "-b",
    default="nrf52840dk",
    show_default=True,
    help="Whose kernels to verify: a board's name, or a path to its .toml.",
)
@INPUTS
@_options
@click.option("--cc", help="Host C compiler; default: $CC, cc, gcc or clang.")
@_reports_errors
def verify(model: Path, board: str, inputs: Path | None, options: Options, cc: str | None) -> None:
    """Compare the numpy reference with the compiled C, all bytes of all layers."""
    target = load_board(board)
    options = options.within(target)
    compilation = compile_model(
        load_model(model), model_name(model, options), options.core(target), options
    )
    graph = compilation.source
    vectors = load_vectors(inputs, graph) if inputs else standard_vectors(graph)
    verdict = verify_host(compilation, vectors, compiler=cc)
    tables.print_verdict(_console(), compilation.name, verdict, vectors.title)


@main.command()
@MODEL
@BOARD
@INPUTS
@_options
@click.option("--opt", "gcc_option", default="-O2", show_default=True, help="GCC optimisation.")
@_reports_errors
def run(
    model: Path,
    board: str,
    inputs: Path | None,
    options: Options,
    gcc_option: str,
) -> None:
    """Run MODEL on an emulated board: exactness, instructions, cycles, memory."""
    with _emulation():
        from edgegen.emulate.model_run import run_model
        from edgegen.report.run_table import print_run
    target = load_board(board)
    options = options.within(target)
    compilation = compile_model(
        load_model(model), model_name(model, options), options.core(target), options
    )
    check_fit(compilation.package, target)
    graph = compilation.source
    vectors = load_vectors(inputs, graph) if inputs else standard_vectors(graph, random=1)
    expected = reference_runs(compilation, vectors)
    recorded = require_recorded(compilation, vectors, expected)
    result = run_model(
        compilation, target, vectors.batches, expected, optimize=gcc_option, wait_states=True
    )
    console = _console()
    print_run(console, compilation.name, result, target)
    hits = accuracy(compilation, vectors, expected)
    tables.print_recorded(console, recorded, hits, len(vectors.batches))


@main.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--core", "cores", multiple=True, help="Cores to run on; default: all.")
@click.option("--level", "levels", multiple=True, type=click.Choice(OPTIMIZE), help="Default: all.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Folder of JSON files to update.")
@_reports_errors
def bench(
    models: tuple[Path, ...], cores: tuple[str, ...], levels: tuple[str, ...], ledger: Path | None
) -> None:
    """Measure MODELS on emulated cores and keep a ledger of the figures."""
    with _emulation():
        from edgegen.emulate.bench import BENCH_BOARDS, LEVELS
        from edgegen.emulate.bench import bench as measure_all
        from edgegen.report.bench_table import print_bench
    unknown = [c for c in cores if c not in BENCH_BOARDS]
    if unknown:
        raise InputError(
            Problem(f"unknown cores {unknown}", hint="cores: " + ", ".join(BENCH_BOARDS))
        )
    rows = measure_all(models, cores or tuple(BENCH_BOARDS), levels or tuple(LEVELS), ledger)
    print_bench(_console(), rows)


@main.command()
@_reports_errors
def boards() -> None:
    """List the boards."""
    tables.print_boards(_console(), list_boards())


if __name__ == "__main__":
    main()
