"""What a stream cannot do without, row by row: quick to tell, and close to what plans reach.

At any step, bytes that hold something still to be read lie apart. So do the rings that are alive:
of an input that dies row by row its rows yet to be read count, and of a ring the places that have
been written. Where the input's dead rows are, and whether rings find room among them, is left to
the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgegen.kernels.program import Buffer, Program
from edgegen.kernels.stream import Ints, RowLife, Stage, row_lives


@dataclass(frozen=True)
class StreamBound:
    """Bytes that any plan of a stream takes at least.

    Attributes:
        peak: in the step that needs the most, scratch memory left out.
        calls: the same for the steps of each call, by the buffer that it writes.
    """

    peak: int
    calls: Mapping[str, int]

    def with_scratch(self, scratch: Mapping[str, int]) -> int:
        """The bound with the working memory of calls, by the buffers that they write."""
        return max(self.peak, *(self.calls[name] + own for name, own in scratch.items()))


def stream_bound(program: Program) -> StreamBound:
    """The bound of a program that is one stream.

    Args:
        program: its calls, with rings chosen; kernels matter only as far as they overwrite their
            input in its place.
    """
    (stream,) = program.streams
    stages = program.stages(stream.calls, stream.source)
    order = np.asarray(stream.order)
    times = [np.flatnonzero(order == stage) for stage in range(len(stages))]
    load = np.zeros(len(order), np.int64)
    for held in _held(program, stages, stream.order, times):
        load += held
    calls = {
        stage.output: int(load[when].max(initial=0))
        for stage, when in zip(stages, times, strict=True)
    }
    return StreamBound(int(load.max(initial=0)), calls)


def _held(
    program: Program, stages: Sequence[Stage], order: Sequence[int], times: Sequence[Ints]
) -> Iterator[Ints]:
    """Bytes of each buffer that cannot be used otherwise, by step."""
    graph = program.graph
    kept = {program.buffer_of[n] for n in (*graph.outputs, *graph.kept)}
    lives = row_lives(stages, order)
    over = {second for _, second in program.shared}
    steps = np.arange(len(order))
    for name, life in lives.items():
        if name not in over:
            yield _written(program.buffers[name], life, steps, stays=name in kept)
    for name in {n for call in program.calls for n in call.inputs if n and n not in lives}:
        yield _awaiting(program.buffers[name], stages, times, steps, stays=name in kept)


def _written(buffer: Buffer, life: RowLife, steps: Ints, *, stays: bool) -> Ints:
    """A buffer that the stream writes: the places of its rows that have been written."""
    count = len(life.written)
    row = buffer.pitch if count > 1 else buffer.size
    before = np.searchsorted(life.written, steps)
    if stays:
        return before * row
    if buffer.ring == 1 and count > 1:
        last = life.last_read[np.maximum(before - 1, 0)]
        return np.where((before > 0) & (steps <= last), row, 0)
    places = np.minimum(before, buffer.ring or count)
    return np.where(steps <= life.last_read.max(), places * row, 0)


def _awaiting(
    buffer: Buffer, stages: Sequence[Stage], times: Sequence[Ints], steps: Ints, *, stays: bool
) -> Ints:
    """A buffer from before the stream: the rows that later steps read."""
    if stays:
        return np.full(len(steps), buffer.rows * buffer.pitch)
    last = np.full(buffer.rows, -1)
    for stage, when in zip(stages, times, strict=True):
        for feed in stage.feeds:
            if feed.buffer == buffer.name:
                for step, time in enumerate(when.tolist()):
                    rows = stage.reads(feed, step)
                    last[rows.start : rows.stop] = np.maximum(last[rows.start : rows.stop], time)
    awaiting: Ints = (last[:, np.newaxis] > steps).sum(axis=0) * buffer.pitch
    return awaiting
