"""A replay of a planned inference, byte by byte: is what a layer reads still there?

Every byte of the arena carries the name of the value that it holds. Each step checks the bytes
that it reads and marks those that it writes, by the kernels' own orders of accesses. Lifetimes and
safe distances, which the planner works with, are not used here: a mistake in them cannot hide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgegen.errors import InternalError, Problem
from edgegen.ir.names import short_name
from edgegen.kernels.formats import image
from edgegen.kernels.program import SOURCE, Buffer, KernelCall, Program
from edgegen.plan.replay_times import EARLY, LATE, Ints, RowOrder, first_writes, last_reads
from edgegen.plan.timeline import scratch_name, staged_name, state_name

Bools = npt.NDArray[np.bool_]

NOTHING = 0
"""In place of a value: the byte may hold anything."""


def require_sound(program: Program, offsets: Mapping[str, int]) -> None:
    """Raise unless every byte that is read holds what was written there to be read.

    Args:
        program: the kernel calls in order.
        offsets: of every buffer and scratch block in the arena, bytes.

    Raises:
        InternalError: with the first violations.
    """
    found = check_replay(program, offsets)
    if found:
        raise InternalError(found)


def check_replay(program: Program, offsets: Mapping[str, int]) -> list[Problem]:
    """The violations of `require_sound`, those of the first step that has any."""
    return _Replay(program, offsets).run()


@dataclass
class _Touch:
    """When a step touches the bytes of one buffer, seen from the beginning of a row or of all."""

    buffer: Buffer
    start: int
    times: Ints
    row: int = 0


@dataclass
class _Replay:
    program: Program
    offsets: Mapping[str, int]
    holds: Ints = field(init=False)
    values: dict[str, int] = field(init=False)
    rows: list[int] = field(init=False)
    masks: dict[str, Bools] = field(init=False, default_factory=dict)
    orders: dict[int, RowOrder] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        buffers = self.program.buffers
        room = max((self.offsets[n] + b.size for n, b in buffers.items()), default=0)
        calls = range(len(self.program.calls))
        sizes = [self.offsets[n] + s for c in calls for n, s in self._own(c)]
        self.holds = np.full(max([room, *sizes]), NOTHING, np.int64)
        # A number for every row of every buffer; whole buffers only need the first.
        heights = np.cumsum([0, *(b.rows for b in buffers.values())])
        self.values = {n: 1 + int(h) for n, h in zip(buffers, heights[:-1], strict=True)}
        self.rows = [0] * (len(self.program.calls) + 1)

    def run(self) -> list[Problem]:
        graph, buffer_of = self.program.graph, self.program.buffer_of
        for name in graph.inputs:
            buffer = self.program.buffers[buffer_of[name]]
            if buffer.ring is None:
                self._put(_Touch(buffer, 0, np.zeros(buffer.size, np.int64)))
        for step, index in enumerate(self.program.steps):
            found = self._deliver(step) if index == SOURCE else list(self._step(step, index))
            if found:
                return found
        problems = []
        for name in dict.fromkeys((*graph.outputs, *graph.kept)):
            buffer = self.program.buffers[buffer_of[name]]
            if not self._held(_Touch(buffer, 0, np.zeros(buffer.size, np.int64))).all():
                problems.append(Problem("it is overwritten before the end", short_name(name)))
        return problems

    def _deliver(self, step: int) -> list[Problem]:
        """The caller hands over a row of the input."""
        stream = next(s for s in self.program.streams if s.source is not None)
        buffer = self.program.buffers[str(stream.source)]
        row, self.rows[-1] = self.rows[-1], self.rows[-1] + 1
        if row >= buffer.rows:
            return [Problem(f"step {step} delivers a row too many", short_name(buffer.name))]
        self._put(self._row(buffer, row, np.zeros(buffer.pitch, np.int64)))
        return []

    def _step(self, step: int, index: int) -> Iterator[Problem]:
        call = self.program.calls[index]
        if call.rows is None:
            reads, writes = self._whole(call)
        else:
            reads, writes = self._by_row(index, call)
        first = np.full(len(self.holds), LATE)
        for part, fresh in self._own_places(index):
            if fresh:
                first[part] = EARLY
            elif (self.holds[part] != self._mark(index)).any():
                yield self._problem(step, call, "its sums or constants are overwritten")
        own = first == EARLY
        for touch in writes:
            part, written = self._place(touch), touch.times >= 0
            if (own[part] & written).any():
                yield self._problem(step, call, "its memory overlaps its output")
            np.minimum(first[part], np.where(written, touch.times, LATE), out=first[part])
        for touch in reads:
            yield from self._read(step, call, touch, first)
        self.holds[own] = self._mark(index)
        for touch in writes:
            self._put(touch)

    def _read(self, step: int, call: KernelCall, touch: _Touch, first: Ints) -> Iterator[Problem]:
        """What is wrong with the bytes that a step reads, first written at these times."""
        name, needed = short_name(touch.buffer.name), touch.times >= 0
        if not (self._held(touch) | ~needed).all():
            yield self._problem(step, call, f"{name} is overwritten")
        soon = first[self._place(touch)] < touch.times
        if (soon & needed & self._mask(touch)).any():
            yield self._problem(step, call, f"it overwrites {name} before it has read it")

    @staticmethod
    def _mark(index: int) -> int:
        """The value of what belongs to a call alone."""
        return -1 - index

    def _own_places(self, index: int) -> Iterator[tuple[slice, bool]]:
        """Where a call's own blocks lie, and whether what they held before does not matter."""
        for name, size in self._own(index):
            at = self.offsets[name]
            yield slice(at, at + size), name == scratch_name(index) or self.rows[index] <= 1

    def _problem(self, step: int, call: KernelCall, what: str) -> Problem:
        return Problem(what, f"step {step}, {call.kernel.path} to {short_name(call.output)}")

    def _own(self, index: int) -> Iterator[tuple[str, int]]:
        """Blocks that belong to a call alone: name and bytes."""
        call = self.program.calls[index]
        sizes = {
            scratch_name(index): call.scratch_bytes,
            state_name(index): call.state_bytes,
            staged_name(index): call.staged_bytes,
        }
        yield from ((name, size) for name, size in sizes.items() if size)

    def _whole(self, call: KernelCall) -> tuple[list[_Touch], list[_Touch]]:
        """A call that computes its output at once."""
        buffers, accesses = self.program.buffers, call.order.accesses
        reads = []
        for k, name in enumerate(call.inputs):
            if name is not None:
                promised = None if accesses is None else accesses.reads.get(k)
                times = last_reads(promised, buffers[name].size)
                reads.append(_Touch(buffers[name], 0, times))
        output = buffers[call.output]
        times = first_writes(None if accesses is None else accesses.writes, output.size)
        return reads, [_Touch(output, 0, times)]

    def _by_row(self, index: int, call: KernelCall) -> tuple[list[_Touch], list[_Touch]]:
        """A call that computes one row of its output, or takes one row of its input."""
        assert call.rows is not None
        y, self.rows[index] = self.rows[index], self.rows[index] + 1
        output = self.program.buffers[call.output]
        inputs = [
            (k, self.program.buffers[name], window)
            for k, (name, window) in enumerate(zip(call.inputs, call.rows.windows, strict=True))
            if name is not None and window is not None
        ]
        if call.rows.accumulates:
            reads = [self._row(b, y, np.zeros(b.pitch, np.int64)) for _, b, _ in inputs]
            done = y == call.rows.steps - 1
            return reads, [_Touch(output, 0, np.ones(output.size, np.int64))] if done else []
        if index not in self.orders:
            self.orders[index] = RowOrder.of(call)
        promised = self.orders[index]
        reads = []
        for k, buffer, window in inputs:
            times = promised.reads(k, buffer)
            reads += [self._row(buffer, r, times) for r in window.needed(y, buffer.rows)]
        return reads, [self._row(output, y, promised.writes(output))]

    def _row(self, buffer: Buffer, row: int, times: Ints) -> _Touch:
        return _Touch(buffer, row % (buffer.ring or buffer.rows) * buffer.pitch, times, row)

    def _place(self, touch: _Touch) -> slice:
        at = self.offsets[touch.buffer.name] + touch.start
        return slice(at, at + len(touch.times))

    def _value(self, touch: _Touch) -> int:
        return self.values[touch.buffer.name] + (touch.row if touch.buffer.ring else 0)

    def _mask(self, touch: _Touch) -> Bools:
        """Which of the bytes are elements: padding may hold anything."""
        buffer = touch.buffer
        if buffer.name not in self.masks:
            numbers = np.zeros(image(buffer.type), np.int64)
            self.masks[buffer.name] = buffer.format.spread(numbers, buffer.type, -1) >= 0
        size = len(touch.times)
        mask: Bools = np.zeros(size, np.bool_)
        known = self.masks[buffer.name][:size]
        if touch.buffer.ring is not None or touch.start:
            known = known[: buffer.pitch]
        mask[: len(known)] = known
        return mask

    def _held(self, touch: _Touch) -> Bools:
        """Whether the bytes hold the buffer's value; padding always does."""
        held: Bools = self.holds[self._place(touch)] == self._value(touch)
        return held | ~self._mask(touch)

    def _put(self, touch: _Touch) -> None:
        """Marks what was written: elements hold the value, what lies beyond holds nothing."""
        written, part = touch.times >= 0, self.holds[self._place(touch)]
        part[written] = np.where(self._mask(touch), self._value(touch), NOTHING)[written]
