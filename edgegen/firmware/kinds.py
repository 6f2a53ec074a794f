"""The kinds of projects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgegen.firmware.cmake import cmake_files
from edgegen.firmware.hosted import arduino_files, zephyr_files
from edgegen.firmware.platformio import check_platformio, platformio_files
from edgegen.target.board import Board

if TYPE_CHECKING:
    from edgegen.firmware.project import Project


def anything(_boards: Sequence[Board]) -> None:
    """Takes any boards."""


@dataclass(frozen=True)
class Kind:
    """A kind of project.

    Attributes:
        files: all its files, text by relative path.
        check: raises an error for boards that it cannot build for.
        bare: whether start-up code and drivers are the project's own.
        several: whether it takes several boards.
        sketch: whether its application is an Arduino sketch.
        build: the command that builds it, in its folder; empty where that needs to know more.
    """

    files: Callable[[Project], dict[str, str]]
    check: Callable[[Sequence[Board]], None] = anything
    bare: bool = True
    several: bool = False
    sketch: bool = False
    build: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    "platformio": Kind(platformio_files, check_platformio, several=True, build="pio run"),
    "cmake": Kind(cmake_files, build="cmake --workflow --preset firmware"),
    "arduino": Kind(arduino_files, bare=False, sketch=True),
    "zephyr": Kind(zephyr_files, bare=False),
}
"""By the name of `--kind`."""
