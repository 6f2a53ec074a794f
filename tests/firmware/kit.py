"""Projects of the demonstration model, made once a session for each board."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgegen.firmware.project import write_project
from edgegen.firmware.samples import Samples, choose_samples
from edgegen.pipeline import Compilation, Options, compile_model, load_model
from edgegen.resources import find_example
from edgegen.target.board import Board, list_boards, load_board

needs_gcc = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)


@functools.cache
def _compiled(board: str) -> tuple[Compilation, Options]:
    found = find_example("keyword_spotting")
    assert found is not None
    target = load_board(board)
    options = Options(optimize="size").within(target)
    return (
        compile_model(load_model(found[0]), "keyword_spotting", options.core(target), options),
        options,
    )


def project(board: str, kind: str, folder: Path, app: str = "demo") -> Board:
    """Writes a project of the keyword spotter into `folder`, with two samples."""
    found = find_example("keyword_spotting")
    assert found is not None
    compilation, options = _compiled(board)
    samples = choose_samples(compilation.source, found[1], count=2)
    target = load_board(board)
    write_project(compilation, target, kind, folder, app=app, samples=samples, options=options)
    return target


def targets(boards: Sequence[str]) -> tuple[Samples, list[tuple[Compilation, Board]]]:
    """The keyword spotter compiled for several boards, and two samples."""
    found = find_example("keyword_spotting")
    assert found is not None
    pairs = [(_compiled(name)[0], load_board(name)) for name in boards]
    return choose_samples(pairs[0][0].source, found[1], count=2), pairs


def boards_with_startup() -> list[str]:
    """The shipped boards whose files say how to start them."""
    return [b.name for b in list_boards() if b.soc and b.clock and b.console]
