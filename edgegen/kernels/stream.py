"""Streams: runs of layers that execute row by row, each row as soon as its inputs' rows are there.

The order is decided at build time, on demand from the last layer: nothing is computed twice, and
of every tensor inside only the rows that some later step still reads need a place (a ring).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.ir.row_window import RowWindow

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Feed:
    """A tensor that a stage reads by rows.

    Attributes:
        buffer: the buffer's name.
        height: rows of the buffer.
        window: which of them an output row needs.
    """

    buffer: str
    height: int
    window: RowWindow


@dataclass(frozen=True)
class Stage:
    """A layer of a stream as the schedule sees it.

    Attributes:
        output: the buffer that it writes.
        steps: how often it runs: once for each output row, or for each input row if it accumulates.
        feeds: what it reads by rows.
        accumulates: whether all its output comes at the last step.
    """

    output: str
    steps: int
    feeds: tuple[Feed, ...]
    accumulates: bool = False

    def reads(self, feed: Feed, step: int) -> range:
        """Rows of a feed that a step reads."""
        if self.accumulates:
            return range(step, step + 1)
        return feed.window.needed(step, feed.height)


@dataclass(frozen=True)
class Stream:
    """A run of calls of a program that executes by rows.

    Attributes:
        first: index of its first call.
        count: number of calls.
        order: for each step the call that it runs, counted from the first; `count` for the next
            row of the source.
        source: the buffer of an input that the caller delivers row by row; None: there is none.
    """

    first: int
    count: int
    order: tuple[int, ...]
    source: str | None = None

    @property
    def calls(self) -> range:
        """Indices of its calls."""
        return range(self.first, self.first + self.count)


def schedule(stages: Sequence[Stage], pitches: Mapping[str, int] | None = None) -> tuple[int, ...]:
    """The order of steps, on demand from the last stage: the index of the stage of each step.

    Where a tensor has several readers, those with the smaller windows may also run early, just
    before a row that they need would have to stay for their sake. The order whose rings take
    fewer bytes is taken.

    Args:
        stages: the layers.
        pitches: bytes of a row of each buffer that they write; None: only on demand.
    """
    plain = _on_demand(tuple(stages))
    early = _early(stages)
    if pitches is None or not early:
        return plain

    def size(order: Sequence[int]) -> int:
        return sum(life.ring * pitches[n] for n, life in row_lives(stages, order).items())

    return min(plain, _Demand(stages, early).order(), key=size)


@functools.lru_cache(maxsize=4096)
def _on_demand(stages: tuple[Stage, ...]) -> tuple[int, ...]:
    return _Demand(stages, {}).order()


def _early(stages: Sequence[Stage]) -> dict[str, tuple[int, list[tuple[int, Feed]]]]:
    """For each buffer with several readers the rows of the widest window, and the other readers."""
    readers: dict[str, list[tuple[int, Feed]]] = {}
    for i, stage in enumerate(stages):
        for feed in stage.feeds:
            readers.setdefault(feed.buffer, []).append((i, feed))
    found = {}
    for stage in stages:
        by_width = sorted(readers.get(stage.output, ()), key=lambda r: -r[1].window.taps)
        if len(by_width) > 1:
            found[stage.output] = (by_width[0][1].window.taps, by_width[1:])
    return found


class _Demand:
    """Runs stages as their rows are asked for."""

    def __init__(
        self, stages: Sequence[Stage], early: Mapping[str, tuple[int, list[tuple[int, Feed]]]]
    ) -> None:
        self.stages, self.early = stages, early
        self.producer = {stage.output: i for i, stage in enumerate(stages)}
        self.done = [0] * len(stages)
        self.steps: list[int] = []

    def order(self) -> tuple[int, ...]:
        """All steps. Results that nothing inside reads are made side by side, row for row."""
        read = {feed.buffer for stage in self.stages for feed in stage.feeds}
        ends = [i for i, stage in enumerate(self.stages) if stage.output not in read]
        self._finish(ends)
        # Rows that no window reaches are computed too: a layer's output is what TFLite says it is.
        self._finish(range(len(self.stages)))
        return tuple(self.steps)

    def _finish(self, stages: Iterable[int]) -> None:
        """Runs stages to their ends, always the one that is furthest behind."""
        stages = [i for i in stages if self.done[i] < self.stages[i].steps]
        while stages:
            self._run(min(stages, key=lambda i: self.done[i] / self.stages[i].steps))
            stages = [i for i in stages if self.done[i] < self.stages[i].steps]

    def _rows(self, stage: int) -> int:
        """Rows of its output that a stage has written."""
        if not self.stages[stage].accumulates:
            return self.done[stage]
        return int(self.done[stage] == self.stages[stage].steps)

    def _run(self, stage: int) -> None:
        self._prepare(stage)
        self._make_room(stage)
        self.steps.append(stage)
        self.done[stage] += 1

    def _make_room(self, stage: int) -> None:
        """Runs early readers of the row that the next row of a stage could replace."""
        rows, readers = self.early.get(self.stages[stage].output, (0, []))
        for reader, feed in readers:
            node = self.stages[reader]
            while self.done[reader] < node.steps:
                needed = node.reads(feed, self.done[reader])
                if not needed or needed[0] > self._rows(stage) - rows or not self._ready(reader):
                    break
                self.steps.append(reader)
                self.done[reader] += 1

    def _ready(self, stage: int) -> bool:
        """Whether everything that the next step of a stage reads is there, and room for its row."""
        node = self.stages[stage]
        if node.output in self.early:
            return False
        return all(
            self._rows(self.producer[feed.buffer])
            > max(node.reads(feed, self.done[stage]), default=-1)
            for feed in node.feeds
            if feed.buffer in self.producer
        )

    def _prepare(self, stage: int) -> None:
        """Makes everything that the next step of a stage reads.

        The last rows of several inputs come together at the end, after what they need themselves:
        a buffer of one row is then alive for no longer than it must be.
        """
        node = self.stages[stage]
        needs = []
        for feed in node.feeds:
            rows = node.reads(feed, self.done[stage])
            if rows and feed.buffer in self.producer:
                needs.append((self.producer[feed.buffer], rows[-1]))
        for source, row in needs:
            while self._rows(source) < row:
                self._run(source)
        for source, row in needs:
            if self._rows(source) <= row:
                self._prepare(source)
        for source, row in needs:
            while self._rows(source) <= row:
                self._run(source)


@dataclass(frozen=True)
class RowLife:
    """When each row of a buffer inside a stream is written and last read, as numbers of steps."""

    written: Ints
    last_read: Ints

    @property
    def ring(self) -> int:
        """Rows that must have a place at once: row r may take the place of row r - ring."""
        later = np.searchsorted(self.written, self.last_read, side="right")
        return int((later - np.arange(len(self.written))).max(initial=1))

    def spans(self, ring: int) -> tuple[tuple[int, int], ...]:
        """First and last steps in which a ring of so many rows holds something."""
        if ring > 1:
            return ((int(self.written[0]), int(self.last_read.max())),)
        return tuple((int(w), int(r)) for w, r in zip(self.written, self.last_read, strict=True))


def row_lives(stages: Sequence[Stage], order: Sequence[int]) -> Mapping[str, RowLife]:
    """The life of every row that a stage writes; a row that nobody reads lives for its own step.

    Args:
        stages: the layers.
        order: the stage of each step.
    """
    return _row_lives(tuple(stages), tuple(order))


@functools.lru_cache(maxsize=4096)
def _row_lives(stages: tuple[Stage, ...], order: tuple[int, ...]) -> Mapping[str, RowLife]:
    times = [np.flatnonzero(np.asarray(order) == i) for i in range(len(stages))]
    written: dict[str, Ints] = {}
    for stage, when in zip(stages, times, strict=True):
        written[stage.output] = when[-1:] if stage.accumulates else when
    last = {name: when.copy() for name, when in written.items()}
    for stage, when in zip(stages, times, strict=True):
        for feed in stage.feeds:
            if feed.buffer not in last:
                continue
            for step, time in enumerate(when.tolist()):
                rows = stage.reads(feed, step)
                if rows:
                    part = last[feed.buffer][rows.start : rows.stop]
                    np.maximum(part, time, out=part)
    return {name: RowLife(written[name], last[name]) for name in written}
