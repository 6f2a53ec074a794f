"""The options that say what to calibrate with, for the commands that quantise."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from edgegen.quantise.samples import integer_meaning

R = TypeVar("R")


def calibration_options(*, required: bool) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Adds them; the command gets `calibration`, a path or None, and `integers`."""

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @click.option(
            "--calibration",
            required=required,
            type=click.Path(path_type=Path),
            help="Samples of a float model's inputs: .npz, .npy or a folder of them.",
        )
        @click.option(
            "--input-scale", type=float, help="Integer samples q mean SCALE * (q - ZERO)."
        )
        @click.option("--input-zero-point", type=int, default=0, help="ZERO in the above.")
        @functools.wraps(command)
        def wrapped(
            *args: object, input_scale: float | None, input_zero_point: int, **kwargs: object
        ) -> R:
            integers = integer_meaning(input_scale, input_zero_point)
            return command(*args, integers=integers, **kwargs)

        return wrapped

    return decorate
