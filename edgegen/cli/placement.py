"""Options about where the parts of a library go; shared by the commands that compile."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import click

from edgegen.codegen.layout import OWNERS, Layout
from edgegen.pipeline import Options
from edgegen.target.board import SECTION
from edgegen.target.places import Places
from edgegen.target.stage import STAGING

R = TypeVar("R")

PARTS = ("arena", "weights", "code")


def _sections(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Section names by part.

    Raises:
        BadParameter: a text is not `part=.name`, or names a part twice; all problems.
    """
    found: dict[str, str] = {}
    problems = []
    for text in texts:
        part, _, name = text.partition("=")
        if part not in PARTS:
            problems.append(f"{text!r}: no part {part!r}; parts: {', '.join(PARTS)}")
        elif not SECTION.fullmatch(name):
            problems.append(f"{text!r}: {name!r} is no name of a section, as in {part}=.fast")
        elif part in found:
            problems.append(f"{part} is given twice")
        elif name in found.values():
            problems.append(f"{text!r}: another part has that section")
        else:
            found[part] = name
    if problems:
        raise click.BadParameter("\n".join(problems))
    return found


def placement_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds the options of placement to a command that takes `options`."""

    @click.option("--arena-in", metavar="REGION", help="RAM region for the arena.")
    @click.option(
        "--weights-in",
        metavar="REGION",
        help="Region for the constants: flash, or RAM that start-up code fills.",
    )
    @click.option(
        "--kernels-in", metavar="REGION", help="RAM region for the kernels; they run from RAM."
    )
    @click.option(
        "--section",
        "sections",
        multiple=True,
        callback=_sections,
        metavar="PART=.NAME",
        help=f"Linker section for a part: {', '.join(PARTS)}.",
    )
    @click.option(
        "--arena",
        "owner",
        type=click.Choice(OWNERS),
        default="caller",
        show_default=True,
        help="Who defines the arena: your code, or the library.",
    )
    @click.option(
        "--stage-weights",
        type=click.Choice(STAGING),
        default="off",
        show_default=True,
        help="Layers that copy their constants to RAM just before they run: where it pays, or all.",
    )
    @click.option("--keep-input", is_flag=True, help="Leave the inputs' bytes intact.")
    @functools.wraps(command)
    def wrapped(
        *args: object,
        options: Options,
        arena_in: str | None,
        weights_in: str | None,
        kernels_in: str | None,
        sections: dict[str, str],
        owner: str,
        stage_weights: str,
        keep_input: bool,
        **kwargs: object,
    ) -> R:
        options = replace(
            options,
            kernels_in_ram=options.kernels_in_ram or kernels_in is not None,
            keep_input=keep_input,
            staging=stage_weights,
            places=Places(arena_in, weights_in, kernels_in),
            layout=Layout(**sections, owner=owner),
        )
        return command(*args, options=options, **kwargs)

    return wrapped
