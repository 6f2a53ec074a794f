"""`edgegen new-project`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from edgegen.cli.common import INPUTS, MODEL, compile_options, console, reports_errors
from edgegen.emulate.toolchain import find_gcc
from edgegen.errors import InputError, Problem
from edgegen.firmware.image import build_image
from edgegen.firmware.kinds import KINDS
from edgegen.firmware.own import read_sources
from edgegen.firmware.project import APPS, Project, write_projects
from edgegen.firmware.samples import DEFAULT_COUNT, choose_samples
from edgegen.pipeline import Options, compile_model, load_model, model_name
from edgegen.resources import example_names, example_sources, find_example
from edgegen.target.board import load_board

EXAMPLE = "example"
"""The `--app` that an example brings with it."""


def _names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str]:
    """Names of classes: separated by commas, or the lines of a file."""
    if value is None:
        return []
    path = Path(value)
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else value.replace(",", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"cannot read {value!r}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


@click.command(name="new-project")
@MODEL
@click.option(
    "--board",
    "-b",
    "boards",
    required=True,
    multiple=True,
    help="A board's name, or a path to its .toml; several for platformio.",
)
@click.option("--kind", type=click.Choice(list(KINDS)), default="cmake", show_default=True)
@click.option(
    "--app",
    type=click.Choice([*APPS, EXAMPLE]),
    default="demo",
    show_default=True,
    help="The main program; example: that of the example called MODEL.",
)
@click.option(
    "--app-sources",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of C files with a main.c over board.h, instead of --app; may be repeated.",
)
@INPUTS
@click.option(
    "--labels", callback=_names, help="Names of the classes: comma-separated, or a file of lines."
)
@click.option(
    "--samples",
    "count",
    type=click.IntRange(1, 100),
    default=DEFAULT_COUNT,
    show_default=True,
    help="How many of the inputs the firmware carries.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder; default: ./NAME.")
@click.option("--build", is_flag=True, help="Also compile it, with arm-none-eabi-gcc (kind cmake).")
@compile_options
@reports_errors
def command(
    model: Path,
    boards: tuple[str, ...],
    kind: str,
    app: str,
    app_sources: tuple[Path, ...],
    inputs: Path | None,
    labels: list[str],
    count: int,
    output: Path | None,
    build: bool,
    options: Options,
) -> None:
    """Write a firmware project that runs MODEL: a file, or the name of an example."""
    if app == EXAMPLE:
        app_sources = (*_sources_of(str(model)), *app_sources)
    if not model.is_file():
        model, recorded = _example(str(model))
        inputs = inputs or recorded
    if build and kind != "cmake":
        raise click.UsageError("--build is for --kind cmake; other kinds have tools of their own")
    name, blob = model_name(model, options), load_model(model)
    targets = []
    for board in (options.places.on(load_board(b)) for b in boards):
        wish = options.within(board)
        targets.append((compile_model(blob, name, wish.core(board), wish), board))
    samples = choose_samples(targets[0][0].source, inputs, labels, count)
    own = read_sources(app_sources) if app_sources else None
    folder = output or Path(name)
    if build:  # before anything is written
        find_gcc(targets[0][1].core.isa)
    project = write_projects(
        targets, kind, folder, app=app, own=own, samples=samples, options=options
    )
    _say(project, kind, folder)
    if build:
        image = build_image(folder, project.target.board)
        made = image.uf2 or image.elf
        size = f"{image.flash:,} bytes of flash, {image.ram:,} of RAM"
        console().print(f"{made}: {size}", soft_wrap=True, markup=False)


def _example(name: str) -> tuple[Path, Path]:
    """Model and recorded inputs of the example called `name`."""
    found = find_example(name)
    if found is None:
        raise InputError(
            Problem(
                f"cannot read {name!r}",
                why="there is no such file, and no example of that name",
                hint=f"examples: {', '.join(example_names())}",
            )
        )
    return found


def _sources_of(name: str) -> tuple[Path, ...]:
    """The folders of the application of the example called `name`."""
    found = example_sources(name)
    if not found:
        raise InputError(
            Problem(
                f"--app {EXAMPLE} is for an example, and {name!r} is not the name of one",
                hint=f"examples: {', '.join(example_names())}; for your own use --app-sources",
            )
        )
    return found


def _say(project: Project, kind: str, folder: Path) -> None:
    titles = ", ".join(target.board.title for target in project.targets)
    lines = [f"{project.name} for {titles} ({kind}) -> {folder}"]
    lines.append(f"how to build and flash it: {folder / 'README.md'}")
    if KINDS[kind].build:
        lines.append(f"build it: cd {shlex.quote(str(folder))} && {KINDS[kind].build}")
    # Not wrapped, so that it can be copied; a name may look like markup.
    console().print("\n".join(lines), soft_wrap=True, markup=False)
