"""Streams of a program: the order of their steps, and how many rows their buffers hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgegen.ir import Op
from edgegen.ir.row_window import ONE_ROW
from edgegen.kernels.base import KernelIO
from edgegen.kernels.program import Buffer, KernelCall, Program
from edgegen.kernels.registry import AnyKernel
from edgegen.kernels.rows import ByRows, one_row_site
from edgegen.kernels.stream import RowLife, Stream, row_lives, schedule


def with_streams(program: Program, runs: Iterable[Sequence[int]]) -> Program:
    """Orders the steps of streams and gives the buffers inside them rings of rows.

    Args:
        program: its calls in streams know how they go by rows.
        runs: the calls of each stream, consecutive.
    """
    graph = program.graph
    kept = {program.buffer_of[n] for n in (*graph.outputs, *graph.kept)}
    buffers = dict(program.buffers)
    streams: list[Stream] = []
    shared: list[tuple[str, str]] = []
    for run in sorted(runs, key=lambda r: r[0]):
        read = {n for c in run for n in program.calls[c].inputs}
        delivered = (program.buffer_of.get(n) for n in graph.by_rows)
        source = next((n for n in delivered if n in read), None)
        stages = program.stages(run, source)
        order = schedule(stages, {s.output: buffers[s.output].pitch for s in stages})
        outside = kept | {
            n for i, c in enumerate(program.calls) if i not in run for n in c.inputs if n
        }
        lives = row_lives(stages, order)
        for name, life in lives.items():
            if name not in outside and life.ring < buffers[name].rows:
                buffers[name] = replace(buffers[name], ring=life.ring)
        for first, second, ring in _in_place(program, run, lives, buffers, outside):
            for name in (first, second):
                whole = ring >= buffers[name].rows or second in outside
                buffers[name] = replace(buffers[name], ring=None if whole else ring)
            shared.append((first, second))
        streams.append(Stream(run[0], len(run), order, source))
    return replace(program, buffers=buffers, streams=tuple(streams), shared=tuple(shared))


def _in_place(
    program: Program,
    run: Sequence[int],
    lives: Mapping[str, RowLife],
    buffers: Mapping[str, Buffer],
    outside: set[str],
) -> Iterator[tuple[str, str, int]]:
    """Inputs that a value by value operator can overwrite, its output, and their common ring."""
    taken: set[str] = set()
    for index in run:
        call = program.calls[index]
        target = buffers[call.output]
        for k, name in enumerate(call.inputs):
            if name is None or name not in lives or name in outside or name in taken:
                continue
            readers = [c for c in program.calls if name in c.inputs]
            if len(readers) > 1 or not _overwrites(call, k, buffers[name], target):
                continue
            together = RowLife(
                lives[name].written, np.maximum(lives[name].last_read, lives[target.name].last_read)
            ).ring
            apart = (buffers[name].ring or target.rows) + (target.ring or target.rows)
            common = target.rows if target.name in outside else together
            if common < apart:
                taken |= {name, target.name}
                yield name, target.name, common
                break


def _overwrites(call: KernelCall, k: int, source: Buffer, target: Buffer) -> bool:
    """Whether a call by rows may compute its output over the row of input `k`."""
    if call.rows is None or (source.rows, source.pitch, source.format) != (
        target.rows,
        target.pitch,
        target.format,
    ):
        return False
    return in_place_by_rows(call.op, call.io, call.kernel, k)


def in_place_by_rows(op: Op, io: KernelIO, kernel: AnyKernel, k: int) -> bool:
    """Whether a kernel may compute a row of its output over the row of input `k`."""
    windows = op.row_windows(io)
    if windows is None or windows[k] != ONE_ROW or not isinstance(kernel, ByRows):
        return False
    distance = kernel.kernel.order(op, one_row_site(io)).forward(k)
    return distance is not None and distance <= 0
