"""What compiled kernels really read and write, and in which order: seen on emulated cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgegen.codegen.layers import stream_function
from edgegen.emulate.access_log import AccessLog
from edgegen.emulate.firmware import build_runner, input_file
from edgegen.emulate.machine import run_elf
from edgegen.emulate.memory import MemoryReader
from edgegen.kernels.program import KernelCall
from edgegen.plan.replay_times import RowOrder
from edgegen.plan.timeline import scratch_name, state_name
from edgegen.target.board import Board
from tests.support.batch import Variant, model_libraries
from tests.support.overlap import Distances, declared_reads

Ints = npt.NDArray[np.int64]
NEVER = 1 << 60


@dataclass(frozen=True, eq=False)
class Touch:
    """When a call touched the bytes of one input and of its output.

    Attributes:
        variant: the model.
        call: the call.
        name: the input's buffer.
        last_read: time of each input byte's last read, -1 for none.
        first_write: time of each output byte's first write, `NEVER` for none.
    """

    variant: Variant
    call: KernelCall
    name: str
    last_read: Ints
    first_write: Ints

    @property
    def label(self) -> str:
        """Case, kernel and formats."""
        io = self.call.io
        formats = [f.text for f, n in zip(io.input_formats, self.call.inputs, strict=True) if n]
        path = f"{self.call.kernel.path} {' + '.join(formats)} -> {io.output_format.text}"
        return f"{self.variant.case.id} {path}"

    @property
    def distances(self) -> Distances:
        """What the order of accesses demands, no more and no less."""
        read, written = self.last_read, self.first_write
        return Distances(
            len(read),
            len(written),
            _distance(read, written),
            _distance(read[::-1], written[::-1]),
            bool((_cut(written, read, NEVER) >= _cut(read, written, -1)).all()),
        )

    def broken_promises(self) -> Ints:
        """Input bytes that were read after a write that the kernel's declared order puts later."""
        reads, accesses = declared_reads(self.call, self.name), self.call.order.accesses
        assert reads is not None
        assert accesses is not None
        last = np.full(len(self.last_read), -1)
        first = np.full(len(self.first_write), NEVER)
        for time, begin, end in reads.tolist():
            np.maximum(last[begin:end], time, out=last[begin:end])
        for time, begin, end in accesses.writes.tolist():
            np.minimum(first[begin:end], time, out=first[begin:end])
        return broken(self.last_read, self.first_write, last, first)


def broken(read: Ints, written: Ints, last: Ints, first: Ints) -> Ints:
    """Bytes that were read after a write that is declared to come later.

    Args:
        read: time of each input byte's last read.
        written: time of each output byte's first write.
        last: the declared times of the same reads.
        first: the declared times of the same writes.
    """
    order = np.argsort(written, kind="stable")
    before = np.searchsorted(written[order], read)
    # Of all writes that came before a read, the one that is declared last.
    latest = np.append(-1, np.maximum.accumulate(first[order]))[before]
    found: Ints = np.flatnonzero((before > 0) & (latest >= last))
    return found


def _distance(read: Ints, written: Ints) -> int | None:
    """1 + max(i - j) over output bytes i written before input byte j was last read."""
    order = np.argsort(written, kind="stable")
    before = np.searchsorted(written[order], read)
    if not before.any():
        return None
    highest = np.append(0, np.maximum.accumulate(order))[before]
    return int((highest - np.arange(len(read)))[before > 0].max()) + 1


def _cut(values: Ints, other: Ints, fill: int) -> Ints:
    """Cut or filled up to the other's length, so that bytes at equal offsets can be compared."""
    size = max(len(values), len(other))
    return np.pad(values, (0, size - len(values)), constant_values=fill)


@dataclass(frozen=True, eq=False)
class Step:
    """What a step did to the arena.

    Attributes:
        variant: the model.
        index: of the call.
        last: time of each arena byte's last read, -1 for none.
        first: time of each arena byte's first write, `NEVER` for none.
    """

    variant: Variant
    index: int
    last: Ints
    first: Ints


def record(group: Sequence[Variant], board: Board, folder: Path) -> list[Touch]:
    """Runs one inference of every variant and follows its calls' accesses to the arena."""
    return [touch for step in record_steps(group, board, folder) for touch in _touches(step)]


def record_steps(group: Sequence[Variant], board: Board, folder: Path) -> list[Step]:
    """Runs one inference of every variant and follows the accesses of every layer, or row of one.

    Kernels are compiled without knowing where their buffers lie: where a compiler can see that two
    of them do not overlap, it may change the order of accesses, and may not where they do.
    """
    libraries = model_libraries(group, folder)
    flags = "-O2 -fno-inline -fno-ipa-cp"
    elf = build_runner(libraries, board, workdir=folder / "image", optimize=flags)
    files = {
        input_file(i, len(group)): b"".join(a.tobytes() for a in v.case.inputs()[0])
        for i, v in enumerate(group)
    }
    calls = [(v, layer) for v in group for layer in v.compilation.package.layers]
    log = AccessLog()
    marks: list[tuple[int, int]] = []
    base = 0

    def observe(number: int, memory: MemoryReader) -> None:
        nonlocal base
        base = memory.address("arena")
        marks.append((number, len(log)))

    names = [layer.function_name(v.name) for v, layer in calls]
    streams = [stream_function(v.name, s) for v in group for s in v.compilation.program.streams]
    run_elf(
        elf, board, files=files, layers=names, streams=streams, observe=observe, accesses=log
    ).check()
    ends = [end for _, end in marks[1:]] + [len(log)]
    found = []
    for (number, first), end in zip(marks, ends, strict=True):
        if number < len(calls):
            one, layer = calls[number]
            found.append(_step(one, layer.index, log.entries(first, end), base))
    expected = [(v.name, index) for v in group for index in v.compilation.program.steps]
    assert [(step.variant.name, step.index) for step in found] == expected
    return found


def _step(one: Variant, index: int, entries: npt.NDArray[np.void], base: int) -> Step:
    size = one.compilation.plan.arena.size
    last, first = np.full(size, -1, np.int64), np.full(size, NEVER, np.int64)
    times = np.arange(len(entries), dtype=np.int64)
    address = entries["address"].astype(np.int64) - base
    for byte in range(int(entries["size"].max(initial=0))):
        for written, rule, found in ((0, np.maximum, last), (1, np.minimum, first)):
            chosen = (entries["size"] > byte) & (entries["written"] == written)
            rule.at(found, address[chosen] + byte, times[chosen])
    return Step(one, index, last, first)


def _touches(step: Step) -> list[Touch]:
    plan = step.variant.compilation.plan
    call = plan.program.calls[step.index]

    def part(values: Ints, buffer: str) -> Ints:
        at = plan.offset(buffer)
        return values[at : at + plan.program.buffers[buffer].size]

    inputs = dict.fromkeys(n for n in call.inputs if n is not None)
    written = part(step.first, call.output)
    return [Touch(step.variant, call, n, part(step.last, n), written) for n in inputs]


def broken_rows(steps: Sequence[Step]) -> list[str]:
    """What the rows of one variant did that their kernels do not promise."""
    found: list[str] = []
    rows: Counter[int] = Counter()
    orders: dict[int, RowOrder] = {}
    for step in steps:
        call = step.variant.compilation.program.calls[step.index]
        if call.rows is not None:
            order = orders.setdefault(step.index, RowOrder.of(call))
            found += _broken_row(step, call, rows[step.index], order)
            rows[step.index] += 1
    return found


def _broken_row(step: Step, call: KernelCall, y: int, order: RowOrder) -> Iterator[str]:
    assert call.rows is not None
    plan = step.variant.compilation.plan
    declared = np.full(len(step.first), NEVER)
    for block, size in _own_blocks(step.index, call):
        declared[plan.offset(block) : plan.offset(block) + size] = -1
    own = declared == -1
    output = plan.program.buffers[call.output]
    if call.rows.accumulates:
        start, times = plan.offset(output.name), np.full(output.size, NEVER - 1)
    else:
        times = order.writes(output)
        start = plan.offset(output.name) + y % (output.ring or output.rows) * output.pitch
    declared[start : start + len(times)] = np.where(times < 0, NEVER, times)
    stray = np.flatnonzero((declared == NEVER) & (step.first < NEVER))
    if len(stray):
        yield f"row {y} writes bytes {(stray[:4] - start).tolist()} from the start of its row"
    written = np.where(own, NEVER, step.first)
    for k, (name, window) in enumerate(zip(call.inputs, call.rows.windows, strict=True)):
        if name is None or window is None or call.rows.accumulates:
            continue
        source = plan.program.buffers[name]
        for row in window.needed(y, source.rows):
            at = plan.offset(name) + row % (source.ring or source.rows) * source.pitch
            read = step.last[at : at + source.pitch]
            if len(broken(read, written, order.reads(k, source), declared)):
                yield f"row {y} reads row {row} of input {k} later than declared"


def _own_blocks(index: int, call: KernelCall) -> Iterator[tuple[str, int]]:
    """Memory of a call alone: name and bytes."""
    if call.scratch_bytes:
        yield scratch_name(index), call.scratch_bytes
    if call.state_bytes:
        yield state_name(index), call.state_bytes
