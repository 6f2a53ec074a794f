"""Options of reading ONNX models; shared by the commands that read models."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import click

from edgegen.frontends.onnx import LAYOUTS, OnnxOptions

R = TypeVar("R")


def _shapes(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, tuple[int, ...]]:
    """Shapes by input name.

    Raises:
        BadParameter: a text is not `NAME=1,3,32,32`.
    """
    found = {}
    for text in texts:
        # Names may contain equals signs, dimensions may not.
        name, _, dims = text.rpartition("=")
        try:
            shape = tuple(int(d) for d in dims.split(","))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            raise click.BadParameter(f"{text!r} is not like input=1,3,32,32")
        found[name] = shape
    return found


def reading_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds the options of reading; the command gets them as one `reading`."""

    @click.option(
        "--shape",
        "shapes",
        metavar="NAME=DIMS",
        multiple=True,
        callback=_shapes,
        help="Shape of an input of an ONNX model, such as input=1,3,32,32; may be repeated. "
        "Without it an unknown batch is 1.",
    )
    @click.option(
        "--input-layout",
        type=click.Choice(LAYOUTS),
        default="model",
        show_default=True,
        help="Order of image inputs of an ONNX model: its own, which is channels first, or "
        "channels last, which needs no transposition.",
    )
    @click.option(
        "--output-layout",
        type=click.Choice(LAYOUTS),
        default="model",
        show_default=True,
        help="The same for image outputs.",
    )
    @functools.wraps(command)
    def wrapped(
        *args: object,
        shapes: dict[str, tuple[int, ...]],
        input_layout: str,
        output_layout: str,
        **kwargs: object,
    ) -> R:
        return command(*args, reading=OnnxOptions(shapes, input_layout, output_layout), **kwargs)

    return wrapped
