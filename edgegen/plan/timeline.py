"""From a Program to the arena problem: what is alive in which step, and what may overlap.

A step is one call of a kernel: a whole layer, or one row of a layer in a stream. Steps are numbered
through an inference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from edgegen.kernels.formats import image
from edgegen.kernels.order import Ints, backward_distance, forward_distance, same_place
from edgegen.kernels.program import KernelCall, Program
from edgegen.kernels.stream import row_lives
from edgegen.plan.blocks import ArenaProblem, Block, Relation, apart

FINE = 1 << 24
"""Points of time within a step."""


@dataclass
class _Use:
    """What happens to one buffer, as steps."""

    first: int
    last: int
    spans: tuple[tuple[int, int], ...] = ()


def arena_problem(program: Program, alignment: int, *, overlap: bool = True) -> ArenaProblem:
    """The blocks of a program and how close they may come.

    Graph inputs are alive from step 0 on (the caller has filled them), outputs and kept tensors
    until the last step (the caller reads them afterwards); a result that nobody reads is alive
    while it is written.

    Args:
        program: what to plan.
        alignment: of every block, bytes.
        overlap: whether an output may overlap an input that dies while it is written.
    """
    timeline = _Timeline(program)
    blocks = timeline.blocks()
    relations = tuple(timeline.relations(blocks, alignment)) if overlap else ()
    return ArenaProblem(blocks, relations, alignment)


def scratch_name(call: int) -> str:
    """Name of the scratch block of a call."""
    return f"scratch of layer {call}"


def state_name(call: int) -> str:
    """Name of the block of what a call keeps between its rows."""
    return f"sums of layer {call}"


def staged_name(call: int) -> str:
    """Name of the block of a copy of a call's constants."""
    return f"constants of layer {call}"


@dataclass
class _Timeline:
    """The steps of a program."""

    program: Program
    steps_of: list[Ints] = field(init=False)
    uses: dict[str, _Use] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        order = np.asarray(self.program.steps, np.int64)
        self.steps_of = [np.flatnonzero(order == c) for c in range(len(self.program.calls))]
        self._follow()

    def _follow(self) -> None:
        """Finds the life of every buffer."""
        program, uses = self.program, self.uses
        for name in program.graph.inputs:
            uses.setdefault(program.buffer_of[name], _Use(0, 0))
        for call, steps in zip(program.calls, self.steps_of, strict=True):
            # A call that accumulates writes at its last step only.
            late = call.rows is not None and call.rows.accumulates
            uses.setdefault(call.output, _Use(int(steps[-1 if late else 0]), int(steps[-1])))
            for name in (*(n for n in call.inputs if n is not None), call.output):
                uses[name].last = max(uses[name].last, int(steps[-1]))
        for name in (*program.graph.outputs, *program.graph.kept):
            uses[program.buffer_of[name]].last = max(len(program.steps) - 1, 0)
        for stream in program.streams:
            lead = next(i for i, k in enumerate(stream.order) if k != stream.count)
            start = min(int(self.steps_of[c][0]) for c in stream.calls) - lead
            stages = program.stages(stream.calls, stream.source)
            for name, life in row_lives(stages, stream.order).items():
                ring = program.buffers[name].ring
                if name == stream.source:
                    uses[name] = _Use(start, start + int(life.last_read.max()))
                if ring is not None:
                    spans = tuple((a + start, b + start) for a, b in life.spans(ring))
                    uses[name] = _Use(spans[0][0], spans[-1][1], spans)

    def blocks(self) -> tuple[Block, ...]:
        """All buffers, scratches and sums."""
        found = []
        for buffer in self.program.buffers.values():
            use = self.uses[buffer.name]
            found.append(Block(buffer.name, buffer.size, use.first, use.last, use.spans))
        for index, (call, steps) in enumerate(zip(self.program.calls, self.steps_of, strict=True)):
            first, last = int(steps[0]), int(steps[-1])
            if call.scratch_bytes:
                spans = () if len(steps) == 1 else tuple((int(s), int(s)) for s in steps)
                found.append(Block(scratch_name(index), call.scratch_bytes, first, last, spans))
            if call.staged_bytes:
                found.append(Block(staged_name(index), call.staged_bytes, first, last))
            if call.state_bytes:
                found.append(Block(state_name(index), call.state_bytes, first, last))
        return tuple(found)

    def relations(self, blocks: tuple[Block, ...], alignment: int) -> Iterator[Relation]:
        """For each buffer that dies, the buffers written meanwhile, where they may overlap."""
        by_name = {b.name: b for b in blocks}
        for first, second in self.program.shared:
            if by_name[first].alive_with(by_name[second]):
                far = sum(b.size for b in blocks)
                yield Relation(first, second, ((-far, 0), (0, far)))
        for dying, readers, writers in self._handovers():
            x = by_name[dying]
            reads = [self.reads(c, dying) for c in readers]
            if any(r is None for r in reads):
                continue
            known = np.concatenate([r for r in reads if r is not None])
            for call in writers:
                y = by_name[self.program.calls[call].output]
                if y.name == x.name or not x.alive_with(y):
                    continue
                writes = self.writes(call)
                if writes is None:
                    continue
                forward = forward_distance(known, writes)
                backward = backward_distance(known, writes, x.size, y.size)
                if forward is None or backward is None:
                    yield Relation(x.name, y.name, ())
                    continue
                # Where layers run by rows, places are as good as distances can tell.
                whole = self.program.calls[call].rows is None
                here = forward > 0 and whole and same_place(known, writes)
                if here or min(forward, backward) < y.size:
                    yield apart(
                        x, y, forward=forward, reverse=backward, alignment=alignment, in_place=here
                    )

    def _handovers(self) -> Iterator[tuple[str, list[int], list[int]]]:
        """Whole buffers with the calls that read them last, and the calls that run meanwhile.

        A buffer that lives on, one that is read before that run of calls too, and buffers that are
        filled during it, by the run itself or by the caller: none of them dies from its first byte
        to its last.
        """
        graph = self.program.graph
        kept = {self.program.buffer_of[n] for n in (*graph.outputs, *graph.kept, *graph.by_rows)}
        streams = [list(s.calls) for s in self.program.streams]
        inside = {c for calls in streams for c in calls}
        units = streams + [[c] for c in range(len(self.program.calls)) if c not in inside]
        for calls in sorted(units):
            end = max(int(self.steps_of[c][-1]) for c in calls)
            written = {self.program.calls[c].output for c in calls}
            for name in dict.fromkeys(
                n for c in calls for n in self.program.calls[c].inputs if n is not None
            ):
                if name not in kept and name not in written and self.uses[name].last <= end:
                    readers = [c for c in calls if name in self.program.calls[c].inputs]
                    yield name, readers, calls

    def reads(self, index: int, buffer: str) -> Ints | None:
        """When a call reads which bytes of a buffer; None where it promises nothing."""
        call = self.program.calls[index]
        found = []
        for k, name in enumerate(call.inputs):
            if name == buffer:
                part = self._row_reads(index, k) if call.rows else self._whole(index, k)
                if part is None:
                    return None
                found.append(part)
        return np.concatenate(found)

    def writes(self, index: int) -> Ints | None:
        """When a call writes which bytes of its output."""
        call = self.program.calls[index]
        return self._row_writes(index) if call.rows else self._whole(index, -1)

    def _whole(self, index: int, which: int) -> Ints | None:
        accesses = self.program.calls[index].order.accesses
        if accesses is None or (which >= 0 and which not in accesses.reads):
            return None
        spans = accesses.writes if which < 0 else accesses.reads[which]
        start = int(self.steps_of[index][0]) * FINE
        return np.column_stack((spans[:, 0] + start, spans[:, 1:]))

    def _row_reads(self, index: int, which: int) -> Ints | None:
        """Reads of a call by rows: each group of pixels, or each row until it is written."""
        call = self.program.calls[index]
        assert call.rows is not None
        window, name = call.rows.windows[which], call.inputs[which]
        if window is None or name is None:
            return None
        buffer = self.program.buffers[name]
        steps = self.steps_of[index]
        if call.rows.accumulates:
            spans = [(y, y + 1) for y in range(len(steps))]
        else:
            needed = (window.needed(y, buffer.rows) for y in range(len(steps)))
            spans = [(r.start, r.stop) for r in needed]
        rows = np.array(spans, np.int64).reshape(-1, 2)
        inside = rows[:, 0] < rows[:, 1]
        rows, times = rows[inside], steps[inside] * FINE
        pieces = np.array(list(_columns(call, which, buffer.pitch)), np.int64).reshape(-1, 3)
        found = np.empty((len(rows), len(pieces), 3), np.int64)
        found[..., 0] = times[:, np.newaxis] + pieces[:, 0]
        found[..., 1] = rows[:, :1] * buffer.pitch + pieces[:, 1]
        found[..., 2] = (rows[:, 1:] - 1) * buffer.pitch + pieces[:, 2]
        return found.reshape(-1, 3)

    def _row_writes(self, index: int) -> Ints:
        call = self.program.calls[index]
        assert call.rows is not None
        buffer = self.program.buffers[call.output]
        steps = self.steps_of[index]
        if call.rows.accumulates:
            return np.array([(int(steps[-1]) * FINE, 0, buffer.size)], np.int64)
        groups = np.array(_groups(call), np.int64)
        pixel = buffer.pitch // image(buffer.type)[1]
        base = np.arange(len(steps)) % (buffer.ring or buffer.rows) * buffer.pitch
        found = np.empty((len(steps), len(groups), 3), np.int64)
        found[..., 0] = steps[:, np.newaxis] * FINE + np.arange(len(groups))
        found[..., 1] = base[:, np.newaxis] + groups[:, 0] * pixel
        found[..., 2] = base[:, np.newaxis] + groups[:, 1] * pixel + buffer.format.slack
        return found.reshape(-1, 3)


def _groups(call: KernelCall) -> list[tuple[int, int]]:
    """Output pixels of a row that are written together: first, one past the last."""
    assert call.rows is not None
    width = image(call.io.output.type)[1]
    size = call.rows.group_pixels or width
    return [(x, min(x + size, width)) for x in range(0, width, size)]


def _columns(call: KernelCall, which: int, pitch: int) -> Iterator[tuple[int, int, int]]:
    """For each group of output pixels its time and the bytes of an input row that it reads."""
    assert call.rows is not None
    groups = _groups(call)
    window = call.rows.columns
    if call.rows.group_pixels is None or window is None:
        # Read until all is written: later than every write of the row.
        yield len(groups), 0, pitch
        return
    tensor = call.io.inputs[which]
    assert tensor is not None
    width = image(tensor.type)[1]
    pixel = pitch // width
    for time, (first, end) in enumerate(groups):
        columns = range(window.needed(first, width).start, window.needed(end - 1, width).stop)
        if columns:
            yield time, columns.start * pixel, columns.stop * pixel
