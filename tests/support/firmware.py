"""A compiled model as firmware: linked for a board, and run there."""

from __future__ import annotations

from pathlib import Path

from edgegen.emulate.firmware import build_runner
from edgegen.emulate.image import Image, read_image
from edgegen.emulate.model_run import ModelRun, run_model, write_library
from edgegen.pipeline import Compilation
from edgegen.target.board import Board
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import reference_runs


def run(compilation: Compilation, board: Board, random: int = 1) -> ModelRun:
    """Runs it on the standard inputs, `random` of them random; a wrong byte raises."""
    vectors = standard_vectors(compilation.source, random=random)
    expected = reference_runs(compilation, vectors)
    return run_model(compilation, board, vectors.batches, expected, wait_states=True)


def image(compilation: Compilation, board: Board, folder: Path) -> Image:
    """Its firmware, linked."""
    library = write_library(compilation, folder / "library")
    ram = compilation.package.kernels_in_ram
    return read_image(build_runner([library], board, workdir=folder / "image", ram_code=ram))
