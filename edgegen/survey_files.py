"""Surveys of model files, several at a time where there are several processors."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgegen.codegen.names import identifier
from edgegen.errors import of_file
from edgegen.pipeline import Options, load_model, prepared_graph
from edgegen.survey import BoardFit, survey
from edgegen.target.board import Board

FEW_BOARDS = 4
"""Boards that are not worth a second process: it takes most of a second to start."""


@dataclass(frozen=True)
class _Task:
    """A model and boards whose cores share solutions of its layers."""

    model: Path
    boards: tuple[Board, ...]
    options: Options

    def run(self) -> tuple[BoardFit, ...]:
        """The survey; runs in a process of its own."""
        name = identifier(self.model.stem)
        with of_file(self.model.name):
            graph = prepared_graph(load_model(self.model), name, self.options)
            return survey(graph, name, self.boards)


def survey_files(
    models: Sequence[Path],
    options: Options,
    boards: Sequence[Board],
    seen: Callable[[str], None] = lambda _: None,
) -> dict[str, tuple[BoardFit, ...]]:
    """`survey` of model files.

    Args:
        models: the files.
        options: how to read them.
        boards: in any order.
        seen: called with the name of each file as some of its boards are done.

    Returns:
        By the name of the file, in the order of `models`; the boards in theirs.

    Raises:
        EdgegenError: what is wrong with the first model that cannot be compiled.
    """
    # The cores without SIMD take longest: they have the least RAM, which is hardest to keep to.
    tasks = [_Task(model, group, options) for group in _groups(boards) for model in models]
    found: dict[str, dict[str, BoardFit]] = {model.name: {} for model in models}
    workers = min(len(tasks), os.cpu_count() or 1)
    with contextlib.ExitStack() as stack:
        results: Iterable[tuple[BoardFit, ...]] = map(_Task.run, tasks)
        if workers > 1:
            # Forked processes inherit locks of threads that they do not have.
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(workers, context))
            results = pool.map(_Task.run, tasks)
        for task, fits in zip(tasks, results, strict=True):
            found[task.model.name] |= {fit.board.name: fit for fit in fits}
            seen(task.model.name)
    return {name: tuple(fits[b.name] for b in boards) for name, fits in found.items()}


def _groups(boards: Sequence[Board]) -> list[tuple[Board, ...]]:
    """Boards with and without the DSP extension: cores of one group have most kernels in common."""
    if len(boards) <= FEW_BOARDS:
        return [tuple(boards)]
    without = tuple(b for b in boards if "dsp" not in b.core.features)
    others = tuple(b for b in boards if "dsp" in b.core.features)
    return [group for group in (without, others) if group]
