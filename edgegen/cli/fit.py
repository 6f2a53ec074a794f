"""`edgegen fit`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import console, reports_errors
from edgegen.cli.reading import reading_options
from edgegen.codegen.writer import write_files
from edgegen.errors import InputError, Problem
from edgegen.frontends.onnx import OnnxOptions
from edgegen.pipeline import DTYPES, Options
from edgegen.report.fit_table import fit_page, fit_report, fit_text, print_fit
from edgegen.survey import SORTS, is_emulated
from edgegen.survey_files import survey_files
from edgegen.target.board import list_boards, load_board


@click.command(name="fit")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--board",
    "-b",
    "names",
    multiple=True,
    help="Only this board; may be repeated; also a path to a .toml.",
)
@click.option(
    "--sort", type=click.Choice(SORTS), default="time", show_default=True, help="Order of boards."
)
@click.option("--emulated", is_flag=True, help="Also machines that only emulators have.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="An .html file to write.")
@click.option("--dtype", type=click.Choice(DTYPES), default="int8", show_default=True)
@reading_options
@reports_errors
def command(
    models: tuple[Path, ...],
    names: tuple[str, ...],
    sort: str,
    emulated: bool,
    as_json: bool,
    output: Path | None,
    dtype: str,
    reading: OnnxOptions,
) -> None:
    """Say on which boards MODELS run: memory, time and an estimate of energy."""
    twice = sorted({m.name for m in models if [n.name for n in models].count(m.name) > 1})
    if twice:
        raise InputError(
            Problem(
                f"two models are called {' and '.join(twice)}",
                why="results are shown by the name of the file",
                hint="rename one, or take them one by one",
            )
        )
    shipped = [b for b in list_boards() if emulated or not is_emulated(b)]
    boards = [load_board(name) for name in names] or shipped
    out = console()
    options = Options(reading=reading, dtype=dtype)
    with out.status("compiling") as status:
        found = survey_files(
            models, options, boards, lambda name: status.update(f"compiled {name}")
        )
    if as_json:
        click.echo(fit_text(fit_report(found, sort)), nl=False)
    else:
        for name, fits in found.items():
            print_fit(out, name, fits, sort)
    if output is not None:
        write_files({output: fit_page(found, sort).encode()})
        if not as_json:
            out.print(f"page: {output}", soft_wrap=True, markup=False)
